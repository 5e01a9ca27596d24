"""Steps of agents in batches, durable, against Phoenix; and what a trace of a million steps costs to open."""

import shutil

from harness import loci
from harness.paths import SCRATCH
from harness.process import run_json, run_peer
from harness.stats import Metric, Subject

TEXT_BYTES, CALLERS, BATCH, PEER_BATCH = 100, 4, 1_000, 500
METRICS = [Metric("rate", "steps/s", higher_is_better=True)]


def run(settings) -> Subject:
    subject = Subject("trace", "Steps written in batches", METRICS, ours=("Loci",))
    steps = [("Phoenix", lambda: phoenix(settings.seconds)), ("Loci", lambda: measure(settings.seconds))]
    facts = {}
    for number in settings.each_round("trace"):
        for system, step in settings.in_turn(number, steps):
            facts[system] = step()
            subject.add(f"{CALLERS} callers", system, facts[system])
    large = 100_000 if settings.is_quick else 1_000_000
    with loci.serve("trace-large", with_model=False) as server:
        result = run_json(
            [str(loci.LOCI), "bench", "steps", "--target", server.target, "--seconds", "0.5", "--json", "--large", str(large), "--timeout", "300"]
        )
    subject.notes += [
        f"Steps have {TEXT_BYTES} bytes of input and of output and an attribute; batches of {BATCH} for Loci, of "
        f"{PEER_BATCH} for Phoenix. Loci's answer means that the batch is on disk. Phoenix answers when it is queued: "
        "each of its callers waits until its batch is in the database.",
        f"A trace of {large:,} steps: first window of 200 steps in {result['first_window_ms']:.1f} ms, any window in "
        f"{result['window_ms_p50']:.1f} ms (median of 21), analysed in {result['analysis_s']:.2f} s.",
    ]
    return subject


def measure(seconds: float) -> dict:
    with loci.serve("trace", with_model=False) as server:
        result = loci.load(
            "steps", server.target, callers=CALLERS, seconds=seconds, batch=BATCH, text_bytes=TEXT_BYTES
        )
    return {"rate": result["queries_per_second"], "p50_us": result["p50_us"]}


def phoenix(seconds: float) -> dict:
    folder = SCRATCH / "phoenix"
    shutil.rmtree(folder, ignore_errors=True)
    return run_peer("peers.phoenix", folder, CALLERS, seconds, PEER_BATCH, TEXT_BYTES)
