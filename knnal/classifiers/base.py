"""What every pool classifier shares and offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, cast

import numpy as np

from knnal.classifiers.vote import VoteOptions
from knnal.errors import InputError
from knnal.index.pool_index import Labeling, QueryVectors
from knnal.index.reduced import ExtraProducts
from knnal.registry import Registry
from knnal.types import Float32Array, IntArray

CLASSIFIERS = Registry("knnal.classifiers", "classifier")


class PoolClassifier(ABC):
    """Class probabilities of pool rows and of other vectors. All rows of them sum to 1."""

    summary: ClassVar[str]

    def __init__(self, labeling: Labeling, options: VoteOptions) -> None:
        self.labeling = labeling
        self.options = options

    def extra_products(self, row: int) -> ExtraProducts:
        """``row``, unlabeled so far, has got its class, and its nearest rows are looked for next:
        the products that are wanted of that pass over the reduced copy, there by the update.
        """
        del row
        return ExtraProducts.none()

    @abstractmethod
    def update(self, row: int, before: int, changed: IntArray) -> IntArray | None:
        """The class of ``row`` was ``before`` and is now another one, either may be UNLABELED;
        the nearest labeled neighbors of the rows ``changed`` are others.

        Returns the rows whose probabilities may have changed, None for all of them.
        """

    @abstractmethod
    def rebuild(self) -> None:
        """Start over from the labeling as it is."""

    @abstractmethod
    def declare_classes(self) -> None:
        """The number of classes is another one; no label has changed."""

    @abstractmethod
    def probabilities(self, rows: IntArray) -> Float32Array:
        """Of pool rows, none of which votes for itself: ``(m,) -> (m, class_count)``."""

    @abstractmethod
    def predict(self, outsiders: QueryVectors) -> Float32Array:
        """Of vectors from outside the pool: ``-> (m, class_count)``."""

    def likeliest(self, rows: IntArray) -> IntArray:
        """The likeliest class of each of some rows, ``(m,)``, of equals the first."""
        classes: IntArray = np.argmax(self.probabilities(rows), axis=1)
        return classes

    def predicted_labels(self) -> int:
        """How many labels are predicted, each left out in turn.

        A class's only label is not: left out, nothing speaks for its class.
        """
        labeled = self.labeling.labeled
        if not len(labeled):
            return 0
        classes = self.labeling.classes[labeled]
        others = self.labeling.class_sizes()[classes] > 1
        P = self.probabilities(labeled)
        return int(np.count_nonzero((P.argmax(axis=1) == classes) & others))

    def measure(self, name: str, start: int, stop: int, out: Float32Array) -> bool:
        """Write a measure of uncertainty for the unlabeled ones of rows ``start`` to ``stop``.

        False, with nothing written, where there is no quicker way than by ``probabilities``.
        """
        del name, start, stop, out
        return False


def create_classifier(name: str, labeling: Labeling, options: VoteOptions) -> PoolClassifier:
    """The classifier of a registered name over a labeling. Raises as ``classifier_factory``."""
    return classifier_factory(name, options)(labeling, options)


def classifier_factory(
    name: str, options: VoteOptions
) -> Callable[[Labeling, VoteOptions], PoolClassifier]:
    """What makes classifiers of a registered name.

    Raises UnknownNameError for a name that is not registered, InputError for bootstrapped votes
    with a classifier that does not add labels up.
    """
    factory = cast("Callable[[Labeling, VoteOptions], PoolClassifier]", CLASSIFIERS.load(name))
    if options.bootstrap is None:
        return factory
    from knnal.classifiers.bootstrap import BOOTSTRAPPED

    if name not in BOOTSTRAPPED:
        raise InputError(
            f"bootstrap must be None with the classifier '{name}', which does not add labels up, "
            f"got '{options.bootstrap}'. Classifiers that do: {', '.join(BOOTSTRAPPED)}."
        )
    return BOOTSTRAPPED[name]
