"""The k nearest of many labelled rows for every row of a pool at once, exactly.

A matrix product of the reduced copies estimates all similarities of a block of rows. The rows'
best candidates by that are compared in full; of the other labels, only those whose bound reaches
what is found so far.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from knnal.compiled import kernel
from knnal.neighbors.reduced import Group, GroupQueries, Queries, ReducedCopy, second_dot
from knnal.neighbors.search import NOBODY
from knnal.neighbors.similarity import dot, frozen
from knnal.parallel import over_rows
from knnal.types import Float32Array, Int32Array, IntArray

_BLOCK = 256
_STRIP = 64
"""Labels that are passed over together: what a few vectors hold."""


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
        rows = slice(start, stop)
        estimates = first.codes[rows].astype(np.float32) @ coordinates
        _search_block(
            estimates, first.part(rows), second.part(rows), reduced.offset[rows],
            queries, X[rows], Q, labelled, start, ids[rows], similarities[rows],
        )  # fmt: skip

    with threadpool_limits(1):  # each worker multiplies its own blocks
        over_rows(search, len(X), _BLOCK)


@kernel
def _search_block(
    estimates: Float32Array,
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
    """For rows ``start`` and on: ``estimates`` ``(rows, labels)`` lack each row's scale."""
    labels, last = len(labelled), ids.shape[1] - 1
    known = np.empty(labels, dtype=np.float32)
    bound = np.empty(labels, dtype=np.float32)
    candidates = np.empty(labels + 1, dtype=np.int64)
    length, rest, label_offset = queries.first.length, queries.first.rest, queries.offset
    for i in range(len(X)):
        scale, error, row_rest = first.scale[i], first.error[i], first.rest[i]
        row_offset = offset[i]
        row_estimates = estimates[i]
        for j in range(labels):
            known[j] = row_estimates[j] * scale + (label_offset[j] + row_offset)
            known[j] += length[j] * error
            bound[j] = known[j] + rest[j] * row_rest
        _enter_likeliest(known, X[i], Q, labelled, start + i, ids[i], similarities[i])
        count = _reaching(bound, similarities[i, last], candidates)
        if second.codes.shape[1]:
            _bound_by_both(second, i, queries.second, known, candidates[:count], bound)
        for j in candidates[:count]:
            if bound[j] >= similarities[i, last]:
                _offer(labelled[j], X[i], Q[j], start + i, ids[i], similarities[i])


@kernel
def _reaching(bound: Float32Array, threshold: np.float32, out: IntArray) -> int:
    """Write where the bounds reach a threshold, rising; returns how many those are."""
    count = 0
    for begin in range(0, len(bound), _STRIP):
        strip = bound[begin : begin + _STRIP]
        hopeful = np.int32(0)
        for j in range(len(strip)):
            hopeful += np.int32(strip[j] >= threshold)
        if hopeful:
            for j in range(len(strip)):
                out[count] = begin + j
                count += strip[j] >= threshold
    return count


@kernel
def _bound_by_both(
    group: Group,
    row: int,
    queries: GroupQueries,
    known: Float32Array,
    candidates: IntArray,
    bound: Float32Array,
) -> None:
    """Lower the bounds of a row's candidates to what both groups say.

    ``known`` is what the first says without its rest; it and ``bound`` are of all labels.
    """
    values, unit, length, rest = queries.values, queries.unit, queries.length, queries.rest
    scale, error, row_rest = group.scale[row], group.error[row], group.rest[row]
    for j in candidates:
        more = np.float32(second_dot(group.codes, row, values[j])) * unit[j] * scale
        beyond = error * length[j] + row_rest * rest[j]
        bound[j] = known[j] + more + beyond


@kernel
def _enter_likeliest(
    known: Float32Array,
    x: Float32Array,
    Q: Float32Array,
    labelled: IntArray,
    row: int,
    ids: Int32Array,
    similarities: Float32Array,
) -> None:
    """Enter the labels of the highest estimates, so that the others have something to beat."""
    k = len(ids)
    likeliest = np.full(k, np.int32(NOBODY))
    values = np.full(k, np.float32(-np.inf))
    for begin in range(0, len(known), _STRIP):
        strip = known[begin : begin + _STRIP]
        higher, lowest = np.int32(0), values[k - 1]
        for j in range(len(strip)):
            higher += np.int32(strip[j] > lowest)
        if higher:
            for j in range(len(strip)):
                if strip[j] > values[k - 1]:
                    insert(likeliest, values, begin + j, strip[j])
    for at in likeliest:
        if at != NOBODY:
            _offer(labelled[at], x, Q[at], row, ids, similarities)


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
