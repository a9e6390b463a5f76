"""The two terms that labels cover, kept exact while labels come and go."""

from __future__ import annotations

from copy import copy

from knnal.neighbors.coverage import Coverage
from knnal.neighbors.kernel_graph import KernelGraph
from knnal.scoring.density import kernel_mass
from knnal.scoring.diversity import uncovered
from knnal.types import Float32Array, IntArray


class Covering:
    """``share`` ``(rows,)`` of each row's kernel mass that no label covers, and ``gain``
    ``(rows,)``, that share of the ``density`` ``(rows,)``: what a label would newly cover.

    A label touches O(g^2) rows. Both depend on the set of labels alone, bit for bit.
    """

    def __init__(self, graph: KernelGraph, density: Float32Array, labelled: IntArray) -> None:
        self._graph, self._density = graph, density
        self.coverage = Coverage(graph, labelled)
        self.share = self._share_of(slice(None))
        self.gain: Float32Array = density * self.share

    def copy(self) -> Covering:
        """One of its own, on the same graph."""
        copied = copy(self)
        copied.coverage = self.coverage.copy()
        copied.share, copied.gain = self.share.copy(), self.gain.copy()
        return copied

    def add(self, row: int) -> None:
        """Row ``row`` has got a label."""
        self._settle(self.coverage.add(row))

    def remove(self, row: int) -> None:
        """Row ``row`` has lost its label."""
        self._settle(self.coverage.remove(row))

    def _settle(self, touched: IntArray) -> None:
        self.share[touched] = self._share_of(touched)
        self.gain[touched] = self._density[touched] * self.share[touched]

    def _share_of(self, rows: IntArray | slice) -> Float32Array:
        mass = kernel_mass(self._graph.sums[rows])
        return uncovered(self.coverage.gain[rows], mass).astype("float32")
