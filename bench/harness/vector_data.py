"""Data sets of the vector benchmark: real texts through Loci's encoder, and seeded clusters."""

import glob
import random
import re
import subprocess
from dataclasses import dataclass

import numpy as np

from harness import corpus, loci
from harness.process import Failed
from loci import Client

WORDNET = "/usr/share/wordnet/data.*"
CHARACTERS_MAX, LETTERS_MIN = 130, 12
QUERIES = 1_000
K = 10


@dataclass
class VectorSet:
    name: str
    metric: str
    rows: np.ndarray
    queries: np.ndarray
    # Shape (queries, K): the exact neighbours.
    truth: np.ndarray
    note: str

    def recall_of(self, found: np.ndarray) -> float:
        """recall@K of the rows found for the first len(found) queries."""
        pairs = zip(found.tolist(), self.truth.tolist())
        return sum(len(set(a) & set(b)) for a, b in pairs) / (len(found) * K)


def real(is_quick: bool) -> VectorSet:
    """Glosses and examples of WordNet and descriptions of Debian packages, in a seeded order."""
    texts = _texts()
    random.Random(7).shuffle(texts)
    if is_quick:
        texts = texts[:6_000]
    with loci.serve("vectors", with_model=True) as server, Client(server.target, timeout=300) as client:
        vectors = corpus.encode(client, texts, batch=256)
    vectors = np.ascontiguousarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
    rows, queries = vectors[QUERIES:], vectors[:QUERIES]
    note = f"{len(rows):,} x {rows.shape[1]} real: WordNet's glosses and examples, Debian's package descriptions"
    return VectorSet("real", "cosine", rows, queries, _exact(rows, queries, "cosine"), note)


def clustered(is_quick: bool) -> VectorSet:
    return of_patches(20_000 if is_quick else 1_000_000)


def of_patches(count: int) -> VectorSet:
    """Integers 0...255 around seeded patches of 9 to 14 dimensions, patch sizes by Zipf's law."""
    rng = np.random.default_rng(20)
    dimension, patches = 128, 2_000
    total = count + QUERIES
    share = 1 / np.arange(1, patches + 1) ** 0.6
    patch_of = rng.choice(patches, size=total, p=share / share.sum())
    shared_axes = rng.normal(0, 1, (40, dimension))
    rows = np.empty((total, dimension), np.float32)
    for patch in range(patches):
        members = np.flatnonzero(patch_of == patch)
        local = rng.integers(9, 15)
        centre = 45 + 35 * rng.normal(0, 1, 40) @ shared_axes / np.sqrt(40)
        axes = rng.normal(0, 18 / np.sqrt(local), (local, dimension))
        noise = rng.normal(0, 3, (len(members), dimension))
        rows[members] = centre + rng.normal(0, 1, (len(members), local)) @ axes + noise
    rows = np.clip(np.rint(rows), 0, 255).astype(np.float32)[rng.permutation(total)]
    rows, queries = np.ascontiguousarray(rows[QUERIES:]), np.ascontiguousarray(rows[:QUERIES])
    note = f"{count:,} x {dimension} clustered, seeded, Euclidean"
    return VectorSet("clustered", "l2", rows, queries, _exact(rows, queries, "l2"), note)


def _texts() -> list[str]:
    files = sorted(glob.glob(WORDNET))
    if not files:
        raise Failed("WordNet is missing; as root: apt-get install wordnet-base")
    seen: set[str] = set()
    texts: list[str] = []

    def add(text: str) -> None:
        text = " ".join(text.split())
        if len(text) > CHARACTERS_MAX:
            text = text[:CHARACTERS_MAX].rpartition(" ")[0] or text[:CHARACTERS_MAX]
        letters = re.sub(r"[^a-z]", "", text.lower())
        if len(letters) >= LETTERS_MIN and letters not in seen:
            seen.add(letters)
            texts.append(text)

    for file in files:
        with open(file, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if "|" in line and not line.startswith("  "):
                    for part in line.split("|", 1)[1].strip().split('; "'):
                        add(part.strip(' "'))
    listed = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, text=True, check=True).stdout
    for match in re.finditer(r"^Description(?:-en)?: (.*)$", listed, re.MULTILINE):
        add(match.group(1))
    return texts


def _exact(rows: np.ndarray, queries: np.ndarray, metric: str) -> np.ndarray:
    half = (rows * rows).sum(1) / 2 if metric == "l2" else 0
    truth = np.empty((len(queries), K), np.int64)
    for start in range(0, len(queries), 50):
        scores = queries[start : start + 50] @ rows.T - half
        top = np.argpartition(-scores, K, axis=1)[:, :K]
        order = np.take_along_axis(scores, top, 1).argsort(1)[:, ::-1]
        truth[start : start + 50] = np.take_along_axis(top, order, 1)
    return truth
