"""Small array helpers that storage and search both need."""

from __future__ import annotations

import numpy as np

from knnal.types import BoolArray, Float32Array, FloatArray


def unit_rows(X: FloatArray) -> Float32Array:
    """Rows scaled to unit Euclidean norm, ``(n, d) -> (n, d)`` float32; zero rows stay zero.

    The norm is taken in float64, after scaling by the largest magnitude, so that neither very
    large nor very small rows overflow or vanish.
    """
    X = np.asarray(X, dtype=np.float64)
    scale = np.abs(X).max(axis=1, keepdims=True, initial=0.0)
    scaled = np.divide(X, scale, out=np.zeros_like(X), where=scale > 0)
    norms = np.sqrt(np.einsum("ij,ij->i", scaled, scaled))[:, None]
    unit = np.divide(scaled, norms, out=np.zeros_like(X), where=norms > 0)
    return unit.astype(np.float32)


def usable_rows(X: FloatArray) -> BoolArray:
    """Which rows have a direction: all numbers finite and not all zero, ``(n, d) -> (n,)``."""
    finite = np.isfinite(X).all(axis=1)
    return finite & np.any(X != 0, axis=1)
