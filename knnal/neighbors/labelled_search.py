"""The k nearest of many labelled rows for every row of a pool at once, exactly.

Products of the reduced copies, the labels' in 8 bits too, estimate all similarities of a row. Its
best candidates by that are compared in full; of the other labels, only those whose bounds reach
what is found so far, the most promising ones first.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from knnal.compiled import byte_dot, kernel, lowest_bit
from knnal.neighbors.reduced import (
    FIRST,
    Group,
    GroupQueries,
    Queries,
    ReducedCopy,
    first_dot,
    second_dot,
)
from knnal.neighbors.search import NOBODY
from knnal.neighbors.similarity import dot, frozen
from knnal.parallel import over_rows
from knnal.types import (
    Float32Array,
    Int8Array,
    Int32Array,
    IntArray,
    UInt8Array,
    UInt64Array,
)

_BLOCK = 64
"""Rows that are searched for together: each has a bit of one number."""

_STRIP = 64
"""Labels that are passed over together: what a few vectors hold."""

_ROWS_A_TASK = 8192

_LONGEST = 127
_ZERO = 128


class Bytes(NamedTuple):
    """Labels' coordinates on the first group in 8 bits, ``unit * (values - 128)``: ``values``
    ``(labels, FIRST)``, ``unit`` and how far they are off at most, ``error``, ``(labels,)``.
    """

    values: UInt8Array
    unit: Float32Array
    error: Float32Array

    @classmethod
    def of(cls, queries: GroupQueries) -> Bytes:
        values = queries.values.astype(np.float64)
        per_unit = np.maximum(np.abs(values).max(axis=1), 1.0) / _LONGEST
        codes = np.rint(values / per_unit[:, None])
        off = values - codes * per_unit[:, None]
        unit, error = per_unit * queries.unit, np.sqrt(np.vecdot(off, off)) * queries.unit
        return cls((codes + _ZERO).astype(np.uint8), *(v.astype(np.float32) for v in (unit, error)))


class Scratch(NamedTuple):
    """Working memory for a block of rows, all of it ``(rows, labels)``: the labels whose bounds by
    both groups reach far enough, and those bounds.
    """

    found: Int32Array
    bounds: Float32Array

    @classmethod
    def of(cls, labels: int) -> Scratch:
        shape = _BLOCK, labels
        return cls(np.empty(shape, dtype=np.int32), np.empty(shape, dtype=np.float32))


def search_labelled(
    X: Float32Array,
    reduced: ReducedCopy,
    labelled: IntArray,
    ids: Int32Array,
    similarities: Float32Array,
) -> None:
    """Fill ``ids`` and ``similarities`` ``(n, k)`` with each row's nearest labelled rows.

    ``labelled`` are rows of ``X``, rising; none is its own neighbour. Order and ties are those of
    ``LabelledNeighbours``.
    """
    ids[:] = NOBODY
    similarities[:] = -np.inf
    if not len(labelled):
        return
    X, Q = frozen(X), frozen(X[labelled])
    queries = reduced.queries(Q)
    in_bytes = Bytes.of(queries.first)
    first, second = reduced.first, reduced.second

    def search(start: int, stop: int) -> None:
        # Memory that the system has to hand out anew for each block costs more than the products.
        scratch = Scratch.of(len(labelled))
        for begin in range(start, stop, _BLOCK):
            rows = slice(begin, min(begin + _BLOCK, stop))
            _search_block(
                scratch, first.part(rows), second.part(rows), reduced.offset[rows], in_bytes,
                queries, X[rows], Q, labelled, begin, ids[rows], similarities[rows],
            )  # fmt: skip

    over_rows(search, len(X), _ROWS_A_TASK)


@kernel
def _search_block(
    scratch: Scratch,
    first: Group,
    second: Group,
    offset: Float32Array,
    in_bytes: Bytes,
    queries: Queries,
    X: Float32Array,
    Q: Float32Array,
    labelled: IntArray,
    start: int,
    ids: Int32Array,
    similarities: Float32Array,
) -> None:
    """For rows ``start`` and on."""
    labels, last = len(labelled), ids.shape[1] - 1
    everyone = np.arange(labels, dtype=np.int32)
    dots = np.empty(labels, dtype=np.int32)
    known = np.empty(labels, dtype=np.float32)
    bound = np.empty(labels, dtype=np.float32)
    reaching = np.zeros(labels, dtype=np.uint64)
    found, bounds = scratch.found, scratch.bounds
    length, rest, label_offset = queries.first.length, queries.first.rest, queries.offset
    unit, label_error = in_bytes.unit, in_bytes.error
    for i in range(len(X)):
        size = _byte_dots(first.codes, i, in_bytes.values, dots) * first.scale[i]
        scale, error, row_rest = first.scale[i], first.error[i], first.rest[i]
        row_offset = offset[i]
        for j in range(labels):
            known[j] = np.float32(dots[j]) * (unit[j] * scale) + (label_offset[j] + row_offset)
            known[j] += length[j] * error + label_error[j] * size
            bound[j] = known[j] + rest[j] * row_rest
        _enter_highest(known, everyone, X[i], Q, labelled, start + i, ids[i], similarities[i])
        _mark(bound, similarities[i, last], i, reaching)
    counts = _reaching(scratch, reaching, first, second, offset, queries, similarities[:, last])
    for i in range(len(X)):
        some, bound = found[i, : counts[i]], bounds[i, : counts[i]]
        _enter_highest(bound, some, X[i], Q, labelled, start + i, ids[i], similarities[i])
        for at in range(len(some)):
            if bound[at] >= similarities[i, last]:
                j = some[at]
                _offer(labelled[j], X[i], Q[j], start + i, ids[i], similarities[i])


@kernel
def _byte_dots(codes: Int8Array, row: int, values: UInt8Array, out: Int32Array) -> np.float32:
    """A row's products with the labels' coordinates in 8 bits, into ``out`` ``(labels,)``.

    Returns the length of the row's codes. Exact: 2^31 is out of reach for 128 products of bytes.
    """
    total, squares = np.int32(0), np.int32(0)
    for j in range(FIRST):
        code = np.int32(codes[row, j])
        total += code
        squares += code * code
    shift = np.int32(_ZERO) * total
    for j in range(len(out)):
        out[j] = byte_dot(codes, row, values, j, FIRST) - shift
    return np.float32(np.sqrt(np.float32(squares)))


@kernel
def _mark(bound: Float32Array, threshold: np.float32, row: int, reaching: UInt64Array) -> None:
    """Set a row's bit for all labels whose bound reaches its threshold."""
    own, nothing = np.uint64(1) << np.uint64(row), np.uint64(0)
    for j in range(len(bound)):
        reaching[j] |= own if bound[j] >= threshold else nothing


