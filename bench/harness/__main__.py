"""The command: measures the subjects asked for and writes the report."""

import argparse
import os
import random
import shutil
import sys
from collections.abc import Callable, Iterator

from harness import append, compression, echo, encoder, loci, machine, plot, report, search, tokenizer, trace, vector
from harness import vector_growth
from harness.paths import BENCH, OUT, SCRATCH
from harness.process import Failed

SUBJECTS = {
    "echo": echo.run,
    "append": append.run,
    "search": search.run,
    "encoder": encoder.run,
    "vector": vector.run,
    "growth": vector_growth.run,
    "tokenizer": tokenizer.run,
    "trace": trace.run,
    "compression": compression.run,
}
# These encode 200,000 texts, build every peer's index, or collections of millions of rows, or bring two hundred packages
# of their own (Phoenix), or run for minutes: only when asked for.
BY_DEFAULT = [name for name in SUBJECTS if name not in ("vector", "growth", "trace", "compression")]


class Settings:
    def __init__(self, rounds: int, seconds: float, seed: int, is_quick: bool) -> None:
        self.rounds, self.seconds, self.seed, self.is_quick = rounds, seconds, seed, is_quick

    def each_round(self, what: str) -> Iterator[int]:
        for number in range(self.rounds):
            print(f"bench: {what}, round {number + 1} of {self.rounds}", file=sys.stderr, flush=True)
            yield number

    def in_turn(self, number: int, steps: list[tuple[str, Callable]]) -> list[tuple[str, Callable]]:
        """The steps of a round; every other round goes the other way, so that no system is always first."""
        return steps if number % 2 == 0 else steps[::-1]

    def random(self, purpose: str) -> random.Random:
        return random.Random(f"{self.seed}/{purpose}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench/run", description="Measure Loci against its peers.")
    parser.add_argument(
        "--only",
        default=",".join(BY_DEFAULT),
        help=f"comma-separated subjects of {', '.join(SUBJECTS)} (default: all but vector, growth, trace and compression)",
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement")
    parser.add_argument("--seed", type=int, default=20_260_101)
    parser.add_argument(
        "--quick", action="store_true", help="one short round, small sizes: shows that it works"
    )
    parser.add_argument("--publish", action="store_true", help="copy the report to bench/results")
    arguments = parser.parse_args()
    names = [name for name in arguments.only.split(",") if name]
    if unknown := [name for name in names if name not in SUBJECTS]:
        parser.error(f"no subject {', '.join(unknown)}; there are {', '.join(SUBJECTS)}")
    if arguments.quick:
        arguments.rounds, arguments.seconds = 1, 1.0
    settings = Settings(arguments.rounds, arguments.seconds, arguments.seed, arguments.quick)

    described = machine.describe()
    print(f"bench: {machine.line(described)}", file=sys.stderr)
    subjects = []
    try:
        facts = {
            "rounds": settings.rounds,
            "seconds": settings.seconds,
            "seed": settings.seed,
            "quick": settings.is_quick,
            "loci": f"Loci {loci.version()}",
            "only": names,
        }
        for name in names:
            subjects.append(SUBJECTS[name](settings))
            # After each subject, so that a later failure costs nothing that was measured.
            described["load_average_at_end"] = round(os.getloadavg()[0], 2)
            report.write(OUT, described, facts, subjects)
            plot.write(OUT, subjects[-1])
    except Failed as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(SCRATCH, ignore_errors=True)
    print((OUT / "results.md").read_text())
    if arguments.publish:
        publish([subject.key for subject in subjects])
    return 0


def publish(keys: list[str]) -> None:
    results = BENCH / "results"
    results.mkdir(exist_ok=True)
    for name in ["results.json", "results.md", *(f"{key}.png" for key in keys)]:
        shutil.copy(OUT / name, results / name)


sys.exit(main())
