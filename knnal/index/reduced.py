"""A small copy of every row: its first principal coordinates in 8 bits, and the residual length.

With the mean ``m`` of the pool and orthonormal axes ``A``, a row is ``x = m + A'a + r``, where the
remainder ``r`` is orthogonal to all axes. The coordinates ``a`` are kept as ``scale * codes``, off
by no more than ``error``, and of ``r`` only the length. By Cauchy and Schwarz

    x.q <= (scale codes).a_q + error |a_q| + |r_x| |r_q| + m.x + m.q - m.m

which bounds a similarity from a tenth of the row's bytes, or less. The axes come in two groups: the
first 128, read for every row, and the next 256, read where the first do not decide.
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
"""Axes in the first group. Class means are as accurate on these as on all 1280 dimensions."""

SECOND = 256
AXES = FIRST + SECOND
_WORTH_A_SECOND = 20_000
_SAMPLE = 20_000
_BLOCK = 4096
_SQUARES_OFF = 1e-12
_LONGEST_ROW = 2.1
"""No centered row is longer than 2, and its 8 bits add little to that."""

LONGEST, FINEST = 127, 32767
"""The largest number of 8 bits, and of 16."""

SMALLEST = 1e-30
"""Replaces a vector's largest coordinate where all are 0."""

SLACK = 2e-5
"""Covers float32 arithmetic on the terms of bounds; each is below 4 and rounds to some 1e-7."""


@dataclass(frozen=True)
class Axes:
    """The mean ``(d,)`` and two groups of orthonormal axes, ``(FIRST, d)`` and ``(SECOND, d)``.

    Padded with rows of zeros where there are fewer, so that kernels are compiled for two sizes
    only; a small pool has no second group, ``(0, d)``.
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
        """How far rounding takes them from orthonormal: ``a'(AA' - I)a <= skew a'a``."""
        axes = np.concatenate([self.first, self.second]).astype(np.float64)
        axes = axes[axes.any(axis=1)]
        return float(np.linalg.norm(axes @ axes.T - np.eye(len(axes))))


class Group(NamedTuple):
    """Coordinates on one group of axes: ``codes (n, dims)``, ``scale (n,)``, ``error (n,)``.

    ``rest (n,)`` is the length of the remainder after this group and those before it.
    """

    codes: Int8Array
    scale: Float32Array
    error: Float32Array
    rest: Float32Array

    def at(self, rows: IntArray) -> Group:
        return Group._make(part[rows] for part in self)

    def followed_by(self, other: Group) -> Group:
        pairs = zip(iter(self), iter(other), strict=True)
        return Group._make(np.concatenate(pair) for pair in pairs)

    def interleaved(self) -> Group:
        """The same, with the numbers of a row in one place: for reading scattered rows."""
        lengths = np.zeros((len(self.codes), 4), dtype=np.float32)
        lengths[:, :3] = np.stack(self[1:], axis=1)
        return Group(self.codes, *lengths.T[:3])


class GroupQueries(NamedTuple):
    """Coordinates ``unit * values`` ``(q,), (q, dims)`` of vectors on a group, their ``length`` and
    that of the remainder, ``rest``, ``(q,)``.
    """

    values: Int16Array
    unit: Float32Array
    length: Float32Array
    rest: Float32Array


class Queries(NamedTuple):
    """Vectors on both groups; ``offset`` ``(q,)`` is ``m.q - m.m`` plus all slack for rounding."""

    first: GroupQueries
    second: GroupQueries
    offset: Float32Array


class ExtraProducts(NamedTuple):
    """A vector ``(FIRST,)``, or none ``(0,)``, and the output for its products with the first
    group's codes, ``(n,)`` or ``(0,)``: a pass over the codes can multiply them with one more.
    """

    values: Int16Array
    out: Int32Array

    @classmethod
    def none(cls) -> ExtraProducts:
        return cls(np.empty(0, dtype=np.int16), np.empty(0, dtype=np.int32))


