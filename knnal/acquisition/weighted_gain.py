"""The kernel mass that a label would newly cover, each covered row counted by a weight."""

from __future__ import annotations

import numpy as np

from knnal.acquisition.kernel_coverage import next_to
from knnal.index.compilation import kernel
from knnal.index.kernel_graph import KernelGraph
from knnal.index.parallel import over_rows
from knnal.types import Float32Array, Float64Array, Int32Array, IntArray

_MANY = 16
"""Where more than one row in so many has changed, adding up all anew is no slower."""


class WeightedGain:
    """``gain[x] = sum_j w_j max(K(x, x_j) - covered_j, 0)`` over the graph, ``(rows,)``.

    Rows whose weight or cover changes touch their neighbors alone. A gain is added up in double
    precision in the order of the row's neighbors, so that it depends on the weights and the cover
    alone, bit for bit.
    """

    def __init__(self, graph: KernelGraph) -> None:
        self._edges = graph.starts, graph.targets, graph.kernel
        rows = len(graph)
        self._weights: Float32Array = np.full(rows, np.nan, dtype=np.float32)
        self._covered: Float32Array = np.full(rows, np.nan, dtype=np.float32)
        self._gain: Float64Array = np.empty(rows)

    def of(self, weights: Float32Array, covered: Float32Array) -> Float64Array:
        """The gains for weights and covers ``(rows,)``, good until the next call."""
        changed = np.flatnonzero((weights != self._weights) | (covered != self._covered))
        self._weights[changed], self._covered[changed] = weights[changed], covered[changed]
        if len(changed) > len(weights) // _MANY:
            rows = np.arange(len(weights))
        else:
            rows = np.unique(next_to(*self._edges[:2], changed))
        over_rows(lambda start, stop: self._add_up(rows[start:stop]), len(rows))
        return self._gain

    def _add_up(self, rows: IntArray) -> None:
        _add_up(*self._edges, self._weights, self._covered, rows, self._gain)


@kernel
def _add_up(
    starts: IntArray,
    targets: Int32Array,
    values: Float32Array,
    weights: Float32Array,
    covered: Float32Array,
    rows: IntArray,
    gain: Float64Array,
) -> None:
    for row in rows:
        total = 0.0
        for at in range(starts[row], starts[row + 1]):
            other = targets[at]
            new = max(np.float64(values[at]) - np.float64(covered[other]), 0.0)
            total += np.float64(weights[other]) * new
        gain[row] = total + np.float64(weights[row]) * (1.0 - np.float64(covered[row]))
