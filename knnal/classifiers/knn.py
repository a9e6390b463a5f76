"""The k-nearest-neighbors vote."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from knnal.classifiers.base import PoolClassifier
from knnal.classifiers.vote import class_probabilities
from knnal.classifiers.votes import cast_ballots
from knnal.index.pool_index import UNLABELED, Labeling, QueryVectors
from knnal.index.search import Nearest, search_rows
from knnal.types import Float32Array, IntArray


class KNNVote(PoolClassifier):
    """The nearest labeled items vote with weight ``exp((s - 1) / T)``.

    A label changes the votes on the rows that have it as a neighbor; with bootstrapping also those
    on the rows that have these as neighbors, which takes one more pass over the lists.
    """

    summary: ClassVar[str] = "the k nearest labeled items vote, weighted by similarity"
    bootstraps: ClassVar[bool] = True

    def update(self, row: int, before: int, changed: IntArray) -> IntArray | None:
        if self.options.balanced:  # class weights depend on every label
            return None
        neighbors, classes = self.labeling.neighbors, self.labeling.classes
        if before != UNLABELED and classes[row] != UNLABELED:
            changed = neighbors.voters(row)
        if self.options.bootstrap is None:
            return changed
        swayed = changed[classes[changed] != UNLABELED]
        return np.union1d(changed, neighbors.voters_of_any(swayed))

    def rebuild(self) -> None:
        """Nothing is kept beside the labeling."""

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
