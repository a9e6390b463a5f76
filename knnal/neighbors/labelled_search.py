"""The k nearest of many labelled rows for every row of a pool at once, exactly.

A matrix product of the reduced copies estimates all similarities of a block of rows. The rows'
best candidates by that are compared in full; of the other labels, only those whose bound reaches
what is found so far.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from knnal.compiled import kernel
from knnal.neighbors.reduced import ReducedCopy, second_dot
from knnal.neighbors.search import NOBODY
from knnal.neighbors.similarity import dot, frozen
from knnal.parallel import over_rows
from knnal.types import Float32Array, Int8Array, Int16Array, Int32Array, IntArray

_BLOCK = 512


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
            estimates, first.scale[rows], first.error[rows], first.rest[rows], reduced.offset[rows],
            queries.first.length, queries.first.rest, queries.offset,
            second.codes[rows], second.scale[rows], second.error[rows], second.rest[rows],
            queries.second.values, queries.second.unit, queries.second.length, queries.second.rest,
            X[rows], Q, labelled, start, ids[rows], similarities[rows],
        )  # fmt: skip

    with threadpool_limits(1):  # each worker multiplies its own blocks
        over_rows(search, len(X), _BLOCK)


@kernel
def _search_block(
    estimates: Float32Array,
    scale: Float32Array,
    error: Float32Array,
    rest: Float32Array,
    offset: Float32Array,
    length: Float32Array,
    label_rest: Float32Array,
    label_offset: Float32Array,
    more_codes: Int8Array,
    more_scale: Float32Array,
    more_error: Float32Array,
    more_rest: Float32Array,
    more_values: Int16Array,
    more_unit: Float32Array,
    more_length: Float32Array,
    more_label_rest: Float32Array,
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
    candidates = np.empty(labels, dtype=np.int64)
    for i in range(len(X)):
        for j in range(labels):
            known[j] = estimates[i, j] * scale[i] + (label_offset[j] + offset[i])
            known[j] += length[j] * error[i]
            bound[j] = known[j] + label_rest[j] * rest[i]
        _enter_likeliest(known, X[i], Q, labelled, start + i, ids[i], similarities[i])
        threshold = similarities[i, last]
        count = 0
        for j in range(labels):
            candidates[count] = j
            count += bound[j] >= threshold
        for at in range(count):
            j = candidates[at]
            if more_codes.shape[1]:
                more = np.float32(second_dot(more_codes, i, more_values[j])) * more_unit[j]
                beyond = more_error[i] * more_length[j] + more_rest[i] * more_label_rest[j]
                bound[j] = known[j] + more * more_scale[i] + beyond
            if bound[j] >= similarities[i, last]:
                _offer(labelled[j], X[i], Q[j], start + i, ids[i], similarities[i])


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
    for j in range(len(known)):
        if known[j] > values[k - 1]:
            insert(likeliest, values, j, known[j])
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
