"""A single expert over a pool, and vectors for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from knnal.classifiers.vote import VoteOptions
from knnal.index.pool_index import UNLABELED, Labeling, PoolIndex


class ExpertPool:
    """An expert, labeled as a session would."""

    def __init__(
        self,
        expert: Callable[..., Any],
        X: Any,
        classes: int,
        live: Any = None,
        options: VoteOptions | None = None,
    ) -> None:
        self.geometry = PoolIndex.of(X, live)
        self.labeling = Labeling(self.geometry, 5)
        self.labeling.class_count = classes
        self.expert = expert(self.labeling, options or VoteOptions())

    def label(self, row: int, c: int) -> Any:
        before = int(self.labeling.classes[row])
        self.labeling.classes[row] = c
        changed = np.empty(0, dtype=np.int64)
        if c == UNLABELED:
            changed = self.labeling.neighbors.remove(row)
        elif before == UNLABELED:
            changed = self.labeling.neighbors.add(row)
        return self.expert.update(row, before, changed)

    def all(self) -> Any:
        return self.expert.probabilities(np.arange(len(self.geometry)))


def clusters(n: int, d: int, seed: int = 0) -> Any:
    """Unit vectors around four centers, which lie to one side of the origin."""
    rng = np.random.default_rng(seed)
    X = 0.5 + rng.normal(size=(4, d))[rng.integers(0, 4, n)] + 0.6 * rng.normal(size=(n, d))
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="session")
def expert_pool() -> type[ExpertPool]:
    """``(expert, X, classes, live, options)``: a pool of these vectors that the expert predicts."""
    return ExpertPool


@pytest.fixture(scope="session")
def vectors() -> Callable[..., Any]:
    """``(n, d, seed)``: so many unit vectors in clusters."""
    return clusters
