"""Durable appends, one 200-byte message a call, against SqliteSaver.put and plain SQLite."""

import shutil

from harness import loci
from harness.paths import MODEL, SCRATCH
from harness.process import Failed, run_peer
from harness.stats import Metric, Subject
from peers.closed_loop import WARM_UP_SECONDS

TEXT_BYTES = 200
CALLERS = (1, 16, 128)
METRICS = [
    Metric("rate", "messages/s", higher_is_better=True),
    Metric("p50_us", "p50 µs", higher_is_better=False),
    Metric("p99_us", "p99 µs", higher_is_better=False),
    Metric("mean_us", "mean µs", higher_is_better=False, is_ratio=False),
]
OURS, OURS_ENCODING = "Loci", "Loci, encoder at work"
SYNCHRONOUS = {0: "OFF", 1: "NORMAL", 2: "FULL", 3: "EXTRA"}


def run(settings) -> Subject:
    subject = Subject("append", "Durable appends, 200-byte messages", METRICS, ours=(OURS, OURS_ENCODING))
    has_model = (MODEL / "config.json").exists()
    facts: dict[str, dict] = {}
    for callers in CALLERS:
        facts |= run_case(settings, subject, callers, has_model)
    subject.notes += notes(facts, has_model)
    return subject


def run_case(settings, subject: Subject, callers: int, has_model: bool) -> dict[str, dict]:
    """The last result of each system, for what it says of its settings."""
    case, seconds = f"{callers} caller{'s' if callers > 1 else ''}", settings.seconds
    mode = better_sqlite_mode(callers, seconds / 2, subject)
    steps = [
        ("SqliteSaver.put", lambda: peer("peers.sqlite_saver", callers, seconds)),
        ("plain SQLite", lambda: peer("peers.plain_sqlite", callers, seconds, mode)),
        (OURS, lambda: measure_loci(callers, seconds, with_model=False)),
    ]
    if has_model:
        steps.append((OURS_ENCODING, lambda: measure_loci(callers, seconds, with_model=True)))
    last = {}
    for number in settings.each_round(f"append, {case}"):
        for system, step in settings.in_turn(number, steps):
            last[system] = step()
            # Every caller always has one call under way, those that wait for their turn included.
            last[system]["mean_us"] = callers * 1e6 / last[system]["rate"]
            subject.add(case, system, last[system])
    return last


def measure_loci(callers: int, seconds: float, *, with_model: bool) -> dict:
    with loci.serve("append", with_model=with_model) as server:
        result = loci.load(
            "append",
            server.target,
            callers=callers,
            seconds=seconds,
            warm_up=WARM_UP_SECONDS,
            text_bytes=TEXT_BYTES,
        )
        stored = sum(shard["messages"] for shard in loci.stats(server.target)["shards"])
    if stored < result["calls"]:
        raise Failed(f"{result['calls']} appends were acknowledged, but {stored} are stored")
    return result


def peer(module: str, callers: int, seconds: float, *more: object) -> dict:
    folder = SCRATCH / "append-peer"
    shutil.rmtree(folder, ignore_errors=True)
    return run_peer(module, folder, callers, seconds, TEXT_BYTES, *more)


def better_sqlite_mode(callers: int, seconds: float, subject: Subject) -> str:
    if callers == 1:
        return "own"
    seconds = max(1.0, seconds)
    rates = {mode: peer("peers.plain_sqlite", callers, seconds, mode)["rate"] for mode in ("shared", "own")}
    best = max(rates, key=rates.get)
    names = {"shared": "one connection behind a lock", "own": "a connection for each thread"}
    subject.notes.append(
        f"Plain SQLite with {callers} callers: {names[best]} is the faster way, and is used."
    )
    return best


def notes(facts: dict[str, dict], has_model: bool) -> list[str]:
    def pragmas(system: str) -> str:
        fact = facts[system]
        return f"journal_mode={fact['journal_mode']}, synchronous={SYNCHRONOUS[fact['synchronous']]}"

    lines = [
        "Every answer means that the message is on disk. Each measurement starts with an empty store.",
        "SqliteSaver sets WAL itself and leaves synchronous as SQLite has it; it ran with "
        f"{pragmas('SqliteSaver.put')}. "
        f"Plain SQLite {facts['plain SQLite']['sqlite']}: {pragmas('plain SQLite')}.",
        "Python's callers are threads of one process; Loci's are tasks of its client over one TCP "
        "connection. Loci also writes its hash-chained log and its keyword index in the same commit.",
        "Mean is callers ÷ rate. Python's locks are not fair: one thread may take its turn many times "
        "while the others wait, which makes the peers' p50 smaller than their mean, and their p99 large. "
        "Calls that still waited at the end are in the peers' latencies with the time they had waited.",
    ]
    if has_model:
        lines.append(
            f"“{OURS_ENCODING}”: the server embeds the messages in the background on the same cores."
        )
    return lines
