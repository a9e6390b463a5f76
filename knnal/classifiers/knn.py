"""The k-nearest-neighbors vote."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from knnal.classifiers.base import PoolClassifier
from knnal.classifiers.vote import (
    VoteOptions,
    class_probabilities,
    guided_class_weights,
    vote_weights,
)
from knnal.index.pool_index import UNLABELED, Labeling, QueryVectors
from knnal.index.search import NO_NEIGHBOR, Nearest, search_rows
from knnal.types import Float32Array, Int32Array, IntArray


class Ballots(NamedTuple):
    """Votes for the classes of labeled rows: ``rows`` and ``weights`` ``(m, votes)``.

    NO_NEIGHBOR in empty places, whose weight is 0.
    """

    rows: Int32Array
    weights: Float32Array


def neighbor_votes(labeling: Labeling, nearest: Nearest, options: VoteOptions) -> Float32Array:
    """How much each neighbor's vote counts, class weights included, ``(m, k)``."""
    votes = vote_weights(nearest.ids, nearest.similarities, options)
    if not options.balanced or not labeling.class_count:
        return votes
    balance = guided_class_weights(labeling.class_sizes()).astype(np.float32)
    classes = np.where(nearest.ids == NO_NEIGHBOR, 0, labeling.classes[nearest.ids])
    weighted: Float32Array = votes * balance[classes]
    return weighted


def cast_ballots(
    labeling: Labeling, nearest: Nearest, options: VoteOptions, rows: IntArray | None = None
) -> Ballots:
    """The votes on items by their nearest labeled rows, ``(m, n)``.

    Where the items are ``rows`` ``(m,)`` of the pool, no item's own label is evidence on it, not
    even through what its neighbors vote for.
    """
    ids = np.ascontiguousarray(nearest.ids, dtype=np.int32)
    ballots = Ballots(ids, neighbor_votes(labeling, nearest, options))
    if options.bootstrap is None:
        return ballots
    from knnal.classifiers.bootstrap import bootstrapped_ballots

    return bootstrapped_ballots(labeling, ballots, options, rows)


class KNNVote(PoolClassifier):
    """The nearest labeled items vote with weight ``exp((s - 1) / T)``.

    A label changes the votes on the rows that have it as a neighbor.
    """

    summary = "the k nearest labeled items vote, weighted by similarity"

    def update(self, row: int, before: int, changed: IntArray) -> IntArray | None:
        if self.options.balanced:  # class weights depend on every label
            return None
        neighbors, classes = self.labeling.neighbors, self.labeling.classes
        if before != UNLABELED and classes[row] != UNLABELED:
            changed = neighbors.voters(row)
        return changed

    def rebuild(self) -> None:
        """Nothing is kept but the labeling."""

    def declare_classes(self) -> None:
        """As above."""

    def probabilities(self, rows: IntArray) -> Float32Array:
        neighbors = self.labeling.neighbors
        return self._vote(neighbors.at(rows), rows)

    def predict(self, outsiders: QueryVectors) -> Float32Array:
        if outsiders.rows is not None:
            return self.probabilities(outsiders.rows)
        return self._vote(nearest_labeled(self.labeling, outsiders.vectors, self.options.k))

    def _vote(self, nearest: Nearest, rows: IntArray | None = None) -> Float32Array:
        ballots = cast_ballots(self.labeling, nearest, self.options, rows)
        classes = self.labeling.classes[ballots.rows]
        return class_probabilities(ballots.weights, classes, self.labeling.class_count)


def nearest_labeled(labeling: Labeling, vectors: Float32Array, k: int) -> Nearest:
    """The ``k`` labeled pool rows nearest to each vector, ``(m, d) -> (m, k)``."""
    return search_rows(labeling.geometry.X, labeling.labeled, vectors, k)
