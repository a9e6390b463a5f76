"""The k nearest labeled items of every pool item, kept exact while labels come and go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from knnal.index.compilation import CACHE_LINE, kernel, prefetch
from knnal.index.labeled_search import search_labeled
from knnal.index.parallel import over_rows
from knnal.index.reduced import (
    SECOND,
    ExtraProducts,
    Group,
    Queries,
    ReducedCopy,
    first_dots,
    first_dots_of_two,
    second_dot,
)
from knnal.index.search import NO_NEIGHBOR, Nearest, insert
from knnal.index.similarity import dot, frozen
from knnal.types import Float32Array, Int32Array, IntArray

_TOO_MANY = 0.95
"""If the first bound leaves more than this share of a block, the second costs what it saves."""

_CHUNK = 2048

_AHEAD = 16
"""How many candidates ahead a row is prefetched: memory takes that long to answer."""

_SAMPLE = 64


@dataclass(frozen=True, slots=True)
class _Addition:
    """The rows that a new label entered, and their neighbors before."""

    row: int
    rows: IntArray
    ids: Int32Array
    similarities: Float32Array


class LabeledNeighbors:
    """For each row of a pool, its nearest labeled rows other than itself.

    The state depends on the set of labeled rows alone: not on their order, nor on their classes. A
    new label is compared in full only with rows whose k-th neighbor it may beat: the bounds of
    ``ReducedCopy`` exclude the others, and can only err on the side of comparing.

    Parameters
    ----------
    X : array of float32, shape (n, d)
        Unit rows.
    k : int
        Neighbors per row.
    reduced : ReducedCopy
        Of the same rows.

    Attributes
    ----------
    labeled : set of int
    ids : array of int32, shape (n, k)
        By falling similarity, ties by lower row; NO_NEIGHBOR in empty slots.
    similarities : array of float32, shape (n, k)
        Cosine similarities; -inf in empty slots.
    last : array of float32, shape (n,)
        The last column of ``similarities`` once more, contiguous: every label reads all of it.
    """

    def __init__(self, X: Float32Array, k: int, reduced: ReducedCopy) -> None:
        self._X = frozen(X)
        self._reduced = reduced
        self.k = k
        self.labeled: set[int] = set()
        self._lists = Nearest.empty(len(X), k)
        self.ids, self.similarities = self._lists
        self.last: Float32Array = self.similarities[:, -1].copy()
        self._latest: _Addition | None = None
        self._backwards = False

    def at(self, rows: IntArray) -> Nearest:
        """A copy of the neighbors of some rows."""
        return self._lists.at(rows)

    def nearest_alone(self) -> LabeledNeighbors:
        """An independent copy with the same labels that keeps only the nearest of them."""
        alone = LabeledNeighbors(self._X, 1, self._reduced)
        alone.labeled = set(self.labeled)
        alone.ids[:], alone.similarities[:] = self.ids[:, :1], self.similarities[:, :1]
        alone.last[:] = alone.similarities[:, -1]
        return alone

    def rebuild(self, rows: IntArray) -> None:
        """Start over from a set of labeled rows."""
        self.labeled = set(map(int, rows))
        self._latest = None
        search_labeled(self._X, self._reduced, np.sort(rows), self._lists)
        self.last[:] = self.similarities[:, -1]

    def adopt(self, labeled: IntArray, ids: Int32Array, similarities: Float32Array) -> bool:
        """Restore a stored state, unless it is of other rows or wrong on a sample of them.

        Returns whether it was restored; if not, the state is undefined until the next rebuild.
        """
        if ids.shape != self.ids.shape or similarities.shape != self.similarities.shape:
            return False
        if (ids.dtype, similarities.dtype) != (self.ids.dtype, self.similarities.dtype):
            return False
        if len(labeled) and not 0 <= np.min(labeled) <= np.max(labeled) < len(ids):
            return False
        if ids.size and not NO_NEIGHBOR <= ids.min() <= ids.max() < len(ids):
            return False
        self.labeled = set(map(int, labeled))
        self._latest = None
        self.ids[:], self.similarities[:] = ids, similarities
        self.last[:] = similarities[:, -1]
        sample = np.arange(0, len(ids), max(1, len(ids) // _SAMPLE))
        _search(self._X, sample, np.sort(labeled), self._lists)
        same = self.ids[sample] == ids[sample]
        return bool((same & (self.similarities[sample] == similarities[sample])).all())

    def add(self, row: int, extra: ExtraProducts | None = None) -> IntArray:
        """Row ``row`` has got a label. Returns the rows whose neighbors changed, rising.

        ``extra`` products of all rows are computed in the same pass.
        """
        self.labeled.add(row)
        self._latest = self._offer(row, extra or ExtraProducts.none())
        return self._latest.rows

    def remove(self, row: int) -> IntArray:
        """Row ``row`` has lost its label. Returns the rows whose neighbors changed, rising.

        The latest addition is reverted at once; an earlier one by comparing each row that it was a
        neighbor of with every remaining label.
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
            lambda a, b: _search(self._X, changed[a:b], remaining, self._lists), len(changed), 256
        )
        self.last[changed] = self.similarities[changed, -1]
        return changed

    def voters(self, row: int) -> IntArray:
        """The rows that ``row`` votes for, rising."""
        parts = over_rows(lambda start, stop: _rows_with(self.ids, row, start, stop), len(self.ids))
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)

    def voters_of_any(self, rows: IntArray) -> IntArray:
        """The rows that at least one of ``rows`` votes for, rising."""
        wanted = np.zeros(len(self.ids) + 1, dtype=np.bool_)  # the last for NO_NEIGHBOR, -1
        wanted[rows] = True
        return np.flatnonzero(wanted[self.ids].any(axis=1))

    def _offer(self, row: int, extra: ExtraProducts) -> _Addition:
        """Enter a labeled row into all lists where it is among the nearest."""
        q = self._X[row]
        reduced = self._reduced
        query = reduced.queries(q[None])

        def offer(start: int, stop: int) -> tuple[IntArray, Int32Array, Float32Array]:
            found = _candidates(
                reduced.first, reduced.second, reduced.offset, query, extra, self.last,
                start, stop,
            )  # fmt: skip
            return _enter(self._X, q, row, found, self._lists, self.last)

        # Alternate directions: if memory does not hold all rows, it holds those read last.
        self._backwards = not self._backwards
        parts = over_rows(offer, len(self._X), backwards=self._backwards)
        return _Addition(row, *(np.concatenate(part) for part in zip(*parts, strict=True)))


