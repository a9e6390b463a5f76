"""The item of the highest product of CDFs, or of powers of them, found without sorting the pool.

Values are counted into bins. That bounds each item's place in each factor from both sides, and so
its score; the few items whose upper bound reaches the best lower bound are then placed exactly,
among the values of their own bins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from knnal.acquisition.bins import BINS, Binned, BinnedFactor
from knnal.acquisition.terms import power_product
from knnal.index.compilation import kernel
from knnal.index.parallel import over_rows
from knnal.types import BoolArray, Float32Array, Float64Array, IntArray, UInt16Array

_STRIDE = 61
"""One row in this many is scored first, for a score that the others have to reach."""

_STRIP = 64
"""Rows that are scanned together: as many as a few vector registers hold."""

_ROUNDING = 1.0 - 1e-12
"""Bounds are relaxed by more than the rounding of powers and products in double precision."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A row, its score, and its place in each factor, in (0, 1]."""

    row: int
    score: float
    places: tuple[float, ...]


class CdfProductSelector:
    """Picks rows of the largest product of empirical CDFs, repeatedly from the same pool.

    It keeps the bins of values that have not changed, which never affects what it picks.
    """

    def __init__(self) -> None:
        self._factors: list[BinnedFactor] = []

    def select(
        self,
        factors: Sequence[Float32Array],
        powers: Sequence[float],
        pool: BoolArray,
        allowed: BoolArray,
    ) -> Selection | None:
        """The allowed row of the largest product, ties to the lower row.

        Equal, to the last bit, to the argmax of ``power_product`` of ``empirical_cdf``
        (``knnal.acquisition.terms``).

        Parameters
        ----------
        factors : sequence of array of float32, shape (rows,)
            The values of each term.
        powers : sequence of float
            One for each factor, at least 0.
        pool : array of bool, shape (rows,)
            The rows that the CDFs are over.
        allowed : array of bool, shape (rows,)
            The rows to choose from; those outside the pool do not count.

        Returns
        -------
        Selection or None
            None if no row is allowed.
        """
        allowed = pool & allowed
        if not allowed.any():
            return None
        if [len(factor.rows.pool) for factor in self._factors] != [len(v) for v in factors]:
            self._factors = [BinnedFactor(len(values)) for values in factors]
        for factor, values in zip(self._factors, factors, strict=True):
            factor.update(values, pool)
        rows = _contenders(self._factors, powers, allowed)
        size = int(np.count_nonzero(pool))
        places = [_count_up_to(factor, rows) / size for factor in self._factors]
        scores = power_product(places, powers)
        best = int(np.argmax(scores))
        return Selection(
            int(rows[best]), float(scores[best]), tuple(float(p[best]) for p in places)
        )


def place_in_cdfs(
    factors: Sequence[Float32Array], powers: Sequence[float], pool: BoolArray, row: int
) -> Selection:
    """The same product for one row, by counting alone."""
    size = int(np.count_nonzero(pool))
    places = tuple(
        int(np.count_nonzero((values <= values[row]) & pool)) / size for values in factors
    )
    score = power_product([np.array([place]) for place in places], powers)
    return Selection(row, float(score[0]), places)


def _contenders(
    factors: Sequence[BinnedFactor], powers: Sequence[float], allowed: BoolArray
) -> IntArray:
    """The allowed rows whose score may be the highest, rising."""
    bins = tuple(factor.rows.bins for factor in factors)
    upper = np.array([factor.counts.cumsum() for factor in factors], dtype=np.float64)
    counts = np.array([factor.counts for factor in factors])
    single = np.array([factor.single_valued for factor in factors])
    exponents = np.array(powers)[:, None]
    lower = np.where(single, upper, upper - counts + 1.0) ** exponents
    upper **= exponents
    rows = len(allowed)
    some = np.arange(0, rows, _STRIDE)
    met = np.max(_bounds(bins, some[allowed[some]], lower), initial=0.0) * _ROUNDING
    least = _least_bins(upper, met)
    found = np.concatenate(
        over_rows(lambda start, stop: _reaching(bins, least, allowed, start, stop), rows)
    )
    needed = np.max(_bounds(bins, found, lower)) * _ROUNDING
    reaching: IntArray = found[_bounds(bins, found, upper) >= needed]
    return reaching


