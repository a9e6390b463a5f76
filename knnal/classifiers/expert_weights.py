"""How much each expert counts, by how many labels each mixture would have predicted."""

from __future__ import annotations

import numpy as np

from knnal.index.compilation import kernel
from knnal.types import Float32Array, Int32Array, IntArray

FLOOR = 0.05
"""Added to every probability, so that no expert has a veto."""

MIXTURES: IntArray = np.array(
    [[0, 1, 1], [1, 1, 1], [1, 0, 1], [1, 1, 0], [2, 1, 1], [2, 0, 1], [1, 0, 0], [0, 1, 0]]
)
"""Powers of kNN, graph and means, in order of preference: the earlier wins a tie."""

HEAD_START = 2
"""Labels that the first mixture, the best one while labels are few, is credited with."""


def count_predicted(
    experts: tuple[Float32Array, Float32Array, Float32Array], classes: Int32Array, sizes: IntArray
) -> IntArray:
    """How many labels each of the mixtures predicts, each left out in turn, ``-> (mixtures,)``.

    The probabilities of kNN, graph and means are ``(n, C)`` for ``n`` labeled items, each without
    its own label, and ``classes`` ``(n,)`` their labels; ``sizes`` ``(C,)`` counts all labels. The
    only label of a class says nothing: left out, no expert can be right.
    """
    right = np.zeros(len(MIXTURES), dtype=np.int64)
    _count_right(experts, classes, sizes, MIXTURES, right)
    return right


def choose_powers(right: IntArray) -> tuple[IntArray, int]:
    """The powers ``(3,)`` of the mixture that predicts most labels, and how many those are."""
    credited = right.copy()
    credited[0] += HEAD_START
    chosen = np.argmax(credited)
    return MIXTURES[chosen], int(right[chosen])


@kernel
def _count_right(
    experts: tuple[Float32Array, Float32Array, Float32Array],
    classes: Int32Array,
    sizes: IntArray,
    mixtures: IntArray,
    right: IntArray,
) -> None:
    """Count what each mixture predicts; ``experts`` are ``(n, C)``."""
    likeliest = np.empty(len(mixtures), dtype=np.int64)
    products = np.empty(len(sizes), dtype=np.float32)
    for i in range(len(classes)):
        if sizes[classes[i]] >= 2:
            shares = experts[0][i], experts[1][i], experts[2][i]
            predict_by_each(shares, mixtures, products, likeliest)
            for m in range(len(mixtures)):
                right[m] += likeliest[m] == classes[i]


@kernel
def predict_by_each(
    experts: tuple[Float32Array, Float32Array, Float32Array],
    mixtures: IntArray,
    products: Float32Array,
    out: IntArray,
) -> None:
    """The likeliest class by each mixture, of equals the first, ``-> (mixtures,)``.

    ``experts`` are the probabilities ``(C,)`` of an item; ``products`` ``(C,)`` are written over.
    For use within other kernels. Multiplying runs along the classes, so that the compiler can put
    it on vectors.
    """
    floor = np.float32(FLOOR)
    for m in range(len(mixtures)):
        products[:] = np.float32(1.0)
        for e in range(3):
            for _ in range(mixtures[m, e]):
                for c in range(len(products)):
                    products[c] *= experts[e][c] + floor
        best, likeliest = np.float32(-1.0), 0
        for c in range(len(products)):
            likeliest = c if products[c] > best else likeliest
            best = max(best, products[c])
        out[m] = likeliest
