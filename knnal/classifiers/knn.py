"""The k-nearest-neighbours vote."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from knnal.classifiers.base import UNLABELLED, Labelling, Outsiders, PoolClassifier
from knnal.neighbors.search import NOBODY, Nearest, search_rows
from knnal.neighbors.vote import (
    VoteOptions,
    class_probabilities,
    guided_class_weights,
    vote_weights,
)
from knnal.types import Float32Array, IntArray


class KNNExpert(PoolClassifier):
    """The nearest labelled items vote with weight ``exp((s - 1) / T)``."""

    summary: ClassVar[str] = "the k nearest labelled items vote, weighted by similarity"

    def update(self, row: int, before: int, changed: IntArray) -> IntArray | None:
        if self.options.balanced:  # class weights depend on every label
            return None
        if before == UNLABELLED or self.labelling.classes[row] == UNLABELLED:
            return changed
        return self.labelling.neighbours.voters(row)

    def rebuild(self) -> None:
        """Nothing is kept beside the labelling."""

    def declare_classes(self) -> None:
        """As above."""

    def probabilities(self, rows: IntArray) -> Float32Array:
        neighbours = self.labelling.neighbours
        return self._vote(Nearest(neighbours.ids[rows], neighbours.similarities[rows]))

    def predict(self, outsiders: Outsiders) -> Float32Array:
        if outsiders.rows is not None:
            return self.probabilities(outsiders.rows)
        return self._vote(nearest_labelled(self.labelling, outsiders.vectors, self.options.k))

    def _vote(self, nearest: Nearest) -> Float32Array:
        votes = neighbour_votes(self.labelling, nearest, self.options)
        classes = self.labelling.classes[nearest.ids]
        return class_probabilities(votes, classes, self.labelling.class_count)


def neighbour_votes(labelling: Labelling, nearest: Nearest, options: VoteOptions) -> Float32Array:
    """How much each neighbour's vote counts, class weights included, ``(m, k)``."""
    votes = vote_weights(nearest.ids, nearest.similarities, options)
    if not options.balanced or not labelling.class_count:
        return votes
    balance = guided_class_weights(labelling.class_sizes()).astype(np.float32)
    classes = np.where(nearest.ids == NOBODY, 0, labelling.classes[nearest.ids])
    weighted: Float32Array = votes * balance[classes]
    return weighted


def nearest_labelled(labelling: Labelling, vectors: Float32Array, k: int) -> Nearest:
    """The ``k`` labelled pool rows nearest to each vector, ``(m, d) -> (m, k)``."""
    return search_rows(labelling.geometry.X, labelling.labelled, vectors, k)
