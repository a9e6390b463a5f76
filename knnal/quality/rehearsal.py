"""What labels would have taught in other hands: the experts over a few rows and their subsets.

The classifier of a pool is exact and incremental, and wide: a label moves every row. Here only
some rows matter, to learn from and to be judged by, so each expert shrinks to a table of pairs,
and a subset of labels is a few columns of it.
"""

from __future__ import annotations

import numpy as np

from knnal.classifiers.expert_weights import (
    MIXTURES,
    choose_powers,
    count_predicted,
    expert_product,
)
from knnal.classifiers.means import TEMPERATURE
from knnal.classifiers.tables import normalized_columns
from knnal.classifiers.vote import VoteOptions, class_probabilities, vote_weights
from knnal.index.diffusion import Diffusion
from knnal.index.pool_index import PoolIndex
from knnal.index.search import NO_NEIGHBOR
from knnal.index.similarity import similarities_at
from knnal.types import BoolArray, Float32Array, Int32Array, IntArray


class Rehearsal:
    """The default classifier with plain votes, over ``m`` labeled rows of a pool.

    ``rows`` ``(m,)`` are distinct, ``classes`` ``(m,)`` number their labels from 0 without gaps.
    """

    def __init__(
        self, geometry: PoolIndex, diffusion: Diffusion, rows: IntArray, classes: IntArray
    ) -> None:
        self.classes: Int32Array = classes.astype(np.int32)
        self._one_hot: Float32Array = np.eye(int(np.max(classes)) + 1, dtype=np.float32)[classes]
        vectors = np.ascontiguousarray(geometry.X[rows])
        everyone = np.tile(np.arange(len(rows)), (len(rows), 1))
        self._similarities = similarities_at(vectors, everyone, vectors)
        np.fill_diagonal(self._similarities, -np.inf)
        reduced = geometry.reduced
        directions = reduced.first.codes[rows] * reduced.inverse_length[rows, None]
        self._cosines: Float32Array = directions @ directions.T
        self._reach = _reach(diffusion, rows)

    def __len__(self) -> int:
        return len(self.classes)

    def right(self, members: BoolArray) -> BoolArray:
        """Which rows are predicted rightly from the labels of the members, ``(m,) -> (m,)``.

        No row votes for itself.
        """
        known = self._one_hot * members[:, None]
        present: BoolArray = np.any(known, axis=0)
        own = known[:, present]
        experts = (self._vote(members, own), self._spread(own), self._means(own))
        numbers = np.cumsum(present, dtype=np.int32)[self.classes] - 1
        counted = count_predicted(
            (experts[0][members], experts[1][members], experts[2][members]),
            numbers[members],
            np.bincount(numbers[members], minlength=own.shape[1]),
            np.empty((np.count_nonzero(members), len(MIXTURES)), dtype=np.int64),
        )
        powers, _ = choose_powers(counted)
        best = expert_product(experts, powers).argmax(axis=1)
        right: BoolArray = present[self.classes] & (best == numbers)
        return right

    def _vote(self, members: BoolArray, own: Float32Array) -> Float32Array:
        """kNN: the nearest members' votes, relative to the nearest one's, ``-> (m, C)``."""
        options = VoteOptions()
        columns = np.flatnonzero(members)
        near = self._similarities[:, columns]
        kept = min(options.k, len(columns))
        best = np.argpartition(-near, kept - 1, axis=1)[:, :kept]
        values = np.take_along_axis(near, best, axis=1)
        voters = np.where(np.isneginf(values), NO_NEIGHBOR, columns[best])
        weights = vote_weights(voters, values, options)
        return class_probabilities(weights, own.argmax(axis=1)[voters], own.shape[1])

    def _spread(self, own: Float32Array) -> Float32Array:
        """Label diffusion, ``-> (m, C)``."""
        return normalized_columns((self._reach @ own).T)

    def _means(self, own: Float32Array) -> Float32Array:
        """The softmax of cosines to the class means, ``-> (m, C)``."""
        products = self._cosines @ own
        lengths = (own * products).sum(axis=0)
        itself = np.diag(self._cosines)[:, None] * own
        left = lengths - (2.0 * products - itself) * own
        cosines = (products - itself) / np.sqrt(np.maximum(left, 1e-12))
        others = own.sum(axis=0) - own > 0
        closeness = np.where(others, np.exp((np.minimum(cosines, 1) - 1) / TEMPERATURE), 0.0)
        return normalized_columns(closeness.T.astype(np.float32))


def _reach(diffusion: Diffusion, rows: IntArray) -> Float32Array:
    """How much a label at each row (columns) gives the others (rows), ``(m, m)``, itself 0."""
    reach = np.zeros((len(rows), len(rows)), dtype=np.float32)
    order = np.argsort(rows)
    for column, row in enumerate(rows.tolist()):
        reached, scores = diffusion.spread(row)
        at = np.minimum(np.searchsorted(rows, reached, sorter=order), len(rows) - 1)
        there = rows[order[at]] == reached
        reach[order[at[there]], column] = scores[there]
    np.fill_diagonal(reach, 0.0)
    return reach
