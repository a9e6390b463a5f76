"""Small array helpers that storage and search both need."""

from __future__ import annotations

import numpy as np

from knnal.types import BoolArray, Float32Array, Float64Array, FloatArray


def unit_rows(X: FloatArray) -> Float32Array:
    """Rows scaled to unit Euclidean norm, ``(n, d) -> (n, d)`` float32; zero rows stay zero."""
    norms = _norms(X)[:, None]
    unit = np.divide(X, norms, out=np.zeros(X.shape), where=norms > 0)
    return unit.astype(np.float32)


def usable_rows(X: FloatArray) -> BoolArray:
    """Which rows have a direction: a norm that is neither zero nor infinite, ``(n, d) -> (n,)``."""
    norms = _norms(X)
    usable: BoolArray = np.isfinite(norms) & (norms > 0)
    return usable


def _norms(X: FloatArray) -> Float64Array:
    """Euclidean norms in float64, where no float32 number overflows or vanishes when squared."""
    norms: Float64Array = np.sqrt(np.einsum("ij,ij->i", X, X, dtype=np.float64))
    return norms
