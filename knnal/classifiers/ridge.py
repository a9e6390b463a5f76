"""Ridge regression on the labels, one class against the rest, exact after every label."""

from __future__ import annotations

import math

import numpy as np

from knnal.classifiers.base import PoolClassifier
from knnal.classifiers.vote import VoteOptions
from knnal.index.compilation import kernel, reordered_kernel
from knnal.index.linalg import inverse_of_positive
from knnal.index.parallel import over_rows
from knnal.index.pool_index import UNLABELED, Labeling, QueryVectors
from knnal.index.reduced import AXES, FIRST, first_dots, second_dots
from knnal.types import Float32Array, Float64Array, Int16Array, IntArray

PENALTY = 0.5
"""The best mean accuracy over six sets from 300 labels on; a half or twice as much costs .003."""

TEMPERATURE = 0.1
"""The least log loss of these scores over the same, from 300 to 1,000 labels."""

_UNIT = 1 << 20
"""Directions are multiples of 2^-20, so that sums of their products are exact in 64 bits."""

_FINEST = 32767
_BLOCK = 4096
"""Products are below 2^40; the sum of this many is exact in a float64, and fast."""

_CHUNK = 4096
_ROWS_A_TASK = 512


class RidgeRegression(PoolClassifier):
    """Softmax over one score a class: the least squares with penalty 0.5 that have 1 for the
    labeled items of the class and 0 for the others, on ``Directions``, with a free intercept.

    What it is solved from, the sums of directions and of their products, is kept exact, so that
    labels come and go without a trace: an update of the inverse by a rank would gather errors. A
    label costs one more product, the inverse of a matrix of 384 rows, and one pass over the pool's
    codes for each class when something is asked of the pool. A labeled item is predicted as if
    the regression had been found without it, which takes no other one (the hat matrix).
    """

    summary = "least squares on the labels with a penalty; for many labels"

    def __init__(self, labeling: Labeling, options: VoteOptions) -> None:
        super().__init__(labeling, options)
        self._sums: IntArray = np.zeros((0, AXES), dtype=np.int64)
        self._products: IntArray = np.zeros((AXES, AXES), dtype=np.int64)
        self.declare_classes()

    def update(self, row: int, before: int, changed: IntArray) -> None:
        del changed
        own = self._units(np.array([row]))[0]
        after = int(self.labeling.classes[row])
        for c, sign in ((before, -1), (after, 1)):
            if c != UNLABELED:
                self._sums[c] += sign * own
                self._products += sign * np.outer(own, own)
        self._solve()

    def rebuild(self) -> None:
        self._grow()
        self._sums[:], self._products[:] = 0, 0
        labeled = self.labeling.labeled
        for start in range(0, len(labeled), _BLOCK):
            rows = labeled[start : start + _BLOCK]
            units = self._units(rows)
            np.add.at(self._sums, self.labeling.classes[rows], units)
            values = units.astype(np.float64)
            self._products += (values.T @ values).astype(np.int64)
        self._solve()

    def declare_classes(self) -> None:
        self._grow()
        self._solve()

    def probabilities(self, rows: IntArray) -> Float32Array:
        P = np.empty((len(rows), self.labeling.class_count), dtype=np.float32)
        scores = self._scores(rows)
        classes = self.labeling.classes[rows]
        labeled = np.flatnonzero(classes != UNLABELED)
        if len(labeled):
            scores[labeled] = self._left_out(rows[labeled])
        _softmax(scores, P)
        return P

    def predict(self, outsiders: QueryVectors) -> Float32Array:
        P = np.empty((len(outsiders), self.labeling.class_count), dtype=np.float32)
        scores = np.empty(P.shape)
        for c in range(P.shape[1]):
            scores[:, c] = np.vecdot(outsiders.fine_directions, self._weights[c])
        _softmax(scores + self._intercepts, P)
        return P

    def _scores(self, rows: IntArray) -> Float64Array:
        """``(m,) -> (m, C)``, a cacheful at a time: the codes are read for every class."""
        directions = self.labeling.geometry.directions
        scores = np.empty((len(rows), self.labeling.class_count))
        near, far = np.empty((2, _CHUNK), dtype=np.int32)
        for start in range(0, len(rows), _CHUNK):
            some = rows[start : start + _CHUNK]
            size = len(some)
            first, second = directions.first[some], directions.second[some]
            first_scale = directions.first_scale[some].astype(np.float64)
            second_scale = directions.second_scale[some].astype(np.float64)
            for c in range(scores.shape[1]):
                first_dots(first, self._first[c], 0, size, near)
                second_dots(second, self._second[c], 0, size, far)
                products = near[:size] * first_scale + far[:size] * second_scale
                scores[start : start + size, c] = products * self._steps[c] + self._intercepts[c]
        return scores

    def _left_out(self, rows: IntArray) -> Float64Array:
        """Labeled rows' scores by the other labels, ``(m,) -> (m, C)``.

        With leverage ``h``, a fitted score ``s`` and its target ``t`` give ``(s - h t) / (1 - h)``,
        which holds for every linear least squares (Cook and Weisberg, "Residuals and influence in
        regression", 1982).
        """
        count = len(self.labeling.neighbors.labeled)
        if count < 2:
            return np.zeros((len(rows), self.labeling.class_count))
        centered = self._units(rows) / _UNIT - self._mean
        leverage = np.empty(len(rows))
        over_rows(
            lambda start, stop: _square_norms(
                self._inverse, centered[start:stop], leverage[start:stop]
            ),
            len(rows),
            _ROWS_A_TASK,
        )
        leverage += 1.0 / count
        scores = np.empty((len(rows), self.labeling.class_count))
        for c in range(scores.shape[1]):
            scores[:, c] = np.vecdot(centered, self._weights[c]) + self._shares[c]
        own = np.arange(len(rows)), self.labeling.classes[rows]
        scores[own] -= leverage
        left: Float64Array = scores / (1.0 - leverage)[:, None]
        return left

    def _units(self, rows: IntArray) -> IntArray:
        directions = self.labeling.geometry.directions.of_rows(rows)
        return np.rint(directions * _UNIT).astype(np.int64)

    def _grow(self) -> None:
        missing = self.labeling.class_count - len(self._sums)
        if missing > 0:
            self._sums = np.pad(self._sums, ((0, missing), (0, 0)))

    def _solve(self) -> None:
        """Weights ``(C, AXES)`` and intercepts ``(C,)``, a function of the sums alone."""
        classes = self.labeling.class_count
        sizes = self.labeling.class_sizes().astype(np.float64)
        count = sizes.sum()
        sums = self._sums[:classes] / _UNIT
        self._shares: Float64Array = sizes / max(count, 1.0)
        self._mean: Float64Array = sums.sum(axis=0) / max(count, 1.0)
        spread = self._products / _UNIT**2 - count * np.outer(self._mean, self._mean)
        self._inverse = inverse_of_positive(spread + PENALTY * np.eye(AXES))
        shifted = sums - sizes[:, None] * self._mean
        self._weights: Float64Array = np.empty((classes, AXES))
        for c in range(classes):
            self._weights[c] = np.vecdot(self._inverse, shifted[c])
        self._intercepts: Float64Array = self._shares - np.vecdot(self._weights, self._mean)
        largest = np.abs(self._weights).max(axis=1, initial=0.0)
        self._steps: Float64Array = np.where(largest > 0, largest / _FINEST, 1.0)
        values = np.rint(self._weights / self._steps[:, None]).astype(np.int16)
        self._first: Int16Array = np.ascontiguousarray(values[:, :FIRST])
        self._second: Int16Array = np.ascontiguousarray(values[:, FIRST:])


@reordered_kernel
def _square_norms(inverse: Float64Array, vectors: Float64Array, out: Float64Array) -> None:
    """``v' inverse v`` of each vector ``(m, AXES)``."""
    for i in range(len(vectors)):
        total = 0.0
        for j in range(AXES):
            product = 0.0
            for at in range(AXES):
                product += inverse[j, at] * vectors[i, at]
            total += product * vectors[i, j]
        out[i] = total


@kernel
def _softmax(scores: Float64Array, out: Float32Array) -> None:
    for i in range(len(scores)):
        highest, total = -np.inf, 0.0
        for score in scores[i]:
            highest = max(highest, score)
        for c in range(scores.shape[1]):
            scores[i, c] = math.exp((scores[i, c] - highest) / TEMPERATURE)
            total += scores[i, c]
        for c in range(scores.shape[1]):
            out[i, c] = scores[i, c] / total
