"""Ragged rows in compressed form: gather some of them, and reduce each to a number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from knnal.types import Float64Array, IntArray


@dataclass(frozen=True, slots=True)
class Segments:
    """Row r of a ragged array is ``values[starts[r]:starts[r + 1]]``; ``starts`` ``(n + 1,)``."""

    starts: IntArray

    def positions(self, rows: IntArray) -> tuple[IntArray, IntArray]:
        """Where the values of the rows lie, concatenated, and where each row begins in that."""
        sizes = self.starts[rows + 1] - self.starts[rows]
        ends = np.cumsum(sizes)
        begins = ends - sizes
        total = int(ends[-1]) if len(ends) else 0
        shift = np.repeat(self.starts[rows] - begins, sizes)
        return np.arange(total) + shift, begins


def reduce_segments(
    ufunc: np.ufunc, values: Float64Array, begins: IntArray, empty: float
) -> Float64Array:
    """Reduce each segment on its own, ``empty`` for one without values, ``-> (len(begins),)``.

    A segment's result depends on its own values alone, so that updating a few rows gives, bit for
    bit, what recomputing all of them gives.
    """
    sizes = np.diff(begins, append=len(values))
    result = np.full(len(begins), empty)
    filled = sizes > 0
    if filled.any():
        result[filled] = ufunc.reduceat(values, begins[filled])
    return result
