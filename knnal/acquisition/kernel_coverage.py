"""Which part of the pool's kernel mass the labels cover, kept exact while they come and go."""

from __future__ import annotations

from copy import copy
from typing import Protocol

import numpy as np

from knnal.index.compilation import kernel
from knnal.index.parallel import over_rows
from knnal.types import BoolArray, Float32Array, Float64Array, Int32Array, IntArray


class Edges(Protocol):
    """A symmetric graph in compressed rows, as ``KernelGraph`` is one; 1 on its diagonal."""

    @property
    def starts(self) -> IntArray: ...

    @property
    def targets(self) -> Int32Array: ...

    @property
    def kernel(self) -> Float32Array: ...

    def __len__(self) -> int: ...


class Coverage:
    """``covered[j] = max over labeled l of K(x_j, x_l)`` and, for each row x, the gain
    ``gain[x] = sum_j max(K(x, x_j) - covered[j], 0)`` that labeling it would bring.

    A label touches its neighbors and theirs: O(g^2) rows, whatever the size of the pool. Both
    arrays depend on the set of labels alone, bit for bit: ``covered`` holds kernel values, and a
    gain is added up in double precision in the order of the row's neighbors.
    Source: MaxHerding (arXiv 2407.12212), on the neighbor graph.
    """

    def __init__(self, graph: Edges, labeled: IntArray) -> None:
        self._edges = graph.starts, graph.targets, graph.kernel
        self._labeled: BoolArray = np.zeros(len(graph), dtype=np.bool_)
        self._labeled[labeled] = True
        self.covered: Float32Array = np.zeros(len(graph), dtype=np.float32)
        self.gain: Float64Array = np.empty(len(graph))
        for row in labeled:
            _cover(*self._edges, row, self.covered)
        over_rows(
            lambda start, stop: _gains(*self._edges, self.covered, start, stop, self.gain),
            len(graph),
        )

    def copy(self) -> Coverage:
        """One of its own, on the same graph."""
        copied = copy(self)
        copied._labeled = self._labeled.copy()
        copied.covered, copied.gain = self.covered.copy(), self.gain.copy()
        return copied

    def add(self, row: int) -> IntArray:
        """Row ``row`` has got a label. Returns the rows whose gain changed, rising."""
        self._labeled[row] = True
        return self._regain(_cover(*self._edges, row, self.covered))

    def remove(self, row: int) -> IntArray:
        """Row ``row`` has lost its label. Returns the rows whose gain changed, rising."""
        self._labeled[row] = False
        return self._regain(_uncover(*self._edges, row, self._labeled, self.covered))

    def _regain(self, changed: IntArray) -> IntArray:
        """Update the gains of the rows next to those whose cover changed."""
        touched = np.unique(next_to(*self._edges[:2], changed))
        moved = _regain(*self._edges, self.covered, touched, self.gain)
        return touched[moved]


@kernel
def _cover(
    starts: IntArray, targets: Int32Array, values: Float32Array, row: int, covered: Float32Array
) -> IntArray:
    """Take a label in. Returns the rows whose cover changed."""
    changed = np.empty(starts[row + 1] - starts[row] + 1, dtype=np.int64)
    count = 0
    if covered[row] != np.float32(1.0):
        covered[row] = np.float32(1.0)
        changed[0] = row
        count = 1
    for at in range(starts[row], starts[row + 1]):
        if values[at] > covered[targets[at]]:
            covered[targets[at]] = values[at]
            changed[count] = targets[at]
            count += 1
    return changed[:count]


@kernel
def _uncover(
    starts: IntArray,
    targets: Int32Array,
    values: Float32Array,
    row: int,
    labeled: BoolArray,
    covered: Float32Array,
) -> IntArray:
    """Take a label back, which ``labeled`` no longer holds. Returns the rows it had covered."""
    changed = np.empty(starts[row + 1] - starts[row] + 1, dtype=np.int64)
    count = 0
    for at in range(starts[row], starts[row + 1] + 1):
        other = row if at == starts[row + 1] else targets[at]
        cover = _cover_of(starts, targets, values, other, labeled)
        if cover != covered[other]:
            covered[other] = cover
            changed[count] = other
            count += 1
    return changed[:count]


@kernel
def _cover_of(
    starts: IntArray, targets: Int32Array, values: Float32Array, row: int, labeled: BoolArray
) -> np.float32:
    if labeled[row]:
        return np.float32(1.0)
    cover = np.float32(0.0)
    for at in range(starts[row], starts[row + 1]):
        if labeled[targets[at]] and values[at] > cover:
            cover = values[at]
    return cover


@kernel
def next_to(starts: IntArray, targets: Int32Array, rows: IntArray) -> IntArray:
    """The rows themselves and all their neighbors, some of them repeatedly."""
    count = len(rows)
    for row in rows:
        count += starts[row + 1] - starts[row]
    found = np.empty(count, dtype=np.int64)
    found[: len(rows)] = rows
    end = len(rows)
    for row in rows:
        for at in range(starts[row], starts[row + 1]):
            found[end] = targets[at]
            end += 1
    return found


@kernel
def _regain(
    starts: IntArray,
    targets: Int32Array,
    values: Float32Array,
    covered: Float32Array,
    rows: IntArray,
    gain: Float64Array,
) -> BoolArray:
    """Update the gains of the rows; for each, whether it changed."""
    moved = np.empty(len(rows), dtype=np.bool_)
    for i, row in enumerate(rows):
        value = _gain_of(starts, targets, values, covered, row)
        moved[i] = value != gain[row]
        gain[row] = value
    return moved


@kernel
def _gains(
    starts: IntArray,
    targets: Int32Array,
    values: Float32Array,
    covered: Float32Array,
    start: int,
    stop: int,
    gain: Float64Array,
) -> None:
    for row in range(start, stop):
        gain[row] = _gain_of(starts, targets, values, covered, row)


@kernel
def _gain_of(
    starts: IntArray, targets: Int32Array, values: Float32Array, covered: Float32Array, row: int
) -> float:
    total = 0.0
    for at in range(starts[row], starts[row + 1]):
        total += max(np.float64(values[at]) - np.float64(covered[targets[at]]), 0.0)
    return total + (1.0 - np.float64(covered[row]))
