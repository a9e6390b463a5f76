"""Which labels are probably wrong, from the class probabilities of items without their own label.

Source: C. Northcutt, L. Jiang and I. Chuang, "Confident Learning: Estimating Uncertainty in Dataset
Labels", Journal of Artificial Intelligence Research 70 (2021); the voting is that of RAD (Z. Zhao
et al., arXiv 2103.10824). Labels are class numbers, ``(n,)``; probabilities ``P`` are ``(n, C)``.
"""

from __future__ import annotations

import numpy as np

from knnal.types import BoolArray, Float64Array, FloatArray, IntArray, RowArray

NONE = -1
"""The class number where there is none."""

_ROUNDING = 1e-6
"""By so much the mean of equal numbers may exceed each of them."""


def self_confidence(P: FloatArray, labels: RowArray) -> Float64Array:
    """The probability of each item's own label, ``(n, C), (n,) -> (n,)``."""
    exact = P.astype(np.float64)
    confidence: Float64Array = np.take_along_axis(exact, labels[:, None], axis=1)[:, 0]
    return confidence


def class_thresholds(P: FloatArray, labels: RowArray) -> Float64Array:
    """``t_j``, the mean self-confidence of the items labeled j, ``-> (C,)``; inf without any."""
    count = P.shape[1]
    sizes = np.bincount(labels, minlength=count)
    sums = np.bincount(labels, weights=self_confidence(P, labels), minlength=count)
    thresholds: Float64Array = np.divide(sums, sizes, out=np.full(count, np.inf), where=sizes > 0)
    return thresholds


def confident_classes(P: FloatArray, thresholds: Float64Array) -> IntArray:
    """The likeliest of the classes whose threshold an item reaches, ``-> (n,)``, or NONE."""
    reached = thresholds - _ROUNDING <= P
    classes: IntArray = np.where(
        reached.any(axis=1), likeliest_classes(np.where(reached, P, -1.0)), NONE
    )
    return classes


def likeliest_classes(P: FloatArray) -> IntArray:
    """The class of highest probability, of equals the first, ``(n, C) -> (n,)``; or NONE."""
    return P.argmax(axis=1) if P.shape[1] else np.full(len(P), NONE)


def off_diagonal(P: FloatArray, labels: RowArray) -> BoolArray:
    """Which items lie off the diagonal of the confident joint, ``-> (n,)``: labeled i, they are
    confidently of another class j. Their number estimates the wrong labels.
    """
    confident = confident_classes(P, class_thresholds(P, labels))
    wrong: BoolArray = (confident != NONE) & (confident != labels)
    return wrong


def suspicion(P: FloatArray, labels: RowArray) -> Float64Array:
    """``(1 + max over j != label of p_j - p_label) / 2``, ``-> (n,)`` in [0, 1].

    The normalized margin, turned round: above a half, another class is likelier than the label.
    """
    others = np.array(P, dtype=np.float64)
    np.put_along_axis(others, labels[:, None].astype(np.int64), -np.inf, axis=1)
    best = others.max(axis=1, initial=0.0)
    doubt: Float64Array = (1.0 + best - self_confidence(P, labels)) / 2.0
    return doubt


def majority(given: RowArray, first: RowArray, second: RowArray) -> IntArray:
    """The class that two of the three say, each ``(n,)``, ``-> (n,)``; NONE where all differ."""
    agreed = np.where(first == second, first, NONE)
    voted: IntArray = np.where((given == first) | (given == second), given, agreed)
    return voted
