"""Memories and queries for the search: real texts where shared/data is present, seeded ones otherwise,
embedded by Loci's own encoder, and mixtures of them to reach the larger sizes."""

import hashlib
import json
import random
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.paths import OUT, SHARED_DATA
from loci import Client
from peers.texts import WORDS

SOURCES = [
    ("locomo/turns.jsonl", ("text",)),
    ("locomo/observations.jsonl", ("text",)),
    ("memorybank-en/history.jsonl", ("query", "response")),
    ("stsb-en/pairs.jsonl", ("a", "b")),
    ("dbpedia-mini/corpus.jsonl", ("text",)),
]
QUERIES = [("locomo/questions.jsonl", ("question",)), ("memorybank-en/questions.jsonl", ("question",))]
TEXT_CHARACTERS_MAX = 400
# Noise of a mixture relative to its length: neighbours of a mixture stay about as far as real texts' do.
NOISE = 0.35


@dataclass
class Corpus:
    texts: list[str]
    # Shape (texts, dimension), float32, unit length.
    vectors: np.ndarray
    queries: list[str]
    query_vectors: np.ndarray
    note: str

    def ids(self, count: int) -> list[str]:
        return [f"memory-{number:06}" for number in range(count)]

    def exact(self, count: int, k: int) -> list[list[str]]:
        """The ids of each query's true nearest memories among the first `count`, best first."""
        names, answers = self.ids(count), []
        for query in self.query_vectors:
            scores = self.vectors[:count] @ query
            top = np.argpartition(-scores, k)[:k]
            answers.append([names[index] for index in top[np.argsort(-scores[top], kind="stable")]])
        return answers


def make(client: Client, size: int, query_count: int, chooser: random.Random) -> Corpus:
    texts, origin = _texts(min(size, 10_000), chooser)
    queries = _read(QUERIES, chooser)[:query_count] or [
        " ".join(chooser.choices(WORDS, k=6)) for _ in range(query_count)
    ]
    vectors, query_vectors = encode(client, texts), encode(client, queries)
    real = len(texts)
    mixed_texts, mixed_vectors = _mixtures(texts, vectors, size - real, chooser)
    note = f"{real:,} {origin}, embedded by Loci's encoder"
    if mixed_texts:
        note += (
            f"; the other {len(mixed_texts):,} are seeded mixtures: halves of two texts for the words, "
            f"and for the vector a weighted sum of the two with Gaussian noise of {NOISE} times its length"
        )
    return Corpus(texts + mixed_texts, np.concatenate([vectors, mixed_vectors]), queries, query_vectors, note)


def encode(client: Client, texts: list[str], batch: int = 64) -> np.ndarray:
    """Shape (texts, dimension). Kept in bench/out for the next run of the same encoder and texts."""
    fingerprint = client.embeddings.models()[0].fingerprint
    name = hashlib.sha256("\0".join([fingerprint, *texts]).encode()).hexdigest()[:32]
    kept = OUT / "embeddings" / f"{name}.npy"
    if kept.exists():
        return np.load(kept)
    rows = []
    for start in range(0, len(texts), batch):
        answer = client.embeddings.encode(texts[start : start + batch], timeout=300)
        rows.append(np.asarray(answer.vectors, dtype=np.float32).reshape(-1, answer.dimension))
    vectors = np.concatenate(rows)
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_suffix(".partial.npy")
    np.save(partial, vectors)
    partial.rename(kept)
    return vectors


def _texts(count: int, chooser: random.Random) -> tuple[list[str], str]:
    texts = _read(SOURCES, chooser)[:count]
    if texts:
        return texts, "real texts (dialogue turns, observations, sentences, encyclopaedia abstracts)"
    made = (" ".join(chooser.choices(WORDS, k=chooser.randint(6, 30))) for _ in range(count))
    return list(made), "seeded synthetic texts"


def _read(sources: list[tuple[str, tuple[str, ...]]], chooser: random.Random) -> list[str]:
    found: dict[str, None] = {}
    for name, fields in sources:
        path: Path = SHARED_DATA / name
        if not path.exists():
            continue
        for line in path.read_text().splitlines():
            row = json.loads(line)
            for field in fields:
                text = re.sub(r"\s+", " ", row.get(field) or "").strip()[:TEXT_CHARACTERS_MAX]
                if len(text) > 10:
                    found[text] = None
    texts = list(found)
    chooser.shuffle(texts)
    return texts


def _mixtures(texts: list[str], vectors: np.ndarray, count: int, chooser: random.Random):
    generator = np.random.default_rng(chooser.getrandbits(64))
    dimension = vectors.shape[1]
    first, second = generator.integers(0, len(texts), (2, max(0, count)))
    weights = generator.uniform(0.2, 0.8, (len(first), 1)).astype(np.float32)
    mixed = weights * vectors[first] + (1 - weights) * vectors[second]
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    mixed += generator.standard_normal(mixed.shape, dtype=np.float32) * np.float32(NOISE / dimension**0.5)
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    words = [
        f"{texts[a][: len(texts[a]) // 2]} {texts[b][len(texts[b]) // 2 :]}" for a, b in zip(first, second)
    ]
    return words, mixed.astype(np.float32)
