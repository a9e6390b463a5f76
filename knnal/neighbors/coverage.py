"""Which part of the pool's kernel mass the labels cover, kept exact while they come and go."""

from __future__ import annotations

import numpy as np

from knnal.neighbors.graph import KernelGraph
from knnal.neighbors.segments import reduce_segments
from knnal.types import BoolArray, Float64Array, IntArray


class Coverage:
    """``covered[j] = max over labelled l of K(x_j, x_l)`` and, for each row x, the gain
    ``gain[x] = sum_j max(K(x, x_j) - covered[j], 0)`` that labeling it would bring.

    A label touches its neighbours and theirs: O(g^2) rows, whatever the size of the pool.
    Source: MaxHerding (arXiv 2407.12212), on the neighbour graph.
    """

    def __init__(self, graph: KernelGraph, labelled: IntArray) -> None:
        self._graph = graph
        self._labelled: BoolArray = np.zeros(len(graph), dtype=np.bool_)
        self._labelled[labelled] = True
        everyone = np.arange(len(graph))
        self.covered = self._cover(everyone)
        self.gain = self._gain(everyone)

    def add(self, row: int) -> None:
        """Row ``row`` has got a label."""
        self._labelled[row] = True
        self._refresh(row)

    def remove(self, row: int) -> None:
        """Row ``row`` has lost its label."""
        self._labelled[row] = False
        self._refresh(row)

    def _refresh(self, row: int) -> None:
        near = np.append(self._graph.neighbours(row)[0], row)
        covered = self._cover(near)
        changed = near[covered != self.covered[near]]
        self.covered[near] = covered
        positions, _ = self._graph.segments.positions(changed)
        touched = np.union1d(self._graph.targets[positions], changed)
        self.gain[touched] = self._gain(touched)

    def _cover(self, rows: IntArray) -> Float64Array:
        positions, begins = self._graph.segments.positions(rows)
        by_label = self._labelled[self._graph.targets[positions]]
        values = np.where(by_label, self._graph.kernel[positions], 0.0)
        return np.where(
            self._labelled[rows], 1.0, reduce_segments(np.maximum, values, begins, empty=0.0)
        )

    def _gain(self, rows: IntArray) -> Float64Array:
        positions, begins = self._graph.segments.positions(rows)
        uncovered = self._graph.kernel[positions] - self.covered[self._graph.targets[positions]]
        neighbours = reduce_segments(np.add, np.maximum(uncovered, 0.0), begins, empty=0.0)
        return neighbours + (1.0 - self.covered[rows])
