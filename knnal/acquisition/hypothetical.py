"""What a pool would be like if some more rows were labeled, whatever their classes."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar, cast

from knnal.acquisition.coverage import Coverage
from knnal.acquisition.state import PoolState
from knnal.acquisition.terms import distance
from knnal.types import Float32Array


class OverlayPart(Protocol):
    """Something that labels cover: a copy of what a state knows, to which rows are added."""

    def __init__(self, state: PoolState) -> None: ...

    def add(self, row: int) -> object:
        """Count row ``row`` as labeled."""


_P = TypeVar("_P", bound=OverlayPart)


class HypotheticalState:
    """The terms that labels cover, for the labels in force and the ``rows`` that were added.

    They are what the state would give with labels at those rows, bit for bit. The state is never
    changed: what is asked for is copied first, once. A row that is added then costs a pruned pass
    for the nearest labels, as a label does. An overlay is good until the state changes.
    """

    def __init__(self, state: PoolState) -> None:
        self._state = state
        self._parts: dict[type[Any], OverlayPart] = {}
        self.rows: list[int] = []

    def add(self, row: int) -> None:
        """Take row ``row`` for labeled."""
        self.rows.append(row)
        for part in self._parts.values():
            part.add(row)

    def part(self, kind: type[_P]) -> _P:
        """The one of its kind, made when first asked for, with all rows added."""
        if kind not in self._parts:
            part = self._parts[kind] = kind(self._state)
            for row in self.rows:
                part.add(row)
        return cast(_P, self._parts[kind])

    @property
    def coverage(self) -> Coverage:
        return self.part(_Covered).coverage

    def uncovered(self) -> Float32Array:
        """As ``PoolState.uncovered``, ``(rows,)``."""
        return self.coverage.share

    def coverage_gain(self) -> Float32Array:
        """As ``PoolState.coverage_gain``, ``(rows,)``."""
        return self.coverage.gain

    def distance(self) -> Float32Array:
        """As ``PoolState.distance``, ``(rows,)``."""
        return distance(self.part(_Nearest).neighbors.similarities[:, 0])


class _Covered:
    """``covering`` by the rows that are labeled or added."""

    def __init__(self, state: PoolState) -> None:
        self._nearest = state.labeling.neighbors.nearest_alone()
        self.coverage = state.coverage.following(self._nearest)

    def add(self, row: int) -> None:
        self.coverage.update(row, self._nearest.add(row))


class _Nearest:
    """The nearest row that is labeled or added."""

    def __init__(self, state: PoolState) -> None:
        self.neighbors = state.labeling.neighbors.nearest_alone()

    def add(self, row: int) -> None:
        self.neighbors.add(row)
