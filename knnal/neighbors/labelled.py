"""The k nearest labelled items of every pool item, kept exact while labels come and go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from knnal.compiled import kernel
from knnal.neighbors.labelled_search import insert, search_labelled
from knnal.neighbors.reduced import ReducedCopy, code_dot, code_dots
from knnal.neighbors.search import NOBODY
from knnal.neighbors.similarity import dot, frozen
from knnal.parallel import over_rows
from knnal.types import Float32Array, Int8Array, Int16Array, Int32Array, IntArray

_TOO_MANY = 0.95
"""Where the first bound leaves more than this share of a block, the second costs what it saves."""

_SAMPLE = 64


@dataclass(frozen=True, slots=True)
class Taken:
    """Where a new label entered: the rows, and their neighbours as they were before."""

    row: int
    rows: IntArray
    ids: Int32Array
    similarities: Float32Array


class LabelledNeighbours:
    """For each row of ``X``, its nearest labelled rows, never itself.

    ``ids`` and ``similarities`` are ``(n, k)``, by falling similarity, ties by lower row, empty
    slots NOBODY and -inf. The state depends on the set of labelled rows alone, not on the order
    in which they came, and not on their classes.

    A new label is compared in full only with rows whose k-th neighbour it may beat: the bounds of
    ``ReducedCopy`` prove the others out, and can only err on the side of comparing.
    """

    def __init__(self, X: Float32Array, k: int, reduced: ReducedCopy) -> None:
        self._X = frozen(X)
        self._reduced = reduced
        self.k = k
        self.labelled: set[int] = set()
        self.ids: Int32Array = np.full((len(X), k), NOBODY, dtype=np.int32)
        self.similarities: Float32Array = np.full((len(X), k), -np.inf, dtype=np.float32)
        self._latest: Taken | None = None

    def rebuild(self, rows: IntArray) -> None:
        """Start over from a set of labelled rows."""
        self.labelled = set(map(int, rows))
        self._latest = None
        search_labelled(self._X, self._reduced, np.sort(rows), self.ids, self.similarities)

    def adopt(self, labelled: IntArray, ids: Int32Array, similarities: Float32Array) -> bool:
        """Take over a state that was kept, unless it is of other rows or wrong on a sample of them.

        Returns whether it was taken over; if not, the state is undefined until the next rebuild.
        """
        if ids.shape != self.ids.shape or similarities.shape != self.similarities.shape:
            return False
        if len(labelled) and not 0 <= np.min(labelled) <= np.max(labelled) < len(ids):
            return False
        self.labelled = set(map(int, labelled))
        self._latest = None
        self.ids[:], self.similarities[:] = ids, similarities
        sample = np.arange(0, len(ids), max(1, len(ids) // _SAMPLE))
        _search(self._X, sample, np.sort(labelled), self.ids, self.similarities)
        same = self.ids[sample] == ids[sample]
        return bool((same & (self.similarities[sample] == similarities[sample])).all())

    def add(self, row: int) -> IntArray:
        """Row ``row`` has got a label. Returns the rows whose neighbours changed, rising."""
        self.labelled.add(row)
        self._latest = self._offer(row)
        return self._latest.rows

    def remove(self, row: int) -> IntArray:
        """Row ``row`` has lost its label. Returns the rows whose neighbours changed, rising.

        The latest addition is taken back at once; an earlier one by comparing each row that it
        was a neighbour of with every label left.
        """
        self.labelled.remove(row)
        latest, self._latest = self._latest, None
        if latest is not None and latest.row == row:
            self.ids[latest.rows], self.similarities[latest.rows] = latest.ids, latest.similarities
            return latest.rows
        changed = self.voters(row)
        remaining = np.array(sorted(self.labelled), dtype=np.int64)
        over_rows(
            lambda start, stop: _search(
                self._X, changed[start:stop], remaining, self.ids, self.similarities
            ),
            len(changed),
            256,
        )
        return changed

    def voters(self, row: int) -> IntArray:
        """The rows that ``row`` votes for, rising."""
        parts = over_rows(lambda start, stop: _rows_with(self.ids, row, start, stop), len(self.ids))
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)

    def _offer(self, row: int) -> Taken:
        """Enter a labelled row wherever it is among the nearest."""
        q = self._X[row]
        query = self._reduced.queries(q[None])
        first, second = self._reduced.first, self._reduced.second
        groups = (query.first, query.second)
        terms = np.concatenate([[g.unit[0], g.length[0], g.rest[0]] for g in groups])
        terms = np.append(terms, query.offset).astype(np.float32)

        def offer(start: int, stop: int) -> tuple[IntArray, Int32Array, Float32Array]:
            found = _candidates(
                first.codes, first.scale, first.error, first.rest, self._reduced.offset,
                second.codes, second.scale, second.error, second.rest,
                query.first.values[0], query.second.values[0], terms,
                self.similarities, start, stop,
            )  # fmt: skip
            return _enter(self._X, q, row, found, self.ids, self.similarities)

        parts = over_rows(offer, len(self._X))
        return Taken(row, *(np.concatenate(part) for part in zip(*parts, strict=True)))


@kernel
def _candidates(
    codes: Int8Array,
    scale: Float32Array,
    error: Float32Array,
    rest: Float32Array,
    offset: Float32Array,
    more_codes: Int8Array,
    more_scale: Float32Array,
    more_error: Float32Array,
    more_rest: Float32Array,
    values: Int16Array,
    more_values: Int16Array,
    terms: Float32Array,
    similarities: Float32Array,
    start: int,
    stop: int,
) -> IntArray:
    """The rows whose bound reaches their last neighbour's similarity.

    ``terms``: unit, length and rest of the query on each group, then its offset.
    """
    size = stop - start
    dots = np.empty(size, dtype=np.int32)
    code_dots(codes, values, start, stop, dots)
    known = np.empty(size, dtype=np.float32)
    bound = np.empty(size, dtype=np.float32)
    last = similarities[start:stop, similarities.shape[1] - 1]
    scale, error = scale[start:stop], error[start:stop]
    rest, offset = rest[start:stop], offset[start:stop]
    for i in range(size):
        known[i] = np.float32(dots[i]) * terms[0] * scale[i] + error[i] * terms[1]
        known[i] += offset[i] + terms[6]
        bound[i] = known[i] + rest[i] * terms[2]
    # Branches that go either way at random cost more than the work they would save here.
    found = np.empty(size, dtype=np.int64)
    count = 0
    for i in range(size):
        found[count] = start + i
        count += bound[i] >= last[i]
    if more_codes.shape[1] == 0 or count > _TOO_MANY * size:
        return found[:count]
    for at in range(count):
        row = found[at]
        more = np.float32(code_dot(more_codes[row], more_values)) * terms[3] * more_scale[row]
        beyond = more_error[row] * terms[4] + more_rest[row] * terms[5]
        bound[at] = known[row - start] + more + beyond
    kept = 0
    for at in range(count):
        row = found[at]
        found[kept] = row
        kept += bound[at] >= last[row - start]
    return found[:kept]


@kernel
def _enter(
    X: Float32Array,
    q: Float32Array,
    new: int,
    rows: IntArray,
    ids: Int32Array,
    similarities: Float32Array,
) -> tuple[IntArray, Int32Array, Float32Array]:
    """Compare rows with a label in full and enter it where it is among the nearest.

    Returns the rows where it is, and their neighbours before.
    """
    k = ids.shape[1]
    entered = np.empty(len(rows), dtype=np.int64)
    values = np.empty(len(rows), dtype=np.float32)
    count = 0
    for row in rows:
        value = dot(X[row], q)
        last = similarities[row, k - 1]
        if row != new and (value > last or (value == last and new < ids[row, k - 1])):
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
    return entered[:count], old_ids, old_similarities


@kernel
def _search(
    X: Float32Array,
    rows: IntArray,
    labelled: IntArray,
    ids: Int32Array,
    similarities: Float32Array,
) -> None:
    """The nearest labelled rows of some rows from scratch; ``labelled`` by rising row."""
    last = ids.shape[1] - 1
    for row in rows:
        ids[row] = NOBODY
        similarities[row] = -np.inf
        for other in labelled:
            if other != row:
                value = dot(X[other], X[row])
                if value > similarities[row, last]:
                    insert(ids[row], similarities[row], other, value)


@kernel
def _rows_with(ids: Int32Array, wanted: int, start: int, stop: int) -> IntArray:
    """The rows that have a neighbour, rising."""
    found = np.empty(stop - start, dtype=np.int64)
    count = 0
    for row in range(start, stop):
        hit = False
        for slot in range(ids.shape[1]):
            hit |= ids[row, slot] == wanted
        found[count] = row
        count += hit
    return found[:count]
