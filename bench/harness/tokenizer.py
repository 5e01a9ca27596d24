"""Tokenizers on one thread, in tokens a second of CPU time, against PyPI's `tokenizers`."""

import importlib.machinery
import importlib.util
import json
import os
import tempfile
import time

from harness.paths import ROOT, SHARED_DATA
from harness.process import Failed
from harness.stats import Metric, Subject
from peers.texts import maker

METRICS = [
    Metric("rate", "tokens/s", higher_is_better=True),
    Metric("bytes", "MB/s", higher_is_better=True, digits=1, is_ratio=False),
]
MODELS = [("WordPiece", "all-MiniLM-L6-v2"), ("Unigram", "multilingual-e5-small")]
LANGUAGES = [("English", "cisi/corpus.jsonl"), ("Chinese", "cmrc2018-zh/corpus.jsonl")]
BATCH = 1_000


def run(settings) -> Subject:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    import tokenizers

    subject = Subject("tokenizer", "Tokenizing on one thread", METRICS)
    compare = comparison()
    with tempfile.TemporaryDirectory() as folder:
        loaded = compare.library(folder)
        for kind, name in MODELS:
            model = ROOT / ".models" / name
            if not (model / "tokenizer.json").exists():
                subject.notes.append(f"{kind} was left out: `loci models fetch {name}` brings the model.")
                continue
            theirs = tokenizers.Tokenizer.from_file(str(model / "tokenizer.json"))
            theirs.no_padding()
            theirs.no_truncation()
            ours = compare.load(loaded, model)
            for language, path in LANGUAGES:
                run_case(settings, subject, f"{kind}, {language}", texts(path, settings), ours, theirs)
    if not subject.rounds:
        raise Failed("no model is there; run `make model`")
    subject.notes.append(
        f"tokenizers {tokenizers.__version__}: encode_batch_fast, batches of {BATCH:,} texts, parallelism off. Loci: the C "
        "function that the server calls, one call a text through Python's ctypes, which is counted too. CPU time of the "
        "process; both give the same ids, checked before."
    )
    return subject


def comparison():
    """scripts/compare-tokenizers, which knows how to build and load our tokenizers."""
    loader = importlib.machinery.SourceFileLoader("compare", str(ROOT / "scripts/compare-tokenizers"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("compare", loader))
    loader.exec_module(module)
    return module


def texts(path: str, settings) -> list[str]:
    file = SHARED_DATA / path
    if file.exists():
        found = [json.loads(line)["text"] for line in file.read_text().splitlines()]
    else:
        make = maker(1, 800)
        found = [make(number) for number in range(2_000)]
    return found[:200] if settings.is_quick else found[:2_000]


def run_case(settings, subject: Subject, case: str, some: list[str], ours, theirs) -> None:
    encoded = [text.encode() for text in some]
    wanted = [encoding.ids for encoding in theirs.encode_batch(some, add_special_tokens=False)]
    if [ours.encode(data) for data in encoded] != wanted:
        raise Failed(f"{case}: the ids differ; run scripts/compare-tokenizers")
    tokens, size = sum(map(len, wanted)), sum(map(len, encoded))

    def loci() -> None:
        for data in encoded:
            ours.count(data)

    def hugging_face() -> None:
        for start in range(0, len(some), BATCH):
            theirs.encode_batch_fast(some[start : start + BATCH], add_special_tokens=False)

    for number in settings.each_round(f"tokenizer, {case}"):
        steps = [("Loci", loci), ("tokenizers", hugging_face)]
        for system, step in settings.in_turn(number, steps):
            subject.add(case, system, measure(step, tokens, size, settings.seconds))


def measure(step, tokens: int, size: int, seconds: float) -> dict:
    begin, times = time.process_time(), 0
    while times == 0 or time.process_time() - begin < seconds:
        step()
        times += 1
    spent = (time.process_time() - begin) / times
    return {"rate": tokens / spent, "bytes": size / spent / 1e6}