def _least_bins(upper: Float64Array, score: float) -> UInt16Array:
    """The bins that a row must reach for a score if it is the best in all other factors."""
    best = upper[:, -1]
    alone = upper * (best.prod() / best)[:, None]
    least: UInt16Array = np.argmax(alone >= score, axis=1).astype(np.uint16)
    return least


def _bounds(bins: tuple[UInt16Array, ...], rows: IntArray, at: Float64Array) -> Float64Array:
    """The product of what each factor has for the bins of rows, ``(m,) -> (m,)``."""
    bounds: Float64Array = at[0][bins[0][rows]]
    for own, places in zip(bins[1:], at[1:], strict=True):
        bounds *= places[own[rows]]
    return bounds


def _count_up_to(factor: BinnedFactor, rows: IntArray) -> IntArray:
    """How many values of the pool are at most as large as those of ``rows``."""
    own = factor.rows.bins[rows]
    mixed = np.zeros(BINS, dtype=np.bool_)
    mixed[own] = True
    mixed &= ~factor.single_valued
    up_to = factor.counts.cumsum()
    among = np.empty(0, dtype=np.float32)
    if mixed.any():
        lowest, highest = map(int, np.flatnonzero(mixed)[[0, -1]])
        parts = over_rows(
            lambda a, b: _values_in(factor.rows, mixed, lowest, highest, a, b),
            len(factor.rows.pool),
        )
        among = np.concatenate(parts)
    among.sort()
    full = up_to[own] - np.where(mixed[own], factor.counts[own], 0)
    of_mixed = np.where(mixed, factor.counts, 0)
    below_mixed = (np.cumsum(of_mixed) - of_mixed)[own]
    placed = np.searchsorted(among, factor.rows.values[rows], side="right") - below_mixed
    places: IntArray = full + np.where(mixed[own], placed, 0)
    return places


@kernel
def _reaching(
    bins: tuple[UInt16Array, ...],
    least: UInt16Array,
    allowed: BoolArray,
    start: int,
    stop: int,
) -> IntArray:
    """The allowed rows in the bins ``least`` or higher in every factor, rising."""
    found = np.empty(stop - start, dtype=np.int64)
    reaching = np.empty(_STRIP, dtype=np.bool_)
    count = 0
    for first in range(start, stop, _STRIP):
        size = min(_STRIP, stop - first)
        some = allowed[first : first + size]
        for i in range(size):
            reaching[i] = some[i]
        for k in range(len(bins)):
            own, needed = bins[k][first : first + size], least[k]
            for i in range(size):
                reaching[i] &= own[i] >= needed
        some_reach = False
        for i in range(size):
            some_reach |= reaching[i]
        if some_reach:
            for i in range(size):
                found[count] = first + i
                count += reaching[i]
    return found[:count]


@kernel
def _values_in(
    own: Binned, wanted: BoolArray, lowest: int, highest: int, start: int, stop: int
) -> Float32Array:
    """The pool's values in some of the bins ``lowest`` to ``highest``."""
    values, pool, bins = own
    found = np.empty(stop - start, dtype=np.float32)
    count = 0
    low, high = np.uint16(lowest), np.uint16(highest)
    for first in range(start, stop, _STRIP):
        last = min(first + _STRIP, stop)
        some = bins[first:last]
        near = False
        for i in range(len(some)):
            near |= (some[i] >= low) & (some[i] <= high)
        if near:
            for row in range(first, last):
                found[count] = values[row]
                count += pool[row] and wanted[bins[row]]
    return found[:count]
