"""The two terms that labels cover, kept exact while labels come and go."""

from __future__ import annotations

from copy import copy

import numpy as np

from knnal.acquisition.diversity import uncovered
from knnal.acquisition.nearest_coverage import NearestCoverage
from knnal.index.kernel_graph import KernelGraph
from knnal.index.labeled import LabeledNeighbors
from knnal.index.parallel import over_rows
from knnal.types import Float32Array, IntArray

_BLOCK = 16384


class Covering:
    """``share`` ``(rows,)`` of each row's kernel mass that no label covers, and ``gain``
    ``(rows,)``, that share of the ``density`` ``(rows,)``: what a label would newly cover.

    Both depend on the set of labels alone, bit for bit.
    """

    def __init__(
        self, graph: KernelGraph, density: Float32Array, neighbors: LabeledNeighbors
    ) -> None:
        self._density = density
        self.coverage = NearestCoverage(graph, neighbors)
        self.share: Float32Array = np.empty(len(density), dtype=np.float32)
        self.gain: Float32Array = np.empty(len(density), dtype=np.float32)
        self._settle(None)

    def beside(self, neighbors: LabeledNeighbors) -> Covering:
        """One of its own that follows other neighbors, of the same labels so far."""
        copied = copy(self)
        copied.coverage = self.coverage.beside(neighbors)
        copied.share, copied.gain = self.share.copy(), self.gain.copy()
        return copied

    def update(self, row: int, changed: IntArray) -> None:
        """Row ``row`` has got or lost its label, and ``changed`` have other nearest labels."""
        self._settle(self.coverage.update(row, changed))

    def _settle(self, touched: IntArray | None) -> None:
        """Both terms of some rows, or of all, from what is covered now."""

        def settle(start: int, stop: int) -> None:
            rows = slice(start, stop) if touched is None else touched[start:stop]
            coverage = self.coverage
            share = uncovered(coverage.gain[rows], coverage.mass[rows]).astype(np.float32)
            self.share[rows], self.gain[rows] = share, self._density[rows] * share

        over_rows(settle, len(self.share) if touched is None else len(touched), _BLOCK)
