"""What compaction in the background costs the appends beside it: the same load on a server whose contexts compact
themselves, and on one whose contexts do not, in pairs."""

import subprocess

from harness import loci
from harness.process import Failed, run_json
from harness.stats import Metric, Subject
from peers.closed_loop import WARM_UP_SECONDS

TEXT_BYTES, CALLERS, AGENTS, TENANT = 200, 16, 16, "bench"
# A context is looked at every five seconds: shorter runs would see no compaction.
SECONDS_MIN = 15.0
METRICS = [
    Metric("rate", "messages/s", higher_is_better=True),
    Metric("p50_us", "p50 µs", higher_is_better=False),
    Metric("p99_us", "p99 µs", higher_is_better=False),
    Metric("compacted", "messages compacted", higher_is_better=True, is_ratio=False),
]
OURS, PEER = "Loci, compacting", "Loci, not compacting"


def run(settings) -> Subject:
    subject = Subject("compression", "Appends while contexts compact themselves", METRICS, ours=(OURS,))
    seconds = max(settings.seconds, SECONDS_MIN)
    for number in settings.each_round("compression"):
        steps = [
            (PEER, lambda: measure(seconds, compacts=False)),
            (OURS, lambda: measure(seconds, compacts=True)),
        ]
        for system, step in settings.in_turn(number, steps):
            subject.add(f"{CALLERS} callers", system, step())
    subject.notes += [
        f"{CALLERS} callers with a context and an agent of their own each append messages of {TEXT_BYTES} bytes for "
        f"{seconds:.0f} s. Compacting: an automatic policy for every agent, 1,000 messages at most, so that a context is "
        "compacted (read, thinned, probed, packed by zstd at level 19, one event) as soon as 900 messages are not. No "
        "encoder. The load and the server share the machine's cores.",
    ]
    return subject


def measure(seconds: float, *, compacts: bool) -> dict:
    with loci.serve("compression", with_model=False) as server:
        if compacts:
            for agent in range(AGENTS):
                call(server.target, agent, "policy", "--automatic")
        result = loci.load(
            "append",
            server.target,
            callers=CALLERS,
            seconds=seconds,
            warm_up=WARM_UP_SECONDS,
            text_bytes=TEXT_BYTES,
            agents=AGENTS,
            tenant=TENANT,
            agent="a",
        )
        compacted = 0
        for agent in range(AGENTS) if compacts else ():
            stats = call(server.target, agent, "report")["stats"]
            compacted += int(stats.get("figures", {}).get("items", 0))
    if compacts and compacted == 0:
        raise Failed("nothing was compacted while appends were measured: they must be more, or longer")
    return result | {"compacted": compacted}


def call(target: str, agent: int, *arguments: str) -> dict:
    command = [str(loci.LOCI), "compression", *arguments, "--target", target]
    try:
        return run_json([*command, "--tenant", TENANT, "--agent", f"a-{agent}", "--json"])
    except subprocess.CalledProcessError as error:
        raise Failed(f"{' '.join(command)}: {error.stderr}") from error
