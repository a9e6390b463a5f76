"""Tables of one value for each class and row. A class lies together: kernels run along it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from knnal.compiled import kernel
from knnal.types import Float32Array, IntArray


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


def normalised_columns(table: Float32Array) -> Float32Array:
    """Each column's shares, ``(classes, m) -> (m, classes)``; even where a column is all zeros."""
    if not len(table):
        return np.empty((table.shape[1], 0), dtype=np.float32)
    total = np.zeros(table.shape[1], dtype=np.float32)
    for values in table:  # one by one, so that a column's sum does not depend on its neighbours
        total += values
    even = np.full(table.shape, 1.0 / len(table), dtype=np.float32)
    shares: Float32Array = np.divide(table, total, out=even, where=total > 0)
    return shares.T


@kernel
def _gather(table: NDArray[Any], rows: IntArray, out: NDArray[Any]) -> None:
    for c in range(len(table)):
        for i in range(len(rows)):
            out[c, i] = table[c, rows[i]]
