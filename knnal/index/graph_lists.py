"""Lists of nearest rows, and the kernels that fill them: every similarity is the canonical one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from knnal.index.compilation import kernel
from knnal.index.parallel import over_rows, thread_count
from knnal.index.search import NOBODY
from knnal.index.similarity import dot, frozen, rounding_bound
from knnal.types import BoolArray, Float32Array, Int32Array, IntArray

_QUERIES = 512
_OTHERS = 8192


@dataclass(frozen=True, slots=True)
class NearestLists:
    """``ids`` and ``similarities`` ``(n, g)``, by falling similarity, ties by lower row.

    Empty slots hold NOBODY and -inf. A list is the best of all that it was ever offered, whatever
    the order of the offers.
    """

    ids: Int32Array
    similarities: Float32Array

    @classmethod
    def empty(cls, rows: int, g: int) -> NearestLists:
        return cls(
            np.full((rows, g), NOBODY, dtype=np.int32),
            np.full((rows, g), -np.inf, dtype=np.float32),
        )

    def of(self, rows: IntArray) -> NearestLists:
        """A copy of some of the lists."""
        return NearestLists(self.ids[rows], self.similarities[rows])

    def put(self, rows: IntArray, lists: NearestLists) -> None:
        """Set some of the lists."""
        self.ids[rows], self.similarities[rows] = lists.ids, lists.similarities

    def resized(self, rows: int) -> NearestLists:
        """The first lists, or these and empty ones; a copy."""
        lists = NearestLists.empty(rows, self.ids.shape[1])
        kept = min(rows, len(self.ids))
        lists.ids[:kept], lists.similarities[:kept] = self.ids[:kept], self.similarities[:kept]
        return lists


def offer(X: Float32Array, rows: IntArray, others: IntArray, lists: NearestLists) -> None:
    """The lists of ``rows`` ``(m,)`` take in those of the rows ``others`` that are nearer.

    Exact. A matrix product finds the few that may be near enough, within its rounding; the
    canonical similarity decides. So neither blocks nor threads have a part in the result.
    """
    from threadpoolctl import threadpool_limits

    X = frozen(X)
    bound = np.float32(rounding_bound(X.shape[1]))

    def work(start: int, stop: int) -> None:
        queries = take(X, rows[start:stop])
        ids, sims = lists.ids[start:stop], lists.similarities[start:stop]
        for begin in range(0, len(others), _OTHERS):
            part = others[begin : begin + _OTHERS]
            products = queries @ take(X, part).T
            _offer(X, products, rows[start:stop], part, bound, ids, sims)

    with threadpool_limits(1):
        over_rows(work, len(rows), min(_QUERIES, max(1, -(-len(rows) // thread_count()))))


def rerank(X: Float32Array, rows: IntArray, candidates: IntArray, lists: NearestLists) -> None:
    """The lists of ``rows`` ``(m,)`` take in the nearest of their ``candidates`` ``(m, c)``."""
    X = frozen(X)
    ids, sims = lists.ids, lists.similarities
    over_rows(lambda a, b: _rerank(X, rows, candidates, a, b, ids, sims), len(rows), 64)


def offer_back(
    X: Float32Array, rows: IntArray, candidates: IntArray, takers: BoolArray, lists: NearestLists
) -> None:
    """Offer each row to those of its ``candidates`` ``(m, c)`` that are ``takers`` ``(n,)``.

    ``lists`` are those of all n rows.
    """
    _offer_back(frozen(X), rows, candidates, takers, lists.ids, lists.similarities)


def take(X: Float32Array, rows: IntArray) -> Float32Array:
    """Rows by rising number, ``(m,) -> (m, d)``: where they lie if they are all in a row."""
    if len(rows) and rows[-1] - rows[0] + 1 == len(rows):
        return X[rows[0] : rows[-1] + 1]
    return X[rows]


@kernel
def _insert(ids: Int32Array, sims: Float32Array, other: int, similarity: np.float32) -> bool:
    """Put a row in its place in one list, unless it is there or the list is full of nearer ones."""
    place = len(ids) - 1
    if similarity < sims[place] or (similarity == sims[place] and other >= ids[place]):
        return False
    while place > 0 and (
        sims[place - 1] < similarity or (sims[place - 1] == similarity and ids[place - 1] > other)
    ):
        place -= 1
    if place > 0 and ids[place - 1] == other:
        return False
    for slot in range(len(ids) - 1, place, -1):
        ids[slot] = ids[slot - 1]
        sims[slot] = sims[slot - 1]
    ids[place] = other
    sims[place] = similarity
    return True


@kernel
def _offer(
    X: Float32Array,
    products: Float32Array,
    rows: IntArray,
    others: IntArray,
    bound: np.float32,
    ids: Int32Array,
    sims: Float32Array,
) -> None:
    last = ids.shape[1] - 1
    for i in range(len(rows)):
        row = rows[i]
        floor = sims[i, last] - bound
        for j in range(len(others)):
            if products[i, j] >= floor and others[j] != row:
                similarity = dot(X[others[j]], X[row])
                if _insert(ids[i], sims[i], others[j], similarity):
                    floor = sims[i, last] - bound


@kernel
def _rerank(
    X: Float32Array,
    rows: IntArray,
    candidates: IntArray,
    start: int,
    stop: int,
    ids: Int32Array,
    sims: Float32Array,
) -> None:
    for i in range(start, stop):
        for other in candidates[i]:
            if other not in (NOBODY, rows[i]):
                _insert(ids[i], sims[i], other, dot(X[other], X[rows[i]]))


@kernel
def _offer_back(
    X: Float32Array,
    rows: IntArray,
    candidates: IntArray,
    takers: BoolArray,
    ids: Int32Array,
    sims: Float32Array,
) -> None:
    for i in range(len(rows)):
        for other in candidates[i]:
            if other not in (NOBODY, rows[i]) and takers[other]:
                _insert(ids[other], sims[other], rows[i], dot(X[other], X[rows[i]]))
