"""The values of one score term over a pool, counted into bins, and updated as they change."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from knnal.index.compilation import kernel
from knnal.index.parallel import over_rows
from knnal.types import BoolArray, Float32Array, IntArray, UInt16Array

BINS = 4096
_STRIP = 256
"""Rows that are compared together before each one is."""

_MANY = 16
"""If more than one row in this many has changed, counting all rows again is no slower."""


class Binned(NamedTuple):
    """The values of rows, whether they are in the pool, and their bins, each ``(rows,)``.

    Rows outside the pool may have any values and bins.
    """

    values: Float32Array
    pool: BoolArray
    bins: UInt16Array


class BinnedFactor:
    """A factor's ``rows``, and the ``counts`` ``(BINS,)`` of the pool's values in each bin.

    A lower bin has no higher value. When all are counted, the lowest and the highest value, which
    many rows share, get a bin of their own.
    """

    def __init__(self, rows: int) -> None:
        self.rows = Binned(
            np.full(rows, np.nan, dtype=np.float32),
            np.zeros(rows, dtype=np.bool_),
            np.zeros(rows, dtype=np.uint16),
        )
        self.counts: IntArray = np.zeros(BINS, dtype=np.int64)
        self._extent: Float32Array = np.array([np.inf, -np.inf], dtype=np.float32)

    def update(self, values: Float32Array, pool: BoolArray) -> None:
        """Count these values ``(rows,)`` of this pool instead; few changes take little time."""
        found = over_rows(lambda a, b: _changed(values, pool, self.rows, a, b), len(pool))
        rows = np.concatenate([part for part, _ in found])
        if not all(few for _, few in found) or not _patch(
            values, pool, rows, self._extent, self.rows, self.counts
        ):
            self._count(values, pool)

    @property
    def single_valued(self) -> BoolArray:
        """The bins whose values are known to be equal, ``(BINS,)``."""
        single = self.counts <= 1
        single[[0, -1]] = True
        return single

    def _count(self, values: Float32Array, pool: BoolArray) -> None:
        extents = over_rows(lambda start, stop: _extent(values, pool, start, stop), len(pool))
        self._extent = np.array(
            [min(low for low, _ in extents), max(high for _, high in extents)], dtype=np.float32
        )
        parts = over_rows(
            lambda a, b: _fill(values, pool, self._extent, a, b, self.rows), len(pool)
        )
        self.counts = np.sum(parts, axis=0)


@kernel
def _changed(
    values: Float32Array, pool: BoolArray, old: Binned, start: int, stop: int
) -> tuple[IntArray, bool]:
    """The rows whose value or membership changed, rising, and whether those are few.

    If they are not, the search ends early.
    """
    most = (stop - start) // _MANY
    found = np.empty(most + _STRIP, dtype=np.int64)
    count = 0
    for first in range(start, stop, _STRIP):
        last = min(first + _STRIP, stop)
        value, old_value = values[first:last], old.values[first:last]
        member, old_member = pool[first:last], old.pool[first:last]
        others = np.int32(0)
        for i in range(len(value)):  # two loops, since the item sizes differ: each is vectorized
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
    own: Binned,
    counts: IntArray,
) -> bool:
    """Move rows to the bins of their new values; returns False if one is outside the extent."""
    low, high = extent
    per_bin = _bins_per_unit(low, high)
    for row in rows:
        value = values[row]
        if pool[row] and not low <= value <= high:
            return False
        counts[own.bins[row]] -= own.pool[row]
        own.bins[row] = _bin_of(value, low, high, per_bin)
        counts[own.bins[row]] += pool[row]
        own.values[row] = value
        own.pool[row] = pool[row]
    return True


@kernel
def _extent(
    values: Float32Array, pool: BoolArray, start: int, stop: int
) -> tuple[np.float32, np.float32]:
    """The lowest and the highest value."""
    lows = np.full(_STRIP, np.float32(np.inf))
    highs = np.full(_STRIP, np.float32(-np.inf))
    for first in range(start, stop, _STRIP):  # the extremes of each place in a strip: vectorized
        last = min(first + _STRIP, stop)
        value, member = values[first:last], pool[first:last]
        for i in range(len(value)):
            lows[i] = min(lows[i], value[i] if member[i] else np.float32(np.inf))
        for i in range(len(value)):
            highs[i] = max(highs[i], value[i] if member[i] else np.float32(-np.inf))
    low, high = lows[0], highs[0]
    for i in range(_STRIP):  # the array's own min and max would load SciPy with the kernel
        low, high = min(low, lows[i]), max(high, highs[i])
    return low, high


@kernel
def _fill(
    values: Float32Array,
    pool: BoolArray,
    extent: Float32Array,
    start: int,
    stop: int,
    own: Binned,
) -> IntArray:
    """Store rows and assign their bins; returns how many of the pool are in each, ``(BINS,)``."""
    low, high = extent
    per_bin = _bins_per_unit(low, high)
    counts = np.zeros(BINS, dtype=np.int64)
    # The compiler knows that places in a slice are not negative, and can vectorize.
    value, member, bins = values[start:stop], pool[start:stop], own.bins[start:stop]
    for i in range(len(value)):
        bins[i] = _bin_of(value[i], low, high, per_bin)
    own.values[start:stop], own.pool[start:stop] = value, member
    for i in range(len(value)):
        counts[bins[i]] += member[i]
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
