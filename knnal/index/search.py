"""Exact k nearest neighbors: FAISS proposes, the row-independent similarity decides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from knnal.index.similarity import frozen, rounding_bound, similarities, similarities_at
from knnal.types import Float32Array, IntArray, RowArray

NOBODY = -1
"""The id in a slot that no neighbor fills; its similarity is -inf."""

_SPARE = 8
_BLOCK = 4096
_PART = 16384


@dataclass(frozen=True, slots=True)
class Nearest:
    """``ids`` and ``similarities`` ``(n, k)``, by falling similarity, ties by lower id."""

    ids: RowArray
    similarities: Float32Array


class ExactIndex:
    """Unit rows ``(m, d)`` to search in."""

    def __init__(self, base: Float32Array) -> None:
        import faiss

        self._base = frozen(base)
        self._index = faiss.IndexFlatIP(self._base.shape[1])
        self._index.add(self._base)

    def search(self, queries: Float32Array, k: int) -> Nearest:
        """The ``k`` nearest of each unit query row ``(n, d)``; slots beyond the base stay empty."""
        n = len(queries)
        ids = np.full((n, k), NOBODY, dtype=np.int64)
        sims = np.full((n, k), -np.inf, dtype=np.float32)
        width = min(k, len(self._base))
        if width:
            for start in range(0, n, _BLOCK):
                block = slice(start, start + _BLOCK)
                ids[block, :width], sims[block, :width] = self._search_block(queries[block], width)
        return Nearest(ids, sims)

    def _search_block(self, queries: Float32Array, k: int) -> tuple[IntArray, Float32Array]:
        queries = frozen(queries)
        wide = min(k + _SPARE, len(self._base))
        proposed, candidates = self._index.search(queries, wide)
        sims = similarities_at(self._base, candidates, queries)
        ids, sims = _first(candidates, sims, k)
        if wide < len(self._base):
            # FAISS may have left out a candidate that ties with, or rounds above, our last one.
            doubtful = sims[:, -1] <= proposed[:, -1] + rounding_bound(queries.shape[1])
            for row in np.flatnonzero(doubtful):
                ids[row], sims[row] = self._search_all(queries[row], k)
        return ids, sims

    def _search_all(self, query: Float32Array, k: int) -> tuple[IntArray, Float32Array]:
        sims = similarities(self._base, query)
        threshold = np.partition(sims, -k)[-k]
        candidates = np.flatnonzero(sims >= threshold)
        ids, best = _first(candidates[None], sims[None, candidates], k)
        return ids[0], best[0]


def _first(ids: IntArray, sims: Float32Array, k: int) -> tuple[IntArray, Float32Array]:
    """The first ``k`` by falling similarity, ties by lower id, of each row."""
    order = np.lexsort((ids, -sims))[:, :k]
    return np.take_along_axis(ids, order, 1), np.take_along_axis(sims, order, 1)


def search_rows(X: Float32Array, rows: IntArray, queries: Float32Array, k: int) -> Nearest:
    """The ``k`` of some rows of ``X`` ``(N, d)`` nearest to each unit query, ``-> (m, k)``.

    Rows are copied a part at a time, so that ``X`` may be larger than memory.
    """
    ids = np.full((len(queries), k), NOBODY, dtype=np.int64)
    sims = np.full((len(queries), k), -np.inf, dtype=np.float32)
    for start in range(0, len(rows), _PART):
        part = rows[start : start + _PART]
        found = ExactIndex(X[part]).search(queries, k)
        names = np.where(found.ids == NOBODY, np.iinfo(np.int64).max, part[found.ids])
        # Empty slots sort behind everything by their similarity, -inf.
        ids, sims = _first(np.hstack([ids, names]), np.hstack([sims, found.similarities]), k)
        ids[np.isneginf(sims)] = NOBODY
    return Nearest(ids, sims)
