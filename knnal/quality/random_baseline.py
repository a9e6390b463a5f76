"""What labels drawn at random would have reached by now, from the audited items alone.

The audited items are a uniform sample of the pool, so a classifier that is given their labels and
no others is one that was labeled at random, with a tenth of the labels. How good it is shows in
the audited items that it was not given: subsets of several sizes teach, and the rest judge. The
accuracies by the size of the subset are then continued to all labels there are, as a line of
log-odds over the logarithm of the number of labels.

A few dozen items say little about the slope of that line, and it flattens later on. So the slope is
drawn to what is usual, by how little the items say of it, and the interval takes in, beside what
other items would have said (bootstrap), that the curve may bend either way. The constants were
chosen by measuring bias and coverage on six data sets (``python -m benchmarks.stopping``).
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
"""Below, the interval would hold almost anything."""

SHARES = (1 / 8, 1 / 4, 1 / 2, 3 / 4)
"""The sizes of the subsets, as shares of the audited items; one more leaves out a single item."""

REPEATS = 20
USUAL_SLOPE, USUAL_SPREAD = 1.2, 0.7
"""The rise of the log-odds with ten times the labels, over data sets: mean and deviation."""

FLATTENING = 0.85
"""What is left of the slope beyond the audited items."""

BEND = 0.6
"""How far off the log-odds may be at ten times the labels, were the line known exactly."""

BOOTSTRAPS = 400
_STEPS = 20


@dataclass(frozen=True, slots=True)
class RandomEstimate:
    """The accuracy that ``labels`` random labels would have reached, and its 95 % interval.

    ``audited`` items tell of it; ``curve`` leads from subsets of them to all labels there are.
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
    """Estimates what random labels would have reached; subsets are tried anew only when the
    audited items have grown by a twentieth. The geometry is asked for when it is first needed.
    """

    def __init__(self, geometry: Callable[[], PoolIndex]) -> None:
        self._make_geometry = geometry
        self._tried: list[tuple[int, str]] = []
        self._curve: SubsetCurve | None = None

    def estimate(
        self, audited: Sequence[Audited], rows: Sequence[int], labels: int
    ) -> RandomEstimate | None:
        """What as many random labels would have reached; None with too few audited items.

        ``rows`` are those of the audited items, ``labels`` the labels in force.
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
        return continued(self._curve, labels, np.random.default_rng(0))

    @cached_property
    def _geometry(self) -> PoolIndex:
        return self._make_geometry()

    @cached_property
    def _diffusion(self) -> Diffusion:
        return Diffusion(self._geometry.graph)


def located(pool: Pool, audited: Sequence[Audited], rows: int) -> tuple[list[Audited], list[int]]:
    """The audited items that are among the first ``rows`` of the pool, and which these are."""
    found = pool.catalog.rows_of(one.item for one in audited)
    there = [one for one in audited if found.get(one.item, rows) < rows]
    return there, [found[one.item] for one in there]


def subset_curve(rehearsal: Rehearsal, rng: np.random.Generator) -> SubsetCurve:
    """Try random subsets of each size, and all items but one."""
    count = len(rehearsal)
    sizes = sorted({max(int(share * count), 2) for share in SHARES})
    rates = [_subset_rates(rehearsal, size, rng) for size in sizes]
    left_out = rehearsal.right(np.ones(count, dtype=np.bool_)).astype(np.float64)
    return SubsetCurve(np.array([*sizes, count - 1]), np.stack([*rates, left_out]))


def continued(curve: SubsetCurve, labels: int, rng: np.random.Generator) -> RandomEstimate:
    """The curve continued to a number of labels."""
    count = curve.rates.shape[1]
    weights = np.concatenate(
        [np.ones((1, count)), rng.multinomial(count, np.full(count, 1 / count), size=BOOTSTRAPS)]
    )
    judged = ~np.isnan(curve.rates)
    shares = np.nan_to_num(curve.rates) @ weights.T / np.maximum(judged @ weights.T, 1e-9)
    odds = log_odds(shares, count)  # (s, 1 + bootstraps); the first column is of the items as such
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
    """Of shares of ``count`` items, half an item added on either side; finite for 0 and 1."""
    smoothed = (share * count + 0.5) / (count + 1)
    odds: Float64Array = np.log(smoothed / (1 - smoothed))
    return odds


def share_of(odds: float) -> float:
    """The share whose log-odds these are."""
    return float(1 / (1 + np.exp(-odds)))


def _odds_error(odds: float, count: int) -> float:
    """The standard error of log-odds that so many items tell: of use where all of them agree."""
    share = share_of(odds)
    return float(1 / np.sqrt(count * share * (1 - share)))


def _point(labels: int, middle: float, spread: float) -> CurvePoint:
    margin = CONFIDENCE_Z * spread
    return CurvePoint(
        labels, share_of(middle), share_of(middle - margin), share_of(middle + margin)
    )


def _subset_rates(rehearsal: Rehearsal, size: int, rng: np.random.Generator) -> Float64Array:
    """How often each item is predicted rightly by ``size`` others drawn at random, ``(m,)``."""
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
