"""How search grows with the number of rows."""

import sys
import time

import numpy as np

from harness import vector_data, vector_index
from harness.stats import Metric, Subject

K = 10
RECALL = 0.95
METRICS = [
    Metric("batch_us", "CPU us a query, batch", higher_is_better=False, digits=1),
    Metric("single_us", "CPU us a query, single", higher_is_better=False, digits=1),
    Metric("growth", "single against the smallest, over the root of the sizes' ratio", False, 2, False),
    Metric("recall", "recall@10", higher_is_better=True, digits=4, is_ratio=False),
    Metric("bytes", "bytes per vector", higher_is_better=False, is_ratio=False),
    Metric("build_s", "build, CPU s", higher_is_better=False, digits=1, is_ratio=False),
]


def sizes(is_quick: bool) -> list[int]:
    """Up to what fits: rows and image take about 1 kB a row, and a build as much again for a while."""
    if is_quick:
        return [10_000, 20_000]
    with open("/proc/meminfo", encoding="utf-8") as lines:
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    return [n for n in (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000) if n * 1_600 <= free]


def run(settings) -> Subject:
    subject = Subject("vector-growth", "Vector search as the collection grows", METRICS, ours=("Loci",))
    library, first = vector_index.library(), None
    counts = sizes(settings.is_quick)
    for count in counts:
        print(f"bench: vector-growth, {count:,} rows", file=sys.stderr, flush=True)
        data = vector_data.of_patches(count)
        start = time.process_time()
        index = vector_index.Index(library, data.rows, data.metric, plane=False, originals=True, recall=RECALL)
        build_s = time.process_time() - start
        setting = (0, 0)  # by the image's own curve
        for _ in settings.each_round(f"vector-growth, {count:,}"):
            batch, found = _least(lambda: index.search(data.queries, K, setting))
            single, _ = _least(lambda: index.search_one_by_one(data.queries[:300], K, setting))
            single_us = single / 300 * 1e6
            first = first or (count, single_us)
            result = {
                "batch_us": batch / len(data.queries) * 1e6,
                "single_us": single_us,
                "growth": single_us / first[1] / (count / first[0]) ** 0.5,
                "recall": data.recall_of(found),
                "bytes": (index.bytes - data.rows.nbytes) / count,
                "build_s": build_s,
            }
            subject.add(f"{count:,} rows", "Loci", result)
    limits = vector_index.limits(library)
    subject.notes.append(
        f"One core at {limits.hertz / 1e9:.2f} GHz: 4-bit scan in cache {limits.lookups / 1e9:.0f} G look-ups/s, "
        f"{limits.lookups / limits.lookups_limit:.0%} of what two 32-byte shuffles a cycle would give; reading memory "
        f"{limits.memory_bytes / 1e9:.1f} GB/s."
    )
    subject.notes.append(
        f"Clustered rows of 128 dimensions, Euclidean, the setting that the image's own curve gives for recall {RECALL}. "
        f"Sizes up to what the memory of this machine holds: {', '.join(f'{n:,}' for n in counts)}."
    )
    return subject


def _least(body) -> tuple[float, np.ndarray]:
    best, found = float("inf"), None
    for _ in range(3):
        start = time.process_time()
        found = body()
        best = min(best, time.process_time() - start)
    return best, found
