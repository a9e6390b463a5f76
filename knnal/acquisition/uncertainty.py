"""How unsure a classifier is of each item, from its class probabilities.

Source of the four measures: B. Settles, "Active Learning Literature Survey" (2009), section 3.1;
T. Dominguez-Kuhne and X. Zhao for the largest margin.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from knnal.types import FloatArray


def least_confidence(P: FloatArray) -> FloatArray:
    """``1 - p1``, ``(n, c) -> (n,)``: how much is left beside the likeliest class."""
    return 1.0 - _ranked(P, 1)


def smallest_margin(P: FloatArray) -> FloatArray:
    """``1 - (p1 - p2)``, ``(n, c) -> (n,)``: how close the two likeliest classes are."""
    return 1.0 - (_ranked(P, 1) - _ranked(P, 2))


def largest_margin(P: FloatArray) -> FloatArray:
    """``1 - (p1 - pC)``, ``(n, c) -> (n,)``: how close the best and worst classes are."""
    worst = P.min(axis=1) if P.shape[1] else np.zeros(len(P), dtype=P.dtype)
    return 1.0 - (_ranked(P, 1) - worst)


def entropy(P: FloatArray) -> FloatArray:
    """``-sum p log p`` in nats, ``(n, c) -> (n,)``, with ``0 log 0 = 0``."""
    logs = np.log(P, out=np.zeros_like(P), where=P > 0)
    surprise: FloatArray = np.zeros(len(P), dtype=P.dtype)
    for c in range(P.shape[1]):  # one by one: a row's sum is the same in any block
        surprise -= P[:, c] * logs[:, c]
    return surprise


def disagreement(P: FloatArray) -> FloatArray:
    """``H(mean_m p_m) - mean_m H(p_m)`` in nats, ``(n, M, c) -> (n,)``: what the label and the
    voter have in common, 0 where all M voters say the same.

    Source: N. Houlsby et al., "Bayesian Active Learning for Classification and Preference
    Learning" (BALD, arXiv 1112.5745).
    """
    n, voters, classes = P.shape
    each = entropy(P.reshape(n * voters, classes)).reshape(n, voters)
    mean, mean_entropy = np.zeros((n, classes), P.dtype), np.zeros(n, P.dtype)
    for m in range(voters):  # one by one, as above
        mean += P[:, m]
        mean_entropy += each[:, m]
    gap: FloatArray = np.maximum(entropy(mean / voters) - mean_entropy / voters, 0.0)
    return gap


def response_entropy(P: FloatArray) -> FloatArray:
    """Entropy in bits, averaged over the m views of an item, ``(n, m, c) -> (n,)``.

    Source: "Guided Labeling using Convolutional Neural Networks" (arXiv 1712.02154).
    """
    n, views, classes = P.shape
    bits = entropy(P.reshape(n * views, classes)).reshape(n, views) / np.log(2.0, dtype=P.dtype)
    mean: FloatArray = np.zeros(n, dtype=P.dtype)
    for view in range(views):  # one by one: a row's sum is the same in any block
        mean += bits[:, view]
    mean /= max(views, 1)
    return mean


UncertaintyMeasure = Callable[[FloatArray], FloatArray]

MEASURES: dict[str, UncertaintyMeasure] = {
    "least-confidence": least_confidence,
    "smallest-margin": smallest_margin,
    "largest-margin": largest_margin,
    "entropy": entropy,
}


def _ranked(P: FloatArray, rank: int) -> FloatArray:
    """The ``rank``-th largest probability of each row; 0 where there are fewer classes."""
    if P.shape[1] < rank:
        return np.zeros(len(P), dtype=P.dtype)
    largest: FloatArray = np.partition(P, -rank, axis=1)[:, -rank]
    return largest
