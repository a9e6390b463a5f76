"""Candidates for the nearest neighbors in a large pool: FAISS over reduced vectors.

Vectors are centered, projected on their first principal axes and sorted into the cells of a k-means
clustering (an inverted file, IVF); a search reads the cells nearest to its vector. Of what was
tried on a million vectors of 1280 dimensions, this is the simplest that is quick: a graph index
(HNSW) takes as long, more memory, and comes out differently at every build on several threads.

The samples are drawn with fixed seeds, and the projection runs on one thread a block. FAISS's
k-means rests on a matrix product whose last bits may depend on the machine and the number of
threads; a vector between two cells may then go to the other one, and with it a candidate.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from knnal.index.graph_lists import take
from knnal.index.linalg import principal_axes
from knnal.index.parallel import over_rows, thread_count
from knnal.types import BoolArray, Float32Array, IntArray, Narrator

STAGE = "Neighbor index"
DIMENSIONS = 128
BATCH = 4096
"""Rows a search: enough for both to use all threads, few enough to go on from often."""

_CELLS_PER_ROOT = 4
_POINTS_PER_CELL = 40
_ROUNDS = 6
_SAMPLE = 20_000
_BLOCK = 4096
_ADDED_AT_ONCE = 1 << 16


class ReducedIndex:
    """Some of the rows of ``X`` ``(n, d)``, to search among in fewer dimensions."""

    def __init__(self, X: Float32Array, rows: IntArray, narrator: Narrator) -> None:
        import faiss
        from threadpoolctl import threadpool_limits

        self._X = X
        self._wide = min(DIMENSIONS, X.shape[1])
        roots = int(_CELLS_PER_ROOT * np.sqrt(len(rows)))
        cells = max(1, min(roots, len(rows) // _POINTS_PER_CELL))
        narrator.progress(STAGE, 0, len(rows))
        mean, axes = principal_axes(X[sample_of(rows, _SAMPLE, seed=0)], self._wide)
        self._axes, self._shift = axes, axes @ mean
        self._index: Any = faiss.IndexIVFFlat(faiss.IndexFlatL2(self._wide), self._wide, cells)
        self._index.cp.niter = _ROUNDS
        self._index.cp.max_points_per_centroid = _POINTS_PER_CELL
        with threadpool_limits(thread_count()):
            self._index.train(self.reduced(sample_of(rows, cells * _POINTS_PER_CELL, seed=1)))
            for start in range(0, len(rows), _ADDED_AT_ONCE):
                part = rows[start : start + _ADDED_AT_ONCE]
                self._index.add_with_ids(self.reduced(part), part)
                narrator.progress(STAGE, start + len(part), len(rows))

    def candidates(self, vectors: Float32Array, cells: int, count: int) -> IntArray:
        """The ``count`` rows nearest to reduced vectors ``(m, dims)`` in so many cells each.

        Unsorted in full precision; NOBODY where the cells hold fewer. ``-> (m, count)``.
        """
        from threadpoolctl import threadpool_limits

        with threadpool_limits(thread_count()):
            self._index.nprobe = cells
            rows: IntArray = self._index.search(vectors, count)[1]
        return rows

    def batches(self, wanted: BoolArray, size: int) -> Iterator[tuple[IntArray, Float32Array]]:
        """The wanted rows ``(n,)`` and their reduced vectors, at least ``size`` at a time.

        They come cell by cell, so that one search finds in cache what the last one has read. The
        index holds the only copy of the vectors.
        """
        rows: list[IntArray] = []
        vectors: list[Float32Array] = []
        for cell in range(self._index.nlist):
            ids, codes = self._cell(cell)
            mask = wanted[ids]
            rows.append(ids[mask])
            vectors.append(codes[mask])
            if sum(map(len, rows)) >= size:
                yield np.concatenate(rows), np.concatenate(vectors)
                rows, vectors = [], []
        if sum(map(len, rows)):
            yield np.concatenate(rows), np.concatenate(vectors)

    def _cell(self, cell: int) -> tuple[IntArray, Float32Array]:
        """Row numbers and vectors of a cell, where they lie in the index."""
        import faiss

        lists = self._index.invlists
        size = lists.list_size(cell)
        if not size:
            return np.empty(0, dtype=np.int64), np.empty((0, self._wide), dtype=np.float32)
        codes = faiss.rev_swig_ptr(lists.get_codes(cell), size * lists.code_size)
        ids: IntArray = faiss.rev_swig_ptr(lists.get_ids(cell), size)
        return ids, codes.view(np.float32).reshape(size, self._wide)

    def reduced(self, rows: IntArray) -> Float32Array:
        """Reduced vectors of rows by rising number, ``(m,) -> (m, dims)``."""
        from threadpoolctl import threadpool_limits

        reduced: Float32Array = np.empty((len(rows), self._wide), dtype=np.float32)

        def reduce(start: int, stop: int) -> None:
            reduced[start:stop] = take(self._X, rows[start:stop]) @ self._axes.T - self._shift

        with threadpool_limits(1):
            over_rows(reduce, len(rows), _BLOCK)
        return reduced


def sample_of(rows: IntArray, size: int, seed: int) -> IntArray:
    """So many of the rows, or all, by rising row; the same ones every time."""
    if size >= len(rows):
        return rows
    drawn = np.random.default_rng(seed).choice(len(rows), size, replace=False, shuffle=False)
    return np.sort(rows[drawn])
