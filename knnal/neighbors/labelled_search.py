"""The k nearest of many labelled rows for every row of a pool at once, exactly.

A matrix product of the reduced copies estimates all similarities of a block of rows. The rows'
best candidates by that are compared in full; of the other labels, only those whose bounds reach
what is found so far, the most promising ones first.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from knnal.compiled import kernel, lowest_bit
from knnal.neighbors.reduced import Group, Queries, ReducedCopy, second_dot
from knnal.neighbors.search import NOBODY
from knnal.neighbors.similarity import dot, frozen
from knnal.parallel import over_rows
from knnal.types import Float32Array, Int32Array, IntArray, UInt64Array

_BLOCK = 64
"""Rows that are searched for together: each has a bit of one number."""

_STRIP = 64
"""Labels that are passed over together: what a few vectors hold."""

_ROWS_A_TASK = 8192


class Scratch(NamedTuple):
    """Working memory for a block of rows, all of it ``(rows, labels)``.

    ``known`` is what the first group says of a label without its rest; ``found`` and ``bounds``
    are the labels whose bounds by both groups reach far enough, and those bounds.
    """

    known: Float32Array
    found: Int32Array
    bounds: Float32Array

    @classmethod
    def of(cls, labels: int) -> Scratch:
        known, bounds = (np.empty((_BLOCK, labels), dtype=np.float32) for _ in range(2))
        return cls(known, np.empty((_BLOCK, labels), dtype=np.int32), bounds)


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
    from threadpoolctl import threadpool_limits

    ids[:] = NOBODY
    similarities[:] = -np.inf
    if not len(labelled):
        return
    X, Q = frozen(X), frozen(X[labelled])
    queries = reduced.queries(Q)
    first, second = reduced.first, reduced.second
    coordinates = (queries.first.values * queries.first.unit[:, None]).T.copy()

    def search(start: int, stop: int) -> None:
        # Memory that the system has to hand out anew for each block costs more than the product.
        scratch = Scratch.of(len(labelled))
        for begin in range(start, stop, _BLOCK):
            rows = slice(begin, min(begin + _BLOCK, stop))
            codes = first.codes[rows].astype(np.float32)
            np.matmul(codes, coordinates, out=scratch.known[: len(codes)])
            _search_block(
                scratch, first.part(rows), second.part(rows), reduced.offset[rows],
                queries, X[rows], Q, labelled, begin, ids[rows], similarities[rows],
            )  # fmt: skip

    with threadpool_limits(1):  # each worker multiplies its own blocks
        over_rows(search, len(X), _ROWS_A_TASK)


@kernel
def _search_block(
    scratch: Scratch,
    first: Group,
    second: Group,
    offset: Float32Array,
    queries: Queries,
    X: Float32Array,
    Q: Float32Array,
    labelled: IntArray,
    start: int,
    ids: Int32Array,
    similarities: Float32Array,
) -> None:
    """For rows ``start`` and on; ``known`` are their products with the labels, not yet scaled."""
    labels, last = len(labelled), ids.shape[1] - 1
    everyone = np.arange(labels, dtype=np.int32)
    bound = np.empty(labels, dtype=np.float32)
    reaching = np.zeros(labels, dtype=np.uint64)
    found, bounds = scratch.found, scratch.bounds
    length, rest, label_offset = queries.first.length, queries.first.rest, queries.offset
    for i in range(len(X)):
        scale, error, row_rest = first.scale[i], first.error[i], first.rest[i]
        row_offset, known = offset[i], scratch.known[i]
        for j in range(labels):
            known[j] = known[j] * scale + (label_offset[j] + row_offset)
            known[j] += length[j] * error
            bound[j] = known[j] + rest[j] * row_rest
        _enter_highest(known, everyone, X[i], Q, labelled, start + i, ids[i], similarities[i])
        _mark(bound, similarities[i, last], i, reaching)
    counts = _reaching(scratch, reaching, first, second, queries, similarities[:, last])
    for i in range(len(X)):
        some, bound = found[i, : counts[i]], bounds[i, : counts[i]]
        _enter_highest(bound, some, X[i], Q, labelled, start + i, ids[i], similarities[i])
        for at in range(len(some)):
            if bound[at] >= similarities[i, last]:
                j = some[at]
                _offer(labelled[j], X[i], Q[j], start + i, ids[i], similarities[i])


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
    queries: Queries,
    thresholds: Float32Array,
) -> IntArray:
    """Of the labels marked for each row, find those whose bound by both groups reaches its
    threshold; returns how many, ``(rows,)``.

    One label after the other, so that the rows' codes stay in the cache.
    """
    known, found, bounds = scratch.known, scratch.found, scratch.bounds
    counts = np.zeros(len(thresholds), dtype=np.int64)
    with_second = second.codes.shape[1] > 0
    codes, scale, error, rest = second.codes, second.scale, second.error, second.rest
    values, unit = queries.second.values, queries.second.unit
    length, query_rest = queries.second.length, queries.second.rest
    first_rest, query_first_rest = first.rest, queries.first.rest
    for j in range(len(marked)):
        rows = marked[j]
        while rows:
            i = lowest_bit(rows)
            rows &= rows - np.uint64(1)
            if with_second:
                more = np.float32(second_dot(codes, i, values, j)) * unit[j] * scale[i]
                bound = known[i, j] + more + (error[i] * length[j] + rest[i] * query_rest[j])
            else:
                bound = known[i, j] + first_rest[i] * query_first_rest[j]
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
    """Of ``some`` labels, enter those of the highest values: the others have more to beat then."""
    k = len(ids)
    places = np.full(k, np.int32(NOBODY))
    highest = np.full(k, np.float32(-np.inf))
    for begin in range(0, len(values), _STRIP):
        strip = values[begin : begin + _STRIP]
        higher, lowest = np.int32(0), highest[k - 1]
        for j in range(len(strip)):
            higher += np.int32(strip[j] > lowest)
        if higher:
            for j in range(len(strip)):
                if strip[j] > highest[k - 1]:
                    insert(places, highest, begin + j, strip[j])
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
