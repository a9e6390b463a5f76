"""The summary of a simulation as a table, for every front end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Cell:
    """The text of a cell, and of its interval, "" without one."""

    value: str
    interval: str = ""


def title_of(summary: Mapping[str, Any]) -> str:
    """The data in one line."""
    data = summary["data"]
    return (
        f"{data['items']} items of {len(data['classes'])} classes, {data['dimension']} dimensions, "
        f"{data['splits']} split{'s' if data['splits'] > 1 else ''}"
    )


def head(summary: Mapping[str, Any]) -> list[str]:
    """The names of the columns."""
    settings = summary["settings"]
    labels, name = settings["labels"], settings["seek"]
    found = summary["contenders"][0]["found"] or {"targets": []}
    return [
        "strategy, classifier",
        *(text for t in settings["targets"] for text in (f"labels to {100 * t:g}%", "saved")),
        f"mean accuracy to {labels}",
        "above random, points",
        f"accuracy at {labels}",
        f"macro F1 at {labels}",
        *(f"labels to {100 * target['target']:g}% of '{name}'" for target in found["targets"]),
        *([f"'{name}' found at {labels}"] if name is not None else []),
    ]


def cells(summary: Mapping[str, Any]) -> list[list[Cell]]:
    """A row for each contender, in their order."""
    budget = summary["settings"]["labels"]
    rows = []
    for contender in summary["contenders"]:
        area, final, found = contender["area"]["accuracy"], contender["final"], contender["found"]
        row = [Cell(f"{contender['strategy']}, {contender['classifier']}")]
        for target in contender["targets"]:
            row += [_labels(target, budget), _saved(target["saved"])]
        row += [_percent(area), _points(area["difference"])]
        row += [_percent(final["accuracy"]), _percent(final["macro_f1"])]
        if found is not None:
            row += [_labels(target, budget) for target in found["targets"]]
            row.append(_percent(found["final"]))
        rows.append(row)
    return rows


def _cell(value: str, low: Any, high: Any) -> Cell:
    return Cell(value, "" if low is None else f"{low} to {high}")


def _labels(target: Mapping[str, Any], budget: int) -> Cell:
    """An interval that ends beyond the budget is open."""
    beyond = f">{budget}"
    value, high = (beyond if target[key] is None else target[key] for key in ("labels", "high"))
    return _cell(str(value), target["low"], high)


def _saved(saved: Mapping[str, Any] | None) -> Cell:
    if saved is None:
        return Cell("")
    sign = "≥ " if saved["at_least"] else ""
    return _cell(f"{sign}{saved['labels']}", saved["low"], saved["high"])


def _percent(estimate: Mapping[str, Any], sign: str = "", unit: str = "%") -> Cell:
    mean, low, high = (
        None if estimate[key] is None else f"{100 * estimate[key]:{sign}.1f}"
        for key in ("mean", "low", "high")
    )
    return _cell(f"{mean}{unit}", low, high)


def _points(estimate: Mapping[str, Any] | None) -> Cell:
    return Cell("") if estimate is None else _percent(estimate, "+", "")
