"""The k nearest of many labeled rows for every row of a pool at once, exactly.

Products of the reduced copies, the labels' in 8 bits too, estimate all similarities of a row. Its
best candidates by that are compared in full; of the other labels, only those whose bounds reach
what is found so far, the most promising ones first: bounds by the first group of axes, by both, and
by the full vectors in 8 bits. Each takes longer than the one before and leaves fewer labels.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from knnal.index.compilation import (
    CACHE_LINE,
    LANES,
    TOGETHER,
    byte_dot,
    kernel,
    lowest_bit,
    multiplies_bytes,
    prefetch,
    tile_dots,
)
from knnal.index.parallel import over_rows
from knnal.index.reduced import (
    FINEST,
    FIRST,
    LONGEST,
    SECOND,
    SLACK,
    SMALLEST,
    Group,
    GroupQueries,
    Queries,
    ReducedCopy,
)
from knnal.index.search import NO_NEIGHBOR, Nearest, insert
from knnal.index.similarity import dot, frozen, rounding_bound
from knnal.types import (
    Float32Array,
    Int8Array,
    Int16Array,
    Int32Array,
    IntArray,
    UInt8Array,
    UInt64Array,
)

_BLOCK = 64
"""Rows that are searched for together: each has one bit of a 64-bit number."""

_STRIP = 64
"""Labels that are scanned together: as many as a few vector registers hold."""

_ROWS_A_TASK = 16384

_LANDMARKS = 64
"""Labels by which rows are sorted within a task, and the labels themselves: similar rows meet the
same labels, which are in the cache then.
"""

_PAGE = 4096
_ZERO = 128


class Coded(NamedTuple):
    """Labels' vectors in 8 bits, signed or not, ``(labels, dims)``; ``unit`` and ``error`` are
    ``(labels,)``.
    """

    values: NDArray[Any]
    unit: Float32Array
    error: Float32Array


def coded_axes(queries: GroupQueries) -> Coded:
    """Coordinates on a group of axes, ``unit * (values - 128)``, off by at most ``error``."""
    values = queries.values.astype(np.float64)
    per_unit = np.maximum(np.abs(values).max(axis=1, initial=0.0), 1.0) / LONGEST
    codes = np.rint(values / per_unit[:, None])
    off = values - codes * per_unit[:, None]
    unit, error = per_unit * queries.unit, np.sqrt(np.vecdot(off, off)) * queries.unit
    codes += _ZERO
    return Coded(codes.astype(np.uint8), unit.astype(np.float32), error.astype(np.float32))


def coded_vectors(Q: Float32Array) -> Coded:
    """Unit vectors, whose products with rows in 16 bits bound their similarities from above by
    ``unit * product + error``.
    """
    unit = np.maximum(np.abs(Q).max(axis=1), np.float32(SMALLEST)) / np.float32(LONGEST)
    values = np.rint(Q / unit[:, None])
    off = values * unit[:, None]
    np.subtract(Q, off, out=off)
    length = np.sqrt(np.vecdot(off, off))
    of_rows = 0.51 / FINEST * np.sqrt(Q.shape[1])  # the rounding of the rows
    error = length + of_rows * (1.0 + length) + rounding_bound(Q.shape[1]) + SLACK
    return Coded(values.astype(np.int8), unit / np.float32(FINEST), error.astype(np.float32))


class Labels(NamedTuple):
    """The labeled rows ``(labels,)``, their vectors ``(labels, d)``, and these in all forms that
    the bounds use; ``tiles`` are the first group's bytes in the order of ``_dots_together``.
    """

    rows: IntArray
    vectors: Float32Array
    queries: Queries
    first: Coded
    second: Coded
    tiles: UInt8Array
    full: Coded

    @classmethod
    def of(cls, X: Float32Array, reduced: ReducedCopy, rows: IntArray) -> Labels:
        Q = frozen(X[rows])
        queries = reduced.queries(Q)
        first, second = coded_axes(queries.first), coded_axes(queries.second)
        tiles = _tiles(first.values) if multiplies_bytes() else first.values
        return cls(rows, Q, queries, first, second, tiles, coded_vectors(Q))


def search_labeled(
    X: Float32Array, reduced: ReducedCopy, labeled: IntArray, lists: Nearest
) -> None:
    """Find the nearest labeled rows of every row; none is its own neighbor.

    Parameters
    ----------
    X : array of float32, shape (n, d)
        Unit rows.
    reduced : ReducedCopy
        Of the same rows.
    labeled : array of int64, shape (m,)
        Rows of ``X``, rising.
    lists : Nearest
        Filled with the neighbors, ``(n, k)``, in the order of ``LabeledNeighbors``.
    """
    lists.ids[:] = NO_NEIGHBOR
    lists.similarities[:] = -np.inf
    if not len(labeled):
        return
    from threadpoolctl import threadpool_limits

    first, second = reduced.first, reduced.second
    with threadpool_limits(1):  # the products are small; BLAS's threads would spin for longer
        landmarks = coded_axes(reduced.queries(X[labeled[:: -(-len(labeled) // _LANDMARKS)]]).first)
        labeled = labeled[np.argsort(_nearest(first.codes[labeled], landmarks), kind="stable")]
        X, labels = frozen(X), Labels.of(X, reduced, labeled)

    def search(start: int, stop: int) -> None:
        # Fresh memory for each block would cost more than the products.
        shape = _BLOCK, len(labeled)
        found, bounds = np.empty(shape, dtype=np.int32), np.empty(shape, dtype=np.float32)
        _read_through(X, start, stop)
        order = start + np.argsort(_nearest(first.codes[start:stop], landmarks), kind="stable")
        for begin in range(0, len(order), _BLOCK):
            rows = order[begin : begin + _BLOCK]
            _search_block(
                found, bounds, first.at(rows), second.at(rows), reduced.offset[rows], labels,
                X, rows, lists,
            )  # fmt: skip

    over_rows(search, len(X), _ROWS_A_TASK)


@kernel
def _read_through(X: Float32Array, start: int, stop: int) -> np.float32:
    """Touch every page of some rows in order, so that a disk is read in order if memory does not
    hold them all.
    """
    total = np.float32(0.0)
    for row in range(start, stop):
        for at in range(0, X.shape[1], _PAGE // X.itemsize):
            total += X[row, at]
    return total


@kernel
def _nearest(codes: Int8Array, landmarks: Coded) -> IntArray:
    """The landmark most similar to each of the rows ``codes``, ``(n,)``."""
    nearest = np.zeros(len(codes), dtype=np.int64)
    for i in range(len(codes)):
        shift = _ZERO * _sums(codes[i])[0]
        best = np.float32(-np.inf)
        for j in range(len(landmarks.values)):
            products = byte_dot(codes, i, landmarks.values, j, FIRST) - shift
            similarity = np.float32(products) * landmarks.unit[j]
            if similarity > best:
                best, nearest[i] = similarity, j
    return nearest


@kernel
def _search_block(
    found: Int32Array,
    bounds: Float32Array,
    first: Group,
    second: Group,
    offset: Float32Array,
    labels: Labels,
    X: Float32Array,
    rows: IntArray,
    lists: Nearest,
) -> None:
    """Search for ``rows`` ``(m,)`` of ``X``, given their reduced copies.

    ``found`` and ``bounds`` are working memory.
    """
    ids, similarities = lists
    count, last = len(labels.rows), ids.shape[1] - 1
    every_label = np.arange(count, dtype=np.int32)
    codes = np.zeros((-(-len(rows) // TOGETHER) * TOGETHER, FIRST), dtype=np.int8)
    codes[: len(rows)] = first.codes
    dots = np.empty((TOGETHER, -(-count // LANES) * LANES), dtype=np.int32)
    known = np.empty(count, dtype=np.float32)
    bound = np.empty(count, dtype=np.float32)
    thresholds = np.empty(len(rows), dtype=np.float32)
    reaching = np.zeros(count, dtype=np.uint64)
    labeled, Q, queries, full = labels.rows, labels.vectors, labels.queries, labels.full
    length, rest, label_offset = queries.first.length, queries.first.rest, queries.offset
    unit, label_error = labels.first.unit, labels.first.error
    shifts, sizes = _shifts_and_sizes(first)
    for i in range(len(rows)):
        row = rows[i]
        if i % TOGETHER == 0:
            _dots_together(codes, i, labels.tiles, dots)
        own = dots[i % TOGETHER]
        _prefetch_row(X, rows[min(i + 1, len(rows) - 1)])
        shift, size, scale = shifts[i], sizes[i], first.scale[i]
        error, row_rest = first.error[i], first.rest[i]
        row_offset = offset[i]
        for j in range(count):
            known[j] = np.float32(own[j] - shift) * (unit[j] * scale)
            known[j] += label_offset[j] + row_offset
            known[j] += length[j] * error + label_error[j] * size
            bound[j] = known[j] + rest[j] * row_rest
        _enter_highest(known, every_label, X[row], Q, labeled, row, ids[row], similarities[row])
        thresholds[i] = similarities[row, last]
        _mark(bound, thresholds[i], i, reaching)
    counts = _reaching(found, bounds, reaching, first, second, offset, labels, thresholds)
    in_16_bits = np.empty(X.shape[1], dtype=np.int16)
    for i in range(len(rows)):
        row = rows[i]
        _prefetch_row(X, rows[min(i + 1, len(rows) - 1)])
        some, bound = found[i, : counts[i]], bounds[i, : counts[i]]
        _enter_highest(bound, some, X[row], Q, labeled, row, ids[row], similarities[row])
        _round(X[row], in_16_bits)
        for at in range(len(some)):
            if bound[at] >= similarities[row, last]:
                j = some[at]
                product = _product(in_16_bits, full.values, j)
                if product * full.unit[j] + full.error[j] >= similarities[row, last]:
                    _offer(labeled[j], X[row], Q[j], row, ids[row], similarities[row])


@kernel
def _round(x: Float32Array, out: Int16Array) -> None:
    """A unit vector ``(d,)`` in multiples of 1 / 32767."""
    for i in range(len(x)):
        out[i] = np.int16(np.rint(x[i] * np.float32(FINEST)))


@kernel
def _product(x: Int16Array, values: Int8Array, j: int) -> np.float32:
    """The product of a rounded row ``(d,)`` and a label in 8 bits.

    With lengths of 32767 and 127 it stays below 2^31 up to a ``d`` of 260,000.
    """
    total = np.int32(0)
    for i in range(len(x)):
        total += np.int32(x[i]) * np.int32(values[j, i])
    return np.float32(np.int32(total))


@kernel
def _prefetch_row(X: Float32Array, row: int) -> None:
    """Fetch a row into the cache while another one is processed."""
    for byte in range(0, X.shape[1] * X.itemsize, CACHE_LINE):
        prefetch(X, row, byte)


@kernel
def _sums(codes: Int8Array) -> tuple[np.int32, np.float32]:
    """The sum of a row's codes, and their length."""
    total, squares = np.int32(0), np.int32(0)
    for code in codes:
        total += np.int32(code)
        squares += np.int32(code) * np.int32(code)
    return np.int32(total), np.float32(np.sqrt(np.float32(squares)))


