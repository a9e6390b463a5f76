"""Instant label diffusion on the neighbor graph."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from knnal.classifiers.base import PoolClassifier
from knnal.classifiers.sparse import END, Chains, SparseTable
from knnal.classifiers.tables import normalized_columns
from knnal.classifiers.vote import VoteOptions
from knnal.index.compilation import kernel
from knnal.index.diffusion import Diffusion
from knnal.index.parallel import over_rows
from knnal.index.pool_index import UNLABELED, Labeling, QueryVectors
from knnal.index.search import NO_NEIGHBOR
from knnal.types import Float32Array, Float64Array, Int32Array, IntArray

_UNIT = 1 << 22
"""Scores are summed as multiples of 2^-22, so that what is added can be taken back exactly.

All labels together give a row at most 1 / RESTART / sqrt(least degree) = 100, below the 2^9 that
32 bits hold.
"""


class LabelDiffusion(PoolClassifier):
    """The share of each class in the label mass that reaches a row over the neighbor graph.

    A label adds what ``Diffusion`` spreads from it, to a part of the graph that does not grow with
    the pool. Items from outside take what would reach them if they were joined to the graph as
    pool items are: the mean of their nearest pool items, weighted as edges are.
    """

    summary = "labels spread over the neighbor graph"

    def __init__(self, labeling: Labeling, options: VoteOptions) -> None:
        super().__init__(labeling, options)
        self.scores = SparseTable(len(labeling.geometry))
        self.own: Int32Array = np.zeros(len(labeling.geometry), dtype=np.int32)
        self._latest: tuple[int, IntArray, Int32Array] | None = None

    def update(self, row: int, before: int, changed: IntArray) -> IntArray:
        del changed
        reached, scores = self._spread(row)
        after = int(self.labeling.classes[row])
        if before != UNLABELED:
            self.scores.add(before, reached, -scores)
        if after != UNLABELED:
            self.scores.add(after, reached, scores)
        self.own[row] = scores[0]
        return reached

    def rebuild(self) -> None:
        self.scores.clear()
        labeled = self.labeling.labeled

        def spread(start: int, stop: int) -> list[tuple[IntArray, Int32Array]]:
            return [self._column(int(row)) for row in labeled[start:stop]]

        columns = (column for part in over_rows(spread, len(labeled), 16) for column in part)
        for row, (reached, scores) in zip(labeled.tolist(), columns, strict=True):
            self.own[row] = scores[0]
            self._add_label(row, reached, scores)

    def declare_classes(self) -> None:
        """A class without labels takes no memory."""

    def probabilities(self, rows: IntArray) -> Float32Array:
        scores = self.scores.columns(self.labeling.class_count, rows)
        labeled = np.flatnonzero(self.labeling.classes[rows] != UNLABELED)
        if len(labeled):
            self._take_out_own(rows[labeled], labeled, scores)
        return normalized_columns(scores.astype(np.float32))

    def predict(self, outsiders: QueryVectors) -> Float32Array:
        scores = np.zeros((self.labeling.class_count, len(outsiders)))
        near = np.ascontiguousarray(outsiders.pool_neighbors.ids, dtype=np.int64)
        _average(self.scores.chains, near, outsiders.edges, scores)
        return normalized_columns(scores.astype(np.float32))

    def _add_label(self, row: int, reached: IntArray, scores: Int32Array) -> None:
        """Add what a label gives to the rows that it reaches."""
        self.scores.add(int(self.labeling.classes[row]), reached, scores)

    def _take_out_own(self, rows: IntArray, columns: IntArray, scores: Int32Array) -> None:
        """Take out of ``columns`` what the labels of ``rows`` themselves have put there."""
        scores[self.labeling.classes[rows], columns] -= self.own[rows]

    @cached_property
    def _diffusion(self) -> Diffusion:
        return Diffusion(self.labeling.geometry.graph)

    def _spread(self, row: int) -> tuple[IntArray, Int32Array]:
        """What a label at a row adds; the latest one is kept, since labels are often changed."""
        if self._latest is None or self._latest[0] != row:
            self._latest = (row, *self._column(row))
        return self._latest[1:]

    def _column(self, row: int) -> tuple[IntArray, Int32Array]:
        reached, scores = self._diffusion.spread(row)
        return reached, np.rint(scores * _UNIT).astype(np.int32)


@kernel
def _average(chains: Chains, near: IntArray, weights: Float64Array, out: Float64Array) -> None:
    """Add up the weighted scores of the rows ``near`` ``(m, k)`` to each item, in ``(C, m)``."""
    for i in range(len(near)):
        for j in range(near.shape[1]):
            at = chains.first[near[i, j]] if near[i, j] != NO_NEIGHBOR else END
            while at != END:
                out[chains.classes[at], i] += chains.values[at] * weights[i, j]
                at = chains.following[at]
