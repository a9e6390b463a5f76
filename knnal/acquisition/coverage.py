"""How much of the pool its labels cover, kept exact while labels come and go."""

from __future__ import annotations

from copy import copy

import numpy as np

from knnal.acquisition.terms import uncovered
from knnal.index.compilation import kernel
from knnal.index.kernel_graph import Edges, KernelGraph, kernel_of
from knnal.index.labeled import LabeledNeighbors
from knnal.index.parallel import over_rows
from knnal.types import BoolArray, Float32Array, IntArray

_UNIT = float(1 << 24)
"""Gains are counted in multiples of 2^-24, so that what is subtracted can be added back exactly."""

_STEPS = np.float32(1 << 8)
"""Cover comes in 256 steps: a label too far off to make one changes nothing."""

_MANY = 4
"""If more than one row in this many has another cover, adding up all rows again is quicker."""

_BLOCK = 16384


class Coverage:
    """What the nearest labels cover of each row's neighborhood, and what they leave.

    A label covers the rows near it that it is the nearest of, at most one in m by the m-th label or
    so, and each of these touches its neighbors. All attributes depend on the set of labels alone,
    bit for bit.
    Source: MaxHerding (arXiv 2407.12212), with the cover summed up on the neighbor graph.

    Parameters
    ----------
    graph : KernelGraph
    density : array of float32, shape (rows,)
    neighbors : LabeledNeighbors
        The nearest labels; the coverage follows them from one ``update`` to the next.

    Attributes
    ----------
    covered : array of float32, shape (rows,)
        ``K(x_j, l)`` to the nearest 256th, l the nearest labeled row, wherever in the pool it is;
        1 where j itself has a label.
    units : array of int64, shape (rows,)
        ``sum_j max(K(x, x_j) - covered[j], 0)`` over the graph neighbors of x and x itself, in
        multiples of 2^-24.
    mass : array of int64, shape (rows,)
        The units where nothing is covered.
    share : array of float32, shape (rows,)
        The share of each row's kernel mass that no label covers.
    gain : array of float32, shape (rows,)
        That share of the density: what a label would newly cover.
    """

    def __init__(
        self, graph: KernelGraph, density: Float32Array, neighbors: LabeledNeighbors
    ) -> None:
        self._width = graph.width
        self._edges = graph.edges
        self._density = density
        self._neighbors = neighbors
        rows = len(graph)
        self.covered: Float32Array = np.zeros(rows, dtype=np.float32)
        self.mass: IntArray = np.empty(rows, dtype=np.int64)
        self._add_up(self.mass)
        self._labeled: BoolArray = np.zeros(rows, dtype=np.bool_)
        self._labeled[list(neighbors.labeled)] = True
        self._cover(np.arange(rows))
        self.units: IntArray = np.empty(rows, dtype=np.int64)
        self._add_up(self.units)
        self.share: Float32Array = np.empty(rows, dtype=np.float32)
        self.gain: Float32Array = np.empty(rows, dtype=np.float32)
        self._refresh(None)

    def following(self, neighbors: LabeledNeighbors) -> Coverage:
        """An independent copy that follows other neighbors, of the same labels so far."""
        copied = copy(self)
        copied._neighbors = neighbors
        for name in ("_labeled", "covered", "units", "share", "gain"):
            setattr(copied, name, getattr(self, name).copy())
        return copied

    def update(self, row: int, changed: IntArray) -> None:
        """Row ``row`` has got or lost its label, and the rows ``changed`` have other neighbors."""
        self._labeled[row] = row in self._neighbors.labeled
        rows, before = self._cover(np.append(changed, row))
        many = len(self.units) // _MANY
        if len(rows) > many:
            self._add_up(self.units)
            self._refresh(None)
            return
        touched = np.zeros(len(self.units), dtype=np.bool_)
        _propagate(self._edges, rows, before, self.covered, self.units, touched)
        self._refresh(np.flatnonzero(touched) if np.count_nonzero(touched) <= many else None)

    def _cover(self, rows: IntArray) -> tuple[IntArray, Float32Array]:
        """Update what covers ``rows``; which of them changed, and what covered them before."""
        nearest = self._neighbors.similarities[:, 0]

        def cover(start: int, stop: int) -> tuple[IntArray, Float32Array]:
            return _cover(self._width, nearest, self._labeled, rows[start:stop], self.covered)

        parts = over_rows(cover, len(rows))
        if not parts:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        found, before = (np.concatenate(part) for part in zip(*parts, strict=True))
        return found, before

    def _add_up(self, out: IntArray) -> None:
        over_rows(lambda a, b: _add_up(self._edges, self.covered, a, b, out), len(out))

    def _refresh(self, touched: IntArray | None) -> None:
        """The share and the gain of some rows, or of all, from what is covered now."""

        def refresh(start: int, stop: int) -> None:
            rows = slice(start, stop) if touched is None else touched[start:stop]
            share = uncovered(self.units[rows], self.mass[rows]).astype(np.float32)
            self.share[rows], self.gain[rows] = share, self._density[rows] * share

        over_rows(refresh, len(self.share) if touched is None else len(touched), _BLOCK)


@kernel
def _cover(
    width: float, nearest: Float32Array, labeled: BoolArray, rows: IntArray, covered: Float32Array
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
def _propagate(
    edges: Edges,
    rows: IntArray,
    before: Float32Array,
    covered: Float32Array,
    units: IntArray,
    touched: BoolArray,
) -> None:
    """Update the units next to ``rows``, which were covered by ``before`` until now."""
    starts, targets, values = edges
    for i in range(len(rows)):
        row = rows[i]
        old, new = _units(before[i]), _units(covered[row])
        units[row] += old - new
        touched[row] = True
        for at in range(starts[row], starts[row + 1]):
            value, target = _units(values[at]), targets[at]
            units[target] += max(value - new, 0) - max(value - old, 0)
            touched[target] = True


@kernel
def _add_up(edges: Edges, covered: Float32Array, start: int, stop: int, units: IntArray) -> None:
    starts, targets, values = edges
    for row in range(start, stop):
        total = _units(np.float32(1.0)) - _units(covered[row])
        for at in range(starts[row], starts[row + 1]):
            total += max(_units(values[at]) - _units(covered[targets[at]]), 0)
        units[row] = total


@kernel
def _units(value: np.float32) -> int:
    return int(np.rint(np.float64(value) * _UNIT))
