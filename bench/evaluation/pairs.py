"""Sentence pairs (STS): Spearman's correlation of the cosine with people's scores, beside the overlap of words."""

import re

import numpy as np

from evaluation.data import read
from evaluation.server import connect
from harness.process import Server
from loci._proto.loci.v1 import embedding_pb2


def evaluate(server: Server, name: str) -> dict[str, float]:
    pairs = [pair for pair in read(f"{name}/pairs.jsonl") if pair["split"] == "test"]
    scores = np.array([pair["score"] for pair in pairs])
    client = connect(server, name)
    a, b = (vectors(client, [pair[side] for pair in pairs]) for side in "ab")
    client.close()
    return {
        "pairs": len(pairs),
        "cosine": spearman((a * b).sum(axis=1), scores),
        "words": spearman(np.array([overlap(pair["a"], pair["b"]) for pair in pairs]), scores),
    }


def vectors(client, texts: list[str]) -> np.ndarray:
    rows = []
    for start in range(0, len(texts), 500):
        request = embedding_pb2.EncodeRequest(texts=texts[start : start + 500])
        answer = client.embeddings._call("Encode", request, embedding_pb2.EncodeResponse, None)
        rows.append(np.array(answer.vectors, dtype=np.float32).reshape(-1, answer.dimension))
    return np.concatenate(rows)


def overlap(a: str, b: str) -> float:
    """Jaccard of words, and of single Chinese characters."""
    one, other = (set(re.findall(r"[a-z0-9]+|[\u4e00-\u9fff]", text.lower())) for text in (a, b))
    return len(one & other) / max(1, len(one | other))


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.corrcoef(ranks(x), ranks(y))[0, 1])


def ranks(values: np.ndarray) -> np.ndarray:
    """Mean ranks: equal values share theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return ((ends - counts + 1 + ends) / 2)[inverse]