class ReducedCopy:
    """The reduced rows of a pool.

    Parameters
    ----------
    axes : Axes
    first, second : Group
        The rows' coordinates, ``(n, FIRST)`` and ``(n, SECOND)`` or ``(n, 0)``.
    offset : array of float32, shape (n,)
        ``m.x`` of each row.
    fitted_rows : int
        How many rows there were when the axes were fitted.
    """

    def __init__(
        self, axes: Axes, first: Group, second: Group, offset: Float32Array, fitted_rows: int
    ) -> None:
        self.axes, self.first, self.second = axes, first, second.interleaved()
        self.offset = offset
        self.fitted_rows = fitted_rows
        # |codes|, for directions: a row without any has direction 0, whatever it is divided by.
        lengths = code_lengths(first.codes)
        self.inverse_length = (1.0 / np.maximum(lengths, 1.0)).astype(np.float32)

    def __len__(self) -> int:
        return len(self.offset)

    @classmethod
    def fit(cls, X: Float32Array, rows: IntArray, *, both: bool = False) -> ReducedCopy:
        """Reduce all of ``X`` ``(n, d)`` by the principal axes of some of its ``rows``.

        ``both`` asks for both groups of axes even in a small pool.
        """
        axes = fit_axes(X, rows, both=both)
        return cls(axes, *reduce_rows(axes, X), fitted_rows=len(X))

    def extended(self, X: Float32Array) -> ReducedCopy:
        """A copy with the rows of ``X`` that this one lacks, on the same axes."""
        new = reduce_rows(self.axes, X[len(self) :])
        first, second = self.first.followed_by(new[0]), self.second.followed_by(new[1])
        offset = np.concatenate([self.offset, new[2]])
        return ReducedCopy(self.axes, first, second, offset, self.fitted_rows)

    def queries(self, Q: Float32Array) -> Queries:
        """Prepare unit vectors ``(q, d)`` for the bounds on their similarities to all rows."""
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

    def directions_of(self, vectors: Float32Array) -> Float64Array:
        """Unit directions of centered vectors on the first axes, ``(m, d) -> (m, FIRST)``."""
        return _directions(vectors, self.axes.mean, self.axes.precise[0])


class Directions:
    """Unit directions of centered vectors on both groups of axes: of a reduced copy's rows, by
    their 8-bit codes, and of other vectors.

    A row's direction is ``first_scale * codes`` of the first group followed by ``second_scale *
    codes`` of the second, both scales ``(n,)``; zeros for a row equal to the mean.
    """

    def __init__(self, reduced: ReducedCopy) -> None:
        self._axes = reduced.axes
        groups = reduced.first, reduced.second
        self.first, self.second = (group.codes for group in groups)
        length = np.hypot(*(code_lengths(group.codes) * group.scale for group in groups))
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
        return _directions(vectors, self._axes.mean, axes.T)


def _directions(vectors: Float32Array, mean: Float32Array, axes: Float64Array) -> Float64Array:
    a = (vectors.astype(np.float64) - mean) @ axes
    lengths = np.sqrt(np.vecdot(a, a))[:, None]
    directions: Float64Array = np.divide(a, lengths, out=np.zeros_like(a), where=lengths > 0)
    return directions


def fit_axes(X: Float32Array, rows: IntArray, *, both: bool = False) -> Axes:
    """The principal axes of an even sample of the rows; a second group in large pools, or if
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
    """Both groups and the offsets of rows ``(n, d)``; in double precision, one thread per block."""
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
    """An upper bound on the length of a remainder, from the row's square less its coordinates'.

    That difference is off by how far the axes are from orthonormal, and by some rounding.
    """
    off = _LONGEST_ROW**2 * axes.skew + _SQUARES_OFF
    root: Float64Array = np.sqrt(np.maximum(squares, 0.0) + off)
    return root


@kernel
def first_dots(
    codes: Int8Array, values: Int16Array, start: int, stop: int, out: Int32Array
) -> None:
    """The products of the first group's rows ``start`` to ``stop``, into ``out``.

    Exact: 128 codes times 16-bit values stay below 2^31.
    """
    for row in range(start, stop):
        out[row - start] = _first_dot(codes, row, values)


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
        # Two loops over the same codes: of one with both sums the compiler makes wider products.
        out[row - start] = _first_dot(codes, row, values)
        more_out[row - start] = _first_dot(codes, row, more)


@kernel
def _first_dot(codes: Int8Array, row: int, values: Int16Array) -> np.int32:
    total = np.int32(0)
    for j in range(FIRST):  # a number known to the compiler keeps ``values`` in registers
        total += np.int32(codes[row, j]) * np.int32(values[j])
    return np.int32(total)


@kernel
def second_dots(
    codes: Int8Array, values: Int16Array, start: int, stop: int, out: Int32Array
) -> None:
    """As ``first_dots``, of the second group; 256 codes stay below 2^31, too."""
    for row in range(start, stop):
        out[row - start] = second_dot(codes, row, values)


@kernel
def second_dot(codes: Int8Array, row: int, values: Int16Array) -> np.int32:
    """The product of a row of the second group and a vector, for use in other kernels."""
    total = np.int32(0)
    for j in range(SECOND):
        total += np.int32(codes[row, j]) * np.int32(values[j])
    return np.int32(total)


def code_lengths(codes: Int8Array) -> Float32Array:
    """Euclidean lengths of rows of codes, ``(n, dims) -> (n,)``; sums of squares are exact."""
    lengths: Float32Array = np.empty(len(codes), dtype=np.float32)

    def measure(start: int, stop: int) -> None:
        block = codes[start:stop].astype(np.float32)
        np.sqrt(np.vecdot(block, block), out=lengths[start:stop])

    over_rows(measure, len(codes), _BLOCK)
    return lengths
