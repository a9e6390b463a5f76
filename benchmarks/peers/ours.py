"""knnal itself, and random labels."""

from __future__ import annotations

import time

import numpy as np

from benchmarks.peers.base import COMBINED, KNN, Entry, Setting
from knnal import Pool, Question, Session
from knnal.types import IntArray


class Knnal:
    """The session in memory, by its default strategy."""

    def __init__(
        self, setting: Setting, rows: IntArray, labels: IntArray, classifier: str = COMBINED
    ) -> None:
        pool = Pool.in_memory(setting.X)
        self._session = Session(
            pool, classifier=classifier, seed=setting.seed, annotator="benchmark"
        )
        self._question: Question | None = None
        for row, label in zip(rows.tolist(), labels.tolist(), strict=True):
            self.learn(row, label)

    def query(self) -> int:
        self._question = self._session.ask()
        assert self._question is not None
        return int(self._question.item)

    def learn(self, row: int, label: int) -> None:
        self._session.tell(str(row), str(label))


class KnnalLookingAhead(Knnal):
    """As ``knnal label`` runs it: while somebody looks at an item, what to ask after each answer is
    prepared.
    """

    def look_ahead(self) -> float:
        """Prepare it; the seconds that it took."""
        started = time.perf_counter()
        assert self._question is not None
        self._session.anticipate(self._question)
        self._session.finish_anticipating()
        return time.perf_counter() - started


class KnnalWithNeighbors(Knnal):
    """The same with uncertainty from the neighbors' vote alone."""

    def __init__(self, setting: Setting, rows: IntArray, labels: IntArray) -> None:
        super().__init__(setting, rows, labels, classifier=KNN)


class RandomOrder:
    """Every row once, in an order that the seed draws."""

    def __init__(self, setting: Setting, rows: IntArray, labels: IntArray) -> None:  # noqa: ARG002
        order = np.random.default_rng(setting.seed).permutation(len(setting.X))
        self._order = iter(order[~np.isin(order, rows)].tolist())

    def query(self) -> int:
        return int(next(self._order))

    def learn(self, row: int, label: int) -> None:
        """Nothing is learned from answers."""


DEFAULT = "knnal"
NEIGHBORS = "knnal with kNN"
RANDOM = "random"

ENTRIES = (
    Entry(DEFAULT, "knnal", COMBINED, "as installed: cdf-product, combined", Knnal),
    Entry(NEIGHBORS, "knnal", KNN, "cdf-product, knn", KnnalWithNeighbors),
    Entry(RANDOM, "none", COMBINED, "one order a seed", RandomOrder),
)
