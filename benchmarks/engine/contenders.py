"""Who does the same job: knnal, other libraries, and what one would write by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from benchmarks.engine.loop import CLASSIFIER, STRATEGY
from benchmarks.peers.base import needed
from knnal.project import Project
from knnal.types import Float32Array, IntArray

K = 10


class Contender(Protocol):
    """Something that asks about rows of a pool."""

    def query(self) -> int:
        """The row to ask about."""

    def learn(self, row: int, label: int) -> None:
        """The answer."""


class ByHand:
    """numpy and scikit-learn: margin, density and distance, each as its rank, multiplied."""

    def __init__(self, X: Float32Array, rows: IntArray, labels: IntArray) -> None:
        self._X = X
        self._density = X @ X.mean(axis=0)
        self._rows, self._labels = list(rows), list(labels)

    def query(self) -> int:
        from sklearn.neighbors import KNeighborsClassifier

        X = self._X
        rest = np.setdiff1d(np.arange(len(X)), self._rows)
        model = KNeighborsClassifier(K).fit(X[self._rows], self._labels)
        P = np.sort(model.predict_proba(X[rest]), axis=1)
        margin = 1.0 - (P[:, -1] - P[:, -2])
        distance = 1.0 - (X[rest] @ X[self._rows].T).max(axis=1)
        score = _rank(margin) * _rank(self._density[rest]) * _rank(distance)
        return int(rest[np.argmax(score)])

    def learn(self, row: int, label: int) -> None:
        self._rows.append(row)
        self._labels.append(label)


class ModAL:
    """modAL's ActiveLearner with margin sampling over scikit-learn's nearest neighbors."""

    def __init__(self, X: Float32Array, rows: IntArray, labels: IntArray) -> None:
        from sklearn.neighbors import KNeighborsClassifier

        self._learner: Any = needed("modAL.models").ActiveLearner(
            estimator=KNeighborsClassifier(K),
            query_strategy=needed("modAL.uncertainty").margin_sampling,
            X_training=X[rows],
            y_training=labels,
        )
        self._X = X
        self._rest = np.setdiff1d(np.arange(len(X)), rows)
        self._pool = X[self._rest]
        self._at = 0

    def query(self) -> int:
        found, _ = self._learner.query(self._pool)
        self._at = int(found[0])
        return int(self._rest[self._at])

    def learn(self, row: int, label: int) -> None:
        self._learner.teach(self._X[row : row + 1], np.array([label]))
        self._rest = np.delete(self._rest, self._at)
        self._pool = np.delete(self._pool, self._at, axis=0)


class ScikitActiveML:
    """A query strategy of scikit-activeml, with a kNN classifier where it wants one."""

    def __init__(self, X: Float32Array, rows: IntArray, labels: IntArray) -> None:
        self._X = X
        self._y = np.full(len(X), np.nan)
        self._y[rows] = labels
        self._classes = np.arange(np.max(labels) + 1)
        self._strategy, self._arguments = self._made()

    def query(self) -> int:
        found = self._strategy.query(X=self._X, y=self._y, **self._arguments)
        return int(found[0])

    def learn(self, row: int, label: int) -> None:
        self._y[row] = label

    def _made(self) -> tuple[Any, dict[str, Any]]:
        """Margin sampling."""
        from sklearn.neighbors import KNeighborsClassifier

        classifier = needed("skactiveml.classifier").SklearnClassifier(
            KNeighborsClassifier(K), classes=self._classes
        )
        strategy = needed("skactiveml.pool").UncertaintySampling(
            method="margin_sampling", random_state=0
        )
        return strategy, {"clf": classifier}


class ScikitActiveMLCoreSet(ScikitActiveML):
    def _made(self) -> tuple[Any, dict[str, Any]]:
        return needed("skactiveml.pool").CoreSet(random_state=0), {}


class ScikitActiveMLMaxHerding(ScikitActiveML):
    def _made(self) -> tuple[Any, dict[str, Any]]:
        return needed("skactiveml.pool").MaxHerding(random_state=0), {}


class Knnal:
    """The pool on disk: every answer is on disk before the next question."""

    def __init__(self, project: Project, names: list[str]) -> None:
        self._names = names
        self._session = project.session(strategy=STRATEGY, classifier=CLASSIFIER)

    def query(self) -> int:
        question = self._session.ask()
        assert question is not None
        return int(question.item)

    def learn(self, row: int, label: int) -> None:
        self._session.tell(str(row), self._names[label])


Make = Callable[[Float32Array, IntArray, IntArray], Contender]
KNNAL = "knnal, durable"
PEERS: dict[str, tuple[Make, int]] = {
    "numpy + scikit-learn by hand": (ByHand, 30_000),
    "modAL, margin": (ModAL, 10_000),
    "scikit-activeml, margin": (ScikitActiveML, 10_000),
    "scikit-activeml, CoreSet": (ScikitActiveMLCoreSet, 10_000),
    "scikit-activeml, MaxHerding": (ScikitActiveMLMaxHerding, 10_000),
}
"""Who competes, and up to how many items."""


def _rank(values: Float32Array) -> IntArray:
    return values.argsort().argsort() + 1
