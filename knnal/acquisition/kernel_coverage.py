"""What labels cover on the neighbor graph alone, and what another label would add."""

from __future__ import annotations

import numpy as np

from knnal.index.compilation import kernel
from knnal.index.kernel_graph import Edges
from knnal.index.parallel import over_rows
from knnal.types import BoolArray, Float32Array, Float64Array, IntArray

_MANY = 16
"""If more than one row in this many has changed, adding up all rows again is no slower."""


class WeightedGain:
    """``gain[x] = sum_j w_j max(K(x, x_j) - covered_j, 0)`` over the graph, ``(rows,)``.

    Rows whose weight or cover changes touch their neighbors alone. A gain is added up in double
    precision in the order of the row's neighbors, so that it depends on the weights and the cover
    alone, bit for bit.
    Source: UHerding (arXiv 2412.20644).
    """

    def __init__(self, edges: Edges) -> None:
        self._edges = edges
        rows = len(edges.starts) - 1
        self._weights: Float32Array = np.full(rows, np.nan, dtype=np.float32)
        self._covered: Float32Array = np.full(rows, np.nan, dtype=np.float32)
        self._gain: Float64Array = np.empty(rows)

    def of(self, weights: Float32Array, covered: Float32Array) -> Float64Array:
        """The gains for weights and covers ``(rows,)``, valid until the next call."""
        changed = np.flatnonzero((weights != self._weights) | (covered != self._covered))
        self._weights[changed], self._covered[changed] = weights[changed], covered[changed]
        if len(changed) > len(weights) // _MANY:
            rows = np.arange(len(weights))
        else:
            rows = np.unique(_next_to(self._edges, changed))
        _add_up(self._edges, rows, self._weights, self._covered, self._gain)
        return self._gain


class KernelCoverage:
    """``covered[j] = max over labeled l of K(x_j, x_l)`` and, for each row x, the gain
    ``gain[x] = sum_j max(K(x, x_j) - covered[j], 0)`` that labeling it would bring.

    Nothing is labeled at first. A label touches its neighbors and theirs: O(g^2) rows, whatever
    the size of the pool. Both arrays ``(rows,)`` depend on the set of labels alone, bit for bit.
    Source: MaxHerding (arXiv 2407.12212), on the neighbor graph.
    """

    def __init__(self, edges: Edges) -> None:
        self._edges = edges
        rows = len(edges.starts) - 1
        self._labeled: BoolArray = np.zeros(rows, dtype=np.bool_)
        self._ones: Float32Array = np.ones(rows, dtype=np.float32)
        self.covered: Float32Array = np.zeros(rows, dtype=np.float32)
        self.gain: Float64Array = np.empty(rows)
        self._add_up(np.arange(rows))

    def add(self, row: int) -> None:
        """Row ``row`` has got a label."""
        self._label(row, True)

    def remove(self, row: int) -> None:
        """Row ``row`` has lost its label."""
        self._label(row, False)

    def _label(self, row: int, labeled: bool) -> None:
        self._labeled[row] = labeled
        changed = _cover(self._edges, row, self._labeled, self.covered)
        self._add_up(np.unique(_next_to(self._edges, changed)))

    def _add_up(self, rows: IntArray) -> None:
        _add_up(self._edges, rows, self._ones, self.covered, self.gain)


def _add_up(
    edges: Edges,
    rows: IntArray,
    weights: Float32Array,
    covered: Float32Array,
    gain: Float64Array,
) -> None:
    """Update the gains of some rows."""
    over_rows(lambda a, b: _fill(edges, rows[a:b], weights, covered, gain), len(rows))


@kernel
def _cover(edges: Edges, row: int, labeled: BoolArray, covered: Float32Array) -> IntArray:
    """Set what covers a row and its neighbors. Returns the rows where that changed."""
    starts, targets, values = edges
    changed = np.empty(starts[row + 1] - starts[row] + 1, dtype=np.int64)
    count = 0
    for at in range(starts[row], starts[row + 1] + 1):
        other = row if at == starts[row + 1] else targets[at]
        cover = np.float32(1.0 if labeled[other] else 0.0)
        for near in range(starts[other], starts[other + 1]):
            if labeled[targets[near]] and values[near] > cover:
                cover = values[near]
        if cover != covered[other]:
            covered[other] = cover
            changed[count] = other
            count += 1
    return changed[:count]


@kernel
def _next_to(edges: Edges, rows: IntArray) -> IntArray:
    """The rows themselves and all their neighbors, some of them repeatedly."""
    starts, targets, _ = edges
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
def _fill(
    edges: Edges,
    rows: IntArray,
    weights: Float32Array,
    covered: Float32Array,
    gain: Float64Array,
) -> None:
    starts, targets, values = edges
    for row in rows:
        total = 0.0
        for at in range(starts[row], starts[row + 1]):
            other = targets[at]
            new = max(np.float64(values[at]) - np.float64(covered[other]), 0.0)
            total += np.float64(weights[other]) * new
        gain[row] = total + np.float64(weights[row]) * (1.0 - np.float64(covered[row]))
