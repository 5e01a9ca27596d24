"""Markdown and JSON of a run."""

import json
from pathlib import Path

from harness import machine as machines
from harness.stats import Subject, Summary


def write(folder: Path, machine: dict, settings: dict, subjects: list[Subject]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    data = {"machine": machine, "settings": settings, "subjects": [as_json(subject) for subject in subjects]}
    (folder / "results.json").write_text(json.dumps(data, indent=1) + "\n")
    (folder / "results.md").write_text(markdown(machine, settings, subjects))


def as_json(subject: Subject) -> dict:
    cases = {}
    for case, systems in subject.rounds.items():
        cases[case] = {
            "systems": {
                system: {
                    metric.key: summary.as_json()
                    for metric in subject.metrics
                    if (summary := subject.summary(case, system, metric.key))
                }
                for system in systems
            },
            "ratios": {
                f"{ours} / {peer}": {
                    metric.key: ratio.as_json()
                    for metric in subject.metrics
                    if metric.is_ratio and (ratio := subject.ratio(case, ours, peer, metric))
                }
                for ours in subject.rated(case)
                for peer in subject.peers(case)
            },
            "rounds": systems,
        }
    return {"subject": subject.key, "title": subject.title, "notes": subject.notes, "cases": cases}


def markdown(machine: dict, settings: dict, subjects: list[Subject]) -> str:
    parts = [
        "# Loci measured against its peers",
        "",
        machines.line(machine) + ".",
        "",
        f"{settings['rounds']} rounds that take the systems in turn, {settings['seconds']:g} s each; "
        f"seed {settings['seed']}; {settings['loci']}. "
        "Values are medians over the rounds with (lowest–highest). "
        "A ratio is the median over the rounds of ours against the peer in the same round, written so that "
        "above 1 is in Loci's favour.",
    ]
    for subject in subjects:
        parts += ["", f"## {subject.title}", "", *_values(subject), "", *_ratios(subject)]
        parts += ["", f"![{subject.title}]({subject.key}.png)", ""]
        parts += [f"- {note}" for note in subject.notes]
    return "\n".join(parts).rstrip() + "\n"


def _values(subject: Subject) -> list[str]:
    rows = [["case", "system", *(metric.title for metric in subject.metrics)]]
    for case, systems in subject.rounds.items():
        for system in systems:
            cells = [
                _cell(subject.summary(case, system, metric.key), metric.digits) for metric in subject.metrics
            ]
            rows.append([case, system, *cells])
    return _table(rows)


def _ratios(subject: Subject) -> list[str]:
    metrics = [metric for metric in subject.metrics if metric.is_ratio]
    rows = [["case", "ratio", *(metric.title for metric in metrics)]]
    for case in subject.rounds:
        for ours in subject.rated(case):
            for peer in subject.peers(case):
                cells = [_times(subject.ratio(case, ours, peer, metric)) for metric in metrics]
                rows.append([case, f"{ours} : {peer}", *cells])
    return _table(rows)


def _table(rows: list[list[str]]) -> list[str]:
    head, *body = rows
    align = "|" + "---|" * 2 + "---:|" * (len(head) - 2)
    return ["| " + " | ".join(head) + " |", align, *("| " + " | ".join(row) + " |" for row in body)]


def _cell(summary: Summary | None, digits: int) -> str:
    if summary is None:
        return "–"
    median, low, high = (f"{value:,.{digits}f}" for value in (summary.median, summary.low, summary.high))
    return median if low == high else f"{median} ({low}–{high})"


def _times(summary: Summary | None) -> str:
    return (
        "–"
        if summary is None
        else f"**{_short(summary.median)}×** ({_short(summary.low)}–{_short(summary.high)})"
    )


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
