"""All that labels change about a pool, updated by each label and never recomputed for it."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol, TypeVar

import numpy as np

from knnal import defaults
from knnal.acquisition.coverage import Coverage
from knnal.acquisition.terms import MEASURES, distance, kernel_mass
from knnal.classifiers.base import create_classifier
from knnal.classifiers.vote import VoteOptions
from knnal.index.parallel import over_rows
from knnal.index.pool_index import UNLABELED, Labeling, PoolIndex
from knnal.types import BoolArray, Float32Array, IntArray

_BLOCK = 65536


class IncrementalStatistic(Protocol):
    """What labels change apart from the classifier; a function of the labels in force likewise."""

    def __init__(self, labeling: Labeling, options: VoteOptions) -> None: ...

    def update(self, row: int, before: int) -> None:
        """The class of ``row`` was ``before`` and is now another one, either may be UNLABELED."""


StatisticKind = TypeVar("StatisticKind", bound=IncrementalStatistic)


class PoolState:
    """Predictions and score terms of every row of a pool.

    Everything is a function of the labels in force: any order of labels, undos and relabels that
    ends in the same labels ends in the same state, bit for bit.
    """

    def __init__(
        self,
        geometry: PoolIndex,
        *,
        classifier: str = defaults.CLASSIFIER,
        vote: VoteOptions | None = None,
    ) -> None:
        self.vote = vote = vote or VoteOptions()
        rows = len(geometry)
        self.geometry = geometry
        self.labeling = Labeling(geometry, vote.k)
        self.classifier = create_classifier(classifier, self.labeling, vote)
        self.unlabeled: BoolArray = geometry.live.copy()
        self._statistics: dict[type[Any], IncrementalStatistic] = {}
        self._coverage: Coverage | None = None
        self._uncertainty: dict[str, Float32Array] = {}
        self._stale: BoolArray = np.zeros(rows, dtype=np.bool_)
        self._all_stale = False

    def assign(self, row: int, label: int | None) -> None:
        """Give the row a class number, another one, or none."""
        labeling = self.labeling
        before, after = int(labeling.classes[row]), UNLABELED if label is None else label
        if before == after:
            return
        labeling.classes[row] = after
        self.unlabeled[row] = self.geometry.live[row] and after == UNLABELED
        changed = np.empty(0, dtype=np.int64)
        if before == UNLABELED:
            changed = labeling.neighbors.add(row, self.classifier.extra_products(row))
        elif after == UNLABELED:
            changed = labeling.neighbors.remove(row)
        if self._coverage is not None and UNLABELED in (before, after):
            self._coverage.update(row, changed)
        stale = self.classifier.update(row, before, changed)
        if stale is None:
            self._all_stale = True
        else:
            self._stale[stale] = True
        for statistic in self._statistics.values():
            statistic.update(row, before)

    def statistic(self, kind: type[StatisticKind]) -> StatisticKind:
        """The one of its kind, made when first asked for and told of every label from then on."""
        found = self._statistics.get(kind)
        if not isinstance(found, kind):
            found = self._statistics[kind] = kind(self.labeling, self.vote)
        return found

    def rebuild(self, rows: IntArray, classes: IntArray, class_count: int) -> None:
        """Start over from labeled rows and their class numbers."""
        labeling = self.labeling
        labeling.classes[:] = UNLABELED
        labeling.classes[rows] = classes
        labeling.class_count = class_count
        if labeling.neighbors.labeled != set(map(int, rows)):
            labeling.neighbors.rebuild(rows)
        self.unlabeled[:] = self.geometry.live & (labeling.classes == UNLABELED)
        self.classifier.rebuild()
        self._coverage = None
        self._statistics.clear()
        self._all_stale = True

    def declare_classes(self, count: int) -> None:
        """There are more classes than before, or the last ones, which nothing has, are gone."""
        if count != self.labeling.class_count:
            self.labeling.class_count = count
            self.classifier.declare_classes()
            self._all_stale = True

    def reliability(self) -> float:
        """The share of labels that the classifier predicts, each left out; 0 while there are none.

        A class's only label counts as not predicted: left out, nothing speaks for its class.
        """
        labels = len(self.labeling.neighbors.labeled)
        return self.classifier.predicted_labels() / max(labels, 1)

    def uncertainty(self, measure: str) -> Float32Array:
        """A measure of ``knnal.acquisition.terms`` for every row, ``(rows,)``."""
        self._refresh_uncertainty()
        if measure not in self._uncertainty:
            self._uncertainty[measure] = np.empty(len(self.geometry), dtype=np.float32)
            self._measure_all(measure)
        return self._uncertainty[measure]

    def _refresh_uncertainty(self) -> None:
        if self._all_stale:
            for measure in self._uncertainty:
                self._measure_all(measure)
        else:
            rows = np.flatnonzero(self._stale)
            for start in range(0, len(rows), _BLOCK):
                block = rows[start : start + _BLOCK]
                P = self.classifier.probabilities(block)
                for measure, values in self._uncertainty.items():
                    values[block] = MEASURES[measure](P)
        self._stale[:] = False
        self._all_stale = False

    def _measure_all(self, measure: str) -> None:
        out = self._uncertainty[measure]

        def fill(start: int, stop: int) -> None:
            if not self.classifier.measure(measure, start, stop, out):
                P = self.classifier.probabilities(np.arange(start, stop))
                out[start:stop] = MEASURES[measure](P)

        over_rows(fill, len(out), _BLOCK)

    @cached_property
    def local_density(self) -> Float32Array:
        """Kernel mass of each row's neighborhood, ``(rows,)``."""
        return kernel_mass(self.geometry.graph.sums).astype(np.float32)

    def uncovered(self) -> Float32Array:
        """The share of each row's kernel mass that no label covers, ``(rows,)``."""
        return self.coverage.share

    def coverage_gain(self) -> Float32Array:
        """Density times uncovered share: the kernel mass that a label would newly cover."""
        return self.coverage.gain

    @property
    def coverage(self) -> Coverage:
        """What the labels cover of the pool. Whoever wants to change it takes one of its own."""
        if self._coverage is None:
            neighbors = self.labeling.neighbors
            self._coverage = Coverage(self.geometry.graph, self.local_density, neighbors)
        return self._coverage

    def distance(self) -> Float32Array:
        """``1 - max similarity`` to a labeled row, ``(rows,)``."""
        return distance(self.labeling.neighbors.similarities[:, 0])
