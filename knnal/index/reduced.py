"""A small copy of every row: its first principal coordinates in 8 bits, and what is left out.

With the mean ``m`` of the pool and orthonormal axes ``A``, a row is ``x = m + A'a + r``, where the
remainder ``r`` is orthogonal to all axes. The coordinates ``a`` are kept as ``scale * codes``, off
by no more than ``error``, and of ``r`` only the length. By Cauchy and Schwarz

    x.q <= (scale codes).a_q + error |a_q| + |r_x| |r_q| + m.x + m.q - m.m

which bounds a similarity by a tenth of the bytes of the row, or less. The axes come in two groups:
the first 128, read for every row, and the next, read where those leave a doubt.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from knnal.index.compilation import kernel
from knnal.index.linalg import principal_axes
from knnal.index.parallel import over_rows
from knnal.index.similarity import rounding_bound
from knnal.types import Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, IntArray

FIRST = 128
"""Axes in the first group. Class means lose nothing by it against all 1280 dimensions."""

SECOND = 256
_WORTH_A_SECOND = 20_000
_SAMPLE = 20_000
_BLOCK = 4096
_SQUARES_OFF = 1e-12
_LONGEST_ROW = 2.1
"""No centered row is longer than 2, and its 8 bits add little to that."""

LONGEST, FINEST = 127, 32767
"""The largest number of 8 bits, and of 16."""

SMALLEST = 1e-30
"""In place of a vector's largest coordinate where all are 0."""

SLACK = 2e-5
"""Covers float32 arithmetic on the terms of bounds; each is below 4 and rounds to some 1e-7."""


@dataclass(frozen=True)
class Axes:
    """The mean ``(d,)`` and two groups of orthonormal axes, ``(FIRST, d)`` and ``(SECOND, d)``.

    Rows of zeros make up the number where there are fewer, so that kernels are compiled for two
    sizes alone; a small pool has no second group, ``(0, d)``.
    """

    mean: Float32Array
    first: Float32Array
    second: Float32Array

    @cached_property
    def precise(self) -> tuple[Float64Array, Float64Array]:
        """Both groups in double precision, transposed: ``(d, FIRST)`` and ``(d, SECOND)``."""
        return self.first.T.astype(np.float64), self.second.T.astype(np.float64)

    @cached_property
    def skew(self) -> float:
        """How far, being rounded, they are from orthonormal: no ``a'(AA' - I)a`` is above
        ``skew a'a``.
        """
        axes = np.concatenate([self.first, self.second]).astype(np.float64)
        axes = axes[axes.any(axis=1)]
        return float(np.linalg.norm(axes @ axes.T - np.eye(len(axes))))


class Group(NamedTuple):
    """Coordinates on one group of axes: ``codes (n, dims)``, ``scale (n,)``, ``error (n,)``.

    ``rest (n,)`` is the length of what this group and those before it leave out.
    """

    codes: Int8Array
    scale: Float32Array
    error: Float32Array
    rest: Float32Array

    def at(self, rows: IntArray) -> Group:
        return Group(self.codes[rows], self.scale[rows], self.error[rows], self.rest[rows])

    def followed_by(self, other: Group) -> Group:
        return Group(
            np.concatenate([self.codes, other.codes]),
            np.concatenate([self.scale, other.scale]),
            np.concatenate([self.error, other.error]),
            np.concatenate([self.rest, other.rest]),
        )

    def side_by_side(self) -> Group:
        """The same, with what belongs to a row in one place: for reading a row here and there."""
        lengths = np.zeros((len(self.codes), 4), dtype=np.float32)
        for at, values in enumerate((self.scale, self.error, self.rest)):
            lengths[:, at] = values
        return Group(self.codes, lengths[:, 0], lengths[:, 1], lengths[:, 2])


class GroupQueries(NamedTuple):
    """Coordinates ``unit * values`` ``(q,), (q, dims)`` of vectors on a group, and the lengths
    ``(q,)`` that the bound needs.
    """

    values: Int16Array
    unit: Float32Array
    length: Float32Array
    rest: Float32Array


class Queries(NamedTuple):
    """Vectors on both groups; ``offset`` ``(q,)`` is ``m.q - m.m`` and every slack there is."""

    first: GroupQueries
    second: GroupQueries
    offset: Float32Array


class Products(NamedTuple):
    """A vector ``(FIRST,)``, or none ``(0,)``, and where its products with the first group's codes
    go, ``(n,)`` or ``(0,)``: who reads the codes anyway can multiply them with one more.
    """

    values: Int16Array
    out: Int32Array

    @classmethod
    def none(cls) -> Products:
        return cls(np.empty(0, dtype=np.int16), np.empty(0, dtype=np.int32))


