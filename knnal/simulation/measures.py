"""Accuracy and the like from counts by class, for many steps and runs at once.

All take ``hits`` ``(..., C)``, the correct predictions of each class, ``predicted`` ``(..., C)``,
all predictions of it, and ``support`` ``(..., C)``, its number of items.
"""

from __future__ import annotations

import numpy as np

from knnal.types import Float64Array, IntArray

MEASURES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
}
"""The measures by name, with the words for them."""


def count_outcomes(truth: IntArray, guesses: IntArray, classes: int) -> tuple[IntArray, IntArray]:
    """Correct and all predictions by class, ``(m,), (m,) -> (C,), (C,)``."""
    hits = np.bincount(truth[truth == guesses], minlength=classes)
    return hits, np.bincount(guesses, minlength=classes)


def accuracy(hits: IntArray, support: IntArray) -> Float64Array:
    """The share of correct predictions, ``-> (...)``."""
    shares: Float64Array = hits.sum(axis=-1) / support.sum(axis=-1)
    return shares


def class_accuracy(hits: IntArray, support: IntArray) -> Float64Array:
    """The recall of each class, ``-> (..., C)``.

    NaN for a class without items.
    """
    return _shares(hits, np.broadcast_to(support, hits.shape))


def balanced_accuracy(hits: IntArray, support: IntArray) -> Float64Array:
    """The mean of ``class_accuracy`` over the classes that have items, ``-> (...)``."""
    means: Float64Array = np.nanmean(class_accuracy(hits, support), axis=-1)
    return means


def macro_f1(hits: IntArray, predicted: IntArray, support: IntArray) -> Float64Array:
    """The mean of F1 over the classes that have items or are predicted, ``-> (...)``."""
    means: Float64Array = np.nanmean(_shares(2 * hits, predicted + support), axis=-1)
    return means


def measure(name: str, hits: IntArray, predicted: IntArray, support: IntArray) -> Float64Array:
    """One of ``MEASURES`` by name, ``-> (...)``."""
    if name == "macro_f1":
        return macro_f1(hits, predicted, support)
    return {"accuracy": accuracy, "balanced_accuracy": balanced_accuracy}[name](hits, support)


def labels_to(curve: Float64Array, target: float) -> int | None:
    """The number of labels at which a curve ``(T,)`` first reaches the target, or None."""
    reached = np.flatnonzero(curve >= target)
    return int(reached[0]) + 1 if len(reached) else None


def area(curves: Float64Array) -> Float64Array:
    """The area under curves ``(..., T)`` divided by their length: the mean, ``(...)``."""
    areas: Float64Array = curves.mean(axis=-1)
    return areas


def _shares(parts: IntArray, wholes: IntArray) -> Float64Array:
    shares: Float64Array = np.full(parts.shape, np.nan)
    return np.divide(parts, wholes, out=shares, where=wholes > 0)
