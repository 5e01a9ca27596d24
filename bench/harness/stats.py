"""Summaries of rounds."""

import statistics
from dataclasses import dataclass, field


@dataclass
class Summary:
    """Median and range over rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> "Summary":
        return cls(statistics.median(values), min(values), max(values))

    def as_json(self) -> dict:
        return {"median": self.median, "min": self.low, "max": self.high}


@dataclass(frozen=True)
class Metric:
    """A figure of a measurement. `higher_is_better` decides which way a ratio is written."""

    key: str
    title: str
    higher_is_better: bool
    digits: int = 0
    # Compared with the peers; otherwise only shown.
    is_ratio: bool = True


@dataclass
class Subject:
    """One table: cases × systems × metrics, with a value for each round."""

    key: str
    title: str
    metrics: list[Metric]
    notes: list[str] = field(default_factory=list)
    # rounds[case][system] is a list of {metric: value}, one for each round.
    rounds: dict[str, dict[str, list[dict]]] = field(default_factory=dict)
    # Systems whose name is here are ours: each is compared with every peer of its case,
    ours: tuple[str, ...] = ("Loci",)
    # but these are only shown, since they do more than the peers do.
    unrated: tuple[str, ...] = ()

    def add(self, case: str, system: str, result: dict) -> None:
        self.rounds.setdefault(case, {}).setdefault(system, []).append(result)

    def summary(self, case: str, system: str, metric: str) -> Summary | None:
        values = [one[metric] for one in self.rounds[case][system] if one.get(metric) is not None]
        return Summary.of(values) if values else None

    def ratio(self, case: str, ours: str, peer: str, metric: Metric) -> Summary | None:
        """How many times better ours is than the peer, round by round: above 1 is in our favour."""
        pairs = zip(self.rounds[case][ours], self.rounds[case][peer])
        values = []
        for mine, other in pairs:
            a, b = mine.get(metric.key), other.get(metric.key)
            if a and b:
                values.append(a / b if metric.higher_is_better else b / a)
        return Summary.of(values) if values else None

    def rated(self, case: str) -> list[str]:
        return [system for system in self.ours if system in self.rounds[case] and system not in self.unrated]

    def peers(self, case: str) -> list[str]:
        return [system for system in self.rounds[case] if system not in self.ours]
