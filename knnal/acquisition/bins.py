"""The values of one factor over a pool, counted into bins, and kept so while they change."""

from __future__ import annotations

import numpy as np

from knnal.index.compilation import kernel
from knnal.index.parallel import over_rows
from knnal.types import BoolArray, Float32Array, IntArray, UInt16Array

BINS = 4096
_STRIP = 256
"""Rows that are compared together before each is."""

_MANY = 16
"""Where more than one row in so many has changed, counting all anew is no slower."""


class BinnedFactor:
    """``values``, ``pool`` and ``bins`` ``(rows,)``; ``counts`` ``(BINS,)`` of the pool's values.

    A lower bin has no higher value. When all are counted, the lowest and the highest value get a
    bin of their own: those are the ones that many rows share. Rows outside the pool may have any
    values and bins.
    """

    def __init__(self, rows: int) -> None:
        self.values: Float32Array = np.full(rows, np.nan, dtype=np.float32)
        self.pool: BoolArray = np.zeros(rows, dtype=np.bool_)
        self.bins: UInt16Array = np.zeros(rows, dtype=np.uint16)
        self.counts: IntArray = np.zeros(BINS, dtype=np.int64)
        self._extent: Float32Array = np.array([np.inf, -np.inf], dtype=np.float32)

    def bring_up(self, values: Float32Array, pool: BoolArray) -> None:
        """Count these values ``(rows,)`` of this pool instead; few changes take little time."""
        found = over_rows(
            lambda start, stop: _changed(values, pool, self.values, self.pool, start, stop),
            len(pool),
        )
        rows = np.concatenate([part for part, _ in found])
        if not all(few for _, few in found) or not _patch(
            values, pool, rows, self._extent, self.values, self.pool, self.bins, self.counts
        ):
            self._count(values, pool)

    @property
    def alike(self) -> BoolArray:
        """The bins of which all values are known to be one and the same, ``(BINS,)``."""
        alike = self.counts <= 1
        alike[[0, -1]] = True
        return alike

    def _count(self, values: Float32Array, pool: BoolArray) -> None:
        extents = over_rows(lambda start, stop: _extent(values, pool, start, stop), len(pool))
        self._extent = np.array(
            [min(low for low, _ in extents), max(high for _, high in extents)], dtype=np.float32
        )
        parts = over_rows(
            lambda start, stop: _fill(
                values, pool, self._extent, start, stop, self.values, self.pool, self.bins
            ),
            len(pool),
        )
        self.counts = np.sum(parts, axis=0)


@kernel
def _changed(
    values: Float32Array,
    pool: BoolArray,
    old_values: Float32Array,
    old_pool: BoolArray,
    start: int,
    stop: int,
) -> tuple[IntArray, bool]:
    """The rows whose value or membership is another one, rising, and whether those are few.

    Where they are not, the search ends early.
    """
    most = (stop - start) // _MANY
    found = np.empty(most + _STRIP, dtype=np.int64)
    count = 0
    for first in range(start, stop, _STRIP):
        last = min(first + _STRIP, stop)
        value, old_value = values[first:last], old_values[first:last]
        member, old_member = pool[first:last], old_pool[first:last]
        others = np.int32(0)
        for i in range(len(value)):  # apart, since their sizes differ: each runs on vectors
            others += np.int32(value[i] != old_value[i])
        for i in range(len(value)):
            others += np.int32(member[i] != old_member[i])
        if others:
            for i in range(len(value)):
                found[count] = first + i
                count += (value[i] != old_value[i]) | (member[i] != old_member[i])
            if count > most:
                return found[:0], False
    return found[:count], True


@kernel
def _patch(
    values: Float32Array,
    pool: BoolArray,
    rows: IntArray,
    extent: Float32Array,
    own_values: Float32Array,
    own_pool: BoolArray,
    bins: UInt16Array,
    counts: IntArray,
) -> bool:
    """Move some rows to the bins of their new values; False where one lies beyond the extent."""
    low, high = extent
    per_bin = _bins_per_unit(low, high)
    for row in rows:
        value = values[row]
        if pool[row] and not low <= value <= high:
            return False
        counts[bins[row]] -= own_pool[row]
        bins[row] = _bin_of(value, low, high, per_bin)
        counts[bins[row]] += pool[row]
        own_values[row] = value
        own_pool[row] = pool[row]
    return True


@kernel
def _extent(
    values: Float32Array, pool: BoolArray, start: int, stop: int
) -> tuple[np.float32, np.float32]:
    """The lowest and the highest value."""
    lows = np.full(_STRIP, np.float32(np.inf))
    highs = np.full(_STRIP, np.float32(-np.inf))
    for first in range(start, stop, _STRIP):  # those of each place in a strip: many at a time
        last = min(first + _STRIP, stop)
        value, member = values[first:last], pool[first:last]
        for i in range(len(value)):
            lows[i] = min(lows[i], value[i] if member[i] else np.float32(np.inf))
        for i in range(len(value)):
            highs[i] = max(highs[i], value[i] if member[i] else np.float32(-np.inf))
    return lows.min(), highs.max()


@kernel
def _fill(
    values: Float32Array,
    pool: BoolArray,
    extent: Float32Array,
    start: int,
    stop: int,
    own_values: Float32Array,
    own_pool: BoolArray,
    bins: UInt16Array,
) -> IntArray:
    """Keep rows and sort them into bins; how many of the pool are in each, ``(BINS,)``."""
    low, high = extent
    per_bin = _bins_per_unit(low, high)
    counts = np.zeros(BINS, dtype=np.int64)
    # Places in a slice are not below 0, unlike rows for all the compiler knows: that costs vectors.
    value, member, own = values[start:stop], pool[start:stop], bins[start:stop]
    for i in range(len(value)):
        own[i] = _bin_of(value[i], low, high, per_bin)
    own_values[start:stop], own_pool[start:stop] = value, member
    for i in range(len(value)):
        counts[own[i]] += member[i]
    return counts


@kernel
def _bins_per_unit(low: np.float32, high: np.float32) -> np.float32:
    width = np.float64(high) - np.float64(low)
    return np.float32((BINS - 2) / width if width > 0 else 0.0)


@kernel
def _bin_of(value: np.float32, low: np.float32, high: np.float32, per_bin: np.float32) -> int:
    at = 1 + int((value - low) * per_bin)
    at = max(1, min(at, BINS - 2))
    at = 0 if value == low else at
    return BINS - 1 if value == high and high > low else at
