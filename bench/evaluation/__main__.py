"""bench/eval: every set with every model, as one report."""

import argparse
import json
import shutil
import sys
import time
from pathlib import Path

from evaluation import conversations, documents, pairs, report
from evaluation.data import is_there
from evaluation.server import serve
from harness.paths import BENCH, OUT, ROOT, SCRATCH

MODELS = ("all-MiniLM-L6-v2", "multilingual-e5-small")
CONVERSATIONS = ("locomo",)
PAIRS = ("stsb-en", "stsb-zh")


def main() -> None:
    arguments = parse()
    results = {"models": {}}
    for name in arguments.models.split(","):
        folder = Path(arguments.folder) / name
        if not folder.is_dir():
            sys.exit(f"eval: no model in {folder}: run `make model`, and `make multilingual` for the second")
        results["models"][name] = one_model(folder, arguments)
    OUT.mkdir(exist_ok=True)
    text = report.render(results["models"])
    (OUT / "retrieval.md").write_text(text)
    (OUT / "retrieval.json").write_text(json.dumps(report.plain(results["models"]), indent=1))
    if arguments.publish:
        shutil.copy(OUT / "retrieval.md", BENCH / "results" / "retrieval.md")
    print(text)
    shutil.rmtree(SCRATCH, ignore_errors=True)


def one_model(folder: Path, arguments: argparse.Namespace) -> dict:
    wanted = [name for name in arguments.sets.split(",")]
    missing = [name for name in wanted if not is_there(name)]
    if missing:
        print(f"eval: not in shared/data, left out: {', '.join(missing)}", file=sys.stderr)
    found: dict = {}
    started = time.monotonic()

    def progress(step: str) -> None:
        print(f"{time.monotonic() - started:7.0f} s  {folder.name}  {step}", file=sys.stderr, flush=True)

    with serve(folder) as server:
        for name in wanted:
            if name in missing:
                continue
            if name in CONVERSATIONS:
                found[name] = conversations.evaluate(server, progress)
            elif name in PAIRS:
                found[name] = pairs.evaluate(server, name)
            else:
                found[name] = documents.evaluate(server, name, progress)
    return found


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/eval")
    every = (*CONVERSATIONS, *documents.ENGLISH, *documents.CHINESE, *PAIRS)
    parser.add_argument("--sets", default=",".join(every))
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--folder", default=str(ROOT / ".models"), help="where the models' folders are")
    parser.add_argument("--publish", action="store_true", help="copy the report to bench/results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
