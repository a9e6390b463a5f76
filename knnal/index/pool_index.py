"""What classifiers and scores share of a pool: its vectors, views and labels, and query vectors."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from knnal.errors import InputError
from knnal.index.diffusion import edge_weights
from knnal.index.graph import NEIGHBORS, build_graph
from knnal.index.kernel_graph import KernelGraph, squared_distance
from knnal.index.labeled import LabeledNeighbors
from knnal.index.reduced import Axes, Directions, ReducedCopy, reduce_rows
from knnal.index.search import NO_NEIGHBOR, Nearest, search_rows
from knnal.types import BoolArray, Float32Array, Float64Array, Int32Array, IntArray, RowArray

_Derived = TypeVar("_Derived")

UNLABELED = -1
"""The class number of a row without a label."""


class Views:
    """The views of a pool as rows of their own, to be searched as the pool's rows are.

    Parameters
    ----------
    vectors : array of float32, shape (rows, slots, d)
        Unit vectors: in slot 0 a row's own, in the others those of its views; zeros where there
        are none.
    made : array of bool, shape (rows,)
        Which rows have views.
    axes : Axes
        Those of the pool, near which views lie.

    Attributes
    ----------
    X : array of float32, shape (rows * slots, d)
        The same vectors as a pool.
    """

    def __init__(self, vectors: Float32Array, made: BoolArray, axes: Axes) -> None:
        self.made = made
        self.slots: int = vectors.shape[1]
        self.X: Float32Array = vectors.reshape(-1, vectors.shape[2])
        self._axes = axes

    def __len__(self) -> int:
        return len(self.made)

    @cached_property
    def reduced(self) -> ReducedCopy:
        return ReducedCopy(self._axes, *reduce_rows(self._axes, self.X), fitted_rows=len(self.X))

    def own(self, row: int) -> int:
        """The place of a row's own vector in ``X``."""
        return row * self.slots

    def rows_of(self, places: RowArray) -> RowArray:
        """The rows that places in ``X`` belong to; NO_NEIGHBOR stays NO_NEIGHBOR."""
        rows: RowArray = places // self.slots
        return rows


class PoolIndex:
    """What follows from the pool's vectors without any label.

    The reduced copy, the graph and the views are computed once, when first needed.

    Parameters
    ----------
    X : array of float32, shape (rows, d)
        Unit rows.
    live : array of bool, shape (rows,)
        Which rows hold an item.
    reduced, graph : callable
        Make the reduced copy and the graph of ``X``.
    views : callable, optional
        Makes the views on the given axes; None for a pool without views.
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
        self._derived: dict[Callable[[PoolIndex], Any], Any] = {}

    @classmethod
    def of(
        cls,
        X: Float32Array,
        live: BoolArray | None = None,
        views: Callable[[Axes], Views] | None = None,
    ) -> PoolIndex:
        """Of vectors in memory, all live by default; nothing is stored."""
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

    def derived(self, find: Callable[[PoolIndex], _Derived]) -> _Derived:
        """What a function finds in the vectors, found once."""
        if find not in self._derived:
            self._derived[find] = find(self)
        found: _Derived = self._derived[find]
        return found

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
        """The views of every row. Raises InputError for a pool without views."""
        if self._make_views is None:
            raise InputError("The items have no views. Make them with embed(source, views=8).")
        return self._make_views(self.reduced.axes)

    @cached_property
    def directions(self) -> Directions:
        """On both groups of axes; a small pool, whose reduced copy has one, fits the other."""
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

    They may be ``rows`` ``(m,)`` of the pool that are not live. Nothing depends on such rows, and a
    labeling keeps their nearest labeled rows as it does those of the live ones.
    """

    def __init__(
        self, geometry: PoolIndex, vectors: Float32Array, rows: IntArray | None = None
    ) -> None:
        self.vectors = vectors
        self.rows = rows
        self._geometry = geometry

    @classmethod
    def held_out(cls, geometry: PoolIndex) -> QueryVectors:
        """All rows of the pool that are not live, rising."""
        rows = np.flatnonzero(~geometry.live)
        return cls(geometry, geometry.X[rows], rows)

    def __len__(self) -> int:
        return len(self.vectors)

    @cached_property
    def directions(self) -> Float64Array:
        """Their directions on the first group of axes, ``(m, FIRST)``."""
        return self._geometry.reduced.directions_of(self.vectors)

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
        """The graph weight of each of ``pool_neighbors``, in its shape, relative to the nearest
        one's, so that no vector is too far away to have any. 0 in empty slots.
        """
        near = self.pool_neighbors
        distance = squared_distance(np.maximum(near.similarities, np.float32(-1.0)))
        kernel = np.exp((distance[:, :1] - distance) / self._geometry.graph.width)
        return np.where(near.ids == NO_NEIGHBOR, 0.0, edge_weights(kernel))
