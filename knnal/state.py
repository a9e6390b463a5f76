"""All that labels change about a pool, updated by each label and never recomputed for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from knnal.classifiers.base import UNLABELLED, Labelling, create_classifier
from knnal.neighbors.coverage import Coverage
from knnal.neighbors.graph import KernelGraph, NeighbourGraph
from knnal.neighbors.similarity import similarities
from knnal.neighbors.vote import VoteOptions
from knnal.scoring.density import global_density, kernel_mass
from knnal.scoring.diversity import distance, distance_as_printed, uncovered
from knnal.scoring.uncertainty import MEASURES
from knnal.types import BoolArray, Float32Array, Float64Array, IntArray

_BLOCK = 65536


class PoolState:
    """Predictions and score terms of every row of a pool.

    Everything is a function of the labels in force: any order of labels, undos and relabels that
    ends in the same labels ends in the same state, bit for bit. ``graph`` is called once, when a
    term needs it.
    """

    def __init__(
        self,
        X: Float32Array,
        live: BoolArray,
        graph: Callable[[], NeighbourGraph],
        *,
        classifier: str = "knn",
        vote: VoteOptions | None = None,
    ) -> None:
        vote = vote or VoteOptions()
        self.X = X
        self.live = live
        self.labelling = Labelling(X, vote.k)
        self.classifier = create_classifier(classifier, self.labelling, vote)
        self._make_graph = graph
        self._coverage: Coverage | None = None
        self._uncertainty: dict[str, Float64Array] = {}
        self._stale: BoolArray = np.zeros(len(X), dtype=np.bool_)
        self._farthest: Float32Array = np.full(len(X), np.inf, dtype=np.float32)
        self._farthest_of: set[int] = set()

    @property
    def unlabelled(self) -> IntArray:
        """The rows that are there and have no label."""
        return np.flatnonzero(self.live & (self.labelling.classes == UNLABELLED))

    def assign(self, row: int, label: int | None) -> None:
        """Give the row a class number, another one, or none."""
        labelling = self.labelling
        before, after = labelling.classes[row], UNLABELLED if label is None else label
        labelling.classes[row] = after
        changed = np.empty(0, dtype=np.int64)
        if before == UNLABELLED and after != UNLABELLED:
            changed = labelling.neighbours.add(row)
            if self._coverage is not None:
                self._coverage.add(row)
        elif before != UNLABELLED and after == UNLABELLED:
            changed = labelling.neighbours.remove(row)
            if self._coverage is not None:
                self._coverage.remove(row)
        self._stale[self.classifier.update(row, changed)] = True

    def rebuild(self, rows: IntArray, classes: IntArray, class_count: int) -> None:
        """Start over from labelled rows and their class numbers, at the cost of one search."""
        labelling = self.labelling
        labelling.classes[:] = UNLABELLED
        labelling.classes[rows] = classes
        labelling.class_count = class_count
        labelling.neighbours.rebuild(rows)
        self.classifier.rebuild()
        self._coverage = None
        self._uncertainty.clear()

    def declare_classes(self, count: int) -> None:
        """There are more classes than before; the numbers of the old ones stay."""
        if count != self.labelling.class_count:
            self.labelling.class_count = count
            self._uncertainty.clear()

    def uncertainty(self, measure: str) -> Float64Array:
        """A measure of ``knnal.scoring.uncertainty`` for every row, ``(rows,)``."""
        self._refresh_uncertainty()
        if measure not in self._uncertainty:
            everyone = np.arange(len(self.X))
            self._uncertainty[measure] = np.empty(len(self.X))
            self._measure(everyone, [measure])
        return self._uncertainty[measure]

    def _refresh_uncertainty(self) -> None:
        rows = np.flatnonzero(self._stale)
        self._measure(rows, list(self._uncertainty))
        self._stale[rows] = False

    def _measure(self, rows: IntArray, measures: list[str]) -> None:
        for start in range(0, len(rows) if measures else 0, _BLOCK):
            block = rows[start : start + _BLOCK]
            P = self.classifier.probabilities(block)
            for measure in measures:
                self._uncertainty[measure][block] = MEASURES[measure](P)

    @cached_property
    def graph(self) -> KernelGraph:
        return KernelGraph(self._make_graph())

    @cached_property
    def local_density(self) -> Float64Array:
        """Kernel mass of each row's neighbourhood, ``(rows,)``."""
        return kernel_mass(self.graph.sums)

    @cached_property
    def global_density(self) -> Float64Array:
        """Mean similarity to the live pool, ``(rows,)``."""
        mean = np.zeros(self.X.shape[1])
        live = np.flatnonzero(self.live)
        for start in range(0, len(live), _BLOCK):
            mean += self.X[live[start : start + _BLOCK]].sum(axis=0, dtype=np.float64)
        return global_density(self.X, mean / max(len(live), 1))

    def uncovered(self) -> Float64Array:
        """The share of each row's kernel mass that no label covers, ``(rows,)``."""
        if self._coverage is None:
            self._coverage = Coverage(self.graph, self._labelled)
        return uncovered(self._coverage.gain, self.local_density)

    def distance(self) -> Float64Array:
        """``1 - max similarity`` to a labelled row, ``(rows,)``."""
        return distance(self.labelling.neighbours.similarities[:, 0])

    def distance_as_printed(self) -> Float64Array:
        """``1 - max distance`` to a labelled row, ``(rows,)``: a pass per label since last time."""
        labelled = set(map(int, self._labelled))
        if not self._farthest_of <= labelled:  # a minimum cannot be taken back
            self._farthest_of = set()
            self._farthest.fill(np.inf)
        for row in labelled - self._farthest_of:
            np.minimum(self._farthest, similarities(self.X, self.X[row]), out=self._farthest)
        self._farthest_of = labelled
        return distance_as_printed(self._farthest)

    @property
    def _labelled(self) -> IntArray:
        return np.flatnonzero(self.labelling.classes != UNLABELLED)
