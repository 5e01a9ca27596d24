"""What a ranking is worth."""

import math
from collections import defaultdict

CUTS = (1, 5, 10, 20)
BUDGETS = (500, 1000, 2000, 4000)


def recall(ranks: list[int], k: int) -> float:
    return sum(rank < k for rank in ranks) / len(ranks)


def ndcg(order: list[str], grades: dict[str, int], k: int = 10) -> float:
    gained = sum(grades.get(item, 0) / math.log2(rank + 2) for rank, item in enumerate(order[:k]))
    best = sum(
        grade / math.log2(rank + 2) for rank, grade in enumerate(sorted(grades.values(), reverse=True)[:k])
    )
    return gained / best if best else 0.0


class Means:
    """Means of figures by group and name."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], list[float]] = defaultdict(list)

    def add(self, groups: list[str], figures: dict[str, float]) -> None:
        for group in groups:
            for name, value in figures.items():
                self._values[group, name].append(value)

    def __call__(self, group: str, name: str) -> float:
        values = self._values.get((group, name), [])
        return sum(values) / len(values) if values else math.nan

    def keys(self):
        return self._values.keys()

    def count(self, group: str, name: str) -> int:
        return len(self._values.get((group, name), []))

    def interval(self, group: str, name: str, draws: int = 1000, seed: int = 11) -> tuple[float, float]:
        """95 % bootstrap interval of the mean."""
        import numpy as np

        values = np.array(self._values[group, name])
        means = np.random.default_rng(seed).choice(values, (draws, len(values))).mean(axis=1)
        return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))
