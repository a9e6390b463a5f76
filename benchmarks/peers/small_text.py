"""small-text's strategies: its learner where the model matters, the strategy itself elsewhere.

The learner works as in examples/examplecode/binary_classification.py of
github.com/webis-de/small-text.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from benchmarks.peers.base import SVC, Contender, Entry, Make, Setting, needed
from benchmarks.peers.models import SVC_C
from knnal.types import IntArray

_LIBRARY = "small-text"


def confident_svc() -> Any:
    """The linear support vector machine that small-text's examples classify with."""
    classifier = needed("small_text").ConfidenceEnhancedLinearSVC
    return classifier(linearsvc_kwargs={"C": SVC_C, "random_state": 0})


class BreakingTies:
    """The pool-based active learner with the smallest margin."""

    def __init__(self, setting: Setting, rows: IntArray, labels: IntArray) -> None:
        library = needed("small_text")
        self._y = np.full(len(setting.X), library.LABEL_UNLABELED)
        self._y[rows] = labels
        data = library.SklearnDataset(
            setting.X, self._y, target_labels=np.arange(setting.class_count)
        )
        factory = library.SklearnClassifierFactory(confident_svc(), setting.class_count)
        self._learner: Any = library.PoolBasedActiveLearner(factory, library.BreakingTies(), data)
        self._learner.initialize_data(rows, labels)

    def query(self) -> int:
        return int(self._learner.query(num_samples=1)[0])

    def learn(self, row: int, label: int) -> None:
        del row  # the learner knows what it has asked
        self._learner.update(np.array([label]))


class Coreset:
    """A strategy that looks at embeddings alone, which the model has nothing to do with."""

    def __init__(self, setting: Setting, rows: IntArray, labels: IntArray, *, name: str) -> None:
        with warnings.catch_warnings():  # of a default that changed in 1.2.0
            warnings.simplefilter("ignore")
            self._strategy = getattr(needed("small_text"), name)()
        np.random.seed(setting.seed)  # noqa: NPY002 - the only randomness that small-text knows
        self._X = setting.X
        self._rows, self._labels = list(rows), list(labels)

    def query(self) -> int:
        labeled = np.array(self._rows, dtype=np.int64)
        rest = np.setdiff1d(np.arange(len(self._X)), labeled)
        embeddings = self._X[np.concatenate([rest, labeled])]
        found = self._strategy.query(
            None, self._X, rest, labeled, np.array(self._labels), n=1, embeddings=embeddings
        )
        return int(found[0])

    def learn(self, row: int, label: int) -> None:
        self._rows.append(row)
        self._labels.append(label)


def _coreset(name: str) -> Make:
    def make(setting: Setting, rows: IntArray, labels: IntArray) -> Contender:
        return Coreset(setting, rows, labels, name=name)

    return make


def _entry(name: str, settings: str, make: Make, classes_first: int) -> Entry:
    return Entry(f"small-text {name}", _LIBRARY, SVC, settings, make, classes_first, "small_text")


ENTRIES = (
    _entry(
        "breaking ties", "its confidence-enhanced linear SVC, as in its examples", BreakingTies, 2
    ),
    _entry("greedy coreset", "Euclidean, of unit vectors", _coreset("GreedyCoreset"), 1),
    _entry("lightweight coreset", "of unit vectors", _coreset("LightweightCoreset"), 1),
)
