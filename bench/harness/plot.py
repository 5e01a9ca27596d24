"""One picture for each subject: a panel for each compared metric, bars for the systems of each case."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator  # noqa: E402

from harness.stats import Metric, Subject  # noqa: E402

# Ours is the strong colour; peers keep theirs over all panels.
OURS = ["#1b6ca8", "#67a9cf", "#a9cce3"]
PEERS = ["#d95f02", "#e6ab02", "#7f7f7f", "#b07aa1", "#59a14f", "#e15759", "#9c755f", "#edc948", "#bab0ac"]


def write(folder: Path, subject: Subject) -> None:
    systems: list[str] = []
    for by_system in subject.rounds.values():
        systems += [system for system in by_system if system not in systems]
    ours = [system for system in systems if system in subject.ours]
    peers = [system for system in systems if system not in subject.ours]
    colours = dict(zip(ours, OURS)) | dict(zip(peers, PEERS))

    metrics = [metric for metric in subject.metrics if metric.is_ratio]
    figure, panels = plt.subplots(1, len(metrics), figsize=(4.4 * len(metrics), 4.2), squeeze=False)
    for panel, metric in zip(panels[0], metrics):
        _draw(panel, subject, metric, ours + peers, colours)
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=min(4, len(labels)), frameon=False)
    figure.suptitle(subject.title)
    figure.tight_layout(rect=(0, 0.1, 1, 1))
    figure.savefig(folder / f"{subject.key}.png", dpi=110)
    plt.close(figure)


def _draw(panel, subject: Subject, metric: Metric, systems: list[str], colours: dict[str, str]) -> None:
    cases = list(subject.rounds)
    width = 0.8 / len(systems)
    for index, system in enumerate(systems):
        at, heights, errors = [], [], [[], []]
        for position, case in enumerate(cases):
            summary = subject.summary(case, system, metric.key) if system in subject.rounds[case] else None
            if summary is None:
                continue
            at.append(position + (index - (len(systems) - 1) / 2) * width)
            heights.append(summary.median)
            errors[0].append(summary.median - summary.low)
            errors[1].append(summary.high - summary.median)
        panel.bar(at, heights, width * 0.92, yerr=errors, capsize=2, label=system, color=colours[system])
    panel.set_yscale("log")
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.yaxis.set_major_formatter(EngFormatter(sep=""))
    panel.yaxis.set_minor_locator(NullLocator())
    panel.set_xticks(range(len(cases)), cases)
    direction = "higher is better" if metric.higher_is_better else "lower is better"
    panel.set_title(f"{metric.title} ({direction})", fontsize=10)
    panel.grid(axis="y", alpha=0.3)
    panel.spines[["top", "right"]].set_visible(False)