class ReducedCopy:
    """The reduced rows of a pool. ``offset (n,)`` is ``m.x``; ``fitted_rows`` of them, or fewer,
    were there when the axes were fitted.
    """

    def __init__(
        self, axes: Axes, first: Group, second: Group, offset: Float32Array, fitted_rows: int
    ) -> None:
        self.axes, self.first, self.second = axes, first, second.side_by_side()
        self.offset = offset
        self.fitted_rows = fitted_rows
        # |codes|, for directions: a row without any has direction 0, whatever it is divided by.
        lengths = code_lengths(first.codes)
        self.inverse_length = (1.0 / np.maximum(lengths, 1.0)).astype(np.float32)

    def __len__(self) -> int:
        return len(self.offset)

    @classmethod
    def fit(cls, X: Float32Array, rows: IntArray, *, both: bool = False) -> ReducedCopy:
        """Reduce all of ``X`` ``(n, d)`` by the principal axes of some of its rows; with ``both``
        groups of these, however few there are.
        """
        axes = fit_axes(X, rows, both=both)
        return cls(axes, *reduce_rows(axes, X), fitted_rows=len(X))

    def extended(self, X: Float32Array) -> ReducedCopy:
        """With the rows of ``X`` that this copy lacks, on the same axes."""
        new = reduce_rows(self.axes, X[len(self) :])
        first, second = self.first.followed_by(new[0]), self.second.followed_by(new[1])
        offset = np.concatenate([self.offset, new[2]])
        return ReducedCopy(self.axes, first, second, offset, self.fitted_rows)

    def queries(self, Q: Float32Array) -> Queries:
        """What the bounds of all rows against unit vectors ``(q, d)`` need of them."""
        mean = self.axes.mean.astype(np.float64)
        centered = Q.astype(np.float64) - mean
        squares = np.vecdot(centered, centered)
        offset = centered @ mean + rounding_bound(Q.shape[1]) + SLACK
        offset += _LONGEST_ROW**2 * self.axes.skew
        groups = []
        for axes in self.axes.precise:
            a = centered @ axes
            squares = squares - np.vecdot(a, a)
            unit = np.maximum(np.abs(a).max(axis=1, initial=0.0), SMALLEST) / FINEST
            values = np.rint(a / unit[:, None]).astype(np.int16)
            offset += _LONGEST_ROW * unit * 0.5 * np.sqrt(a.shape[1])
            lengths = (unit, np.sqrt(np.vecdot(a, a)), _upper_root(squares, self.axes))
            groups.append(GroupQueries(values, *(v.astype(np.float32) for v in lengths)))
        return Queries(groups[0], groups[1], offset.astype(np.float32))

    def direction_of(self, vectors: Float32Array) -> Float64Array:
        """The same of other unit vectors, in full precision, ``(m, d) -> (m, d1)``."""
        a = (vectors.astype(np.float64) - self.axes.mean) @ self.axes.precise[0]
        lengths = np.sqrt(np.vecdot(a, a))[:, None]
        directions: Float64Array = np.divide(a, lengths, out=np.zeros_like(a), where=lengths > 0)
        return directions


