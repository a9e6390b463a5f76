"""What every pool classifier shares and offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import ClassVar, cast

import numpy as np

from knnal.classifiers.vote import VoteOptions
from knnal.errors import InputError
from knnal.index.diffusion import edge_weights
from knnal.index.directions import Directions
from knnal.index.graph import NEIGHBORS, build_graph
from knnal.index.kernel_graph import KernelGraph, squared_distance
from knnal.index.labeled import LabeledNeighbors
from knnal.index.reduced import Axes, Products, ReducedCopy
from knnal.index.search import NOBODY, Nearest, search_rows
from knnal.index.views import Views
from knnal.registry import Registry
from knnal.types import BoolArray, Float32Array, Float64Array, Int32Array, IntArray

CLASSIFIERS = Registry("knnal.classifiers", "classifier")

UNLABELED = -1
"""The class number of a row without a label."""


class PoolIndex:
    """What is known of the pool's vectors without any label.

    ``X`` ``(rows, d)`` are unit rows, ``live`` says which of them hold an item. The reduced copy,
    the graph and the views, which not every pool has, are asked for once, when something needs
    them.
    """

    def __init__(
        self,
        X: Float32Array,
        live: BoolArray,
        reduced: Callable[[], ReducedCopy],
        graph: Callable[[], KernelGraph],
        views: Callable[[Axes], Views] | None = None,
    ) -> None:
        self.X = X
        self.live = live
        self._make_reduced = reduced
        self._make_graph = graph
        self._make_views = views

    @classmethod
    def of(
        cls,
        X: Float32Array,
        live: BoolArray | None = None,
        views: Callable[[Axes], Views] | None = None,
    ) -> PoolIndex:
        """Of vectors at hand, all live unless said otherwise; nothing is stored."""
        there = np.ones(len(X), dtype=np.bool_) if live is None else live
        return cls(
            X,
            there,
            reduced=lambda: ReducedCopy.fit(X, np.flatnonzero(there)),
            graph=lambda: KernelGraph(build_graph(X, there)),
            views=views,
        )

    def __len__(self) -> int:
        return len(self.X)

    @cached_property
    def reduced(self) -> ReducedCopy:
        return self._make_reduced()

    @cached_property
    def graph(self) -> KernelGraph:
        return self._make_graph()

    @property
    def has_views(self) -> bool:
        return self._make_views is not None

    @cached_property
    def views(self) -> Views:
        """The views of every row. Raises InputError where there are none."""
        if self._make_views is None:
            raise InputError(
                "Expected views of the items, but they have none. Make them with 'knnal embed "
                "SOURCE --views 8'."
            )
        return self._make_views(self.reduced.axes)

    @cached_property
    def directions(self) -> Directions:
        """On both groups of axes; small pools, whose reduced copy has one, find them for it."""
        reduced = self.reduced
        if not len(reduced.axes.second):
            reduced = ReducedCopy.fit(self.X, np.flatnonzero(self.live), both=True)
        return Directions(reduced)


class Labeling:
    """The labels in force over a pool, and the nearest labeled neighbors of its rows.

    ``classes`` is ``(rows,)``, a class number or UNLABELED.
    """

    def __init__(self, geometry: PoolIndex, k: int) -> None:
        self.geometry = geometry
        self.neighbors = LabeledNeighbors(geometry.X, k, geometry.reduced)
        self.classes: Int32Array = np.full(len(geometry), UNLABELED, dtype=np.int32)
        self.class_count = 0

    @property
    def labeled(self) -> IntArray:
        """The labeled rows, rising."""
        rows = self.neighbors.labeled
        return np.sort(np.fromiter(rows, dtype=np.int64, count=len(rows)))

    def class_sizes(self) -> IntArray:
        """Labels in force by class number, ``(class_count,)``."""
        return np.bincount(self.classes[self.labeled], minlength=self.class_count)


class QueryVectors:
    """Unit vectors from outside the pool ``(m, d)``, and what is found for them once.

    They may be ``rows`` ``(m,)`` of the geometry that are not live. Nothing of the pool depends on
    such rows, and a labeling keeps their nearest labeled rows as it keeps those of the live ones.
    """

    def __init__(
        self, geometry: PoolIndex, vectors: Float32Array, rows: IntArray | None = None
    ) -> None:
        self.vectors = vectors
        self.rows = rows
        self._geometry = geometry

    @classmethod
    def held_out(cls, geometry: PoolIndex) -> QueryVectors:
        """All rows of the geometry that are not live, rising."""
        rows = np.flatnonzero(~geometry.live)
        return cls(geometry, geometry.X[rows], rows)

    def __len__(self) -> int:
        return len(self.vectors)

    @cached_property
    def directions(self) -> Float64Array:
        """Their directions in the reduced space, ``(m, d1)``."""
        return self._geometry.reduced.direction_of(self.vectors)

    @cached_property
    def fine_directions(self) -> Float64Array:
        """Their directions on both groups of axes, ``(m, AXES)``."""
        return self._geometry.directions.of_vectors(self.vectors)

    @cached_property
    def pool_neighbors(self) -> Nearest:
        """The live pool rows nearest to each, as many as a pool row has in the neighbor graph."""
        rows = np.flatnonzero(self._geometry.live)
        return search_rows(self._geometry.X, rows, self.vectors, NEIGHBORS)

    @cached_property
    def edges(self) -> Float64Array:
        """The weight in the graph of each of ``pool_neighbors``, in its shape, as a part of the
        nearest one's: none is too far off to have any. 0 in empty slots.
        """
        near = self.pool_neighbors
        distance = squared_distance(np.maximum(near.similarities, np.float32(-1.0)))
        kernel = np.exp((distance[:, :1] - distance) / self._geometry.graph.width)
        return np.where(near.ids == NOBODY, 0.0, edge_weights(kernel))


class PoolClassifier(ABC):
    """Class probabilities of pool rows and of other vectors. All rows of them sum to 1."""

    summary: ClassVar[str]
    bootstraps: ClassVar[bool] = False
    """Whether labels add up in it, so that bootstrapped votes can take their place."""

    def __init__(self, labeling: Labeling, options: VoteOptions) -> None:
        self.labeling = labeling
        self.options = options

    def beside(self, row: int) -> Products:
        """``row``, unlabeled so far, has got its class, and its nearest rows are looked for next:
        the products that are wanted of that pass over the reduced copy, there by the update.
        """
        del row
        return Products.none()

    @abstractmethod
    def update(self, row: int, before: int, changed: IntArray) -> IntArray | None:
        """The class of ``row`` was ``before`` and is now another one, either may be UNLABELED;
        the nearest labeled neighbors of the rows ``changed`` are others.

        Returns the rows whose probabilities may have changed, None for all of them.
        """

    @abstractmethod
    def rebuild(self) -> None:
        """Start over from the labeling as it is."""

    @abstractmethod
    def declare_classes(self) -> None:
        """The number of classes is another one; no label has changed."""

    @abstractmethod
    def probabilities(self, rows: IntArray) -> Float32Array:
        """Of pool rows, none of which votes for itself: ``(m,) -> (m, class_count)``."""

    @abstractmethod
    def predict(self, outsiders: QueryVectors) -> Float32Array:
        """Of vectors from outside the pool: ``-> (m, class_count)``."""

    def likeliest(self, rows: IntArray) -> IntArray:
        """The likeliest class of each of some rows, ``(m,)``, of equals the first."""
        classes: IntArray = np.argmax(self.probabilities(rows), axis=1)
        return classes

    def predicted_labels(self) -> int:
        """How many labels are predicted, each left out in turn.

        A class's only label is not: left out, nothing speaks for its class.
        """
        labeled = self.labeling.labeled
        if not len(labeled):
            return 0
        classes = self.labeling.classes[labeled]
        others = self.labeling.class_sizes()[classes] > 1
        P = self.probabilities(labeled)
        return int(np.count_nonzero((P.argmax(axis=1) == classes) & others))

    def measure(self, name: str, start: int, stop: int, out: Float32Array) -> bool:
        """Write a measure of uncertainty for the unlabeled ones of rows ``start`` to ``stop``.

        False, with nothing written, where there is no quicker way than by ``probabilities``.
        """
        del name, start, stop, out
        return False


def create_classifier(name: str, labeling: Labeling, options: VoteOptions) -> PoolClassifier:
    """The classifier of a registered name over a labeling. Raises as ``classifier_factory``."""
    return classifier_factory(name, options)(labeling, options)


def classifier_factory(
    name: str, options: VoteOptions
) -> Callable[[Labeling, VoteOptions], PoolClassifier]:
    """What makes classifiers of a registered name.

    Raises UnknownNameError for a name that is not registered, InputError for bootstrapped votes
    with a classifier that does not add labels up.
    """
    factory = CLASSIFIERS.load(name)
    if options.bootstrap is not None and not getattr(factory, "bootstraps", False):
        raise InputError(
            f"Expected a classifier that adds labels up beside bootstrap='{options.bootstrap}', "
            f"came '{name}'. Use knn, graph, means or combined, or no bootstrapping."
        )
    return cast("Callable[[Labeling, VoteOptions], PoolClassifier]", factory)
