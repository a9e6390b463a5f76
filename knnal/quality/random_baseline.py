"""Estimates the accuracy that random labels would have reached, from the audited items alone.

The audited items are a uniform sample of the pool, so a classifier that is trained on their labels
alone is one with random labels. Subsets of several sizes are used for training, and the remaining
audited items for testing. The accuracies by subset size are extrapolated to the current number of
labels, as a line of log-odds over the logarithm of the number of labels.

A few dozen items determine the slope of that line poorly, and the line flattens later. So the slope
is shrunk toward a usual one, by how uncertain it is, and the interval contains the uncertainty of
the items (bootstrap) and of the curvature. The constants were chosen by measuring bias and coverage
on six data sets (``python -m benchmarks.stopping``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from knnal.index.diffusion import Diffusion
from knnal.index.pool_index import PoolIndex
from knnal.pool.pool import Pool
from knnal.quality.audit import CONFIDENCE_Z, Audited, CurvePoint
from knnal.quality.rehearsal import Rehearsal
from knnal.types import Float64Array, IntArray

LEAST_AUDITED = 20
"""With fewer items, the interval would contain almost anything."""

SHARES = (1 / 8, 1 / 4, 1 / 2, 3 / 4)
"""The sizes of the subsets, as shares of the audited items, besides leave-one-out."""

REPEATS = 20
USUAL_SLOPE, USUAL_SPREAD = 1.2, 0.7
"""The rise of the log-odds with ten times the labels: mean and standard deviation."""

FLATTENING = 0.85
"""The slope beyond the audited items, relative to the slope within them."""

BEND = 0.6
"""The standard error of the log-odds at ten times the labels due to curvature."""

BOOTSTRAPS = 400
_STEPS = 20


@dataclass(frozen=True, slots=True)
class RandomEstimate:
    """The accuracy that ``labels`` random labels would have reached, and its 95% interval.

    It is from ``audited`` items; ``curve`` is from subsets of them up to all current labels.
    """

    accuracy: float
    low: float
    high: float
    labels: int
    audited: int
    curve: tuple[CurvePoint, ...]


@dataclass(frozen=True, slots=True)
class SubsetCurve:
    """How often subsets of each of the ``sizes`` ``(s,)`` predict each item: ``rates`` ``(s, m)``.

    NaN where an item was in every subset of a size.
    """

    sizes: IntArray
    rates: Float64Array


class RandomLabels:
    """Estimates the accuracy that random labels would have reached. Subsets are evaluated again
    only when the number of audited items has grown by a twentieth; the index is loaded when needed.
    """

    def __init__(self, geometry: Callable[[], PoolIndex]) -> None:
        self._make_geometry = geometry
        self._tried: list[tuple[int, str]] = []
        self._curve: SubsetCurve | None = None

    def estimate(
        self, audited: Sequence[Audited], rows: Sequence[int], labels: int
    ) -> RandomEstimate | None:
        """The accuracy of as many random labels; None with too few audited items.

        ``rows`` are those of the audited items, ``labels`` is the number of labels in force.
        """
        kept = len(audited) - len(audited) % max(len(audited) // _STEPS, 1)
        if kept < LEAST_AUDITED:
            return None
        tried = [(row, one.label) for row, one in zip(rows[:kept], audited[:kept], strict=True)]
        if self._curve is None or tried != self._tried:
            _, classes = np.unique([label for _, label in tried], return_inverse=True)
            rehearsal = Rehearsal(
                self._geometry, self._diffusion, np.array([row for row, _ in tried]), classes
            )
            self._curve = subset_curve(rehearsal, np.random.default_rng(0))
            self._tried = tried
        return extrapolated(self._curve, labels, np.random.default_rng(0))

    @cached_property
    def _geometry(self) -> PoolIndex:
        return self._make_geometry()

    @cached_property
    def _diffusion(self) -> Diffusion:
        return Diffusion(self._geometry.graph)


def located(pool: Pool, audited: Sequence[Audited], rows: int) -> tuple[list[Audited], list[int]]:
    """The audited items among the first ``rows`` of the pool, and their rows."""
    found = pool.catalog.rows_of(one.item for one in audited)
    there = [one for one in audited if found.get(one.item, rows) < rows]
    return there, [found[one.item] for one in there]


def subset_curve(rehearsal: Rehearsal, rng: np.random.Generator) -> SubsetCurve:
    """Evaluate random subsets of each size, and all items but one."""
    count = len(rehearsal)
    sizes = sorted({max(int(share * count), 2) for share in SHARES})
    rates = [_subset_rates(rehearsal, size, rng) for size in sizes]
    left_out = rehearsal.right(np.ones(count, dtype=np.bool_)).astype(np.float64)
    return SubsetCurve(np.array([*sizes, count - 1]), np.stack([*rates, left_out]))


def extrapolated(curve: SubsetCurve, labels: int, rng: np.random.Generator) -> RandomEstimate:
    """Extrapolate the curve to a number of labels."""
    count = curve.rates.shape[1]
    weights = np.concatenate(
        [np.ones((1, count)), rng.multinomial(count, np.full(count, 1 / count), size=BOOTSTRAPS)]
    )
    judged = ~np.isnan(curve.rates)
    shares = np.nan_to_num(curve.rates) @ weights.T / np.maximum(judged @ weights.T, 1e-9)
    odds = log_odds(
        shares, count
    )  # (s, 1 + bootstraps); the first column is of the items without resampling
    at = np.log10(curve.sizes)
    slopes = (at - at.mean()) @ odds / np.sum((at - at.mean()) ** 2)
    levels = odds[-3:].mean(axis=0) + slopes * (np.log10(count) - at[-3:].mean())
    trust = USUAL_SPREAD**2 / (USUAL_SPREAD**2 + slopes[1:].var())
    further = np.log10(labels / count)
    drawn = trust * slopes + (1 - trust) * USUAL_SLOPE
    middle = levels[0] + max(drawn[0], 0.0) * FLATTENING * further
    by_items = np.std(levels[1:] + drawn[1:] * FLATTENING * further)
    spread = np.hypot(max(by_items, _odds_error(levels[0], count)), BEND * further)
    points = [
        _point(size, row[0], np.std(row[1:]))
        for size, row in zip(curve.sizes.tolist(), odds, strict=True)
    ]
    end = _point(labels, middle, spread)
    curve_points = (*(point for point in points if point.labels < labels), end)
    return RandomEstimate(end.accuracy, end.low, end.high, labels, count, curve_points)


def log_odds(share: Float64Array, count: int) -> Float64Array:
    """Of shares of ``count`` items, with half an item added on either side; finite for 0 and 1."""
    smoothed = (share * count + 0.5) / (count + 1)
    odds: Float64Array = np.log(smoothed / (1 - smoothed))
    return odds


def share_of(odds: float) -> float:
    """The share whose log-odds these are."""
    return float(1 / (1 + np.exp(-odds)))


def _odds_error(odds: float, count: int) -> float:
    """The standard error of the log-odds of a share of ``count`` items."""
    share = share_of(odds)
    return float(1 / np.sqrt(count * share * (1 - share)))


def _point(labels: int, middle: float, spread: float) -> CurvePoint:
    margin = CONFIDENCE_Z * spread
    return CurvePoint(
        labels, share_of(middle), share_of(middle - margin), share_of(middle + margin)
    )


def _subset_rates(rehearsal: Rehearsal, size: int, rng: np.random.Generator) -> Float64Array:
    """How often each item is predicted correctly from ``size`` random others, ``(m,)``."""
    count = len(rehearsal)
    judged, right = np.zeros(count), np.zeros(count)
    for _ in range(REPEATS):
        members = np.zeros(count, dtype=np.bool_)
        members[rng.choice(count, size, replace=False)] = True
        outcome = rehearsal.right(members)
        judged += ~members
        right += outcome & ~members
    rates: Float64Array = np.divide(right, judged, out=np.full(count, np.nan), where=judged > 0)
    return rates
