"""Instant label diffusion on the neighbor graph."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

import numpy as np

from knnal.classifiers.base import PoolClassifier
from knnal.classifiers.soft_targets import Mixture, Mixtures, parts_of
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

    With bootstrapping a label spreads the mixture that it stands for; a label then spreads those
    of the labeled items anew that have it as a neighbor.
    """

    summary: ClassVar[str] = "labels spread over the neighbor graph"
    bootstraps: ClassVar[bool] = True

    def __init__(self, labeling: Labeling, options: VoteOptions) -> None:
        super().__init__(labeling, options)
        self.scores = SparseTable(len(labeling.geometry))
        self.own: Int32Array = np.zeros(len(labeling.geometry), dtype=np.int32)
        self._latest: tuple[int, IntArray, Int32Array] | None = None
        self._mixtures = None if options.bootstrap is None else Mixtures(labeling, options)
        self._reach: dict[int, Int32Array] = {}  # what labels give to their labeled neighbors
        self._room: Int32Array = np.zeros(0, dtype=np.int32)

    def update(self, row: int, before: int, changed: IntArray) -> IntArray:
        if self._mixtures is not None:
            return self._respread(self._mixtures, row, changed)
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
        self._reach.clear()
        labeled = self.labeling.labeled
        mixed = None if self._mixtures is None else self._mixtures.rebuild()[1]
        classes = self.labeling.classes

        def spread(start: int, stop: int) -> list[tuple[IntArray, Int32Array]]:
            return [self._column(int(row)) for row in labeled[start:stop]]

        columns = (column for part in over_rows(spread, len(labeled), 16) for column in part)
        for place, (row, (reached, scores)) in enumerate(zip(labeled, columns, strict=True)):
            self.own[row] = scores[0]
            if mixed is None:
                self.scores.add(int(classes[row]), reached, scores)
            else:
                mixture = Mixture(mixed.classes[place], mixed.parts[place])
                self._add(1, mixture, reached, scores)
                self._reach[int(row)] = self._at_neighbors(int(row), reached, scores)

    def declare_classes(self) -> None:
        """A class without labels takes no memory."""

    def probabilities(self, rows: IntArray) -> Float32Array:
        scores = self.scores.columns(self.labeling.class_count, rows)
        classes = self.labeling.classes[rows]
        labeled = np.flatnonzero(classes != UNLABELED)
        if self._mixtures is None:
            scores[classes[labeled], labeled] -= self.own[rows[labeled]]
        elif len(labeled):
            self._take_out_own(self._mixtures, rows[labeled], labeled, scores)
        return normalized_columns(scores.astype(np.float32))

    def predict(self, outsiders: QueryVectors) -> Float32Array:
        scores = np.zeros((self.labeling.class_count, len(outsiders)))
        near = np.ascontiguousarray(outsiders.pool_neighbors.ids, dtype=np.int64)
        _average(self.scores.chains, near, outsiders.edges, scores)
        return normalized_columns(scores.astype(np.float32))

    def _respread(self, mixtures: Mixtures, row: int, changed: IntArray) -> IntArray:
        """``update`` where labels stand for mixtures."""
        everywhere = []
        for label in mixtures.update(row, changed):
            reached, scores = self._spread(label.row)
            for sign, mixture in ((-1, label.before), (1, label.after)):
                if mixture is not None:
                    self._add(sign, mixture, reached, scores)
            self.own[label.row] = scores[0]
            self._reach[label.row] = self._at_neighbors(label.row, reached, scores)
            everywhere.append(reached)
        if self.labeling.classes[row] == UNLABELED:
            del self._reach[row]
        return np.unique(np.concatenate(everywhere))

    def _add(self, sign: int, mixture: Mixture, reached: IntArray, scores: Int32Array) -> None:
        for c, parts in zip(*mixture, strict=True):
            if c != UNLABELED:
                amounts = (sign * parts_of(scores, parts)).astype(np.int32)
                self.scores.add(int(c), reached, amounts)

    def _at_neighbors(self, row: int, reached: IntArray, scores: Int32Array) -> Int32Array:
        """What a label gives to its own nearest labeled rows, ``(k,)``; 0 in empty slots."""
        if not len(self._room):
            self._room = np.zeros(len(self.labeling.geometry), dtype=np.int32)
        near = self.labeling.neighbors.ids[row]
        self._room[reached] = scores
        found: Int32Array = np.where(near == NO_NEIGHBOR, 0, self._room[near]).astype(np.int32)
        self._room[reached] = 0
        return found

    def _take_out_own(
        self, mixtures: Mixtures, rows: IntArray, columns: IntArray, scores: Int32Array
    ) -> None:
        """Take out of ``columns`` what the labels of ``rows`` themselves have put there."""
        own = mixtures.evidence(rows)
        given = self.own[own.sources]
        voters = np.flatnonzero(own.slots >= 0)
        if len(voters):
            sources, at = np.unique(own.sources[voters], return_inverse=True)
            reach = np.stack([self._reach[int(row)] for row in sources])
            given[voters] = reach[at, own.slots[voters]]
        amounts = own.signs[:, None] * parts_of(given[:, None], own.mixtures.parts)
        there = own.mixtures.classes != UNLABELED
        places = np.broadcast_to(columns[own.places][:, None], there.shape)
        np.subtract.at(scores, (own.mixtures.classes[there], places[there]), amounts[there])

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