@kernel
def _candidates(
    first: Group,
    second: Group,
    offset: Float32Array,
    query: Queries,
    extra: ExtraProducts,
    last: Float32Array,
    start: int,
    stop: int,
) -> IntArray:
    """The rows whose bound reaches their ``last`` neighbor's similarity ``(n,)``, rising."""
    found = np.empty(stop - start, dtype=np.int64)
    partial_of = np.empty(stop - start, dtype=np.float32)
    dots = np.empty(_CHUNK, dtype=np.int32)
    partial = np.empty(_CHUNK, dtype=np.float32)
    bound = np.empty(_CHUNK, dtype=np.float32)
    count = 0
    for begin in range(start, stop, _CHUNK):  # the partial bounds of a chunk stay in the cache
        end = min(begin + _CHUNK, stop)
        values = query.first.values[0]
        if len(extra.values):
            other = extra.out[begin:end]
            first_dots_of_two(first.codes, values, extra.values, begin, end, dots, other)
        else:
            first_dots(first.codes, values, begin, end, dots)
        _bound_by_first(dots, first, offset, query, begin, end, partial, bound)
        # Branches that go either way at random cost more than the work they would save here.
        for row in range(begin, end):
            found[count] = row
            partial_of[count] = partial[row - begin]
            count += bound[row - begin] >= last[row]
    if second.codes.shape[1] == 0 or count > _TOO_MANY * (stop - start):
        return found[:count]
    return _reaching_by_second(second, query, found[:count], partial_of, last)


@kernel
def _reaching_by_second(
    group: Group, query: Queries, rows: IntArray, partial: Float32Array, last: Float32Array
) -> IntArray:
    """Those of ``rows`` whose bound by both groups reaches ``last`` ``(n,)``, rising.

    ``partial`` are their bounds by the first group without its rest. ``rows`` are overwritten.
    """
    values, unit = query.second.values[0], query.second.unit[0]
    length, query_rest = query.second.length[0], query.second.rest[0]
    count = 0
    for at in range(len(rows)):
        ahead = rows[min(at + _AHEAD, len(rows) - 1)]
        for byte in range(0, SECOND, CACHE_LINE):
            prefetch(group.codes, ahead, byte)
        prefetch(group.scale, ahead, 0)
        prefetch(last, ahead, 0)
        row = rows[at]
        more = np.float32(second_dot(group.codes, row, values)) * unit * group.scale[row]
        beyond = group.error[row] * length + group.rest[row] * query_rest
        rows[count] = row
        count += partial[at] + more + beyond >= last[row]
    return rows[:count]


@kernel
def _bound_by_first(
    dots: Int32Array,
    group: Group,
    offset: Float32Array,
    query: Queries,
    start: int,
    stop: int,
    partial: Float32Array,
    bound: Float32Array,
) -> None:
    """Bounds of rows ``start`` to ``stop`` by the first group, without and with its rest.

    ``dots`` are the products of their codes with the query.
    """
    size = stop - start
    unit, length, query_rest = query.first.unit[0], query.first.length[0], query.first.rest[0]
    query_offset = query.offset[0]
    scale, error = group.scale[start:stop], group.error[start:stop]
    rest, offset = group.rest[start:stop], offset[start:stop]
    for i in range(size):
        partial[i] = np.float32(dots[i]) * unit * scale[i] + error[i] * length
        partial[i] += offset[i] + query_offset
        bound[i] = partial[i] + rest[i] * query_rest


@kernel
def _enter(
    X: Float32Array,
    q: Float32Array,
    new: int,
    rows: IntArray,
    lists: Nearest,
    last: Float32Array,
) -> tuple[IntArray, Int32Array, Float32Array]:
    """Compare rows with a label in full and enter it where it is among the nearest.

    Returns the rows that it entered, and their neighbors before.
    """
    ids, similarities = lists
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
def _search(X: Float32Array, rows: IntArray, labeled: IntArray, lists: Nearest) -> None:
    """Find the nearest labeled rows of some rows from scratch; ``labeled`` are rising."""
    ids, similarities = lists
    last = ids.shape[1] - 1
    for row in rows:
        ids[row] = NO_NEIGHBOR
        similarities[row] = -np.inf
        for other in labeled:
            if other != row:
                value = dot(X[other], X[row])
                if value > similarities[row, last]:  # of equals, the first stays
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
