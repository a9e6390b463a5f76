"""The k nearest labeled items of every pool item, kept exact while labels come and go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from knnal.index.compilation import CACHE_LINE, kernel, prefetch
from knnal.index.labeled_search import insert, search_labeled
from knnal.index.parallel import over_rows
from knnal.index.reduced import (
    SECOND,
    Group,
    Products,
    Queries,
    ReducedCopy,
    first_dots,
    first_dots_of_two,
    second_dot,
)
from knnal.index.search import NOBODY
from knnal.index.similarity import dot, frozen
from knnal.types import BoolArray, Float32Array, Int32Array, IntArray

_TOO_MANY = 0.95
"""Where the first bound leaves more than this share of a block, the second costs what it saves."""

_CHUNK = 2048

_AHEAD = 16
"""How many candidates before its turn a row is sent for: memory takes so long to answer."""

_SAMPLE = 64


@dataclass(frozen=True, slots=True)
class Taken:
    """Where a new label entered: the rows, and their neighbors as they were before."""

    row: int
    rows: IntArray
    ids: Int32Array
    similarities: Float32Array


class LabeledNeighbors:
    """For each row of ``X``, its nearest labeled rows, never itself.

    ``ids`` and ``similarities`` are ``(n, k)``, by falling similarity, ties by lower row, empty
    slots NOBODY and -inf. ``last`` ``(n,)`` is the last column of similarities once more, which
    every label reads whole. The state depends on the set of labeled rows alone, not on the order
    in which they came, and not on their classes.

    A new label is compared in full only with rows whose k-th neighbor it may beat: the bounds of
    ``ReducedCopy`` prove the others out, and can only err on the side of comparing.
    """

    def __init__(self, X: Float32Array, k: int, reduced: ReducedCopy) -> None:
        self._X = frozen(X)
        self._reduced = reduced
        self.k = k
        self.labeled: set[int] = set()
        self.ids: Int32Array = np.full((len(X), k), NOBODY, dtype=np.int32)
        self.similarities: Float32Array = np.full((len(X), k), -np.inf, dtype=np.float32)
        self.last: Float32Array = self.similarities[:, -1].copy()
        self._latest: Taken | None = None
        self._backwards = False

    def nearest_alone(self) -> LabeledNeighbors:
        """One of its own, of the same labels, that keeps the nearest of them only."""
        alone = LabeledNeighbors(self._X, 1, self._reduced)
        alone.labeled = set(self.labeled)
        alone.ids[:], alone.similarities[:] = self.ids[:, :1], self.similarities[:, :1]
        alone.last[:] = alone.similarities[:, -1]
        return alone

    def rebuild(self, rows: IntArray) -> None:
        """Start over from a set of labeled rows."""
        self.labeled = set(map(int, rows))
        self._latest = None
        search_labeled(self._X, self._reduced, np.sort(rows), self.ids, self.similarities)
        self.last[:] = self.similarities[:, -1]

    def adopt(self, labeled: IntArray, ids: Int32Array, similarities: Float32Array) -> bool:
        """Take over a state that was kept, unless it is of other rows or wrong on a sample of them.

        Returns whether it was taken over; if not, the state is undefined until the next rebuild.
        """
        if ids.shape != self.ids.shape or similarities.shape != self.similarities.shape:
            return False
        if (ids.dtype, similarities.dtype) != (self.ids.dtype, self.similarities.dtype):
            return False
        if len(labeled) and not 0 <= np.min(labeled) <= np.max(labeled) < len(ids):
            return False
        if ids.size and not NOBODY <= ids.min() <= ids.max() < len(ids):
            return False
        self.labeled = set(map(int, labeled))
        self._latest = None
        self.ids[:], self.similarities[:] = ids, similarities
        self.last[:] = similarities[:, -1]
        sample = np.arange(0, len(ids), max(1, len(ids) // _SAMPLE))
        _search(self._X, sample, np.sort(labeled), self.ids, self.similarities)
        same = self.ids[sample] == ids[sample]
        return bool((same & (self.similarities[sample] == similarities[sample])).all())

    def add(self, row: int, beside: Products | None = None) -> IntArray:
        """Row ``row`` has got a label. Returns the rows whose neighbors changed, rising.

        The products asked for beside are those of all rows.
        """
        self.labeled.add(row)
        self._latest = self._offer(row, beside or Products.none())
        return self._latest.rows

    def remove(self, row: int) -> IntArray:
        """Row ``row`` has lost its label. Returns the rows whose neighbors changed, rising.

        The latest addition is taken back at once; an earlier one by comparing each row that it
        was a neighbor of with every label left.
        """
        self.labeled.remove(row)
        latest, self._latest = self._latest, None
        if latest is not None and latest.row == row:
            self.ids[latest.rows], self.similarities[latest.rows] = latest.ids, latest.similarities
            self.last[latest.rows] = latest.similarities[:, -1]
            return latest.rows
        changed = self.voters(row)
        remaining = np.array(sorted(self.labeled), dtype=np.int64)
        over_rows(
            lambda start, stop: _search(
                self._X, changed[start:stop], remaining, self.ids, self.similarities
            ),
            len(changed),
            256,
        )
        self.last[changed] = self.similarities[changed, -1]
        return changed

    def voters(self, row: int) -> IntArray:
        """The rows that ``row`` votes for, rising."""
        parts = over_rows(lambda start, stop: _rows_with(self.ids, row, start, stop), len(self.ids))
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)

    def voters_of_any(self, rows: IntArray) -> IntArray:
        """The rows that at least one of ``rows`` votes for, rising."""
        wanted = np.zeros(len(self.ids), dtype=np.bool_)
        wanted[rows] = True
        parts = over_rows(
            lambda start, stop: _rows_with_any(self.ids, wanted, start, stop), len(self.ids)
        )
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)

    def _offer(self, row: int, beside: Products) -> Taken:
        """Enter a labeled row wherever it is among the nearest."""
        q = self._X[row]
        reduced = self._reduced
        query = reduced.queries(q[None])

        def offer(start: int, stop: int) -> tuple[IntArray, Int32Array, Float32Array]:
            found = _candidates(
                reduced.first, reduced.second, reduced.offset, query, beside, self.last,
                start, stop,
            )  # fmt: skip
            return _enter(self._X, q, row, found, self.ids, self.similarities, self.last)

        # To and fro: where memory does not hold all rows, it holds those that were read last.
        self._backwards = not self._backwards
        parts = over_rows(offer, len(self._X), backwards=self._backwards)
        return Taken(row, *(np.concatenate(part) for part in zip(*parts, strict=True)))


@kernel
def _candidates(
    first: Group,
    second: Group,
    offset: Float32Array,
    query: Queries,
    beside: Products,
    last: Float32Array,
    start: int,
    stop: int,
) -> IntArray:
    """The rows whose bound reaches their ``last`` neighbor's similarity ``(n,)``, rising."""
    found = np.empty(stop - start, dtype=np.int64)
    known_of = np.empty(stop - start, dtype=np.float32)
    dots = np.empty(_CHUNK, dtype=np.int32)
    known = np.empty(_CHUNK, dtype=np.float32)
    bound = np.empty(_CHUNK, dtype=np.float32)
    count = 0
    for begin in range(start, stop, _CHUNK):  # what is known of a chunk stays in the cache
        end = min(begin + _CHUNK, stop)
        values = query.first.values[0]
        if len(beside.values):
            other = beside.out[begin:end]
            first_dots_of_two(first.codes, values, beside.values, begin, end, dots, other)
        else:
            first_dots(first.codes, values, begin, end, dots)
        _bound_by_first(dots, first, offset, query, begin, end, known, bound)
        # Branches that go either way at random cost more than the work they would save here.
        for row in range(begin, end):
            found[count] = row
            known_of[count] = known[row - begin]
            count += bound[row - begin] >= last[row]
    if second.codes.shape[1] == 0 or count > _TOO_MANY * (stop - start):
        return found[:count]
    return _reaching_by_second(second, query, found[:count], known_of, last)


