"""The figures of all strategies as Markdown."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.tables import NONE, table


def strategies_lines(found: dict[str, Any]) -> list[str]:
    """A table of what they cost, one of what they are worth, and what is not in them."""
    lines = []
    if found["costs"]:
        lines += ["### What a label costs", _costs_text(found), _costs(found)]
    if found["sets"]:
        lines += ["### What the questions are worth", _areas_text(found), _areas(found["sets"])]
    lines += [f"`{name}` is left out. {why}" for name, why in found["left_out"].items()]
    return lines


def _costs_text(found: dict[str, Any]) -> str:
    return (
        f"{found['items']:,} items of {found['dimension']} dimensions, {found['start']} labels in "
        "hand, classifier `combined`; medians in milliseconds. A label is the update of the whole "
        "state and the next pick; the ratio is to one NumPy pass `X @ q` over the same vectors, "
        "taken between the steps of the same run. The first pick prepares what a strategy keeps."
    )


def _costs(found: dict[str, Any]) -> str:
    heads = (
        "strategy", "a label", "of it the pick", "X @ q", "ratio", "slowest pick", "first pick",
        f"{found['batch']} at once",
    )  # fmt: skip
    rows = [
        (
            f"`{name}`", *(f"{cost[k]:.1f}" for k in ("label", "pick", "pass")),
            f"{cost['ratio']:.2f}", *(f"{cost[k]:.0f}" for k in ("slowest_pick", "first", "batch")),
        )
        for name, cost in found["costs"].items()
    ]  # fmt: skip
    return table(heads, rows)


def _areas_text(found: dict[str, Any]) -> str:
    return (
        f"The mean accuracy on held-out items over the first {found['labels']} labels, one at a "
        "time from none, asked and judged with `combined`; in brackets its difference to "
        "`random`, with a star where the 95 % interval over the seeds leaves 0 out. The last "
        "column is the mean over the data sets of the area as a share of the accuracy with every "
        "label."
    )


def _areas(sets: dict[str, Any]) -> str:
    names = list(dict.fromkeys(name for part in sets.values() for name in part["strategies"]))
    rows = []
    for name in sorted(names, key=lambda name: -_normalized(sets, name)):
        cells = [_area(part["strategies"].get(name)) for part in sets.values()]
        rows.append((f"`{name}`", *cells, f"{_normalized(sets, name):.3f}"))
    every = (f"{part['every_label']:.3f}" for part in sets.values())
    heads = ("strategy", *(part["title"] for part in sets.values()), "normalized")
    return table(heads, [*rows, ("every label", *every, "1")])


def _normalized(sets: dict[str, Any], name: str) -> float:
    own = [part["strategies"].get(name) for part in sets.values()]
    shares = [of["normalized"] for of in own if of is not None]
    return float(np.mean(shares))


def _area(of: dict[str, Any] | None) -> str:
    if of is None:
        return NONE
    if of["gain"] is None:
        return f"{of['area']:.3f}"
    mean, low, high = of["gain"]
    star = "*" if low > 0 or high < 0 else ""
    return f"{of['area']:.3f} ({mean:+.3f}{star})"