@kernel
def _reaching(
    scratch: Scratch,
    marked: UInt64Array,
    first: Group,
    second: Group,
    offset: Float32Array,
    queries: Queries,
    thresholds: Float32Array,
) -> IntArray:
    """Of the labels marked for each row, find those whose bound by both groups reaches its
    threshold; returns how many, ``(rows,)``.

    One label after the other, so that the rows' codes stay in the cache.
    """
    found, bounds = scratch.found, scratch.bounds
    counts = np.zeros(len(thresholds), dtype=np.int64)
    with_second = second.codes.shape[1] > 0
    near, far = queries.first, queries.second
    for j in range(len(marked)):
        rows = marked[j]
        while rows:
            i = lowest_bit(rows)
            rows &= rows - np.uint64(1)
            products = np.float32(first_dot(first.codes, i, near.values, j))
            bound = products * near.unit[j] * first.scale[i] + (queries.offset[j] + offset[i])
            bound += near.length[j] * first.error[i]
            if with_second:
                more = np.float32(second_dot(second.codes, i, far.values, j))
                bound += more * far.unit[j] * second.scale[i]
                bound += second.error[i] * far.length[j] + second.rest[i] * far.rest[j]
            else:
                bound += first.rest[i] * near.rest[j]
            found[i, counts[i]] = j
            bounds[i, counts[i]] = bound
            counts[i] += bound >= thresholds[i]
    return counts


@kernel
def _enter_highest(
    values: Float32Array,
    some: Int32Array,
    x: Float32Array,
    Q: Float32Array,
    labelled: IntArray,
    row: int,
    ids: Int32Array,
    similarities: Float32Array,
) -> None:
    """Of ``some`` labels, enter those of the highest values: the others have more to beat then.

    One in each of ``_STRIP`` lots at most, which can be told from one another on vectors.
    """
    best = np.full(_STRIP, np.float32(-np.inf))
    best_at = np.zeros(_STRIP, dtype=np.int32)
    whole = len(values) // _STRIP * _STRIP
    for begin in range(0, whole, _STRIP):
        for lot in range(_STRIP):  # a number known to the compiler, for vectors
            value = values[begin + lot]
            higher = value > best[lot]
            best_at[lot] = np.int32(begin) if higher else best_at[lot]
            best[lot] = value if higher else best[lot]
    for lot in range(len(values) - whole):
        if values[whole + lot] > best[lot]:
            best[lot], best_at[lot] = values[whole + lot], whole
    k = len(ids)
    places = np.full(k, np.int32(NOBODY))
    highest = np.full(k, np.float32(-np.inf))
    for lot in range(_STRIP):
        if best[lot] > highest[k - 1]:
            insert(places, highest, best_at[lot] + lot, best[lot])
    for place in places:
        if place != NOBODY:
            j = some[place]
            _offer(labelled[j], x, Q[j], row, ids, similarities)


@kernel
def _offer(
    label: np.int64,
    x: Float32Array,
    q: Float32Array,
    row: int,
    ids: Int32Array,
    similarities: Float32Array,
) -> None:
    """Enter a label if it is among the nearest and not there already."""
    if label == row:
        return
    for other in ids:
        if other == label:
            return
    last = len(ids) - 1
    value = dot(x, q)
    if value > similarities[last] or (value == similarities[last] and label < ids[last]):
        insert(ids, similarities, label, value)


@kernel
def insert(
    ids: Int32Array, similarities: Float32Array, new: int | np.signedinteger[Any], value: np.float32
) -> None:
    """Put a neighbour in its place, ties by lower row; the last one drops out. ``(k,), (k,)``"""
    place = len(ids) - 1
    while place > 0 and (
        similarities[place - 1] < value
        or (similarities[place - 1] == value and ids[place - 1] > new)
    ):
        ids[place] = ids[place - 1]
        similarities[place] = similarities[place - 1]
        place -= 1
    ids[place] = new
    similarities[place] = value