@kernel
def _reaching_by_second(
    group: Group, query: Queries, rows: IntArray, known: Float32Array, last: Float32Array
) -> IntArray:
    """Those of ``rows`` whose bound by both groups reaches ``last`` ``(n,)``, rising.

    ``known`` is theirs, by the first group without its rest. ``rows`` are written over.
    """
    values, unit = query.second.values, query.second.unit[0]
    length, query_rest = query.second.length[0], query.second.rest[0]
    count = 0
    for at in range(len(rows)):
        ahead = rows[min(at + _AHEAD, len(rows) - 1)]
        for byte in range(0, SECOND, CACHE_LINE):
            prefetch(group.codes, ahead, byte)
        prefetch(group.scale, ahead, 0)
        prefetch(last, ahead, 0)
        row = rows[at]
        more = np.float32(second_dot(group.codes, row, values, 0)) * unit * group.scale[row]
        beyond = group.error[row] * length + group.rest[row] * query_rest
        rows[count] = row
        count += known[at] + more + beyond >= last[row]
    return rows[:count]


@kernel
def _bound_by_first(
    dots: Int32Array,
    group: Group,
    offset: Float32Array,
    query: Queries,
    start: int,
    stop: int,
    known: Float32Array,
    bound: Float32Array,
) -> None:
    """What the first group says of rows ``start`` to ``stop``, without and with its rest.

    ``dots`` are the products of their codes and the query.
    """
    size = stop - start
    unit, length, query_rest = query.first.unit[0], query.first.length[0], query.first.rest[0]
    query_offset = query.offset[0]
    scale, error = group.scale[start:stop], group.error[start:stop]
    rest, offset = group.rest[start:stop], offset[start:stop]
    for i in range(size):
        known[i] = np.float32(dots[i]) * unit * scale[i] + error[i] * length
        known[i] += offset[i] + query_offset
        bound[i] = known[i] + rest[i] * query_rest


