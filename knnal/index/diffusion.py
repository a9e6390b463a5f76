"""How a label spreads over the neighbor graph: personalized PageRank by local pushes.

With weights ``W = K^4``, degrees ``D`` and ``P = D^-1 W``, a label at ``l`` gives row ``x``

    score(x, l) = [(I - a P)^-1](x, l) / sqrt(D_l)

which is the column of ``(I - a D^-1/2 W D^-1/2)^-1``, divided by ``sqrt(D_x)``: a factor that all
classes share. The kernel to its fourth power is one of half the width: of the graph's 20
neighbors the near ones count, as good as a graph of 10, and one graph serves coverage too.
Degrees are in units of their median, and none counts as less than a hundredth of it, which keeps
the score of an outlier, and so the sum of all scores, within bounds.

Source of the push: R. Andersen, F. Chung and K. Lang, "Local graph partitioning using PageRank
vectors" (FOCS 2006).
"""

from __future__ import annotations

import numpy as np

from knnal.index.compilation import kernel as compiled
from knnal.index.kernel_graph import KernelGraph
from knnal.index.parallel import over_rows
from knnal.types import Float32Array, Float64Array, Int32Array, IntArray

RESTART = 0.1
"""1 - a: how soon what a label spreads comes to rest."""

TOLERANCE = 3e-4
"""What stays unspread at a row, in units of its degree, and so how exact the scores are: no score
of a label at ``l`` is short of the exact one by more than ``TOLERANCE / RESTART * sqrt(D_l)``.
"""

_LEAST_DEGREE = 0.01


class Diffusion:
    """Spreads labels over a graph. ``degrees`` ``(rows,)``: see the module."""

    def __init__(self, graph: KernelGraph, tolerance: float = TOLERANCE) -> None:
        self._graph = graph
        self._tolerance = tolerance
        sums = np.empty(len(graph))
        over_rows(
            lambda start, stop: _sum_weights(graph.starts, graph.kernel, start, stop, sums),
            len(graph),
        )
        typical = float(np.median(sums[sums > 0])) if (sums > 0).any() else 1.0
        self._unit = 1.0 / typical
        self.degrees: Float64Array = np.maximum(sums * self._unit, _LEAST_DEGREE)
        self._idle: list[tuple[Float64Array, Float64Array]] = []

    def spread(self, row: int) -> tuple[IntArray, Float64Array]:
        """The rows that a label at ``row`` reaches, in order of reach, and their scores there."""
        try:
            room = self._idle.pop()
        except IndexError:
            room = self._room()
        reached, scores = _push(
            self._graph.starts,
            self._graph.targets,
            self._graph.kernel,
            self.degrees,
            self._unit,
            row,
            self._tolerance,
            *room,
        )
        self._idle.append(room)
        return reached, scores

    def _room(self) -> tuple[Float64Array, Float64Array]:
        """What is settled and what waits, for each thread that spreads at a time a pair of its own.

        Beside what waits at a row, ``(rows, 2)``, is how much may: both are read for every edge.
        """
        n = len(self.degrees)
        return np.zeros(n), np.column_stack([np.zeros(n), self._tolerance * self.degrees])


def edge_weights(kernel: Float64Array) -> Float64Array:
    """``W`` of edges with these kernel values."""
    weights: Float64Array = kernel**4
    return weights


@compiled
def _push(
    starts: IntArray,
    targets: Int32Array,
    kernel: Float32Array,
    degrees: Float64Array,
    unit: float,
    source: int,
    tolerance: float,
    settled: Float64Array,
    waiting: Float64Array,
) -> tuple[IntArray, Float64Array]:
    """Settle what waits at a row and pass on the rest, until little waits anywhere.

    Rows are served first come, first served, so the result depends on the graph alone. Any amount
    may wait at a row that is in the queue already. The working arrays are left as they were.
    """
    damping = 1.0 - RESTART
    order = np.empty(64, dtype=np.int64)  # every row that has been in the queue, once each time
    reached = np.empty(64, dtype=np.int64)
    count = 0
    order[0] = source
    begin, end = 0, 1
    waiting[source] = 1.0, np.inf
    while begin < end:
        row = order[begin]
        begin += 1
        amount = waiting[row, 0]
        waiting[row] = 0.0, tolerance * degrees[row]
        if settled[row] == 0.0:
            if count == len(reached):
                reached = _doubled(reached)
            reached[count] = row
            count += 1
        settled[row] += amount
        passed = damping * amount * unit / degrees[row]
        while end + starts[row + 1] - starts[row] > len(order):
            order = _doubled(order)
        for at in range(starts[row], starts[row + 1]):
            other = targets[at]
            amount = waiting[other, 0] + passed * _weight(kernel[at])
            limit = waiting[other, 1]
            waiting[other, 0] = amount
            # A branch that goes either way at random would cost more than all of this.
            order[end] = other
            end += amount > limit
            waiting[other, 1] = np.inf if amount > limit else limit
    scores = np.empty(count)
    own = np.sqrt(degrees[source])
    for i in range(count):
        row = reached[i]
        scores[i] = own * settled[row] / degrees[row]
    for i in range(count):
        row = reached[i]
        settled[row] = 0.0
        for at in range(starts[row], starts[row + 1]):
            waiting[targets[at], 0] = 0.0
    return reached[:count], scores


@compiled
def _weight(kernel: np.float32) -> float:
    square = np.float64(kernel) * np.float64(kernel)
    return square * square


@compiled
def _sum_weights(
    starts: IntArray, kernel: Float32Array, start: int, stop: int, out: Float64Array
) -> None:
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
