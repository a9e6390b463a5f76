"""What is claimed, beside what was measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.engine.check import CheckFigures
from benchmarks.engine.loop import LoopFigures, Window
from benchmarks.engine.opening import Opening
from benchmarks.engine.peers import PeerFigures
from benchmarks.engine.pools import Made
from knnal.types import Float64Array

TARGET = (1_000_000, 1280)
"""The size that the bars are about."""


@dataclass(slots=True)
class Figures:
    """All that a run has measured so far."""

    made: list[Made] = field(default_factory=list)
    loops: list[LoopFigures] = field(default_factory=list)
    openings: list[Opening] = field(default_factory=list)
    peers: list[PeerFigures] = field(default_factory=list)
    check: CheckFigures | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """A claim: what is measured must be at most, or at least, so much; None: not measured."""

    name: str
    limit: float
    measured: float | None
    unit: str = ""
    at_least: bool = False

    @property
    def held(self) -> bool:
        if self.measured is None or math.isnan(self.measured):
            return False
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit


def bars(figures: Figures) -> list[Bar]:
    """Of the largest pool of the first dimension, whether or not that is ``TARGET``."""
    size = target(figures)
    loop = next((f for f in figures.loops if (f.items, f.dimension) == size), None)
    made = next((f for f in figures.made if (f.items, f.dimension) == size), None)
    opening = next((f for f in figures.openings if (f.items, f.dimension) == size), None)
    early = loop.early.ratio(50) if loop and loop.early.steps else None
    windows = {w.first: w for w in loop.windows} if loop else {}
    last = loop.windows[-1].first if loop else 0
    perceived = [w.perceived_s(95) for w in windows.values()]
    found = None
    if figures.check is not None:
        found = float(sum(figures.check.disagreements.values()))
    growth = exponents(figures.loops).get((size[1], last))
    return [
        Bar("p50 / baseline, up to 50 labels", 1.3, early),
        Bar("p50 / baseline, 1,000 labels", 0.35, _ratio(windows, 1000)),
        Bar("p50 / baseline, 3,000 labels", 0.20, _ratio(windows, 3000)),
        Bar("perceived p95, worst window", 5.0, 1e3 * max(perceived) if perceived else None, "ms"),
        Bar(f"growth exponent, {last:,} labels", 1.05, growth),
        Bar(
            f"opening with {opening.labels if opening else 0:,} labels",
            15.0,
            opening.first_s if opening else None,
            "s",
        ),
        Bar("the same, with what a session kept", 15.0, opening.again_s if opening else None, "s"),
        Bar("neighbor graph", 20.0, made.graph_s / 60 if made else None, "min"),
        Bar("recall of the graph", 0.95, made.recall if made else None, at_least=True),
        Bar("disagreements with the reference", 0.0, found),
    ]


def exponents(loops: Sequence[LoopFigures]) -> dict[tuple[int, int], float]:
    """By dimension and labels in hand, the slope of log p50 over log items, by least squares."""
    points: dict[tuple[int, int], list[tuple[int, float]]] = {}
    for loop in loops:
        for window in loop.windows:
            at = points.setdefault((loop.dimension, window.first), [])
            at.append((loop.items, window.quantile_s(50)))
    return {
        key: _slope(np.log(np.array(values)))
        for key, values in points.items()
        if len({items for items, _ in values}) > 1
    }


def _slope(points: Float64Array) -> float:
    """Of the least squares line through points ``(n, 2)``."""
    x, y = (points - points.mean(axis=0)).T
    return float((x @ y) / (x @ x))


def target(figures: Figures) -> tuple[int, int]:
    """The size that the bars are measured at: the largest pool of the first dimension."""
    if not figures.made:
        return TARGET
    dimension = figures.made[0].dimension
    return max(made.items for made in figures.made if made.dimension == dimension), dimension


def _ratio(windows: dict[int, Window], labels: int) -> float | None:
    return windows[labels].ratio(50) if labels in windows else None
