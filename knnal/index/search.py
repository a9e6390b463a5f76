"""Exact k-nearest-neighbor search, and the lists of neighbors that it fills.

A matrix product finds the few rows that may be near enough, within its rounding; the canonical
similarity of ``knnal.index.similarity`` decides. So neither blocks nor threads affect a result.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from knnal.index.compilation import kernel
from knnal.index.parallel import over_rows, thread_count
from knnal.index.similarity import dot, frozen, rounding_bound
from knnal.types import BoolArray, Float32Array, Int32Array, IntArray

NO_NEIGHBOR = -1
"""The id in an empty slot of a list; its similarity is -inf."""

_QUERIES = 512
_OTHERS = 8192


class Nearest(NamedTuple):
    """Lists of nearest neighbors.

    A list is the best of all that it was ever offered, whatever the order of the offers.

    Parameters
    ----------
    ids : array of int32, shape (n, k)
        Row numbers, by falling similarity, ties by lower row; NO_NEIGHBOR in empty slots.
    similarities : array of float32, shape (n, k)
        Their cosine similarities; -inf in empty slots.
    """

    ids: Int32Array
    similarities: Float32Array

    @classmethod
    def empty(cls, rows: int, k: int) -> Nearest:
        return cls(
            np.full((rows, k), NO_NEIGHBOR, dtype=np.int32),
            np.full((rows, k), -np.inf, dtype=np.float32),
        )

    def at(self, rows: IntArray) -> Nearest:
        """A copy of some of the lists."""
        return Nearest(self.ids[rows], self.similarities[rows])

    def put(self, rows: IntArray, lists: Nearest) -> None:
        """Set some of the lists."""
        self.ids[rows], self.similarities[rows] = lists.ids, lists.similarities

    def resized(self, rows: int) -> Nearest:
        """A copy of the first ``rows`` lists, filled up with empty ones."""
        lists = Nearest.empty(rows, self.ids.shape[1])
        kept = np.arange(min(rows, len(self.ids)))
        lists.put(kept, self.at(kept))
        return lists


def search_rows(X: Float32Array, rows: IntArray, queries: Float32Array, k: int) -> Nearest:
    """Find the rows nearest to query vectors, exactly.

    Parameters
    ----------
    X : array of float32, shape (n, d)
        Unit rows; may be mapped from a file larger than memory.
    rows : array of int64, shape (m,)
        The rows of ``X`` to search, rising.
    queries : array of float32, shape (q, d)
        Unit vectors.
    k : int
        Neighbors per query.

    Returns
    -------
    Nearest
        ``(q, k)``; slots beyond the number of rows stay empty.
    """
    found = Nearest.empty(len(queries), k)
    offer(X, np.full(len(queries), NO_NEIGHBOR), rows, found, queries)
    return found


def offer(
    X: Float32Array,
    rows: IntArray,
    others: IntArray,
    lists: Nearest,
    queries: Float32Array | None = None,
) -> None:
    """Enter the rows ``others`` into the lists of ``rows`` ``(m,)`` where they are nearer.

    The lists of ``queries`` ``(m, d)`` instead, if given; ``rows`` are NO_NEIGHBOR then.
    """
    from threadpoolctl import threadpool_limits

    X = frozen(X)
    bound = np.float32(rounding_bound(X.shape[1]))

    def work(start: int, stop: int) -> None:
        own = rows[start:stop]
        block = frozen(take(X, own) if queries is None else queries[start:stop])
        own_lists = Nearest(lists.ids[start:stop], lists.similarities[start:stop])
        for begin in range(0, len(others), _OTHERS):
            part = others[begin : begin + _OTHERS]
            _offer(X, block, block @ take(X, part).T, own, part, bound, own_lists)

    with threadpool_limits(1):
        over_rows(work, len(rows), min(_QUERIES, max(1, -(-len(rows) // thread_count()))))


def rerank(X: Float32Array, rows: IntArray, candidates: IntArray, lists: Nearest) -> None:
    """Enter the ``candidates`` ``(m, c)`` of each row into the lists of ``rows`` ``(m,)``."""
    X = frozen(X)
    over_rows(lambda a, b: _rerank(X, rows, candidates, a, b, lists), len(rows), 64)


def offer_back(
    X: Float32Array, rows: IntArray, candidates: IntArray, takers: BoolArray, lists: Nearest
) -> None:
    """Offer each row to those of its ``candidates`` ``(m, c)`` that are ``takers`` ``(n,)``.

    ``lists`` are those of all n rows.
    """
    _offer_back(frozen(X), rows, candidates, takers, lists)


def take(X: Float32Array, rows: IntArray) -> Float32Array:
    """Rows by rising number, ``(m,) -> (m, d)``; a view if they are consecutive."""
    if len(rows) and rows[-1] - rows[0] + 1 == len(rows):
        return X[rows[0] : rows[-1] + 1]
    return X[rows]


@kernel
def insert(
    ids: Int32Array, sims: Float32Array, other: int | np.signedinteger[Any], similarity: np.float32
) -> None:
    """Put a row in its place in one list ``(k,)``; the last one drops out. For use in kernels."""
    place = len(ids) - 1
    while place > 0 and (
        sims[place - 1] < similarity or (sims[place - 1] == similarity and ids[place - 1] > other)
    ):
        ids[place] = ids[place - 1]
        sims[place] = sims[place - 1]
        place -= 1
    ids[place] = other
    sims[place] = similarity


@kernel
def _enter(
    ids: Int32Array, sims: Float32Array, other: int | np.signedinteger[Any], similarity: np.float32
) -> bool:
    """Insert a row, unless it is on the list or the list is full of nearer ones."""
    last = len(ids) - 1
    if similarity < sims[last] or (similarity == sims[last] and other >= ids[last]):
        return False
    for known in ids:
        if known == other:
            return False
    insert(ids, sims, other, similarity)
    return True


@kernel
def _offer(
    X: Float32Array,
    queries: Float32Array,
    products: Float32Array,
    rows: IntArray,
    others: IntArray,
    bound: np.float32,
    lists: Nearest,
) -> None:
    ids, sims = lists
    last = ids.shape[1] - 1
    for i in range(len(rows)):
        threshold = sims[i, last] - bound
        for j in range(len(others)):
            if products[i, j] >= threshold and others[j] != rows[i]:
                similarity = dot(X[others[j]], queries[i])
                if _enter(ids[i], sims[i], others[j], similarity):
                    threshold = sims[i, last] - bound


@kernel
def _rerank(
    X: Float32Array, rows: IntArray, candidates: IntArray, start: int, stop: int, lists: Nearest
) -> None:
    ids, sims = lists
    for i in range(start, stop):
        for other in candidates[i]:
            if other not in (NO_NEIGHBOR, rows[i]):
                _enter(ids[i], sims[i], other, dot(X[other], X[rows[i]]))


@kernel
def _offer_back(
    X: Float32Array, rows: IntArray, candidates: IntArray, takers: BoolArray, lists: Nearest
) -> None:
    ids, sims = lists
    for i in range(len(rows)):
        for other in candidates[i]:
            if other not in (NO_NEIGHBOR, rows[i]) and takers[other]:
                _enter(ids[other], sims[other], rows[i], dot(X[other], X[rows[i]]))
