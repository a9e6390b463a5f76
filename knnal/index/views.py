"""The views of a pool as rows of their own, to be searched as the pool's rows are."""

from __future__ import annotations

from functools import cached_property

from knnal.index.reduced import Axes, ReducedCopy, reduce_rows
from knnal.types import BoolArray, Float32Array, RowArray


class Views:
    """Unit vectors ``(rows, slots, d)``: in slot 0 a row's own, in the others those of its views.

    ``made`` ``(rows,)`` says which rows have views; zeros stand for those of the others. ``X``
    ``(rows * slots, d)`` are the same, a pool that holds every row beside its views.
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
        """On the axes of the pool, which views lie close to."""
        return ReducedCopy(self._axes, *reduce_rows(self._axes, self.X), fitted_rows=len(self.X))

    def own(self, row: int) -> int:
        """The place of a row's own vector."""
        return row * self.slots

    def rows_of(self, places: RowArray) -> RowArray:
        """The rows that places belong to; NOBODY stays nobody."""
        rows: RowArray = places // self.slots
        return rows
