"""Simulated labeling of arrays, for benchmarks and scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from knnal import defaults
from knnal.classifiers.vote import VoteOptions
from knnal.index.linalg import unit_rows
from knnal.index.pool_index import PoolIndex
from knnal.simulation.holdout import Holdout
from knnal.simulation.measures import accuracy, labels_to
from knnal.types import Float64Array, FloatArray


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """``accuracy[t]`` on the held-out items after ``t + 1`` labels; ``asked`` in order."""

    strategy: str
    seed: int
    accuracy: Float64Array
    asked: tuple[int, ...]

    def labels_to(self, target: float) -> int | None:
        """The number of labels at which the target accuracy is first reached, or None."""
        return labels_to(self.accuracy, target)


class Experiment:
    """Labels a pool from its known labels, and tests the predictions on held-out items.

    Parameters
    ----------
    pool_vectors
        The embeddings of the pool, ``(n, d)``; they are normalized.
    pool_labels
        Their classes, ``n``.
    test_vectors
        The embeddings of the held-out items, ``(m, d)``.
    test_labels
        Their classes, ``m``.
    """

    def __init__(
        self,
        pool_vectors: FloatArray,
        pool_labels: Sequence[str],
        test_vectors: FloatArray,
        test_labels: Sequence[str],
    ) -> None:
        X = np.concatenate([unit_rows(pool_vectors), unit_rows(test_vectors)])
        names, classes = np.unique([*pool_labels, *test_labels], return_inverse=True)
        live = np.arange(len(X)) < len(pool_labels)
        self._holdout = Holdout(PoolIndex.of(X, live), classes.astype(np.int64), len(names))

    def run(
        self,
        strategy: str,
        budget: int,
        *,
        seed: int = 0,
        classifier: str = defaults.CLASSIFIER,
        vote: VoteOptions | None = None,
    ) -> LearningCurve:
        """Label ``budget`` items, starting from none, one at a time as the strategy asks."""
        run = self._holdout.run(strategy, budget, seed=seed, classifier=classifier, vote=vote)
        curve = accuracy(run.hits, self._holdout.support)
        return LearningCurve(strategy, seed, curve, tuple(run.asked.tolist()))
