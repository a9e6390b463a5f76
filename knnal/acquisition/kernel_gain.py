"""The kernel mass on the neighbor graph that a label would newly cover."""

from __future__ import annotations

import numpy as np

from knnal.index.compilation import kernel
from knnal.index.kernel_graph import Edges
from knnal.index.parallel import over_rows
from knnal.types import Float32Array, Float64Array, IntArray

_MANY = 16
"""If more than one row in this many has changed, summing all again is as fast."""


class KernelGain:
    """``gain[x] = sum_j w_j max(K(x, x_j) - covered_j, 0)`` over the graph, ``(rows,)``.

    All weights are 1 and nothing is covered at first. Rows whose weight or cover changes touch
    their neighbors alone. A gain is added up in double precision in the order of the row's
    neighbors, so that it depends on the weights and the cover alone, bit for bit.

    Source: MaxHerding (arXiv 2407.12212), on the neighbor graph.

    """

    def __init__(self, edges: Edges) -> None:
        self._edges = edges
        rows = len(edges.starts) - 1
        self._weights: Float32Array = np.ones(rows, dtype=np.float32)
        self._covered: Float32Array = np.zeros(rows, dtype=np.float32)
        self.gain: Float64Array = np.empty(rows)
        self._add_up(np.arange(rows))

    def cover(self, row: int) -> None:
        """Count a row as labeled: it covers itself, and its neighbors by their kernel values."""
        starts, targets, values = self._edges
        own = slice(starts[row], starts[row + 1])
        near, covers = targets[own], values[own] > self._covered[targets[own]]
        self._covered[near[covers]] = values[own][covers]
        self._covered[row] = 1.0
        self._add_up(self._next_to(np.append(near[covers], row)))

    def update(self, weights: Float32Array, covered: Float32Array) -> Float64Array:
        """The gains for other weights and covers ``(rows,)``, good until the next change."""
        changed = np.flatnonzero((weights != self._weights) | (covered != self._covered))
        self._weights[changed], self._covered[changed] = weights[changed], covered[changed]
        many = len(changed) > len(weights) // _MANY
        self._add_up(np.arange(len(weights)) if many else self._next_to(changed))
        return self.gain

    def _next_to(self, rows: IntArray) -> IntArray:
        return np.unique(_next_to(self._edges, rows))

    def _add_up(self, rows: IntArray) -> None:
        def add_up(start: int, stop: int) -> None:
            _add_up(self._edges, self._weights, self._covered, rows[start:stop], self.gain)

        over_rows(add_up, len(rows))


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
def _add_up(
    edges: Edges,
    weights: Float32Array,
    covered: Float32Array,
    rows: IntArray,
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
