"""Nearest class mean, in the directions of the reduced copy."""

from __future__ import annotations

import numpy as np

from knnal.classifiers.base import PoolClassifier
from knnal.classifiers.tables import class_table, code_of, columns_of, decoded, normalized_columns
from knnal.classifiers.vote import VoteOptions
from knnal.index.compilation import kernel
from knnal.index.parallel import over_rows
from knnal.index.pool_index import UNLABELED, Labeling, QueryVectors
from knnal.index.reduced import FIRST, ExtraProducts, first_dots
from knnal.types import Float32Array, Int8Array, Int16Array, Int32Array, IntArray, UInt16Array

TEMPERATURE = 0.1
_UNIT = 1 << 20
"""Directions are summed as multiples of 2^-20, so that what is added can be taken back exactly."""
_FINEST = 32767
_HALVINGS = 6
_LABELS_A_TASK = 256


class NearestMean(PoolClassifier):
    """Softmax, at temperature 0.1, over the cosines to the mean direction of each class.

    Directions are those of ``ReducedCopy``: centered, on its first axes, unit norm. A label moves
    the mean of its class, which takes one pass over the reduced copy.
    """

    summary = "the class whose labeled items' mean direction is closest"

    def __init__(self, labeling: Labeling, options: VoteOptions) -> None:
        super().__init__(labeling, options)
        self._sums: IntArray = np.zeros((0, FIRST), dtype=np.int64)
        self._counts: IntArray = np.zeros(0, dtype=np.int64)
        # In 16 bits (``tables``): by far the largest of what is kept where classes are many.
        self.closeness: UInt16Array = class_table(0, len(labeling.geometry), np.uint16)
        # Of labeled rows, to their own class without themselves.
        self._left_out: UInt16Array = np.zeros(len(labeling.geometry), dtype=np.uint16)
        self._products: Int32Array = np.empty(len(labeling.geometry), dtype=np.int32)
        self._product_of: tuple[int, int] | None = None
        self.declare_classes()

    def extra_products(self, row: int) -> ExtraProducts:
        c = int(self.labeling.classes[row])
        mean, _ = _direction(self._sums[c] + self._contribution(np.array([row]))[0])
        self._product_of = (row, c)
        return ExtraProducts(mean, self._products)

    def update(self, row: int, before: int, changed: IntArray) -> IntArray | None:
        del changed
        own = self._contribution(np.array([row]))[0]
        after = int(self.labeling.classes[row])
        for c, sign in ((before, -1), (after, 1)):
            if c != UNLABELED:
                self._sums[c] += sign * own
                self._counts[c] += sign
        multiplied = before == UNLABELED and self._product_of == (row, after)
        self._product_of = None
        labeled = self.labeling.labeled
        for c in {before, after} - {UNLABELED}:
            self._refresh(c, multiplied=multiplied)
            self._leave_out(c, labeled)
        return None

    def rebuild(self) -> None:
        self.declare_classes()
        self._sums[:], self._counts[:] = 0, 0
        self._add_labels()
        for c in range(len(self._sums)):
            self._refresh(c)

    def declare_classes(self) -> None:
        missing = self.labeling.class_count - len(self._sums)
        if missing > 0:
            self._sums = np.pad(self._sums, ((0, missing), (0, 0)))
            self._counts = np.pad(self._counts, (0, missing))
            self.closeness = class_table(self.labeling.class_count, 0, np.uint16, self.closeness)

    def probabilities(self, rows: IntArray) -> Float32Array:
        closeness = decoded(columns_of(self.closeness[: self.labeling.class_count], rows))
        labeled = np.flatnonzero(self.labeling.classes[rows] != UNLABELED)
        if len(labeled):
            self._take_out_own(rows[labeled], labeled, closeness)
        return normalized_columns(closeness)

    def predict(self, outsiders: QueryVectors) -> Float32Array:
        count = self.labeling.class_count
        closeness = np.zeros((count, len(outsiders)), dtype=np.float32)
        for c in np.flatnonzero(self._counts[:count]):
            mean, length = _direction(self._sums[c])
            cosines = np.vecdot(outsiders.directions, mean.astype(np.float64)) / length
            closeness[c] = np.exp((cosines - 1.0) / TEMPERATURE)
        return normalized_columns(closeness)

    def _add_labels(self) -> None:
        """Add every label to the sum of its class."""
        labeled = self.labeling.labeled
        classes = self.labeling.classes[labeled]
        np.add.at(self._sums, classes, self._contribution(labeled))
        self._counts = np.bincount(classes, minlength=len(self._sums))
        for c in range(len(self._sums)):
            self._leave_out(c, labeled)

    def _take_out_own(self, rows: IntArray, columns: IntArray, closeness: Float32Array) -> None:
        """Rows' closeness, in ``columns``, without what their own labels have put into sums."""
        closeness[self.labeling.classes[rows], columns] = self.left_out(rows)

    def left_out(self, rows: IntArray) -> Float32Array:
        """Labeled rows' closeness to their own class without themselves; 0 if alone there."""
        return decoded(self._left_out[rows])

    def _refresh(self, c: int, *, multiplied: bool = False) -> None:
        """Every row's closeness to a class, after its mean has moved.

        ``multiplied`` says that the products with the new mean are there.
        """
        closeness = self.closeness[c]
        if not self._counts[c]:
            closeness[:] = 0
            return
        mean, length = _direction(self._sums[c])
        reduced = self.labeling.geometry.reduced
        codes, inverse = reduced.first.codes, reduced.inverse_length

        def refresh(start: int, stop: int) -> None:
            own = slice(start, stop)
            if not multiplied:
                first_dots(codes, mean, start, stop, self._products[own])
            close(self._products[own], inverse[own], length, closeness[own])

        over_rows(refresh, len(closeness))

    def _leave_out(self, c: int, labeled: IntArray) -> None:
        """``left_out`` of a class's rows among the ``labeled`` ones, after its mean has moved."""
        own = labeled[self.labeling.classes[labeled] == c]
        if self._counts[c] < 2:
            self._left_out[own] = 0
            return
        reduced = self.labeling.geometry.reduced
        codes, inverse = reduced.first.codes, reduced.inverse_length
        over_rows(
            lambda start, stop: _close_without(
                codes, inverse, self._sums[c], own[start:stop], self._left_out
            ),
            len(own),
            _LABELS_A_TASK,
        )

    def _contribution(self, rows: IntArray) -> IntArray:
        reduced = self.labeling.geometry.reduced
        return _contributions(reduced.first.codes, reduced.inverse_length, rows)


