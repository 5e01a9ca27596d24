"""LoCoMo: which turns of a long conversation answer a question. Metrics as QUALITY defines them: ER@B is the share of a
question's evidence inside a budget of B tokens, turns taken best first, 6 tokens for each session touched."""

from datetime import datetime, timezone

from evaluation.data import read
from evaluation.metrics import BUDGETS, CUTS, Means, recall
from evaluation.server import System, connect, systems
from harness.process import Server
from loci._proto.loci.v1 import context_pb2, embedding_pb2
from loci._proto.loci.v1 import types_pb2 as types

# The weights of Loci's ranking were fitted on these; the others are held out.
FITTED = ("conv-26", "conv-30", "conv-41")
HEADER_TOKENS = 6


def evaluate(server: Server, progress) -> list[tuple[str, Means]]:
    turns, questions = read("locomo/turns.jsonl"), read("locomo/questions.jsonl")
    results: dict[str, Means] = {}
    for conversation in sorted({turn["conv"] for turn in turns}):
        own = [turn for turn in turns if turn["conv"] == conversation]
        asked = [question for question in questions if question["conv"] == conversation]
        client = connect(server, conversation)
        fill(client, own)
        tokens = token_counts(client, own)
        session = {turn["id"]: turn["session"] for turn in own}
        for system in systems(client.contexts.search, lambda hit: hit.message.id, list(session)):
            means = results.setdefault(system.name, Means())
            judge(system, asked, tokens, session, conversation, means)
            progress(f"{conversation} {system.name}")
        client.close()
    return list(results.items())


def text_of(turn: dict) -> str:
    return turn["text"] + (f" [shares {turn['caption']}]" if turn["caption"] else "")


def fill(client, turns: list[dict]) -> None:
    """One context a session, turns half a minute apart."""
    for number in sorted({turn["session"] for turn in turns}):
        session = [turn for turn in turns if turn["session"] == number]
        start = datetime.strptime(session[0]["date"], "%I:%M %p on %d %B, %Y").replace(tzinfo=timezone.utc)
        drafts = [
            context_pb2.MessageDraft(
                id=turn["id"],
                role=types.ROLE_USER,
                name=turn["speaker"],
                text=text_of(turn),
                created_at_us=int(start.timestamp() * 1e6) + index * 30_000_000,
            )
            for index, turn in enumerate(session)
        ]
        client.contexts.append(f"session-{number}", drafts, create=True)
    client.contexts.search("ready", limit=1, wait_for_index=True)


def token_counts(client, turns: list[dict]) -> dict[str, int]:
    """WordPieces of each turn with its speaker, special ones not counted."""
    counts: dict[str, int] = {}
    for start in range(0, len(turns), 200):
        some = turns[start : start + 200]
        request = embedding_pb2.EncodeRequest(
            texts=[f"{turn['speaker']}: {text_of(turn)}" for turn in some],
            format=embedding_pb2.VECTOR_FORMAT_INT8,
        )
        answer = client.embeddings._call("Encode", request, embedding_pb2.EncodeResponse, None)
        counts.update({turn["id"]: count - 2 for turn, count in zip(some, answer.token_counts)})
    return counts


def judge(
    system: System, questions: list[dict], tokens: dict, session: dict, conversation: str, means: Means
) -> None:
    for question in questions:
        evidence = [turn for turn in question["evidence"] if turn in session]
        if not evidence:
            continue
        order = system.rank(question["question"])
        place = {turn: rank for rank, turn in enumerate(order)}
        ranks = [place.get(turn, 1 << 30) for turn in evidence]
        figures = {f"R@{k}": recall(ranks, k) for k in CUTS}
        figures |= {f"any@{k}": float(min(ranks) < k) for k in CUTS}
        figures |= {f"all@{k}": float(max(ranks) < k) for k in CUTS}
        figures |= sessions(order, evidence, session)
        figures |= budgets(order, evidence, tokens, session)
        adversarial = question["category"] == "adversarial"
        groups = ["all", question["category"], "fitted" if conversation in FITTED else "held"]
        groups += [] if adversarial else ["not adversarial"]
        groups += [] if adversarial or conversation in FITTED else ["held, not adversarial"]
        means.add(groups, figures)


def sessions(order: list[str], evidence: list[str], session: dict) -> dict[str, float]:
    """Sessions in the order of their best turns."""
    ranked = list(dict.fromkeys(session[turn] for turn in order))
    wanted = {session[turn] for turn in evidence}
    figures = {}
    for k in CUTS:
        found = wanted & set(ranked[:k])
        figures[f"session any@{k}"] = float(bool(found))
        figures[f"session all@{k}"] = float(found == wanted)
    return figures


def budgets(order: list[str], evidence: list[str], tokens: dict, session: dict) -> dict[str, float]:
    used, seen, spent = 0, set(), {}
    for turn in order:
        used += tokens[turn] + (0 if session[turn] in seen else HEADER_TOKENS)
        seen.add(session[turn])
        spent[turn] = used
    return {
        f"ER@{budget}": sum(spent.get(turn, budget + 1) <= budget for turn in evidence) / len(evidence)
        for budget in BUDGETS
    }
