"""Simulated labeling: known labels answer the questions, held-out items judge after each."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from knnal import defaults
from knnal.classifiers.base import Geometry, Outsiders
from knnal.linalg import unit_rows
from knnal.neighbors.vote import VoteOptions
from knnal.session import Session
from knnal.store.pool import Pool
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
        reached = np.flatnonzero(self.accuracy >= target)
        return int(reached[0]) + 1 if len(reached) else None


class Experiment:
    """A pool to ask about, ``(n, d)`` with ``n`` labels, and held-out items to judge by."""

    def __init__(
        self,
        pool_vectors: FloatArray,
        pool_labels: Sequence[str],
        test_vectors: FloatArray,
        test_labels: Sequence[str],
    ) -> None:
        self._X = unit_rows(pool_vectors)
        self._y = list(pool_labels)
        self._test_y = np.asarray(test_labels)
        self._geometry = Geometry.of(self._X)  # depends on no label, and serves every run
        self._judged = Outsiders(self._geometry, unit_rows(test_vectors))

    def run(
        self,
        strategy: str,
        budget: int,
        *,
        seed: int = 0,
        classifier: str = defaults.CLASSIFIER,
        vote: VoteOptions | None = None,
    ) -> LearningCurve:
        """Label ``budget`` items one at a time, from none, with the strategy's questions."""
        with closing(Pool.in_memory(self._X)) as pool:
            return self._label(pool, strategy, budget, seed, classifier, vote)

    def _label(
        self,
        pool: Pool,
        strategy: str,
        budget: int,
        seed: int,
        classifier: str,
        vote: VoteOptions | None,
    ) -> LearningCurve:
        session = Session(
            pool,
            strategy=strategy,
            classifier=classifier,
            vote=vote,
            seed=seed,
            annotator="simulation",
            geometry=self._geometry,
        )
        asked: list[int] = []
        accuracy: list[float] = []
        for _ in range(min(budget, len(self._X))):
            question = session.ask()
            assert question is not None
            asked.append(int(question.item))
            session.tell(question.item, self._y[asked[-1]])
            accuracy.append(self._judge(session))
        return LearningCurve(strategy, seed, np.array(accuracy), tuple(asked))

    def _judge(self, session: Session) -> float:
        best = session.state.classifier.predict(self._judged).argmax(axis=1)
        return float(np.mean(np.array(session.classes)[best] == self._test_y))
