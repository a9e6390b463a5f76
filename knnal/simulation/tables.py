"""The table of a simulation's summary, for every front end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell shows, and the interval around it, "" if there is none."""

    value: str
    interval: str = ""


def title_of(summary: Mapping[str, Any]) -> str:
    """The data in a line."""
    data = summary["data"]
    return (
        f"{data['items']} items of {len(data['classes'])} classes, {data['dimension']} dimensions, "
        f"{data['splits']} split{'s' if data['splits'] > 1 else ''}"
    )


def head(summary: Mapping[str, Any]) -> list[str]:
    """The names of the columns."""
    labels = summary["settings"]["labels"]
    targets = [f"{target:g}" for target in (100 * t for t in summary["settings"]["targets"])]
    return [
        "strategy, classifier",
        *(name for t in targets for name in (f"labels to {t} %", "saved")),
        f"mean accuracy to {labels}",
        "above random, points",
        f"accuracy at {labels}",
        f"macro F1 at {labels}",
        *_sought_heads(summary),
    ]


def _sought_heads(summary: Mapping[str, Any]) -> list[str]:
    """Of a class that is sought: the labels to shares of its items, and what is found at last."""
    sought, found = summary["settings"]["seek"], summary["contenders"][0]["found"]
    if found is None:
        return []
    shares = [f"{100 * target['target']:g}" for target in found["targets"]]
    return [
        *(f"labels to {share} % of '{sought}'" for share in shares),
        f"'{sought}' found at {summary['settings']['labels']}",
    ]


def cells(summary: Mapping[str, Any]) -> list[list[Cell]]:
    """A row for each contender, in their order."""
    return [_row(contender, summary["settings"]["labels"]) for contender in summary["contenders"]]


def _row(contender: Mapping[str, Any], budget: int) -> list[Cell]:
    area, final = contender["area"]["accuracy"], contender["final"]
    return [
        Cell(f"{contender['strategy']}, {contender['classifier']}"),
        *(cell for t in contender["targets"] for cell in (_labels(t, budget), _saved(t["saved"]))),
        _share(area),
        _difference(area["difference"]),
        _share(final["accuracy"]),
        _share(final["macro_f1"]),
        *_sought(contender["found"], budget),
    ]


def _sought(found: Mapping[str, Any] | None, budget: int) -> list[Cell]:
    if found is None:
        return []
    return [*(_labels(target, budget) for target in found["targets"]), _share(found["final"])]


def _labels(target: Mapping[str, Any], budget: int) -> Cell:
    """Ends of the interval beyond the budget are not known."""
    beyond = f">{budget}"
    value = beyond if target["labels"] is None else str(target["labels"])
    if target["low"] is None:
        return Cell(value)
    high = beyond if target["high"] is None else target["high"]
    return Cell(value, f"{target['low']} to {high}")


def _saved(saved: Mapping[str, Any] | None) -> Cell:
    if saved is None:
        return Cell("")
    value = f"{'≥ ' if saved['at_least'] else ''}{saved['labels']}"
    return Cell(value, "" if saved["low"] is None else f"{saved['low']} to {saved['high']}")


def _share(estimate: Mapping[str, Any]) -> Cell:
    value = f"{100 * estimate['mean']:.1f} %"
    if estimate["low"] is None:
        return Cell(value)
    return Cell(value, f"{100 * estimate['low']:.1f} to {100 * estimate['high']:.1f}")


def _difference(estimate: Mapping[str, Any] | None) -> Cell:
    """In percentage points."""
    if estimate is None:
        return Cell("")
    value = f"{100 * estimate['mean']:+.1f}"
    if estimate["low"] is None:
        return Cell(value)
    return Cell(value, f"{100 * estimate['low']:+.1f} to {100 * estimate['high']:+.1f}")
