"""Tables of one value for each class and row. A class lies together: kernels run along it.

Values from 0 to 2 are kept in 16 bits: of a float32 the last 5 bits of the exponent and the first
11 of the fraction, rounded, so that none is off by more than one part in 4096, or by 2^-31.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from knnal.index.compilation import bits_of, float_of, kernel
from knnal.types import Float32Array, IntArray, UInt16Array

_DROPPED = 12
"""Bits of a float32 that are left out."""

_LEAST = np.float32(2.0**-31)
"""Added before and taken off again, so that 0 is one of the values."""

_BITS_OF_LEAST = np.int32(_LEAST.view(np.int32))
_HALF = np.int32(1 << (_DROPPED - 1))


def class_table(
    classes: int, rows: int, dtype: DTypeLike, old: NDArray[Any] | None = None
) -> NDArray[Any]:
    """Zeros of shape ``(capacity, rows)`` for at least ``classes``, with an older table's values.

    Capacity doubles, so that classes that come up one by one copy each value once or twice.
    """
    if old is None:
        return np.zeros((classes, rows), dtype=dtype)
    if classes <= len(old):
        return old
    table = np.zeros((max(classes, 2 * len(old)), old.shape[1]), dtype=dtype)
    table[: len(old)] = old
    return table


def columns_of(table: NDArray[Any], rows: IntArray) -> NDArray[Any]:
    """Some columns, ``(classes, n), (m,) -> (classes, m)``; other threads go on meanwhile."""
    columns = np.empty((len(table), len(rows)), dtype=table.dtype)
    _gather(table, rows, columns)
    return columns


def normalized_columns(table: Float32Array) -> Float32Array:
    """Each column's shares, ``(classes, m) -> (m, classes)``; even where a column is all zeros."""
    if not len(table):
        return np.empty((table.shape[1], 0), dtype=np.float32)
    total = np.zeros(table.shape[1], dtype=np.float32)
    for values in table:  # one by one, so that a column's sum does not depend on its neighbors
        total += values
    even = np.full(table.shape, 1.0 / len(table), dtype=np.float32)
    shares: Float32Array = np.divide(table, total, out=even, where=total > 0)
    return shares.T


def decoded(codes: UInt16Array) -> Float32Array:
    """The values that codes stand for, in their shape."""
    values = np.empty(codes.shape, dtype=np.float32)
    _decode(codes.reshape(-1), values.reshape(-1))
    return values


@kernel
def code_of(value: np.float32) -> np.uint16:
    """A value in 16 bits. For use within other kernels."""
    return np.uint16((bits_of(value + _LEAST) + (_HALF - _BITS_OF_LEAST)) >> _DROPPED)


@kernel
def value_of(code: np.uint16) -> np.float32:
    """The value that a code stands for. For use within other kernels."""
    return np.float32(float_of((np.int32(code) << _DROPPED) + _BITS_OF_LEAST) - _LEAST)


@kernel
def _decode(codes: UInt16Array, out: Float32Array) -> None:
    for i in range(len(codes)):
        out[i] = value_of(codes[i])


@kernel
def _gather(table: NDArray[Any], rows: IntArray, out: NDArray[Any]) -> None:
    for c in range(len(table)):
        for i in range(len(rows)):
            out[c, i] = table[c, rows[i]]
