"""The kNN vote as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from knnal import defaults
from knnal.classifiers.vote import (
    VoteOptions,
    class_probabilities,
    guided_class_weights,
    vote_weights,
)
from knnal.errors import InputError
from knnal.index.linalg import unit_rows
from knnal.index.search import NO_NEIGHBOR, Nearest, search_rows
from knnal.types import Float64Array, FloatArray, IntArray


class KNNClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """k nearest neighbors by cosine similarity, over FAISS, exact to the last tie.

    Ties in similarity go to the sample that was fitted first, so results depend neither on the
    batch nor on threads.

    Parameters
    ----------
    n_neighbors : int
        How many neighbors vote.
    temperature : float
        A neighbor of cosine similarity s votes with weight ``exp((s - 1) / temperature)``.
    weights : {"similarity", "uniform"}
        "uniform" lets all votes weigh the same.
    class_weight : dict or "guided", optional
        Factors by class, 1 for a class without one; "guided" is ``max(log(0.3 t / n_c), 1)``
        (arXiv 1712.02154, eq. 2).

    Attributes
    ----------
    classes_ : array ``(n_classes,)``
        The class labels, sorted.
    n_features_in_ : int
        The dimension of the vectors.
    n_samples_fit_ : int
        How many samples are stored.

    Examples
    --------
    >>> model = KNNClassifier(n_neighbors=1).fit([[1.0, 0.0], [0.0, 1.0]], ["east", "north"])
    >>> model.predict([[0.9, 0.1]]).tolist()
    ['east']
    """

    def __init__(
        self,
        n_neighbors: int = defaults.K,
        *,
        temperature: float = defaults.TEMPERATURE,
        weights: Literal["similarity", "uniform"] = "similarity",
        class_weight: Mapping[Any, float] | Literal["guided"] | None = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.temperature = temperature
        self.weights = weights
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any) -> KNNClassifier:
        """Store samples ``(n, d)`` and their labels ``(n,)``, in place of earlier ones.

        Raises ValueError for other shapes and for numbers that are not finite.
        """
        X, y = validate_data(self, X, y, dtype=(np.float64, np.float32))
        check_classification_targets(y)
        self._options()
        self.classes_, codes = np.unique(y, return_inverse=True)
        return self._store(unit_rows(X), codes)

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> KNNClassifier:
        """Add samples to those stored. ``classes`` may name all classes at the first call.

        New classes may come up at any call. Raises as ``fit`` does.
        """
        first = not hasattr(self, "classes_")
        X, y = validate_data(self, X, y, dtype=(np.float64, np.float32), reset=first)
        check_classification_targets(y)
        self._options()
        named = y if classes is None else np.concatenate([np.asarray(classes), y])
        if first:
            self.classes_ = np.unique(named)
            return self._store(unit_rows(X), np.searchsorted(self.classes_, y))
        merged = np.unique(np.concatenate([self.classes_, named]))
        old = np.searchsorted(merged, self.classes_)[self._codes]
        self.classes_ = merged
        codes = np.concatenate([old, np.searchsorted(merged, y)])
        return self._store(np.concatenate([self._X, unit_rows(X)]), codes)

    def predict_proba(self, X: Any) -> Float64Array:
        """Class probabilities ``(n, n_classes)`` of vectors ``(n, d)``; rows sum to 1."""
        options = self._options()
        nearest = self._nearest(self._checked(X), options.k)
        weights = vote_weights(nearest.ids, nearest.similarities, options)
        codes = np.where(nearest.ids == NO_NEIGHBOR, 0, self._codes[nearest.ids])
        balance = self._class_weights()
        if balance is not None:
            weights = weights * balance[codes].astype(np.float32)
        return class_probabilities(weights, codes, len(self.classes_)).astype(np.float64)

    def predict(self, X: Any) -> Any:
        """The likeliest class of each vector, ``(n, d) -> (n,)``; of equals the first by sort."""
        P = self.predict_proba(X)
        return self.classes_[P.argmax(axis=1)]

    def kneighbors(
        self, X: Any, n_neighbors: int | None = None, return_distance: bool = True
    ) -> tuple[FloatArray, IntArray] | IntArray:
        """Cosine distances and indices of the nearest stored samples, each ``(n, n_neighbors)``.

        Raises InputError for more neighbors than there are samples.
        """
        k = self._options().k if n_neighbors is None else n_neighbors
        X = self._checked(X)
        if not 1 <= k <= self.n_samples_fit_:
            raise InputError(
                f"n_neighbors must be from 1 to {self.n_samples_fit_}, the number of samples "
                f"stored, got {k}."
            )
        nearest = self._nearest(X, k)
        ids = nearest.ids.astype(np.int64)
        if not return_distance:
            return ids
        return np.maximum(1.0 - nearest.similarities.astype(np.float64), 0.0), ids

    def _options(self) -> VoteOptions:
        if self.weights not in ("similarity", "uniform"):
            raise InputError(f"weights must be 'similarity' or 'uniform', got {self.weights!r}.")
        if isinstance(self.class_weight, str) and self.class_weight != "guided":
            raise InputError(
                f"class_weight must be None, 'guided' or a dict, got {self.class_weight!r}."
            )
        return VoteOptions(
            k=self.n_neighbors,
            temperature=self.temperature,
            uniform=self.weights == "uniform",
        )

    def _class_weights(self) -> Float64Array | None:
        if self.class_weight is None:
            return None
        if isinstance(self.class_weight, str):
            return guided_class_weights(np.bincount(self._codes, minlength=len(self.classes_)))
        return np.array([self.class_weight.get(name, 1.0) for name in self.classes_.tolist()])

    def _store(self, X: Any, codes: IntArray) -> KNNClassifier:
        self._X = X
        self._codes = codes.astype(np.int64)
        self.n_samples_fit_ = len(X)
        return self

    def _checked(self, X: Any) -> FloatArray:
        check_is_fitted(self)
        checked: FloatArray = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
        return checked

    def _nearest(self, X: FloatArray, k: int) -> Nearest:
        return search_rows(self._X, np.arange(len(self._X)), unit_rows(X), k)
