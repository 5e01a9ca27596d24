"""chromadb's PersistentClient in a process of its own, told what to do by lines of JSON on standard input.

{"do": "load", "vectors": FILE.npy, "texts": FILE.json, "count": n, "ef_construction": …, "max_neighbors": …}
{"do": "search", "queries": FILE.npy, "k": 10, "seconds": 5, "ef_search": 100, "callers": 1}
"""

import json
import sys
import time

import chromadb
import numpy as np
from chromadb.config import Settings

from peers import closed_loop

BATCH = 5000


class Chroma:
    def __init__(self, folder: str) -> None:
        self.client = chromadb.PersistentClient(folder, settings=Settings(anonymized_telemetry=False))
        self.collection = None

    def load(self, vectors: str, texts: str, count: int, **index: int) -> dict:
        started = time.perf_counter()
        configuration = {"hnsw": {"space": "cosine"} | index}
        self.collection = self.client.create_collection(
            "memories", configuration=configuration, embedding_function=None
        )
        rows, documents = np.load(vectors)[:count], json.load(open(texts))[:count]
        for start in range(0, count, BATCH):
            end = min(start + BATCH, count)
            self.collection.add(
                ids=[f"memory-{number:06}" for number in range(start, end)],
                embeddings=rows[start:end],
                documents=documents[start:end],
            )
        return {"memories": count, "seconds": time.perf_counter() - started}

    def search(
        self, queries: str, k: int, seconds: float, callers: int, ef_search: int | None = None
    ) -> dict:
        if ef_search is not None:
            self.collection.modify(configuration={"hnsw": {"ef_search": ef_search}})
        rows = np.load(queries)

        def query(number: int):
            # Documents come back with the hits, as Loci's hits bring their memories.
            return self.collection.query(
                query_embeddings=rows[number : number + 1], n_results=k, include=["documents", "distances"]
            )

        result = closed_loop.run(
            callers, seconds, lambda caller: lambda call: query((caller + call) % len(rows))
        )
        result["found"] = [query(number)["ids"][0] for number in range(len(rows))]
        return result


def main() -> None:
    chroma = Chroma(sys.argv[1])
    # Standard output belongs to the answers alone.
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        request = json.loads(line)
        answer = getattr(chroma, request.pop("do"))(**request)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
