"""Search over 1k, 10k and 100k memories of one agent, the same vectors on both sides, against chromadb."""

import json

import numpy as np

from harness import corpus, loci
from harness.paths import MODEL, SCRATCH
from harness.process import Failed
from harness.stats import Metric, Subject
from loci import Client
from peers import chroma_client

K = 10
QUERY_COUNT = 200
TENANT = "bench"
# What the tuned peer must find; the smallest ef that does is used.
RECALL_WANTED = 0.99
EF_CANDIDATES = (20, 40, 80, 160, 320, 640)
TUNED_INDEX = {"ef_construction": 200, "max_neighbors": 32}
METRICS = [
    Metric("rate", "searches/s", higher_is_better=True),
    Metric("p50_us", "p50 µs", higher_is_better=False),
    Metric("p99_us", "p99 µs", higher_is_better=False),
    Metric("recall", "recall@10", higher_is_better=True, digits=4, is_ratio=False),
]
OURS, OURS_TEXT, OURS_HYBRID = "Loci", "Loci, text given", "Loci, text given, hybrid"
CHROMA, CHROMA_TUNED = "chromadb", "chromadb, tuned"


def run(settings) -> Subject:
    if not (MODEL / "config.json").exists():
        raise Failed(f"no encoder at {MODEL}: run `make model`, or set LOCI_MODEL")
    sizes = (1_000, 10_000) if settings.is_quick else (1_000, 10_000, 100_000)
    subject = Subject(
        "search",
        "Search in one agent's memories, k = 10, one caller",
        METRICS,
        ours=(OURS, OURS_TEXT, OURS_HYBRID),
        unrated=(OURS_TEXT, OURS_HYBRID),
    )
    with loci.serve("search", with_model=True) as server:
        with Client(server.target, timeout=120) as client:
            made = corpus.make(client, sizes[-1], QUERY_COUNT, settings.random("corpus"))
        files = Files(made)
        for size in sizes:
            Case(settings, subject, server, made, files, size).run()
    subject.notes += notes(made, settings)
    return subject


class Files:
    """The corpus on disk, as the two sides read it."""

    def __init__(self, made: corpus.Corpus) -> None:
        self.folder = SCRATCH / "corpus"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.vectors, self.texts, self.queries = (
            self.folder / name for name in ("vectors.npy", "texts.json", "queries.npy")
        )
        np.save(self.vectors, made.vectors)
        np.save(self.queries, made.query_vectors)
        self.texts.write_text(json.dumps(made.texts))

    def jsonl(self, name: str, rows) -> str:
        path = self.folder / name
        with open(path, "w") as file:
            for row in rows:
                file.write(json.dumps(row) + "\n")
        return str(path)


class Case:
    """One size: loads both sides, tunes the peer, measures in rounds."""

    def __init__(
        self, settings, subject: Subject, server, made: corpus.Corpus, files: Files, size: int
    ) -> None:
        self.settings, self.subject, self.server, self.made, self.files = (
            settings,
            subject,
            server,
            made,
            files,
        )
        self.size, self.name, self.agent = size, f"{size:,} memories", f"agent-{size}"
        self.exact = made.exact(size, K)

    def run(self) -> None:
        self._load_loci()
        queries = self._query_files()
        with self._chroma("default") as default, self._chroma("tuned", **TUNED_INDEX) as tuned:
            ef = self._tune(tuned)
            steps = [
                (CHROMA, lambda: self._search_chroma(default)),
                (CHROMA_TUNED, lambda: self._search_chroma(tuned)),
                (OURS, lambda: self._search_loci(queries["vector"], "semantic")),
                (OURS_TEXT, lambda: self._search_loci(queries["text"], "semantic")),
                (OURS_HYBRID, lambda: self._search_loci(queries["plain"], "hybrid")),
            ]
            for number in self.settings.each_round(f"search, {self.name}"):
                for system, step in self.settings.in_turn(number, steps):
                    self.subject.add(self.name, system, step())
        self.subject.notes.append(
            f"{self.name}: chromadb tuned is max_neighbors {TUNED_INDEX['max_neighbors']}, ef_construction "
            f"{TUNED_INDEX['ef_construction']}, ef_search {ef}: the smallest tried with recall ≥ "
            f"{RECALL_WANTED}, or the largest."
        )

    def _load_loci(self) -> None:
        made, ids = self.made, self.made.ids(self.size)
        rows = (
            {"id": name, "text": text, "vector": [round(float(x), 8) for x in vector]}
            for name, text, vector in zip(ids, made.texts, made.vectors)
        )
        file = self.files.jsonl(f"memories-{self.size}.jsonl", rows)
        took = loci.load_memories(self.server.target, TENANT, self.agent, file)
        self.subject.notes.append(f"{self.name}: Loci took them in {took['seconds']:.1f} s, durably.")

    def _query_files(self) -> dict[str, str]:
        made = self.made
        vectors = [[round(float(x), 8) for x in vector] for vector in made.query_vectors]
        return {
            "vector": self.files.jsonl(
                "by-vector.jsonl", ({"vector": v, "expected": e} for v, e in zip(vectors, self.exact))
            ),
            "text": self.files.jsonl(
                "by-text.jsonl", ({"text": t, "expected": e} for t, e in zip(made.queries, self.exact))
            ),
            "plain": self.files.jsonl("plain.jsonl", ({"text": t} for t in made.queries)),
        }

    def _chroma(self, name: str, **index: int) -> chroma_client.ChromaProcess:
        process = chroma_client.ChromaProcess(SCRATCH / f"chroma-{name}-{self.size}")
        took = process.do(
            "load", vectors=str(self.files.vectors), texts=str(self.files.texts), count=self.size, **index
        )
        self.subject.notes.append(
            f"{self.name}: chromadb ({name} index) took them in {took['seconds']:.1f} s."
        )
        return process

    def _tune(self, tuned: chroma_client.ChromaProcess) -> int:
        for ef in EF_CANDIDATES:
            if self._search_chroma(tuned, seconds=0.2, ef_search=ef)["recall"] >= RECALL_WANTED:
                break
        return ef

    def _search_chroma(self, process, seconds: float | None = None, **options: object) -> dict:
        seconds = self.settings.seconds if seconds is None else seconds
        result = process.do(
            "search", queries=str(self.files.queries), k=K, seconds=seconds, callers=1, **options
        )
        found = result.pop("found")
        hits = sum(len(set(ids) & set(true)) for ids, true in zip(found, self.exact))
        return result | {"recall": hits / (len(self.exact) * K)}

    def _search_loci(self, queries: str, mode: str) -> dict:
        result = loci.load(
            "search",
            self.server.target,
            tenant=TENANT,
            agent=self.agent,
            queries=queries,
            callers=1,
            seconds=self.settings.seconds,
            k=K,
            mode=mode,
        )
        return result | {"recall": result.get(f"recall_at_{K}")}


def notes(made: corpus.Corpus, settings) -> list[str]:
    return [
        f"Memories: {made.note}. Queries: {len(made.queries)}, questions about the dialogues.",
        f"chromadb {chroma_client.version()}, PersistentClient inside the caller's process, hnsw, cosine; it "
        "answers with ids, texts and distances. Loci is asked over TCP and answers with whole memories.",
        f"“{OURS}” and chromadb are given the query's vector. “{OURS_TEXT}” is given words and encodes them "
        f"first; “{OURS_HYBRID}” also searches the keyword index. Recall is against exact search by vector.",
    ]