@kernel
def _enter(
    X: Float32Array,
    q: Float32Array,
    new: int,
    rows: IntArray,
    ids: Int32Array,
    similarities: Float32Array,
    last: Float32Array,
) -> tuple[IntArray, Int32Array, Float32Array]:
    """Compare rows with a label in full and enter it where it is among the nearest.

    Returns the rows where it is, and their neighbors before.
    """
    k = ids.shape[1]
    entered = np.empty(len(rows), dtype=np.int64)
    values = np.empty(len(rows), dtype=np.float32)
    count = 0
    for row in rows:
        value = dot(X[row], q)
        least = last[row]
        if row != new and (value > least or (value == least and new < ids[row, k - 1])):
            entered[count] = row
            values[count] = value
            count += 1
    old_ids = np.empty((count, k), dtype=np.int32)
    old_similarities = np.empty((count, k), dtype=np.float32)
    for at in range(count):
        row = entered[at]
        old_ids[at] = ids[row]
        old_similarities[at] = similarities[row]
        insert(ids[row], similarities[row], new, values[at])
        last[row] = similarities[row, k - 1]
    return entered[:count], old_ids, old_similarities


@kernel
def _search(
    X: Float32Array,
    rows: IntArray,
    labeled: IntArray,
    ids: Int32Array,
    similarities: Float32Array,
) -> None:
    """The nearest labeled rows of some rows from scratch; ``labeled`` by rising row."""
    last = ids.shape[1] - 1
    for row in rows:
        ids[row] = NOBODY
        similarities[row] = -np.inf
        for other in labeled:
            if other != row:
                value = dot(X[other], X[row])
                if value > similarities[row, last]:
                    insert(ids[row], similarities[row], other, value)


@kernel
def _rows_with(ids: Int32Array, wanted: int, start: int, stop: int) -> IntArray:
    """The rows that have a neighbor, rising."""
    found = np.empty(stop - start, dtype=np.int64)
    count = 0
    for row in range(start, stop):
        hit = False
        for slot in range(ids.shape[1]):
            hit |= ids[row, slot] == wanted
        found[count] = row
        count += hit
    return found[:count]


@kernel
def _rows_with_any(ids: Int32Array, wanted: BoolArray, start: int, stop: int) -> IntArray:
    """The rows that have a neighbor among those ``wanted`` ``(n,)``, rising."""
    found = np.empty(stop - start, dtype=np.int64)
    count = 0
    for row in range(start, stop):
        hit = False
        for slot in range(ids.shape[1]):
            hit |= ids[row, slot] != NOBODY and wanted[ids[row, slot]]
        found[count] = row
        count += hit
    return found[:count]