def fit_axes(X: Float32Array, rows: IntArray, *, both: bool = False) -> Axes:
    """The principal axes of an even sample of the rows; a second group for large pools, or with
    ``both``.
    """
    d = X.shape[1]
    sample = rows[:: max(1, -(-len(rows) // _SAMPLE))]
    wanted = FIRST + (SECOND if both or len(X) >= _WORTH_A_SECOND else 0)
    padded = np.zeros((wanted, d), dtype=np.float32)
    if not len(sample):
        np.fill_diagonal(padded[:FIRST], 1.0)
        return Axes(np.zeros(d, np.float32), padded[:FIRST], padded[FIRST:])
    mean, axes = principal_axes(X[sample], min(wanted, d))
    padded[: len(axes)] = axes
    return Axes(mean, padded[:FIRST], padded[FIRST:])


def reduce_rows(axes: Axes, X: Float32Array) -> tuple[Group, Group, Float32Array]:
    """Both groups and the offsets of rows ``(n, d)``; in double precision, a thread a block."""
    from threadpoolctl import threadpool_limits

    mean = axes.mean.astype(np.float64)
    groups = [_empty_group(len(X), axis.shape[1]) for axis in axes.precise]
    offset: Float32Array = np.empty(len(X), dtype=np.float32)

    def reduce(start: int, stop: int) -> None:
        rows = X[start:stop].astype(np.float64)
        offset[start:stop] = rows @ mean
        rows -= mean
        squares = np.vecdot(rows, rows)
        for group, axis in zip(groups, axes.precise, strict=True):
            a = rows @ axis
            squares = squares - np.vecdot(a, a)
            _encode(group, start, stop, a, _upper_root(squares, axes))

    with threadpool_limits(1):
        over_rows(reduce, len(X), _BLOCK)
    return groups[0], groups[1], offset


def _empty_group(n: int, dims: int) -> Group:
    lengths = (np.empty(n, dtype=np.float32) for _ in range(3))
    return Group(np.empty((n, dims), dtype=np.int8), *lengths)


def _encode(group: Group, start: int, stop: int, a: Float64Array, rest: Float64Array) -> None:
    scale = np.abs(a).max(axis=1, initial=0.0) / LONGEST
    scale = np.where(scale > 0, scale, 1.0).astype(np.float32)
    codes = np.rint(a / scale[:, None]).clip(-LONGEST, LONGEST)
    off = a - codes * scale[:, None].astype(np.float64)
    group.codes[start:stop] = codes
    group.scale[start:stop] = scale
    group.error[start:stop] = np.sqrt(np.vecdot(off, off))
    group.rest[start:stop] = rest


def _upper_root(squares: Float64Array, axes: Axes) -> Float64Array:
    """The length of a remainder, from above, by the squares of the row less its coordinates'.

    That difference is off by what the axes lack of being orthonormal, and by some rounding.
    """
    off = _LONGEST_ROW**2 * axes.skew + _SQUARES_OFF
    root: Float64Array = np.sqrt(np.maximum(squares, 0.0) + off)
    return root


@kernel
def first_dots(
    codes: Int8Array, values: Int16Array, start: int, stop: int, out: Int32Array
) -> None:
    """The products of the first group's rows ``start`` to ``stop``, into ``out``.

    Exact: 2^31 is out of reach for 128 codes and 16-bit values.
    """
    for row in range(start, stop):
        total = np.int32(0)
        for j in range(FIRST):  # a number known to the compiler keeps ``values`` in registers
            total += np.int32(codes[row, j]) * np.int32(values[j])
        out[row - start] = total


@kernel
def first_dots_of_two(
    codes: Int8Array,
    values: Int16Array,
    more: Int16Array,
    start: int,
    stop: int,
    out: Int32Array,
    more_out: Int32Array,
) -> None:
    """``first_dots`` with two vectors, quicker than one after the other."""
    for row in range(start, stop):
        total, other = np.int32(0), np.int32(0)
        # Two loops over the same codes: of one with both sums the compiler makes wider products.
        for j in range(FIRST):
            total += np.int32(codes[row, j]) * np.int32(values[j])
        for j in range(FIRST):
            other += np.int32(codes[row, j]) * np.int32(more[j])
        out[row - start] = total
        more_out[row - start] = other


@kernel
def second_dot(codes: Int8Array, row: int, values: Int16Array, vector: int) -> np.int32:
    """The product of a row of the second group and one of the vectors ``values``.

    2^31 is out of reach for 256 codes, too.
    """
    total = np.int32(0)
    for j in range(SECOND):
        total += np.int32(codes[row, j]) * np.int32(values[vector, j])
    return np.int32(total)


@kernel
def second_dots(
    codes: Int8Array, values: Int16Array, start: int, stop: int, out: Int32Array
) -> None:
    """As ``first_dots``, of the second group."""
    for row in range(start, stop):
        total = np.int32(0)
        for j in range(SECOND):
            total += np.int32(codes[row, j]) * np.int32(values[j])
        out[row - start] = total


def code_lengths(codes: Int8Array) -> Float32Array:
    """Euclidean lengths of rows of codes, ``(n, dims) -> (n,)``."""
    squares = np.empty(len(codes), dtype=np.int64)
    over_rows(lambda start, stop: _code_squares(codes, start, stop, squares), len(codes))
    lengths: Float32Array = np.sqrt(squares).astype(np.float32)
    return lengths


@kernel
def _code_squares(codes: Int8Array, start: int, stop: int, out: IntArray) -> None:
    for row in range(start, stop):
        total = np.int32(0)
        for j in range(codes.shape[1]):
            total += np.int32(codes[row, j]) * np.int32(codes[row, j])
        out[row] = total
