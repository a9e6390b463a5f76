"""The one cosine similarity that every exact comparison uses."""

from __future__ import annotations

import numpy as np

from knnal.types import Float32Array


def similarities(X: Float32Array, q: Float32Array) -> Float32Array:
    """Dot products of unit rows with a unit vector, or pairwise: broadcasts as ``np.vecdot``.

    Unlike a matrix product, each value depends on its two vectors alone, not on where they lie in
    the batch, on its size or on the number of threads. So equal items are equally similar, ties
    are real ties, and an update of one label gives what a rebuild from all of them gives.
    """
    values: Float32Array = np.vecdot(X, q)
    return values


def rounding_bound(dimension: int) -> float:
    """How far two float32 dot products of the same unit vectors can lie apart at most."""
    return 2.0 * dimension * float(np.finfo(np.float32).eps)
