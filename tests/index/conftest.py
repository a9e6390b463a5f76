"""Vectors that are hard on bounds and ties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

HARD = [
    "generic", "lattice", "copies", "one point", "hair's breadth", "flat", "clusters", "fading",
    "outliers", "opposites",
]  # fmt: skip


@pytest.fixture(scope="session")
def hard_vectors() -> Callable[..., Any]:
    """``(kind, n, d, seed)``: unit rows in float32 of one of the kinds in ``HARD``."""
    return make


def make(kind: str, n: int, d: int, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    if kind == "lattice":
        X = rng.integers(-1, 2, (n, d)).astype(float)
    elif kind == "copies":
        X = X[rng.integers(0, max(n // 5, 1), n)]
    elif kind == "one point":
        X = np.tile(X[:1], (n, 1))
    elif kind == "hair's breadth":
        X = X[:1] + X * 1e-6
    elif kind == "flat":  # no variance at all in most dimensions
        X[:, max(d // 8, 1) :] = 0.25
    elif kind == "clusters":
        X = X[rng.integers(0, 4, n) % n] + 0.05 * X
    elif kind == "fading":
        X *= 0.9 ** np.arange(d)
    elif kind == "outliers":  # all but some rows, which come last, lie in few dimensions
        X[: n - n // 8, max(d // 4, 1) :] *= 1e-4
    elif kind == "opposites":
        X[n // 2 :] = -X[: n - n // 2]
    X[~X.any(axis=1), 0] = 1.0
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)