def _direction(total: IntArray) -> tuple[Int16Array, np.float32]:
    """As ``_quantized``, whose float32 would come back from a kernel as a float64."""
    values, length = quantized(total)
    return values, np.float32(length)


@kernel
def quantized(total: IntArray) -> tuple[Int16Array, np.float32]:
    """A sum's direction in 16 bits ``(d1,)``, and its length: products with codes are exact."""
    largest = 1
    for j in range(len(total)):
        largest = max(largest, abs(total[j]))
    values = np.empty(len(total), dtype=np.int16)
    squares = np.int64(0)
    for j in range(len(total)):
        value = np.int64(np.rint(total[j] * (_FINEST / largest)))
        values[j] = value
        squares += value * value
    return values, np.float32(max(np.sqrt(squares), 1.0))


@kernel
def close(
    products: Int32Array, inverse_length: Float32Array, length: np.float32, out: UInt16Array
) -> None:
    """``exp((cosine - 1) / T)`` by the products of codes and mean, ``(m,)``, in 16 bits.

    The exponent is between -2 / T and 0. A 64th of it is small enough for a few terms of the
    series, and the result is squared six times: plain arithmetic, which runs on vectors.
    """
    one = np.float32(1.0)
    step = np.float32(1.0 / (TEMPERATURE * (1 << _HALVINGS)))
    per_length = one / length
    for i in range(len(out)):
        cosine = np.float32(products[i]) * inverse_length[i] * per_length
        x = (min(cosine, one) - one) * step
        value = one + x * np.float32(1 / 6)
        value = one + x * value * np.float32(1 / 5)
        value = one + x * value * np.float32(1 / 4)
        value = one + x * value * np.float32(1 / 3)
        value = one + x * value * np.float32(1 / 2)
        value = one + x * value
        for _ in range(_HALVINGS):
            value *= value
        out[i] = code_of(value)


@kernel
def _close_without(
    codes: Int8Array,
    inverse_length: Float32Array,
    total: IntArray,
    rows: IntArray,
    out: UInt16Array,
) -> None:
    """``_close`` of a class's labeled rows to its mean, each without its own part of the sum.

    Into their places of ``out``, which is of all rows.
    """
    rest = np.empty(len(total), dtype=np.int64)
    product = np.empty(1, dtype=np.int32)
    for row in rows:
        for j in range(len(rest)):
            rest[j] = total[j] - _in_units(codes[row, j], inverse_length[row])
        mean, length = quantized(rest)
        first_dots(codes, mean, row, row + 1, product)
        close(product, inverse_length[row : row + 1], length, out[row : row + 1])


@kernel
def _in_units(code: np.int8, inverse_length: np.float32) -> np.int64:
    """A coordinate of a row's direction as a multiple of 2^-20."""
    return np.int64(np.rint(np.float64(code) * np.float64(inverse_length) * _UNIT))


@kernel
def _contributions(codes: Int8Array, inverse_length: Float32Array, rows: IntArray) -> IntArray:
    """What rows add to the sum of their class, ``(m,) -> (m, d1)``."""
    units = np.empty((len(rows), codes.shape[1]), dtype=np.int64)
    for i in range(len(rows)):
        for j in range(codes.shape[1]):
            units[i, j] = _in_units(codes[rows[i], j], inverse_length[rows[i]])
    return units
