"""What a pool's nearest labels leave uncovered around each row, kept exact while labels change."""

from __future__ import annotations

from copy import copy

import numpy as np

from knnal.index.compilation import kernel
from knnal.index.kernel_graph import KernelGraph, kernel_of
from knnal.index.labeled import LabeledNeighbors
from knnal.index.parallel import over_rows
from knnal.types import BoolArray, Float32Array, Int32Array, IntArray

_UNIT = float(1 << 24)
"""Gains are counted in multiples of 2^-24, so that what is taken off can be put back exactly."""

_STEPS = np.float32(1 << 8)
"""Cover comes in 256 steps: where a label is too far off to make one, nothing changes."""

_MANY = 4
"""Where more than one row in so many is covered otherwise, adding up all anew is quicker."""


class NearestCoverage:
    """``covered[j] = K(x_j, l)``, to the nearest 256th, l the nearest labeled row, wherever in the
    pool that lies, 1 where j itself has a label; and ``gain[x] = sum_j max(K(x, x_j) - covered[j],
    0)`` over the graph neighbors of x and itself, in multiples of 2^-24.

    A label covers the rows near it that it is the nearest of, at most one in m by the m-th label or
    so, and each of these touches its neighbors. ``mass`` is the gain where nothing is covered. All
    depend on the set of labels alone, bit for bit.
    Source: MaxHerding (arXiv 2407.12212), with what is covered summed up on the neighbor graph.
    """

    def __init__(self, graph: KernelGraph, neighbors: LabeledNeighbors) -> None:
        self._graph = graph
        self._edges = graph.starts, graph.targets, graph.kernel
        self._neighbors = neighbors
        rows = len(graph)
        self.covered: Float32Array = np.zeros(rows, dtype=np.float32)
        self.mass: IntArray = np.empty(rows, dtype=np.int64)
        self._add_up(self.mass)
        self._labeled: BoolArray = np.zeros(rows, dtype=np.bool_)
        self._labeled[list(neighbors.labeled)] = True
        self._cover(np.arange(rows))
        self.gain: IntArray = np.empty(rows, dtype=np.int64)
        self._add_up(self.gain)

    def beside(self, neighbors: LabeledNeighbors) -> NearestCoverage:
        """One of its own that follows other neighbors, of the same labels so far."""
        copied = copy(self)
        copied._neighbors = neighbors
        copied._labeled = self._labeled.copy()
        copied.covered, copied.gain = self.covered.copy(), self.gain.copy()
        return copied

    def update(self, row: int, changed: IntArray) -> IntArray | None:
        """Row ``row`` has got or lost its label, and others, ``changed``, other nearest labels.

        Returns the rows whose gain may have changed, rising, or None for all of them.
        """
        self._labeled[row] = row in self._neighbors.labeled
        rows, before = self._cover(np.append(changed, row))
        many = len(self.gain) // _MANY
        if len(rows) > many:
            self._add_up(self.gain)
            return None
        touched = np.zeros(len(self.gain), dtype=np.bool_)
        _pass_on(*self._edges, rows, before, self.covered, self.gain, touched)
        return np.flatnonzero(touched) if np.count_nonzero(touched) <= many else None

    def _cover(self, rows: IntArray) -> tuple[IntArray, Float32Array]:
        """Bring up what covers ``rows``; which of them are covered otherwise, and how before."""
        nearest = self._neighbors.similarities[:, 0]

        def cover(start: int, stop: int) -> tuple[IntArray, Float32Array]:
            block = rows[start:stop]
            return _cover(self._graph.width, nearest, self._labeled, block, self.covered)

        parts = over_rows(cover, len(rows))
        if not parts:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        found, before = (np.concatenate(part) for part in zip(*parts, strict=True))
        return found, before

    def _add_up(self, out: IntArray) -> None:
        over_rows(
            lambda start, stop: _add_up(*self._edges, self.covered, start, stop, out), len(out)
        )


@kernel
def _cover(
    width: float,
    nearest: Float32Array,
    labeled: BoolArray,
    rows: IntArray,
    covered: Float32Array,
) -> tuple[IntArray, Float32Array]:
    """Set what covers ``rows``. Returns those where that changed, and what it was there."""
    found = np.empty(len(rows), dtype=np.int64)
    before = np.empty(len(rows), dtype=np.float32)
    count = 0
    for row in rows:
        cover = np.float32(1.0)
        if not labeled[row]:
            cover = np.rint(kernel_of(nearest[row], width) * _STEPS) / _STEPS
        if cover != covered[row]:
            found[count], before[count] = row, covered[row]
            covered[row] = cover
            count += 1
    return found[:count], before[:count]


@kernel
def _pass_on(
    starts: IntArray,
    targets: Int32Array,
    values: Float32Array,
    rows: IntArray,
    before: Float32Array,
    covered: Float32Array,
    gain: IntArray,
    touched: BoolArray,
) -> None:
    """Take what covers ``rows`` now, and not ``before``, off the gains next to them."""
    for i in range(len(rows)):
        row = rows[i]
        old, new = _units(before[i]), _units(covered[row])
        gain[row] += old - new
        touched[row] = True
        for at in range(starts[row], starts[row + 1]):
            value, target = _units(values[at]), targets[at]
            gain[target] += max(value - new, 0) - max(value - old, 0)
            touched[target] = True


@kernel
def _add_up(
    starts: IntArray,
    targets: Int32Array,
    values: Float32Array,
    covered: Float32Array,
    start: int,
    stop: int,
    gain: IntArray,
) -> None:
    for row in range(start, stop):
        total = _units(np.float32(1.0)) - _units(covered[row])
        for at in range(starts[row], starts[row + 1]):
            total += max(_units(values[at]) - _units(covered[targets[at]]), 0)
        gain[row] = total


@kernel
def _units(value: np.float32) -> int:
    return int(np.rint(np.float64(value) * _UNIT))
