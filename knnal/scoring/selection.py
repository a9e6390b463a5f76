"""The item of highest CDF product, found without sorting the pool.

Values are counted into bins. That bounds each item's place in each factor from both sides, and so
its score; the few items whose upper bound reaches the best lower bound are then placed exactly,
among the values of their own bins. Two rounds of counts, which parts of a pool can add up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from knnal.compiled import kernel
from knnal.parallel import over_rows
from knnal.types import BoolArray, Float32Array, Float64Array, IntArray, UInt16Array

_BINS = 4096
_BLOCK = 65536
_ROUNDING = 1.0 - 1e-12
"""Three counts are multiplied in double precision; bounds give way by more than that rounds."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A row, its score, and its place in each factor, in (0, 1]."""

    row: int
    score: float
    places: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Counted:
    """How many values lie in each bin, and how many in all those below, both ``(factors, bins)``.

    ``bins`` is ``(factors, rows)``.
    """

    bins: UInt16Array
    counts: IntArray
    below: IntArray

    @property
    def alike(self) -> BoolArray:
        """The bins of which all values are known to be one and the same, ``(factors, bins)``."""
        alike = self.counts <= 1
        alike[:, [0, -1]] = True
        return alike


def select_cdf_product(
    factors: tuple[Float32Array, ...], pool: BoolArray, allowed: BoolArray
) -> Selection | None:
    """The allowed row of the largest product of empirical CDFs, ties to the lower row.

    ``factors`` are ``(rows,)`` each; their CDFs are over the rows of ``pool``. Equal, to the last
    bit, to the argmax of the product of ``combine.empirical_cdf``. None if no row is allowed.
    """
    allowed = pool & allowed
    if not allowed.any():
        return None
    counted = _count(factors, pool)
    rows = _contenders(counted, allowed)
    size = int(np.count_nonzero(pool))
    places = [
        _count_up_to(k, counted, values, pool, rows) / size for k, values in enumerate(factors)
    ]
    scores = places[0]
    for more in places[1:]:
        scores = scores * more
    best = int(np.argmax(scores))
    return Selection(int(rows[best]), float(scores[best]), tuple(float(p[best]) for p in places))


def place_in_cdfs(factors: tuple[Float32Array, ...], pool: BoolArray, row: int) -> Selection:
    """The product of a row's empirical CDFs over the rows of ``pool``, by counting alone."""
    size = int(np.count_nonzero(pool))
    places = tuple(
        int(np.count_nonzero((values <= values[row]) & pool)) / size for values in factors
    )
    score = places[0]
    for place in places[1:]:
        score *= place
    return Selection(row, score, places)


def _count(factors: tuple[Float32Array, ...], pool: BoolArray) -> _Counted:
    rows = len(pool)
    extents = np.array(
        over_rows(lambda start, stop: _extents(factors, pool, start, stop), rows, _BLOCK)
    )
    low, high = extents[:, 0].min(axis=0), extents[:, 1].max(axis=0)
    # The lowest and the highest value get a bin of their own: those are the ones that many share.
    width = high.astype(np.float64) - low
    scale = np.divide(_BINS - 2, width, out=np.zeros_like(width), where=width > 0)
    bins = np.empty((len(factors), rows), dtype=np.uint16)
    parts = over_rows(
        lambda start, stop: _fill(factors, pool, low, high, scale, start, stop, bins), rows, _BLOCK
    )
    counts = np.sum(parts, axis=0)
    return _Counted(bins, counts, np.cumsum(counts, axis=1) - counts)


def _contenders(counted: _Counted, allowed: BoolArray) -> IntArray:
    """The allowed rows whose score may be the highest, rising."""
    upper = (counted.below + counted.counts).astype(np.float64)
    lower = np.where(counted.alike, upper, counted.below + 1.0)
    rows = len(allowed)
    blocks = over_rows(
        lambda start, stop: _best_bounds(counted.bins, allowed, lower, upper, start, stop),
        rows,
        _BLOCK,
    )
    needed = max(low for low, _ in blocks) * _ROUNDING
    hopeful = [at for at, (_, high) in enumerate(blocks) if high >= needed]
    return np.concatenate(
        [
            _reaching(
                counted.bins, allowed, upper, needed, at * _BLOCK, min((at + 1) * _BLOCK, rows)
            )
            for at in hopeful
        ]
    )


