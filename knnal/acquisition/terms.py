"""Score terms and how they combine: pure functions over arrays, one formula each.

Uncertainty measures take class probabilities ``P`` ``(n, c)`` and give ``(n,)``, 0 where the
classifier is sure. Sources: B. Settles, "Active Learning Literature Survey" (2009), section 3.1;
T. Dominguez-Kuhne and X. Zhao for the largest margin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

import numpy as np

from knnal.types import Float32Array, Float64Array, FloatArray, IntArray

UNCERTAINTY_OFFSET = 1e-3
"""Keeps the plain product from ignoring density and diversity where the classifier is sure."""


def least_confidence(P: FloatArray) -> FloatArray:
    """``1 - p1``, ``(n, c) -> (n,)``: what the likeliest class leaves to the others."""
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
    return 0.0 - _summed(P * logs)  # never -0.0


MEASURES: dict[str, Callable[[FloatArray], FloatArray]] = {
    "least-confidence": least_confidence,
    "smallest-margin": smallest_margin,
    "largest-margin": largest_margin,
    "entropy": entropy,
}


def disagreement(P: FloatArray) -> FloatArray:
    """``H(mean_m p_m) - mean_m H(p_m)`` in nats, ``(n, M, c) -> (n,)``: the mutual information of
    the label and the voter, 0 where all M voters agree.

    Source: N. Houlsby et al., "Bayesian Active Learning for Classification and Preference
    Learning" (BALD, arXiv 1112.5745).
    """
    n, voters, classes = P.shape
    each = entropy(P.reshape(n * voters, classes)).reshape(n, voters)
    gap = entropy(_summed(P) / voters) - _summed(each) / voters
    information: FloatArray = np.maximum(gap, 0.0)
    return information


def response_entropy(P: FloatArray) -> FloatArray:
    """Entropy in bits, averaged over the m views of an item, ``(n, m, c) -> (n,)``.

    Source: "Guided Labeling using Convolutional Neural Networks" (arXiv 1712.02154).
    """
    n, views, classes = P.shape
    bits = entropy(P.reshape(n * views, classes)).reshape(n, views) / np.log(2.0, dtype=P.dtype)
    mean: FloatArray = _summed(bits) / max(views, 1)
    return mean


def _ranked(P: FloatArray, rank: int) -> FloatArray:
    """The ``rank``-th largest probability of each row; 0 where there are fewer classes."""
    if P.shape[1] < rank:
        return np.zeros(len(P), dtype=P.dtype)
    largest: FloatArray = np.partition(P, -rank, axis=1)[:, -rank]
    return largest


def _summed(values: FloatArray) -> FloatArray:
    """Sums over the second axis, one by one: a row's sum is the same in any block."""
    total: FloatArray = np.zeros(values.shape[:1] + values.shape[2:], dtype=values.dtype)
    for at in range(values.shape[1]):
        total += values[:, at]
    return total


def global_density(X: Float32Array, mean: Float32Array) -> Float32Array:
    """Mean cosine similarity to the whole pool, ``(n, d), (d,) -> (n,)``.

    Since rows have unit norm, the mean of ``x . y`` over all y is ``x . mean(y)``: one pass. It
    is the density of "Learn faster with smarter data labeling" (Lyubimov); it rewards the center
    of the pool, which misleads where the pool has several clusters.
    """
    density: Float32Array = np.vecdot(X, mean)
    return density


def kernel_mass(kernel_sums: Float64Array) -> Float64Array:
    """Kernel mass of the neighborhood, ``sum_j K(x, x_j)`` with ``K(x, x) = 1``, ``(n,) -> (n,)``.

    ``kernel_sums`` are the sums over the graph neighbors of each item, without the item itself.
    """
    return kernel_sums + 1.0


def distance(nearest: Float32Array) -> Float32Array:
    """``1 - max similarity`` to a labeled item, ``(n,) -> (n,)``; 1 where nothing is labeled.

    ``nearest`` is the similarity of the nearest labeled item, -inf for none. This is what the
    text of "Learn faster with smarter data labeling" (Lyubimov) describes.
    """
    return np.where(np.isneginf(nearest), np.float32(1.0), np.float32(1.0) - nearest)


def distance_as_printed(farthest: Float32Array) -> Float32Array:
    """``1 - max distance`` to a labeled item, ``(n,) -> (n,)``; 1 where nothing is labeled.

    ``farthest`` is the similarity of the farthest labeled item, +inf for none; its distance is
    1 minus that. The formula as the same article prints it: it rewards staying close to every
    label, and is kept so that the printed method can be reproduced.
    """
    return np.where(np.isposinf(farthest), np.float32(1.0), farthest)


def uncovered(gain: Float64Array | IntArray, mass: Float64Array | IntArray) -> Float64Array:
    """The share of an item's kernel mass that no label covers yet, ``-> (n,)`` in [0, 1].

    ``gain`` is the kernel coverage that labeling the item would add, ``mass`` its kernel mass, so
    that density x diversity is the marginal coverage of MaxHerding (arXiv 2407.12212).
    """
    return gain / mass


def empirical_cdf(values: FloatArray) -> Float64Array:
    """The share of values that are at most as large, ``(n,) -> (n,)`` in (0, 1]; ties share it."""
    ordered = np.sort(values)
    return np.searchsorted(ordered, values, side="right") / max(len(values), 1)


def power_product(places: Sequence[Float64Array], powers: Sequence[float]) -> Float64Array:
    """``prod_k places[k] ** powers[k]``, each ``(n,) -> (n,)``, multiplied in their order."""
    score = np.ones_like(places[0])
    for place, power in zip(places, powers, strict=True):
        score *= place if power == 1.0 else np.power(place, power)
    return score


def product(factors: Sequence[FloatArray], raised: Sequence[bool]) -> FloatArray:
    """``prod_k x_k`` of raw values, 1e-3 added to those raised, each ``(n,) -> (n,)``.

    Multiplied in their order: ``(u + 1e-3) i d`` of uncertainty, density and diversity.
    """
    offset = [x + UNCERTAINTY_OFFSET if up else x for x, up in zip(factors, raised, strict=True)]
    return reduce(np.multiply, offset)
