"""The product of the experts' probabilities, and the power that each expert gets in it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from knnal.index.compilation import kernel
from knnal.types import Float32Array, Int32Array, IntArray

SMOOTHING = 0.05
"""Added to every probability, so that no expert has a veto."""

MIXTURES: IntArray = np.array(
    [[0, 1, 1], [1, 1, 1], [1, 0, 1], [1, 1, 0], [2, 1, 1], [2, 0, 1], [1, 0, 0], [0, 1, 0]]
)
"""Powers of kNN, graph and means, in order of preference: the earlier wins a tie."""

HEAD_START = 2
"""Labels that the first mixture, the best one while labels are few, is credited with."""


def expert_product(parts: Iterable[Float32Array], powers: IntArray) -> Float32Array:
    """The experts' probabilities, each plus 0.05 and to its power, multiplied.

    Parameters
    ----------
    parts : iterable of arrays ``(m, C)``
        One expert's class probabilities of the same m items each.
    powers : array ``(experts,)``
        A whole number at least 0 for each of the experts.

    Returns
    -------
    array ``(m, C)``
        The products, which do not sum to 1.
    """
    columns = [np.ascontiguousarray(P) for P in parts]
    product = np.ones_like(columns[0])
    for P, power in zip(columns, powers, strict=True):
        _multiply(product.ravel(), _factors_of(P).ravel(), power)
    return product


def count_predicted(
    experts: tuple[Float32Array, Float32Array, Float32Array],
    classes: Int32Array,
    sizes: IntArray,
    likeliest: IntArray,
) -> IntArray:
    """How many labels each of the mixtures predicts, leaving each label out in turn.

    Parameters
    ----------
    experts : arrays ``(m, C)``
        The probabilities by kNN, graph and means of m labeled items, each without its own label.
    classes : array ``(m,)``
        The labels of the items.
    sizes : array ``(C,)``
        How many of all labels each class has. The only label of a class does not count: without
        it, no expert can be right.
    likeliest : array ``(m, mixtures)``
        Is filled with the class that each mixture predicts, of equals the first.

    Returns
    -------
    array ``(mixtures,)``
    """
    right = np.zeros(len(MIXTURES), dtype=np.int64)
    knn, graph, means = map(np.ascontiguousarray, experts)
    _count_predicted((knn, graph, means), classes, sizes, MIXTURES, likeliest, right)
    return right


def choose_powers(right: IntArray) -> tuple[IntArray, int]:
    """The powers ``(3,)`` of the mixture that predicts most labels, and how many those are."""
    credited = right.copy()
    credited[0] += HEAD_START
    chosen = np.argmax(credited)
    return MIXTURES[chosen], int(right[chosen])


@kernel
def factor(value: np.float32, scale: np.float32, least: np.float32) -> np.float32:
    """What an expert multiplies a class's product by: its share of all classes plus the floor.

    ``scale`` makes the value a share and ``least`` is the floor, or the floor and an even share
    where all values are 0. For use within other kernels.
    """
    return value * scale + least


@kernel
def _factors_of(P: Float32Array) -> Float32Array:
    factors = np.empty_like(P)
    for i in range(len(P)):
        for c in range(P.shape[1]):
            factors[i, c] = factor(P[i, c], np.float32(1.0), np.float32(SMOOTHING))
    return factors


@kernel
def _multiply(product: Float32Array, factors: Float32Array, power: int) -> None:
    for _ in range(power):
        for c in range(len(product)):
            product[c] *= factors[c]


@kernel
def _count_predicted(
    experts: tuple[Float32Array, Float32Array, Float32Array],
    classes: Int32Array,
    sizes: IntArray,
    mixtures: IntArray,
    likeliest: IntArray,
    right: IntArray,
) -> None:
    knn, graph, means = _factors_of(experts[0]), _factors_of(experts[1]), _factors_of(experts[2])
    product = np.empty(len(sizes), dtype=np.float32)
    for i in range(len(classes)):
        for m in range(len(mixtures)):
            product[:] = np.float32(1.0)
            _multiply(product, knn[i], mixtures[m, 0])
            _multiply(product, graph[i], mixtures[m, 1])
            _multiply(product, means[i], mixtures[m, 2])
            best, predicted = np.float32(-1.0), 0
            for c in range(len(sizes)):
                predicted = c if product[c] > best else predicted
                best = max(best, product[c])
            likeliest[i, m] = predicted
            right[m] += sizes[classes[i]] >= 2 and predicted == classes[i]
