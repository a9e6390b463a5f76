"""Unit directions of centered vectors on both groups of principal axes, 384 in all."""

from __future__ import annotations

import numpy as np

from knnal.index.reduced import FIRST, SECOND, ReducedCopy, code_lengths
from knnal.types import Float32Array, Float64Array, IntArray

AXES = FIRST + SECOND


class Directions:
    """The directions of a reduced copy's rows, by its codes of 8 bits, and those of other vectors.

    A row's is ``first_scale * codes`` of the first group beside ``second_scale * codes`` of the
    second, both ``(n,)``; zeros for a row that lies in the mean.
    """

    def __init__(self, reduced: ReducedCopy) -> None:
        self._axes = reduced.axes
        self.first, self.second = reduced.first.codes, reduced.second.codes
        lengths = [
            code_lengths(group.codes) * group.scale for group in (reduced.first, reduced.second)
        ]
        length = np.hypot(*lengths)
        inverse = np.divide(1.0, length, out=np.zeros_like(length), where=length > 0)
        self.first_scale: Float32Array = reduced.first.scale * inverse
        self.second_scale: Float32Array = reduced.second.scale * inverse

    def of_rows(self, rows: IntArray) -> Float64Array:
        """``(m,) -> (m, AXES)``."""
        first = self.first[rows] * self.first_scale[rows, None].astype(np.float64)
        second = self.second[rows] * self.second_scale[rows, None].astype(np.float64)
        return np.concatenate([first, second], axis=1)

    def of_vectors(self, vectors: Float32Array) -> Float64Array:
        """Of unit vectors, in full precision, ``(m, d) -> (m, AXES)``."""
        axes = np.concatenate([self._axes.first, self._axes.second]).astype(np.float64)
        a = (vectors.astype(np.float64) - self._axes.mean) @ axes.T
        lengths = np.sqrt(np.vecdot(a, a))[:, None]
        directions: Float64Array = np.divide(a, lengths, out=np.zeros_like(a), where=lengths > 0)
        return directions
