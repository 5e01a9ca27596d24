"""A server of the evaluation's own, and the ways to ask it: the systems that are compared."""

import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from harness.paths import LOCI, SCRATCH
from harness.process import Server
from loci import Client
from loci._proto.loci.v1 import types_pb2 as types

# Enough for 4,000 tokens of a conversation, and for recall@100.
DEPTH = 200
# Reciprocal rank fusion: Cormack, Clarke & Buettcher 2009.
RRF_K = 60


def serve(model: Path) -> Server:
    folder = SCRATCH / f"eval-{model.name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [str(LOCI), "serve", "--data", str(folder / "data"), "--listen", "127.0.0.1:0"]
    command += ["--port-file", str(folder / "port"), "--log-level", "warning", "--model", str(model)]
    return Server(command, folder / "log", folder / "port")


def connect(server: Server, agent: str) -> Client:
    return Client(server.target, tenant="evaluation", agent=agent, timeout=1800)


@dataclass
class System:
    name: str
    # Ids, best first.
    rank: Callable[[str], list[str]]


ITEM = types.SearchOptions(granularity=types.GRANULARITY_ITEM)
PLAIN = types.RankWeights(semantic=0.5, exact=0.5)


def systems(search: Callable[..., list], id_of: Callable, ids: list[str], seed: int = 7) -> list[System]:
    """Loci, and the baselines: each an option of the same search, or made of its answers."""
    chooser = random.Random(seed)

    def ask(query: str, **options: object) -> list[str]:
        return [id_of(hit) for hit in search(query, limit=DEPTH, **options)]

    def keyword(query: str) -> list[str]:
        return ask(query, mode=types.SEARCH_MODE_KEYWORD, options=ITEM)

    def dense(query: str) -> list[str]:
        return ask(query, mode=types.SEARCH_MODE_SEMANTIC, options=ITEM)

    def reciprocal(query: str) -> list[str]:
        scores: dict[str, float] = {}
        for ranking in (keyword(query), dense(query)):
            for rank, item in enumerate(ranking):
                scores[item] = scores.get(item, 0.0) + 1 / (RRF_K + rank + 1)
        return sorted(scores, key=lambda item: -scores[item])

    return [
        System("random", lambda query: chooser.sample(ids, len(ids))),
        System("BM25", keyword),
        System("dense", dense),
        System("RRF of both", reciprocal),
        System("z-sum of both", lambda query: ask(query, weights=PLAIN, options=ITEM)),
        System("Loci", lambda query: ask(query)),
    ]
