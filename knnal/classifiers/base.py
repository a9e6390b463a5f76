"""What every pool classifier shares and offers."""

from __future__ import annotations

from typing import ClassVar, Protocol, cast

import numpy as np

from knnal.neighbors.labelled import LabelledNeighbours
from knnal.neighbors.vote import VoteOptions
from knnal.registry import Registry
from knnal.types import Float32Array, Float64Array, IntArray

CLASSIFIERS = Registry("knnal.classifiers", "classifier")

UNLABELLED = -1
"""The class number of a row without a label."""


class Labelling:
    """The pool's vectors, their nearest labelled neighbours, and the labels in force.

    ``classes`` is ``(rows,)``, a class number or UNLABELLED.
    """

    def __init__(self, X: Float32Array, k: int) -> None:
        self.X = X
        self.neighbours = LabelledNeighbours(X, k)
        self.classes: IntArray = np.full(len(X), UNLABELLED, dtype=np.int64)
        self.class_count = 0

    def class_sizes(self) -> IntArray:
        """Labels in force by class number, ``(class_count,)``."""
        labels = self.classes[self.classes != UNLABELLED]
        return np.bincount(labels, minlength=self.class_count)


class PoolClassifier(Protocol):
    """Class probabilities of pool rows and of other vectors. All rows of them sum to 1."""

    summary: ClassVar[str]

    def update(self, row: int, changed: IntArray) -> IntArray:
        """The label of ``row`` is new, other or gone, and the nearest labelled neighbours of the
        rows ``changed`` are others. Returns the rows whose probabilities may have changed.
        """

    def rebuild(self) -> None:
        """Start over from the labelling as it is."""

    def probabilities(self, rows: IntArray) -> Float64Array:
        """Of pool rows, none of which votes for itself: ``(m,) -> (m, class_count)``."""

    def predict(self, vectors: Float32Array) -> Float64Array:
        """Of unit vectors from outside the pool: ``(m, d) -> (m, class_count)``."""


def create_classifier(name: str, labelling: Labelling, options: VoteOptions) -> PoolClassifier:
    """The classifier of a registered name over a labelling.

    Raises UnknownNameError for a name that is not registered.
    """
    return cast(PoolClassifier, CLASSIFIERS.load(name)(labelling, options))
