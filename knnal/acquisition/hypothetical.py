"""What a pool would be like if some more rows were labeled, whatever their classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar, cast

import numpy as np

from knnal.acquisition.coverage import Coverage
from knnal.acquisition.state import PoolState
from knnal.acquisition.terms import distance, distance_as_printed
from knnal.index.labeled import LabeledNeighbors
from knnal.index.similarity import similarities
from knnal.types import Float32Array


class _Part(Protocol):
    def add(self, row: int) -> object: ...


_P = TypeVar("_P", bound=_Part)


class HypotheticalState:
    """The terms that labels cover, for the labels in force and the ``rows`` that were added.

    They are what the state would give with labels at those rows, bit for bit. The state is never
    changed: what is asked for is copied first, once. A row that is added then costs a pruned pass
    for the nearest labels, as a label does. An overlay is good until the state changes.
    """

    def __init__(self, state: PoolState) -> None:
        self._state = state
        self._parts: dict[str, _Part] = {}
        self.rows: list[int] = []

    def add(self, row: int) -> None:
        """Take row ``row`` for labeled."""
        self.rows.append(row)
        for part in self._parts.values():
            part.add(row)

    @property
    def coverage(self) -> Coverage:
        return self._part("covered", lambda: _Covered(self._state)).coverage

    def uncovered(self) -> Float32Array:
        """As ``PoolState.uncovered``, ``(rows,)``."""
        return self.coverage.share

    def coverage_gain(self) -> Float32Array:
        """As ``PoolState.coverage_gain``, ``(rows,)``."""
        return self.coverage.gain

    def distance(self) -> Float32Array:
        """As ``PoolState.distance``, ``(rows,)``."""
        neighbors = self._state.labeling.neighbors
        nearest: LabeledNeighbors = self._part("nearest", neighbors.nearest_alone)
        return distance(nearest.similarities[:, 0])

    def distance_as_printed(self) -> Float32Array:
        """As ``PoolState.distance_as_printed``, ``(rows,)``: a pass for every row added."""
        return distance_as_printed(self._part("farthest", lambda: _Farthest(self._state)).values)

    def _part(self, name: str, make: Callable[[], _P]) -> _P:
        if name not in self._parts:
            part = make()
            for row in self.rows:
                part.add(row)
            self._parts[name] = part
        return cast(_P, self._parts[name])


class _Covered:
    """``covering`` by the rows that are labeled or added."""

    def __init__(self, state: PoolState) -> None:
        self._nearest = state.labeling.neighbors.nearest_alone()
        self.coverage = state.coverage.following(self._nearest)

    def add(self, row: int) -> None:
        self.coverage.update(row, self._nearest.add(row))


class _Farthest:
    """``values`` ``(rows,)``: the similarity of the farthest row that is labeled or added."""

    def __init__(self, state: PoolState) -> None:
        self._X = state.geometry.X
        self.values = state.farthest().copy()

    def add(self, row: int) -> None:
        np.minimum(self.values, similarities(self._X, self._X[row]), out=self.values)
