"""The results as a page."""

from evaluation import conversations, documents
from evaluation.metrics import CUTS, Means

TURNS = ["R@1", "R@5", "R@10", "R@20", "any@10", "all@10", "ER@500", "ER@1000", "ER@2000", "ER@4000"]
CATEGORIES = ["single-hop", "multi-hop", "temporal", "open-domain", "adversarial"]
# Of QUALITY §7: figure, group, bar.
TARGETS = [("ER@2000", "all", 0.96), ("R@5", "all", 0.80), ("R@10", "all", 0.88), ("any@10", "all", 0.92)]
SET_TARGETS = {
    "cranfield": 0.43,
    "cisi": 0.455,
    "dbpedia-mini": 0.51,
    "cmrc2018-zh": 0.99,
    "drcd-zh": 0.98,
}


def render(models: dict) -> str:
    parts = ["# Retrieval quality", "", INTRODUCTION]
    for model, sets in models.items():
        parts += ["", f"## {model}"]
        for name, found in sets.items():
            if name == "locomo":
                parts += locomo(found)
        parts += documents_table(sets)
        parts += pairs_table(sets)
    return "\n".join(parts) + "\n"


INTRODUCTION = """\
Made by `make eval`: every ranking comes from a running server over its public interface, every figure from the same
code. BM25, dense and z-sum compare each item by itself; RRF fuses the first two by reciprocal ranks; Loci is a search
with no option set. No language model takes part. Definitions: docs/retrieval.md."""


THIRD_PARTY = """\
The best third-party figure for LoCoMo without a language model: engram-search 0.1.7 claims session any@5 of 0.939 on all
ten conversations, with bge-large and a cross-encoder (claimed, not reproduced; chunks of 6 turns)."""


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = ["", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def figure(value: float) -> str:
    return f"{value:.3f}"


def locomo(found: list[tuple[str, Means]]) -> list[str]:
    loci = dict(found)["Loci"]
    counts = {group: loci.count(group, "R@1") for group in ("all", "fitted", "held")}
    fitted = ", ".join(conversations.FITTED)
    parts = [
        "",
        "### LoCoMo: turns",
        "",
        f"{counts['all']} questions. The weights were fitted on {fitted} ({counts['fitted']} questions); the other "
        f"{counts['held']} are held out.",
    ]
    for group in ("all", "held", "held, not adversarial"):
        parts += ["", f"{group}:"]
        parts += table(["system", *TURNS], [[n, *(figure(m(group, t)) for t in TURNS)] for n, m in found])
    low, high = loci.interval("held", "ER@2000")
    parts += ["", f"Loci's ER@2000 on those held out: 95 % bootstrap interval {low:.3f} to {high:.3f}."]
    parts += ["", "By category, ER@2000 and R@10:"]
    rows = [
        [n, *(f"{m(c, 'ER@2000'):.3f} / {m(c, 'R@10'):.3f}" for c in CATEGORIES)] for n, m in found
    ]
    parts += table(["system", *CATEGORIES], rows)
    parts += ["", "Turns and sessions, any and all of the evidence within k; never to be read as accuracy:"]
    heads = [f"{level}{kind}@{k}" for level in ("", "session ") for kind in ("any", "all") for k in CUTS]
    parts += table(["system", *heads], [[n, *(figure(m("all", h)) for h in heads)] for n, m in found])
    parts += ["", THIRD_PARTY]
    parts += ["", "Against the targets:"]
    rows = [
        [name, figure(loci(group, name)), figure(bar), "met" if loci(group, name) >= bar else "not met"]
        for name, group, bar in TARGETS
    ]
    return parts + table(["figure", "Loci", "target", ""], rows)


def documents_table(sets: dict) -> list[str]:
    names = [name for name in (*documents.ENGLISH, *documents.CHINESE) if name in sets]
    if not names:
        return []
    systems = [system for system, _ in sets[names[0]]]
    rows = []
    for system in systems:
        row = [system]
        for name in names:
            means = dict(sets[name])[system]
            row.append(" / ".join(figure(means("all", f)) for f in ("nDCG@10", "recall@100", "hit@1", "hit@10")))
        rows.append(row)
    rows.append(["target, nDCG@10", *(figure(SET_TARGETS[name]) for name in names)])
    head = ["", "### Documents: nDCG@10 / recall@100 / hit@1 / hit@10"]
    return head + table(["system", *names], rows)


def pairs_table(sets: dict) -> list[str]:
    names = [name for name in sets if name.startswith("stsb")]
    if not names:
        return []
    rows = [
        [name, str(sets[name]["pairs"]), figure(sets[name]["words"]), figure(sets[name]["cosine"])]
        for name in names
    ]
    return ["", "### Sentence pairs: Spearman"] + table(["set", "pairs", "overlap of words", "cosine"], rows)


def plain(models: dict) -> dict:
    """For other programs: {model: {set: {system: {group: {figure: mean}}}}}."""

    def means(of: Means) -> dict:
        nested: dict = {}
        for group, name in of.keys():
            nested.setdefault(group, {})[name] = of(group, name)
        return nested

    return {
        model: {
            name: found if isinstance(found, dict) else {system: means(of) for system, of in found}
            for name, found in sets.items()
        }
        for model, sets in models.items()
    }
