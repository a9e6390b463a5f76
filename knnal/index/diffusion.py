"""How a label spreads over the neighbor graph: personalized PageRank by local pushes.

With weights ``W = K^4``, degrees ``D`` and ``P = D^-1 W``, a label at ``l`` gives row ``x``

    score(x, l) = [(I - a P)^-1](x, l) / sqrt(D_l)

which is the column of ``(I - a D^-1/2 W D^-1/2)^-1``, divided by ``sqrt(D_x)``: a factor that all
classes share. The kernel to its fourth power is a kernel of half the width: the near ones of the
graph's 20 neighbors count, which predicts as well as a graph of 10, and one graph serves coverage
too. Degrees are in units of their median, at least a hundredth of it, which bounds the score of an
outlier, and so the sum of all scores.

Source of the push: R. Andersen, F. Chung and K. Lang, "Local graph partitioning using PageRank
vectors" (FOCS 2006).
"""

from __future__ import annotations

import numpy as np

from knnal.index.compilation import kernel as compiled
from knnal.index.kernel_graph import Edges, KernelGraph
from knnal.index.parallel import over_rows
from knnal.types import Float64Array, IntArray

RESTART = 0.1
"""1 - a: the probability that a random walk restarts at each step."""

TOLERANCE = 3e-4
"""The residual that may stay at a row, in units of its degree: no score of a label at ``l`` is
below the exact one by more than ``TOLERANCE / RESTART * sqrt(D_l)``.
"""

_LEAST_DEGREE = 0.01


class Diffusion:
    """Spreads labels over a graph.

    Parameters
    ----------
    graph : KernelGraph
    tolerance : float
        See TOLERANCE.

    Attributes
    ----------
    degrees : array of float64, shape (rows,)
        ``D``, in units of the median.
    """

    def __init__(self, graph: KernelGraph, tolerance: float = TOLERANCE) -> None:
        self._edges = graph.edges
        self._tolerance = tolerance
        sums = np.empty(len(graph))
        over_rows(lambda start, stop: _sum_weights(graph.edges, start, stop, sums), len(graph))
        self._unit = 1.0 / (float(np.median(sums[sums > 0])) if (sums > 0).any() else 1.0)
        self.degrees: Float64Array = np.maximum(sums * self._unit, _LEAST_DEGREE)
        self._free: list[tuple[Float64Array, Float64Array]] = []

    def spread(self, row: int) -> tuple[IntArray, Float64Array]:
        """The rows that a label at ``row`` reaches, in the order reached, and their scores."""
        try:  # each thread that spreads at the same time uses its own arrays
            estimate, residual = self._free.pop()
        except IndexError:
            estimate = np.zeros(len(self.degrees))
            # Next to each residual, how much may stay: both are read for every edge.
            residual = np.column_stack([estimate, self._tolerance * self.degrees])
        found = _push(
            self._edges, self.degrees, self._unit, row, self._tolerance, estimate, residual,
        )  # fmt: skip
        self._free.append((estimate, residual))
        return found


def edge_weights(kernel: Float64Array) -> Float64Array:
    """``W`` of edges with these kernel values."""
    weights: Float64Array = kernel**4
    return weights


@compiled
def _push(
    edges: Edges,
    degrees: Float64Array,
    unit: float,
    source: int,
    tolerance: float,
    estimate: Float64Array,
    residual: Float64Array,
) -> tuple[IntArray, Float64Array]:
    """Add a row's residual to its estimate and push the rest on, until all residuals are small.

    Rows are served first come, first served, so the result depends on the graph alone. A row in the
    queue may have any residual. The working arrays are restored at the end.
    """
    starts, targets, kernel = edges
    damping = 1.0 - RESTART
    order = np.empty(64, dtype=np.int64)  # every row that was in the queue, once each time
    reached = np.empty(64, dtype=np.int64)
    count = 0
    order[0] = source
    begin, end = 0, 1
    residual[source] = 1.0, np.inf
    while begin < end:
        row = order[begin]
        begin += 1
        amount = residual[row, 0]
        residual[row] = 0.0, tolerance * degrees[row]
        if estimate[row] == 0.0:
            if count == len(reached):
                reached = _doubled(reached)
            reached[count] = row
            count += 1
        estimate[row] += amount
        pushed = damping * amount * unit / degrees[row]
        while end + starts[row + 1] - starts[row] > len(order):
            order = _doubled(order)
        for at in range(starts[row], starts[row + 1]):
            other = targets[at]
            amount = residual[other, 0] + pushed * _weight(kernel[at])
            limit = residual[other, 1]
            residual[other, 0] = amount
            # A branch that goes either way at random would cost more than all of this.
            order[end] = other
            end += amount > limit
            residual[other, 1] = np.inf if amount > limit else limit
    scores = np.empty(count)
    own = np.sqrt(degrees[source])
    for i in range(count):
        row = reached[i]
        scores[i] = own * estimate[row] / degrees[row]
    for i in range(count):
        row = reached[i]
        estimate[row] = 0.0
        for at in range(starts[row], starts[row + 1]):
            residual[targets[at], 0] = 0.0
    return reached[:count], scores


@compiled
def _weight(kernel: np.float32) -> float:
    square = np.float64(kernel) * np.float64(kernel)
    return square * square


@compiled
def _sum_weights(edges: Edges, start: int, stop: int, out: Float64Array) -> None:
    starts, _, kernel = edges
    for row in range(start, stop):
        total = 0.0
        for at in range(starts[row], starts[row + 1]):
            total += _weight(kernel[at])
        out[row] = total


@compiled
def _doubled(values: IntArray) -> IntArray:
    more = np.empty(2 * len(values), dtype=np.int64)
    more[: len(values)] = values
    return more
