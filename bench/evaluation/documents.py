"""Document sets, each document a memory."""

from collections import defaultdict

from evaluation.data import read
from evaluation.metrics import Means, ndcg
from evaluation.server import connect, systems
from harness.process import Server
from loci._proto.loci.v1 import memory_pb2

ENGLISH = ("cranfield", "cisi", "dbpedia-mini")
# Their titles name the article that a question was written for: left out.
CHINESE = ("cmrc2018-zh", "drcd-zh")


def evaluate(server: Server, name: str, progress) -> list[tuple[str, Means]]:
    documents, queries = read(f"{name}/corpus.jsonl"), read(f"{name}/queries.jsonl")
    grades: dict[str, dict[str, int]] = defaultdict(dict)
    for judgement in read(f"{name}/qrels.jsonl"):
        if judgement["rel"] > 0:
            grades[judgement["qid"]][judgement["did"]] = judgement["rel"]
    client = connect(server, name)
    drafts = [memory_pb2.MemoryDraft(id=each["id"], text=text_of(each, name)) for each in documents]
    for start in range(0, len(drafts), 500):
        client.memories.add(drafts[start : start + 500])
    client.memories.search("ready", limit=1, wait_for_index=True)
    results = []
    for system in systems(client.memories.search, lambda hit: hit.memory.id, [each["id"] for each in documents]):
        means = Means()
        for query in queries:
            if query["id"] not in grades:
                continue
            order, wanted = system.rank(query["text"]), grades[query["id"]]
            means.add(
                ["all"],
                {
                    "nDCG@10": ndcg(order, wanted),
                    "recall@100": len(set(order[:100]) & set(wanted)) / len(wanted),
                    "hit@1": float(order[0] in wanted) if order else 0.0,
                    "hit@10": float(bool(set(order[:10]) & set(wanted))),
                },
            )
        results.append((system.name, means))
        progress(f"{name} {system.name}")
    client.close()
    return results


def text_of(document: dict, name: str) -> str:
    if name in CHINESE or not document["title"].strip():
        return document["text"] or "-"
    return f"{document['title']}. {document['text']}"
