"""The cosine similarity that every exact comparison uses."""

from __future__ import annotations

import numpy as np

from knnal.index.compilation import kernel, reordered_kernel
from knnal.index.parallel import over_rows
from knnal.types import Float32Array, IntArray


@reordered_kernel
def dot(x: Float32Array, q: Float32Array) -> np.float32:
    """The dot product of two vectors, ``(d,), (d,) -> ()``, for use within other kernels.

    Unlike an entry of a matrix product, it depends on its two vectors alone: not on their place in
    a batch, the size of the batch or the number of threads. So equal items are equally similar,
    ties are real ties, and an update by one label equals a rebuild from all of them.
    """
    total = np.float32(0.0)
    for i in range(len(q)):
        total += x[i] * q[i]
    return total


def similarities(X: Float32Array, q: Float32Array) -> Float32Array:
    """Cosine similarity of unit rows to a unit vector, ``(n, d), (d,) -> (n,)``."""
    X, q = frozen(X), frozen(q)
    values = np.empty(len(X), dtype=np.float32)
    over_rows(lambda start, stop: _similarities(X, q, start, stop, values), len(X))
    return values


def similarities_at(X: Float32Array, ids: IntArray, Q: Float32Array) -> Float32Array:
    """Cosine similarity of each unit vector ``Q[i]`` to the rows ``X[ids[i]]``, without copying
    them, ``(n, d), (m, k), (m, d) -> (m, k)``.
    """
    X, ids, Q = frozen(X), np.ascontiguousarray(ids, dtype=np.int64), frozen(Q)
    values = np.empty(ids.shape, dtype=np.float32)
    over_rows(lambda start, stop: _similarities_at(X, ids, Q, start, stop, values), len(Q), 256)
    return values


def rounding_bound(dimension: int) -> float:
    """An upper bound on the difference of two float32 dot products of the same unit vectors."""
    return 2.0 * dimension * float(np.finfo(np.float32).eps)


def frozen(X: Float32Array) -> Float32Array:
    """A contiguous read-only view, copied only if necessary: one array type for all kernels."""
    view = np.ascontiguousarray(X, dtype=np.float32).view()
    view.flags.writeable = False
    return view


@kernel
def _similarities(
    X: Float32Array, q: Float32Array, start: int, stop: int, out: Float32Array
) -> None:
    for row in range(start, stop):
        out[row] = dot(X[row], q)


@kernel
def _similarities_at(
    X: Float32Array, ids: IntArray, Q: Float32Array, start: int, stop: int, out: Float32Array
) -> None:
    for row in range(start, stop):
        for slot in range(ids.shape[1]):
            out[row, slot] = dot(X[ids[row, slot]], Q[row])
