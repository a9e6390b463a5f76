"""The class with the most labels."""

from __future__ import annotations

import numpy as np

from knnal.classifiers.base import PoolClassifier
from knnal.index.pool_index import QueryVectors
from knnal.types import Float32Array, IntArray


class Commonest(PoolClassifier):
    """The share of each class among the labels, whatever the item."""

    summary = "the class with the most labels"

    def update(self, row: int, before: int, changed: IntArray) -> None:
        """Every probability has changed."""

    def rebuild(self) -> None:
        """Nothing is kept."""

    def declare_classes(self) -> None:
        """As above."""

    def probabilities(self, rows: IntArray) -> Float32Array:
        return self._shares(len(rows))

    def predict(self, outsiders: QueryVectors) -> Float32Array:
        return self._shares(len(outsiders))

    def _shares(self, count: int) -> Float32Array:
        sizes = self.labeling.class_sizes() + 1e-9
        return np.tile((sizes / sizes.sum()).astype(np.float32), (count, 1))