@kernel
def _rows_of_dots(codes: Int8Array, first: int, values: UInt8Array, out: Int32Array) -> None:
    """The products of TOGETHER rows from ``first`` on with the labels' bytes, ``-> (TOGETHER,
    labels)``.
    """
    for r in range(TOGETHER):
        for j in range(len(values)):
            out[r, j] = byte_dot(codes, first + r, values, j, FIRST)


@kernel
def _tiles_of_dots(codes: Int8Array, first: int, tiles: UInt8Array, out: Int32Array) -> None:
    """As ``_rows_of_dots``, with the labels' bytes in tiles."""
    for tile in range(len(tiles)):
        tile_dots(codes, first, tiles, tile, out, FIRST)


_dots_together = _tiles_of_dots if multiplies_bytes() else _rows_of_dots


def _tiles(values: UInt8Array) -> UInt8Array:
    """Bytes in the order of ``tile_dots``, ``(labels, FIRST) -> (tiles, FIRST / 4, LANES * 4)``."""
    padded = np.zeros((-(-len(values) // LANES) * LANES, FIRST), dtype=np.uint8)
    padded[: len(values)] = values
    parts = padded.reshape(-1, LANES, FIRST // 4, 4).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(parts).reshape(-1, FIRST // 4, LANES * 4)


@kernel
def _mark(bound: Float32Array, threshold: np.float32, row: int, reaching: UInt64Array) -> None:
    """Set a row's bit for all labels whose bound reaches its threshold."""
    own, nothing = np.uint64(1) << np.uint64(row), np.uint64(0)
    for j in range(len(bound)):
        reaching[j] |= own if bound[j] >= threshold else nothing


@kernel
def _reaching(
    found: Int32Array,
    bounds: Float32Array,
    marked: UInt64Array,
    first: Group,
    second: Group,
    offset: Float32Array,
    labels: Labels,
    thresholds: Float32Array,
) -> IntArray:
    """Of the labels marked for each row, find those whose bound by both groups reaches its
    threshold: the labels, their bounds ``(rows, labels)``, and how many there are, ``(rows,)``.

    Label by label, so that the rows' codes stay in the cache.
    """
    counts = np.zeros(len(thresholds), dtype=np.int64)
    with_second = second.codes.shape[1] > 0
    near, far = labels.queries.first, labels.queries.second
    near_bytes, far_bytes, all_offsets = labels.first, labels.second, labels.queries.offset
    shift, size = _shifts_and_sizes(first)
    far_shift, far_size = _shifts_and_sizes(second)
    for j in range(len(marked)):
        rows = marked[j]
        unit, far_unit, label_offset = near_bytes.unit[j], far_bytes.unit[j], all_offsets[j]
        length, far_length, far_rest = near.length[j], far.length[j], far.rest[j]
        error, far_error = near_bytes.error[j], far_bytes.error[j]
        while rows:
            i = lowest_bit(rows)
            rows &= rows - np.uint64(1)
            products = byte_dot(first.codes, i, near_bytes.values, j, FIRST) - shift[i]
            bound = np.float32(products) * unit * first.scale[i] + (label_offset + offset[i])
            bound += length * first.error[i] + error * size[i]
            if with_second:
                products = byte_dot(second.codes, i, far_bytes.values, j, SECOND) - far_shift[i]
                bound += np.float32(products) * far_unit * second.scale[i]
                bound += far_length * second.error[i] + far_error * far_size[i]
                bound += far_rest * second.rest[i]
            else:
                bound += near.rest[j] * first.rest[i]
            found[i, counts[i]] = j
            bounds[i, counts[i]] = bound
            counts[i] += bound >= thresholds[i]
    return counts


@kernel
def _shifts_and_sizes(group: Group) -> tuple[Int32Array, Float32Array]:
    """The excess of products of rows' codes with bytes, whose zero is 128, and the lengths of the
    rows' coordinates, ``(rows,)``.
    """
    shifts = np.empty(len(group.codes), dtype=np.int32)
    sizes = np.empty(len(group.codes), dtype=np.float32)
    for i in range(len(group.codes)):
        total, length = _sums(group.codes[i])
        shifts[i], sizes[i] = _ZERO * total, length * group.scale[i]
    return shifts, sizes


@kernel
def _enter_highest(
    values: Float32Array,
    some: Int32Array,
    x: Float32Array,
    Q: Float32Array,
    labeled: IntArray,
    row: int,
    ids: Int32Array,
    similarities: Float32Array,
) -> None:
    """Of ``some`` labels, enter those of the highest values, which raises the bar for the others.

    At most one of each ``_STRIP`` lots, so that they are compared on vector registers.
    """
    best = np.full(_STRIP, np.float32(-np.inf))
    best_at = np.zeros(_STRIP, dtype=np.int32)
    full = len(values) // _STRIP * _STRIP
    for begin in range(0, full, _STRIP):
        for lot in range(_STRIP):  # a number known to the compiler, for vectors
            value = values[begin + lot]
            higher = value > best[lot]
            best_at[lot] = np.int32(begin) if higher else best_at[lot]
            best[lot] = value if higher else best[lot]
    for lot in range(len(values) - full):
        if values[full + lot] > best[lot]:
            best[lot], best_at[lot] = values[full + lot], full
    k = len(ids)
    places = np.full(k, np.int32(NO_NEIGHBOR))
    highest = np.full(k, np.float32(-np.inf))
    for lot in range(_STRIP):
        if best[lot] > highest[k - 1]:
            insert(places, highest, best_at[lot] + lot, best[lot])
    for place in places:
        if place != NO_NEIGHBOR:
            j = some[place]
            _offer(labeled[j], x, Q[j], row, ids, similarities)


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
    value, last = dot(x, q), len(ids) - 1
    if value > similarities[last] or (value == similarities[last] and label < ids[last]):
        insert(ids, similarities, label, value)
