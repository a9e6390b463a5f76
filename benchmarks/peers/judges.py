"""Judges: how good predictions on held-out items are as a sequence of labels comes in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from benchmarks.peers.base import COMBINED, KNN, LOGISTIC, SVC
from benchmarks.peers.models import SVC_C, logistic
from knnal.acquisition.state import PoolState
from knnal.index.pool_index import PoolIndex, QueryVectors
from knnal.types import Float32Array, IntArray

EVERY = 20
"""Up to so many labels each is judged; then every fifth up to 150, then every tenth."""


@dataclass(frozen=True)
class Problem:
    """A pool ``(n, d)`` with its classes ``(n,)``, and held-out items with theirs."""

    X: Float32Array
    classes: IntArray
    held_out: Float32Array
    held_out_classes: IntArray
    class_count: int
    seed: int

    @cached_property
    def geometry(self) -> PoolIndex:
        return PoolIndex.of(self.X)

    @cached_property
    def outsiders(self) -> QueryVectors:
        return QueryVectors(self.geometry, self.held_out)


Judge = Callable[[Problem, Sequence[int], Sequence[int]], list[float]]


def points(budget: int) -> list[int]:
    """The numbers of labels at which a sequence is judged."""
    steps = [*range(1, EVERY + 1), *range(25, 151, 5), *range(160, budget + 1, 10)]
    return [n for n in steps if n < budget] + [budget]


def curve(judge: str, problem: Problem, asked: Sequence[int], at: Sequence[int]) -> list[float]:
    """Accuracy on the held-out items after so many of the labels asked for."""
    return JUDGES[judge](problem, asked, at)


def _pool_classifier(name: str) -> Judge:
    """One of knnal's, which takes labels one by one and numbers classes as they come up."""

    def judge(problem: Problem, asked: Sequence[int], at: Sequence[int]) -> list[float]:
        state = PoolState(problem.geometry, classifier=name)
        known: dict[int, int] = {}
        found = []
        for count, row in enumerate(asked, start=1):
            number = known.setdefault(int(problem.classes[row]), len(known))
            state.declare_classes(len(known))
            state.assign(row, number)
            if count in at:
                best = state.classifier.predict(problem.outsiders).argmax(axis=1)
                found.append(_accuracy(problem, np.array(list(known))[best]))
        return found

    return judge


def _fitted(model: Callable[[], Any]) -> Judge:
    """A model that is fitted anew each time; of one class alone, that is the prediction."""

    def judge(problem: Problem, asked: Sequence[int], at: Sequence[int]) -> list[float]:
        found = []
        for count in at:
            rows = np.asarray(asked[:count])
            classes = problem.classes[rows]
            if len(np.unique(classes)) == 1:
                predicted = np.full(len(problem.held_out), classes[0])
            else:
                predicted = model().fit(problem.X[rows], classes).predict(problem.held_out)
            found.append(_accuracy(problem, predicted))
        return found

    return judge


def _accuracy(problem: Problem, predicted: IntArray) -> float:
    return float(np.mean(predicted == problem.held_out_classes))


def _svc() -> Any:
    from sklearn.svm import LinearSVC

    return LinearSVC(C=SVC_C, random_state=0)


JUDGES: dict[str, Judge] = {
    KNN: _pool_classifier(KNN),
    COMBINED: _pool_classifier(COMBINED),
    LOGISTIC: _fitted(logistic),
    SVC: _fitted(_svc),
}
"""small-text's own support vector machine predicts as the plain one does."""


def ceiling(problem: Problem) -> float:
    """The accuracy of ``combined`` with every label of the pool."""
    state = PoolState(problem.geometry, classifier=COMBINED)
    state.rebuild(np.arange(len(problem.X)), problem.classes, problem.class_count)
    best = state.classifier.predict(problem.outsiders).argmax(axis=1)
    return _accuracy(problem, best)
