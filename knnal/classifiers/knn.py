"""The k-nearest-neighbours vote."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from knnal.classifiers.ballots import cast_ballots
from knnal.classifiers.base import UNLABELLED, Labelling, Outsiders, PoolClassifier
from knnal.neighbors.search import Nearest, search_rows
from knnal.neighbors.vote import class_probabilities
from knnal.types import Float32Array, IntArray


class KNNExpert(PoolClassifier):
    """The nearest labelled items vote with weight ``exp((s - 1) / T)``.

    A label changes the votes on the rows that have it as a neighbour; with bootstrapping also those
    on the rows that have these as neighbours, which takes one more pass over the lists.
    """

    summary: ClassVar[str] = "the k nearest labelled items vote, weighted by similarity"
    bootstraps: ClassVar[bool] = True

    def update(self, row: int, before: int, changed: IntArray) -> IntArray | None:
        if self.options.balanced:  # class weights depend on every label
            return None
        neighbours, classes = self.labelling.neighbours, self.labelling.classes
        if before != UNLABELLED and classes[row] != UNLABELLED:
            changed = neighbours.voters(row)
        if self.options.bootstrap is None:
            return changed
        swayed = changed[classes[changed] != UNLABELLED]
        return np.union1d(changed, neighbours.voters_of_any(swayed))

    def rebuild(self) -> None:
        """Nothing is kept beside the labelling."""

    def declare_classes(self) -> None:
        """As above."""

    def probabilities(self, rows: IntArray) -> Float32Array:
        neighbours = self.labelling.neighbours
        return self._vote(Nearest(neighbours.ids[rows], neighbours.similarities[rows]), rows)

    def predict(self, outsiders: Outsiders) -> Float32Array:
        if outsiders.rows is not None:
            return self.probabilities(outsiders.rows)
        return self._vote(nearest_labelled(self.labelling, outsiders.vectors, self.options.k))

    def _vote(self, nearest: Nearest, rows: IntArray | None = None) -> Float32Array:
        ballots = cast_ballots(self.labelling, nearest, self.options, rows)
        classes = self.labelling.classes[ballots.rows]
        return class_probabilities(ballots.weights, classes, self.labelling.class_count)


def nearest_labelled(labelling: Labelling, vectors: Float32Array, k: int) -> Nearest:
    """The ``k`` labelled pool rows nearest to each vector, ``(m, d) -> (m, k)``."""
    return search_rows(labelling.geometry.X, labelling.labelled, vectors, k)
