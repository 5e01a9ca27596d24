"""Approximate nearest neighbours in process: recall against queries for each second of CPU time.

Every system is swept over a grid of its settings; for each recall wanted and each way of calling, its fastest
setting that reaches it takes part in the rounds.
"""

import sys
import time
from collections.abc import Callable

import numpy as np

from harness import vector_data, vector_index
from harness.stats import Metric, Subject
from peers.vector_libraries import HNSW, Faiss, FaissHNSW, Scann, Usearch, Vamana

K = 10
RECALLS = (0.95, 0.98)
SINGLE_QUERIES = 500
OURS = "Loci"
OURS_CODES = "Loci, codes only"
OURS_ORIGINALS = "Loci, with originals"
PROBES = (6, 8, 10, 12, 14, 16, 18, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 128, 160, 192)
OUR_GRID = [(p, candidates) for p in PROBES for candidates in (40, 48, 64, 96, 128, 192)]
FAISS_PROBES = (8, 12, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 256)
FAISS_GRID = [(p, factor) for p in FAISS_PROBES for factor in (4, 6, 8, 10, 12, 16, 24)]
HNSW_GRID = [(ef, 0) for ef in (16, 24, 32, 40, 48, 64, 80, 96, 128, 160, 192)]
SCANN_GRID = [(leaves, candidates) for leaves in FAISS_PROBES for candidates in (40, 60, 80, 120)]
METRICS = [
    Metric("rate", "queries per CPU second", higher_is_better=True),
    Metric("recall", "recall@10", higher_is_better=True, digits=4, is_ratio=False),
    Metric("bytes", "bytes per vector", higher_is_better=False, is_ratio=False),
    Metric("build_s", "build, CPU s", higher_is_better=False, digits=1, is_ratio=False),
]


def run(settings) -> Subject:
    subject = Subject("vector", "Vector search in process, k = 10", METRICS, ours=(OURS, OURS_CODES, OURS_ORIGINALS))
    for make in (vector_data.real, vector_data.clustered):
        data = make(settings.is_quick)
        subject.notes.append(data.note + ".")
        _measure(settings, subject, data)
    subject.notes.append(
        "A batch is one call with 1,000 queries, single is one call for each query, both from Python, on one "
        "thread unless it says two, by the CPU time of all threads; each system by its fastest setting of a grid "
        "that reaches the recall."
    )
    return subject


def _systems(data: vector_data.VectorSet) -> dict[str, tuple[Callable, list]]:
    library = vector_index.library()
    width = data.rows.shape[1]
    codes = width // 4 if width > 128 else width // 2
    lists = 1024 if len(data.rows) < 500_000 else 4096
    ours = {"rows": data.rows, "metric": data.metric}

    def faiss(kind: str, coding: str = f"PQ{codes}x4fs") -> tuple[Callable, list]:
        return lambda: Faiss(f"IVF{lists},{coding},{kind}", data.rows, data.metric), FAISS_GRID

    return {
        OURS: (lambda: vector_index.Index(library, **ours, plane=True, originals=False), OUR_GRID),
        OURS_CODES: (lambda: vector_index.Index(library, **ours, plane=False, originals=False), OUR_GRID),
        OURS_ORIGINALS: (lambda: vector_index.Index(library, **ours, plane=True, originals=True), OUR_GRID),
        "faiss, RFlat": faiss("RFlat"),
        "faiss, SQ8": faiss("Refine(SQ8)"),
        "faiss, RaBitQ": faiss("RFlat", "RaBitQfs"),
        "faiss, HNSW": (lambda: FaissHNSW(data.rows, data.metric), HNSW_GRID),
        "hnswlib": (lambda: HNSW(data.rows, data.metric), HNSW_GRID),
        "usearch": (lambda: Usearch(data.rows, data.metric), HNSW_GRID),
        "scann": (lambda: Scann(data.rows, data.metric, lists), SCANN_GRID),
        "scalable-vs": (lambda: Vamana(data.rows, data.metric), HNSW_GRID),
    }


def _cpu(body: Callable, repeats: int = 3) -> tuple[float, np.ndarray]:
    """The least CPU time of a few calls in a row: the first pays for memory and cold caches."""
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        found = body()
        best = min(best, time.process_time() - start)
    return best, found


def _measure(settings, subject: Subject, data: vector_data.VectorSet) -> None:
    built = {}
    for name, (make, grid) in _systems(data).items():
        print(f"bench: vector, {data.name}, building and sweeping {name}", file=sys.stderr, flush=True)
        start = time.process_time()
        index = make()
        build_s = time.process_time() - start
        built[name] = (index, build_s, _sweep(index, data, grid))
    for number in settings.each_round(f"vector, {data.name}"):
        for way in ("batch", "batch on two threads", "single"):
            for wanted in RECALLS:
                for name, (index, build_s, swept) in settings.in_turn(number, list(built.items())):
                    best = _fastest(swept, way, wanted)
                    if best is None:
                        continue
                    cpu, found, count = _search(index, data, way, best)
                    result = {"rate": count / cpu, "recall": data.recall_of(found), "build_s": build_s}
                    result["bytes"] = index.bytes / len(data.rows)
                    subject.add(f"{data.name}, {way}, recall {wanted:g}", name, result)


def _search(index, data: vector_data.VectorSet, way: str, setting: tuple[int, int]):
    if way != "single":
        threads = 1 if way == "batch" else 2
        return *_cpu(lambda: index.search(data.queries, K, setting, threads)), len(data.queries)
    queries = data.queries[:SINGLE_QUERIES]
    return *_cpu(lambda: index.search_one_by_one(queries, K, setting)), len(queries)


def _sweep(index, data: vector_data.VectorSet, grid: list) -> list[dict]:
    """What each setting reaches and costs; settings far above the recalls wanted are left out."""
    swept = []
    for setting in grid:
        cpu, found = _cpu(lambda setting=setting: index.search(data.queries, K, setting), repeats=2)
        recall = data.recall_of(found)
        if not 0.94 <= recall <= 0.995:
            continue
        single, found_singly, count = _search(index, data, "single", setting)
        swept.append(
            {
                "setting": setting,
                "batch": (len(data.queries) / cpu, recall),
                "single": (count / single, data.recall_of(found_singly)),
            }
        )
    return swept


def _fastest(swept: list[dict], way: str, wanted: float) -> tuple[int, int] | None:
    measured = "single" if way == "single" else "batch"
    able = [point for point in swept if point[measured][1] >= wanted]
    return max(able, key=lambda point: point[measured][0])["setting"] if able else None
