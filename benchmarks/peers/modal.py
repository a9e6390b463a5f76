"""modAL's strategies, in the loop that its documentation shows.

modal-python.readthedocs.io: "Pool-based sampling", which classifies by three neighbors, "Ranked
batch-mode sampling", "Information density". Three neighbors tell few probabilities apart, so that
logistic regression stands in for them, but for one contender as it is printed there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.peers.base import LOGISTIC, Entry, Make, Setting, needed
from benchmarks.peers.models import logistic
from knnal.types import FloatArray, IntArray

_MODULE = "modAL"

Query = Callable[[Any, FloatArray], Any]
"""modAL's form of a strategy: from the learner and the pool to places in the pool."""


class ModAL:
    """The active learner; the pool shrinks by what has been labeled."""

    def __init__(
        self, setting: Setting, rows: IntArray, labels: IntArray, *, model: Any, query: Query
    ) -> None:
        self._X = setting.X
        self._learner: Any = needed("modAL.models").ActiveLearner(
            estimator=model, query_strategy=query, X_training=setting.X[rows], y_training=labels
        )
        self._rest = np.setdiff1d(np.arange(len(setting.X)), rows)
        self._pool = setting.X[self._rest]
        self._at = 0

    def query(self) -> int:
        found, _ = self._learner.query(self._pool)
        self._at = int(np.atleast_1d(found)[0])
        return int(self._rest[self._at])

    def learn(self, row: int, label: int) -> None:
        self._learner.teach(self._X[row : row + 1], np.array([label]))
        self._rest = np.delete(self._rest, self._at)
        self._pool = np.delete(self._pool, self._at, axis=0)


class DensityWeighted(ModAL):
    """Uncertainty times information density, which is found once for the whole pool."""

    def __init__(self, setting: Setting, rows: IntArray, labels: IntArray) -> None:
        density = needed("modAL.density").information_density(setting.X, metric="cosine")

        def query(learner: Any, pool: FloatArray) -> Any:
            uncertainty = needed("modAL.uncertainty").classifier_uncertainty(learner, pool)
            return np.array([np.argmax(uncertainty * density[self._rest])])

        super().__init__(setting, rows, labels, model=logistic(), query=query)


def _margin(learner: Any, pool: FloatArray) -> Any:
    return needed("modAL.uncertainty").margin_sampling(learner, pool)


def _uncertainty(learner: Any, pool: FloatArray) -> Any:
    return needed("modAL.uncertainty").uncertainty_sampling(learner, pool)


def _ranked(learner: Any, pool: FloatArray) -> Any:
    sampling = needed("modAL.batch").uncertainty_batch_sampling
    return sampling(learner, pool, n_instances=1, metric="cosine")


def _neighbors() -> Any:
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(n_neighbors=3)


def _made(model: Callable[[], Any], query: Query) -> Make:
    return lambda setting, rows, labels: ModAL(setting, rows, labels, model=model(), query=query)


def _entry(name: str, settings: str, make: Make, classes_first: int = 2) -> Entry:
    return Entry(f"modAL {name}", "modAL", LOGISTIC, settings, make, classes_first, _MODULE)


ENTRIES = (
    _entry("uncertainty", "logistic regression", _made(logistic, _uncertainty)),
    _entry("density-weighted", "logistic regression, density by cosine", DensityWeighted),
    _entry("ranked batch", "logistic regression, batches of one, cosine", _made(logistic, _ranked)),
    _entry("margin, 3-NN", "three neighbors, as in its tutorials", _made(_neighbors, _margin), 3),
)
