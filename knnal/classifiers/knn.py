"""The k-nearest-neighbours vote."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from knnal.classifiers.base import UNLABELLED, Labelling
from knnal.neighbors.search import NOBODY, ExactIndex, Nearest
from knnal.neighbors.vote import (
    VoteOptions,
    class_probabilities,
    guided_class_weights,
    vote_weights,
)
from knnal.types import Float32Array, Float64Array, IntArray


class KNNExpert:
    """The nearest labelled items vote with weight ``exp((s - 1) / T)``."""

    summary: ClassVar[str] = "the k nearest labelled items vote, weighted by similarity"

    def __init__(self, labelling: Labelling, options: VoteOptions) -> None:
        self._labelling = labelling
        self._options = options

    def update(self, row: int, changed: IntArray) -> IntArray:
        if self._options.balanced:  # class weights depend on every label
            return np.arange(len(self._labelling.X))
        return np.union1d(changed, self._labelling.neighbours.voters(row))

    def rebuild(self) -> None:
        """Nothing is kept beside the labelling."""

    def probabilities(self, rows: IntArray) -> Float64Array:
        neighbours = self._labelling.neighbours
        return self._vote(Nearest(neighbours.ids[rows], neighbours.similarities[rows]))

    def predict(self, vectors: Float32Array) -> Float64Array:
        return self._vote(nearest_labelled(self._labelling, vectors, self._options.k))

    def _vote(self, nearest: Nearest) -> Float64Array:
        votes = neighbour_votes(self._labelling, nearest, self._options)
        classes = self._labelling.classes[nearest.ids]
        return class_probabilities(votes, classes, self._labelling.class_count)


def neighbour_votes(labelling: Labelling, nearest: Nearest, options: VoteOptions) -> Float64Array:
    """How much each neighbour's vote counts, class weights included, ``(m, k)``."""
    votes = vote_weights(nearest.ids, nearest.similarities, options)
    if not options.balanced:
        return votes
    balance = guided_class_weights(labelling.class_sizes())
    classes = np.where(nearest.ids == NOBODY, 0, labelling.classes[nearest.ids])
    weighted: Float64Array = votes * balance[classes] if len(balance) else votes
    return weighted


def nearest_labelled(labelling: Labelling, vectors: Float32Array, k: int) -> Nearest:
    """The ``k`` labelled pool rows nearest to each vector, ``(m, d) -> (m, k)``."""
    labelled = np.flatnonzero(labelling.classes != UNLABELLED)
    found = ExactIndex(labelling.X[labelled]).search(vectors, k)
    if not len(labelled):
        return found
    return Nearest(np.where(found.ids < 0, found.ids, labelled[found.ids]), found.similarities)
