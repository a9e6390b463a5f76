"""Small array helpers that storage and search both need."""

from __future__ import annotations

import numpy as np

from knnal.types import BoolArray, Float32Array, Float64Array, FloatArray

_ROUNDING = 1e-3
"""How far from 1 the norm of a stored row may be: far more than the rounding of float32."""


def unit_rows(X: FloatArray) -> Float32Array:
    """Rows scaled to unit Euclidean norm, ``(n, d) -> (n, d)`` float32; zero rows stay zero."""
    X = _squarable(X)
    norms = _norms(X)[:, None]
    unit = np.divide(X, norms, out=np.zeros(X.shape), where=norms > 0)
    return unit.astype(np.float32)


def usable_rows(X: FloatArray) -> BoolArray:
    """Which rows have a direction: finite and not all zeros, ``(n, d) -> (n,)``."""
    norms = _norms(_squarable(X))
    usable: BoolArray = np.isfinite(norms) & (norms > 0)
    return usable


def has_unit_norm(X: FloatArray) -> BoolArray:
    """Which rows have length 1, up to the rounding of float32, ``(n, d) -> (n,)``."""
    with np.errstate(over="ignore", invalid="ignore"):
        unit: BoolArray = np.abs(_norms(X) - 1.0) < _ROUNDING
    return unit


def _squarable(X: FloatArray) -> FloatArray:
    """Rows of the same direction whose squares neither overflow nor vanish in float64.

    Float32 rows already are; others are divided by their largest magnitude.
    """
    if X.dtype == np.float32:
        return X
    X = np.asarray(X, dtype=np.float64)
    largest = np.abs(X).max(axis=1, keepdims=True, initial=0.0)
    divisible = np.isfinite(largest) & (largest > 0)
    scaled: Float64Array = np.divide(X, largest, out=X.copy(), where=divisible)
    return scaled


def _norms(X: FloatArray) -> Float64Array:
    norms: Float64Array = np.sqrt(np.einsum("ij,ij->i", X, X, dtype=np.float64))
    return norms


def principal_axes(X: Float32Array, dimensions: int) -> tuple[Float32Array, Float32Array]:
    """The mean and the first principal directions of rows, ``(n, d) -> (d,), (dimensions, d)``.

    Runs on one thread, so that the same rows give the same directions whatever the settings.
    """
    from scipy.linalg import eigh
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        mean = X.mean(axis=0, dtype=np.float64).astype(np.float32)
        centered = X - mean
        covariance = (centered.T @ centered).astype(np.float64)
        d = len(mean)
        _, vectors = eigh(covariance, subset_by_index=[d - dimensions, d - 1])
    axes: Float32Array = np.ascontiguousarray(vectors.T[::-1], dtype=np.float32)
    return mean, axes


def inverse_of_positive(A: Float64Array) -> Float64Array:
    """The inverse of a symmetric positive definite matrix, by Cholesky, on one thread."""
    from scipy.linalg.lapack import dpotrf, dpotri
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        factor, failed = dpotrf(A, lower=True)
        assert not failed
        lower, failed = dpotri(factor, lower=True)
        assert not failed
    lower = np.tril(lower)
    inverse: Float64Array = np.ascontiguousarray(lower + np.tril(lower, -1).T)
    return inverse