def _count_up_to(
    k: int, counted: _Counted, values: Float32Array, pool: BoolArray, rows: IntArray
) -> IntArray:
    """How many values of factor ``k`` in the pool are at most as large as those of ``rows``."""
    bins = counted.bins[k]
    unsettled = np.zeros(_BINS, dtype=np.bool_)
    unsettled[bins[rows]] = True
    unsettled &= ~counted.alike[k]
    among = np.concatenate(
        over_rows(
            lambda start, stop: _values_in(values, bins, pool, unsettled, start, stop),
            len(pool),
            _BLOCK,
        )
    )
    among.sort()
    own = bins[rows]
    full = counted.below[k][own] + np.where(unsettled[own], 0, counted.counts[k][own])
    of_unsettled = np.where(unsettled, counted.counts[k], 0)
    below_unsettled = (np.cumsum(of_unsettled) - of_unsettled)[own]
    placed = np.searchsorted(among, values[rows], side="right") - below_unsettled
    places: IntArray = full + np.where(unsettled[own], placed, 0)
    return places


@kernel
def _extents(
    factors: tuple[Float32Array, ...], pool: BoolArray, start: int, stop: int
) -> Float32Array:
    """The lowest and highest value of each factor, ``(2, factors)``."""
    extents = np.empty((2, len(factors)), dtype=np.float32)
    for k in range(len(factors)):
        values = factors[k]
        low, high = np.float32(np.inf), np.float32(-np.inf)
        for row in range(start, stop):
            low = min(low, values[row] if pool[row] else low)
            high = max(high, values[row] if pool[row] else high)
        extents[0, k], extents[1, k] = low, high
    return extents


@kernel
def _fill(
    factors: tuple[Float32Array, ...],
    pool: BoolArray,
    low: Float32Array,
    high: Float32Array,
    scale: Float64Array,
    start: int,
    stop: int,
    bins: UInt16Array,
) -> IntArray:
    """Sort rows into bins; how many of the pool are in each, ``(factors, bins)``."""
    counts = np.zeros((len(factors), _BINS), dtype=np.int64)
    for k in range(len(factors)):
        values = factors[k][start:stop]
        own = bins[k, start:stop]
        least, most, per_bin = low[k], high[k], np.float32(scale[k])
        for i in range(len(values)):  # arithmetic alone, which runs on vectors
            at = 1 + int((values[i] - least) * per_bin)
            at = max(1, min(at, _BINS - 2))  # values of rows outside the pool may lie anywhere
            at = 0 if values[i] == least else at
            own[i] = _BINS - 1 if values[i] == most and most > least else at
        for i in range(len(values)):
            counts[k, own[i]] += pool[start + i]
    return counts


@kernel
def _best_bounds(
    bins: UInt16Array,
    allowed: BoolArray,
    lower: Float64Array,
    upper: Float64Array,
    start: int,
    stop: int,
) -> tuple[float, float]:
    """The highest lower bound and the highest upper bound of any allowed row.

    A row whose first factor alone, with the others at their best, stays below a bound that was
    met already cannot raise either: most rows are passed over for that.
    """
    best_low, best_high, others = 0.0, 0.0, 1.0
    for k in range(1, len(bins)):
        others *= upper[k, -1]
    for row in range(start, stop):
        high = upper[0, bins[0, row]]
        if not allowed[row] or high * others < best_low:
            continue
        low = lower[0, bins[0, row]]
        for k in range(1, len(bins)):
            low *= lower[k, bins[k, row]]
            high *= upper[k, bins[k, row]]
        best_low = max(best_low, low)
        best_high = max(best_high, high)
    return best_low, best_high


@kernel
def _reaching(
    bins: UInt16Array, allowed: BoolArray, upper: Float64Array, needed: float, start: int, stop: int
) -> IntArray:
    """The allowed rows whose upper bound is as high as needed, rising."""
    found = np.empty(stop - start, dtype=np.int64)
    count = 0
    for row in range(start, stop):
        if allowed[row]:
            high = 1.0
            for k in range(len(bins)):
                high *= upper[k, bins[k, row]]
            if high >= needed:
                found[count] = row
                count += 1
    return found[:count]


@kernel
def _values_in(
    values: Float32Array,
    bins: UInt16Array,
    pool: BoolArray,
    wanted: BoolArray,
    start: int,
    stop: int,
) -> Float32Array:
    """The pool's values in some bins."""
    found = np.empty(stop - start, dtype=np.float32)
    count = 0
    for row in range(start, stop):
        if pool[row] and wanted[bins[row]]:
            found[count] = values[row]
            count += 1
    return found[:count]
