"""Learning measured: bandits against mabwiser on seeded simulators, consolidation on labelled pairs, an agent with and
without recommendations, tau-airline's fourth trials foretold from three, and what retrieval loses by consolidation.
Run by bench/learn."""

import argparse
import json
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

import loci
from evaluation.conversations import text_of
from evaluation.data import is_there, read
from harness import consolidation_pairs, paths
from harness.loci import serve
from loci._proto.loci.v1 import experience_pb2, memory_pb2

warnings.filterwarnings("ignore")


# ---------------------------------------------------------------- bandits

SIMULATORS = {
    "stationary": {}, "drifting": {"drift": True}, "sparse": {"sparse": True}, "misleading": {"misleading": True},
}


def simulate(kind: str, seed: int, steps: int, arms: int, dimension: int = 8) -> dict:
    """Contexts (steps, dimension), rewards and expected rewards (steps, arms)."""
    options = SIMULATORS[kind]
    rng = np.random.default_rng([seed, arms, len(kind)])
    contexts = rng.normal(size=(steps, dimension))
    if options.get("sparse"):
        contexts *= rng.uniform(size=contexts.shape) < 0.2
    contexts[:, 0] = 1
    weights = rng.normal(size=(arms, dimension)) / np.sqrt(dimension)
    if options.get("misleading"):
        weights[:, dimension // 2 :] = 0  # half of what is seen says nothing, loudly
        contexts[:, dimension // 2 :] *= 3
    expected = contexts @ weights.T
    if options.get("drift"):
        later = rng.normal(size=(arms, dimension)) / np.sqrt(dimension)
        half = steps // 2
        expected[half:] = contexts[half:] @ later.T
    rewards = expected + 0.5 * rng.normal(size=expected.shape)
    return {"contexts": contexts, "rewards": rewards, "expected": expected}


def write(simulation: dict, path: Path) -> None:
    steps, dimension = simulation["contexts"].shape
    header = {"steps": steps, "dimension": dimension, "arms": simulation["rewards"].shape[1]}
    with open(path, "wb") as file:
        file.write(json.dumps(header).encode() + b"\n")
        for name in ["contexts", "rewards", "expected"]:
            file.write(simulation[name].astype("<f4").tobytes())


def ours(path: Path, algorithm: str, alpha: float, seed: int, discount: float = 1) -> dict:
    command = [str(paths.LOCI), "bench", "bandit", str(path), "--algorithm", algorithm, "--alpha", str(alpha)]
    command += ["--seed", str(seed), "--discount", str(discount)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def mabwiser(simulation: dict, algorithm: str, alpha: float, seed: int) -> float:
    from mabwiser.mab import MAB, LearningPolicy

    contexts, rewards, expected = simulation["contexts"], simulation["rewards"], simulation["expected"]
    arms = list(range(rewards.shape[1]))
    policy = LearningPolicy.LinUCB(alpha, l2_lambda=1) if algorithm == "linucb" else LearningPolicy.LinTS(alpha, l2_lambda=1)
    mab = MAB(arms, policy, seed=seed)
    # It wants to see each arm once; with no weight on the regression: a zero context.
    mab.fit(arms, np.zeros(len(arms)), np.zeros((len(arms), contexts.shape[1])))
    regret = 0.0
    for step in range(len(contexts)):
        arm = mab.predict(contexts[step : step + 1])
        mab.partial_fit([arm], [rewards[step, arm]], contexts[step : step + 1])
        regret += expected[step].max() - expected[step, arm]
    return regret


def bandits(seeds: int, steps: int) -> list[dict]:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "simulation"
        for kind in SIMULATORS:
            for arms in [5, 50]:
                for algorithm, alpha in [("linucb", 1.0), ("thompson", 0.5)]:
                    mine, theirs, discounted, blind, speed = [], [], [], [], []
                    for seed in range(seeds):
                        simulation = simulate(kind, seed, steps, arms)
                        write(simulation, path)
                        result = ours(path, algorithm, alpha, seed)
                        mine.append(result["regret"])
                        speed.append(result["pairsPerSecond"])
                        if kind == "drifting":
                            discounted.append(ours(path, algorithm, alpha, seed, 0.995)["regret"])
                        theirs.append(mabwiser(simulation, algorithm, alpha, seed))
                        blind.append((simulation["expected"].max(1) - simulation["expected"].mean(1)).sum())
                    rows.append(
                        {
                            "simulator": kind, "arms": arms, "algorithm": algorithm, "loci": np.mean(mine),
                            "mabwiser": np.mean(theirs), "uniform": np.mean(blind),
                            "discounted": np.mean(discounted) if discounted else None,
                            "pairs_per_cpu_second": np.median(speed),
                        }
                    )
                    print(json.dumps(rows[-1]), flush=True)
    return rows


# ---------------------------------------------------------------- consolidation


def distractors(limit: int) -> list[str]:
    texts = []
    for name in ["memorybank-en", "memorybank-zh"]:
        path = paths.SHARED_DATA / name / "history.jsonl"
        if not path.exists():
            print(f"skipped: no {path}", flush=True)
            continue
        texts += [json.loads(line)["query"] for line in path.read_text().splitlines()][: limit // 2]
    return texts


def consolidation(target: str, seed: int, count: int, half: str) -> list[dict]:
    """Each pair alone with one agent, so that what is found is about the pair."""
    labels = {1: "duplicate", 2: "conflict", 3: "conflict"}
    pairs = consolidation_pairs.generate(seed, count, half)
    found = []
    with loci.Client(target, tenant="bench", agent="x") as client:
        for number, pair in enumerate(pairs):
            one = client.for_agent("consolidation", f"{half}-{number}")
            one.memories.add([pair["first"], pair["second"]])
            links = one.learning.consolidate(dry_run=True).consolidation.links
            found.append(labels[links[0].relation] if links else "unrelated")
        # Real histories between: what is merged there, that is not literally repeated, is looked at by a person.
        whole = client.for_agent("consolidation", "histories")
        texts = distractors(1_000) if half == "held" else []
        if texts:
            ids = whole.memories.add(texts).memory_ids
            by_id = dict(zip(ids, texts))
            began = time.process_time()
            links = whole.learning.consolidate(dry_run=True, timeout=300).consolidation.links
            for link in links:
                print("histories:", labels[link.relation], "|", by_id[link.from_id], "|", by_id[link.to_id], flush=True)
            print(f"histories: {len(texts)} memories, {len(links)} links, {time.process_time() - began:.1f} s", flush=True)
    rows = []
    for language in ["en", "zh", "both"]:
        for label in ["duplicate", "conflict"]:
            chosen = [(p, f) for p, f in zip(pairs, found) if language in ("both", p["language"])]
            right = sum(p["label"] == label == f for p, f in chosen)
            said = sum(f == label for _, f in chosen)
            true = sum(p["label"] == label for p, _ in chosen)
            precision, recall = right / max(1, said), right / max(1, true)
            rows.append(
                {"half": half, "language": language, "label": label, "precision": precision, "recall": recall,
                 "f1": 2 * precision * recall / max(1e-9, precision + recall), "pairs": true}
            )
            print(json.dumps(rows[-1]), flush=True)
    return rows


# ---------------------------------------------------------------- an agent


def agent_task(rng: np.random.Generator) -> tuple[experience_pb2.Task, dict]:
    """A task, and how likely each strategy is to succeed at it."""
    channel, hard = rng.choice(["web", "phone", "shop"]), rng.uniform() < 0.5
    chances = {
        "quick": 0.75 if not hard else 0.25,
        "careful": 0.6 if channel != "phone" else 0.3,
        "ask": 0.8 if hard and channel == "phone" else 0.4,
    }
    features = {"channel": str(channel), "hard": "yes" if hard else "no"}
    return loci.task("refund an order", kind="refund", features=features), chances


def agent(target: str, seeds: int, tasks: int, learnable: bool) -> dict:
    """Successes of each task, with recommendations, choosing blindly, and choosing right, for each seed."""
    curves = {"with Loci": [], "blind": [], "best possible": []}
    with loci.Client(target, tenant="bench", agent="x") as client:
        for seed in range(seeds):
            one = client.for_agent(f"agent-{learnable}", f"seed-{seed}")
            rng = np.random.default_rng(seed)
            results = {name: [] for name in curves}
            for _ in range(tasks):
                task, chances = agent_task(rng)
                if not learnable:
                    chances = {name: 0.5 for name in chances}
                # Each strategy has its own luck, so that a choice matters by chance too where nothing can be learned.
                works = {name: rng.uniform() < chance for name, chance in chances.items()}
                answer = one.learning.recommend(task, chances)
                success = works[answer.chosen]
                one.learning.report(answer.decision_id, float(success))
                results["with Loci"].append(success)
                results["blind"].append(works[rng.choice(list(chances))])
                results["best possible"].append(works[max(chances, key=chances.get)])
            for name in curves:
                curves[name].append(results[name])
            if seed == 0:
                cycle = one.learning.run_cycle()
                print("cycle:", [(r.learner, r.helps, r.summary) for r in cycle.learners], flush=True)
    return {name: np.array(values, float) for name, values in curves.items()}


def summarise(curves: dict, last: int) -> list[dict]:
    rows = []
    for name, values in curves.items():
        per_seed = values[:, -last:].mean(1)
        half = 1.96 * per_seed.std(ddof=1) / np.sqrt(len(per_seed))
        rows.append({"agent": name, "success": per_seed.mean(), "low": per_seed.mean() - half, "high": per_seed.mean() + half})
        print(json.dumps(rows[-1]), flush=True)
    return rows


def plot(curves: dict, null: dict, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.4), sharey=True)
    for axis, data, title in [(axes[0], curves, "strategies differ by task"), (axes[1], null, "nothing to learn")]:
        for name, values in data.items():
            window = 40
            smooth = np.array([np.convolve(row, np.ones(window) / window, "valid") for row in values])
            middle, error = smooth.mean(0), 1.96 * smooth.std(0, ddof=1) / np.sqrt(len(smooth))
            line = axis.plot(np.arange(len(middle)) + window, middle, label=name)[0]
            axis.fill_between(np.arange(len(middle)) + window, middle - error, middle + error, alpha=0.2, color=line.get_color())
        axis.set_title(title)
        axis.set_xlabel("tasks done")
    axes[0].set_ylabel("share of the last 40 that succeeded")
    axes[0].legend(loc="lower right", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


# ---------------------------------------------------------------- tau-airline


def wilson(hits: int, n: int) -> tuple[float, float]:
    z, share = 1.959964, hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return centre - half, centre + half


def steps_of(trajectory: dict) -> list[str]:
    return [call["name"] for step in trajectory["steps"] for call in step["tool_calls"] or []][:4096]


def tau(target: str) -> list[dict]:
    """Each trial of a task foretold from its three others, which the server alone is told of."""
    path = paths.SHARED_DATA / "tau-airline/trajectories.jsonl"
    if not path.exists():
        print(f"skipped: no {path}", flush=True)
        return []
    runs = [json.loads(line) for line in path.read_text().splitlines()]
    rows = []
    with loci.Client(target, tenant="bench", agent="x") as client:
        for fourth_only in [True, False]:
            majority = hits = total = better = worse = 0
            for left_out in [3] if fourth_only else range(4):
                one = client.for_agent("tau", f"without-{left_out}-{fourth_only}")
                one.experiences.record(
                    [
                        experience_pb2.Experience(
                            task=loci.task(run["instruction"], kind="airline"), steps=steps_of(run), success=run["reward"] == 1
                        )
                        for run in runs
                        if run["trial"] != left_out
                    ]
                )
                for run in runs:
                    if run["trial"] != left_out:
                        continue
                    others = [o["reward"] == 1 for o in runs if o["task_id"] == run["task_id"] and o["trial"] != left_out]
                    answer = one.experiences.similar(loci.task(run["instruction"], kind="airline"), threshold=0.0, limit=200)
                    truth = run["reward"] == 1
                    usual = sum(others) * 2 > len(others)
                    guess = foretell(answer)
                    majority += usual == truth
                    hits += guess == truth
                    better += guess == truth != usual
                    worse += usual == truth != guess
                    total += 1
            low, high = wilson(hits, total)
            rows.append(
                {"what": "fourth trial" if fourth_only else "each trial from the others", "n": total, "majority": majority / total,
                 "loci": hits / total, "low": low, "high": high, "better": better, "worse": worse}
            )
            print(json.dumps(rows[-1]), flush=True)
    return rows


def foretell(answer) -> bool:
    """Success when the chance, each experience weighted by its likeness to the eighth power, is above a half."""
    weights = np.array([one.similarity**8 for one in answer.experiences])
    wins = np.array([one.experience.success for one in answer.experiences], float)
    return bool((weights * wins).sum() > 0.5 * weights.sum())


# ---------------------------------------------------------------- retrieval after consolidation


def retrieval(target: str) -> list[dict]:
    """LoCoMo's turns as memories: recall of the evidence before and after a consolidation. A merged memory counts as
    found where the one that it went into is."""
    if not is_there("locomo"):
        print("skipped: no locomo", flush=True)
        return []
    turns, questions = read("locomo/turns.jsonl"), read("locomo/questions.jsonl")
    scores: dict[str, list[float]] = {"before": [], "after": []}
    merged = linked = 0
    with loci.Client(target, tenant="bench", agent="x", timeout=300) as client:
        for conversation in sorted({turn["conv"] for turn in turns}):
            one = client.for_agent("locomo", conversation)
            own = [turn for turn in turns if turn["conv"] == conversation]
            for start in range(0, len(own), 200):
                drafts = [
                    memory_pb2.MemoryDraft(id=turn["id"], text=f"{turn['speaker']}: {text_of(turn)}")
                    for turn in own[start : start + 200]
                ]
                one.memories.add(drafts, wait_for_index=True)
            asked = [q for q in questions if q["conv"] == conversation and q["evidence"]]
            scores["before"] += [recall_of(one, question, {}) for question in asked]
            links = one.learning.consolidate(wait_for_index=True).consolidation.links
            into = {link.from_id: link.to_id for link in links if link.relation == 1}
            merged, linked = merged + len(into), linked + len(links)
            scores["after"] += [recall_of(one, question, into) for question in asked]
    before, after = np.array(scores["before"]), np.array(scores["after"])
    change = after - before
    half = 1.96 * change.std(ddof=1) / np.sqrt(len(change))
    row = {"questions": len(before), "merged": merged, "in conflict": linked - merged, "R@10 before": before.mean(),
           "R@10 after": after.mean(), "change": change.mean(), "low": change.mean() - half, "high": change.mean() + half}
    print(json.dumps(row), flush=True)
    return [row]


def recall_of(client: loci.Client, question: dict, into: dict[str, str]) -> float:
    evidence = [into.get(turn, turn) for turn in question["evidence"]]
    hits = {hit.memory.id for hit in client.memories.search(question["question"], limit=10)}
    return sum(turn in hits for turn in evidence) / len(evidence)


# ---------------------------------------------------------------- all


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench/learn")
    parser.add_argument("--only", default="bandits,consolidation,agent,tau,retrieval")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=1_500)
    parser.add_argument("--pairs", type=int, default=500, help="labelled pairs of each language")
    arguments = parser.parse_args()
    out = paths.OUT / "learn"
    out.mkdir(parents=True, exist_ok=True)
    results_file = out / "learn.json"
    results = json.loads(results_file.read_text()) if results_file.exists() else {}
    parts = arguments.only.split(",")
    if "bandits" in parts:
        results["bandits"] = bandits(arguments.seeds, arguments.steps)
    with serve("learn", with_model=paths.MODEL.exists()) as server:
        if "consolidation" in parts:
            results["consolidation"] = [
                row for half in ["held", "fresh", "sealed"] for row in consolidation(server.target, 1, arguments.pairs, half)
            ]
        if "agent" in parts:
            curves = agent(server.target, arguments.seeds, 300, True)
            null = agent(server.target, arguments.seeds, 300, False)
            results["agent"], results["agent, nothing to learn"] = summarise(curves, 100), summarise(null, 100)
            plot(curves, null, out / "learning-curve.png")
        if "tau" in parts:
            results["tau-airline"] = tau(server.target)
        if "retrieval" in parts:
            results["retrieval after consolidation"] = retrieval(server.target)
    results_file.write_text(json.dumps(results, indent=1, default=float) + "\n")


if __name__ == "__main__":
    main()
