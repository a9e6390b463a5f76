"""Candidates for the nearest neighbors in a large pool: FAISS over reduced vectors.

Vectors are centered, projected on their first principal axes and sorted into the cells of a k-means
clustering (an inverted file, IVF); a search reads the cells nearest to its vector. Of what was
tried on a million vectors of 1280 dimensions, this is the simplest that is quick: a graph index
(HNSW) takes as long, more memory, and differs at every build on several threads.

The samples are drawn with fixed seeds, and the projection runs on one thread per block. FAISS's
k-means uses a matrix product whose last bits may depend on the machine and the number of threads;
a vector between two cells may then go to the other one, and with it a candidate.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from knnal.index.graph_facts import GraphFacts
from knnal.index.linalg import principal_axes
from knnal.index.parallel import over_rows, thread_count
from knnal.index.search import Nearest, offer, rerank, take
from knnal.types import BoolArray, Float32Array, Float64Array, IntArray, Narrator

STEP = "Neighbor index"
DIMENSIONS = 128
TARGET = 0.95
"""The recall that a graph should have."""

_AIM = 0.96
_EFFORTS = ((16, 64), (32, 96), (64, 160), (128, 320))
"""Cells to search and candidates to rank. The first that reaches the aim on a sample is used."""

_USUAL = 2
_TUNED_ON, _MEASURED_ON = 400, 500
_CELLS_PER_ROOT = 4
_POINTS_PER_CELL = 40
_ROUNDS = 6
_SAMPLE = 20_000
_BLOCK = 4096
_ADDED_AT_ONCE = 1 << 16


class CandidateIndex:
    """Some of the rows of ``X`` ``(n, d)``, to search among in fewer dimensions."""

    def __init__(self, X: Float32Array, rows: IntArray, narrator: Narrator) -> None:
        import faiss
        from threadpoolctl import threadpool_limits

        self._X = X
        self._width = min(DIMENSIONS, X.shape[1])
        roots = int(_CELLS_PER_ROOT * np.sqrt(len(rows)))
        cells = max(1, min(roots, len(rows) // _POINTS_PER_CELL))
        narrator.progress(STEP, 0, len(rows))
        mean, axes = principal_axes(X[sample_of(rows, _SAMPLE, seed=0)], self._width)
        self._axes, self._shift = axes, axes @ mean
        self._index: Any = faiss.IndexIVFFlat(faiss.IndexFlatL2(self._width), self._width, cells)
        self._index.cp.niter = _ROUNDS
        self._index.cp.max_points_per_centroid = _POINTS_PER_CELL
        with threadpool_limits(thread_count()):
            self._index.train(self.reduced(sample_of(rows, cells * _POINTS_PER_CELL, seed=1)))
            for start in range(0, len(rows), _ADDED_AT_ONCE):
                part = rows[start : start + _ADDED_AT_ONCE]
                self._index.add_with_ids(self.reduced(part), part)
                narrator.progress(STEP, start + len(part), len(rows))

    def candidates(self, vectors: Float32Array, cells: int, count: int) -> IntArray:
        """The ``count`` rows nearest to reduced vectors ``(m, dims)`` in that many cells each.

        In no order of full precision; NO_NEIGHBOR where the cells hold fewer. ``-> (m, count)``.
        """
        from threadpoolctl import threadpool_limits

        with threadpool_limits(thread_count()):
            self._index.nprobe = cells
            rows: IntArray = self._index.search(vectors, count)[1]
        return rows

    def batches(self, wanted: BoolArray, size: int) -> Iterator[tuple[IntArray, Float32Array]]:
        """The wanted rows ``(n,)`` and their reduced vectors, at least ``size`` at a time.

        They come cell by cell, so that a search finds in cache what the last one has read. The
        index holds the only copy of the vectors.
        """
        rows: list[IntArray] = []
        vectors: list[Float32Array] = []
        cells = self._index.nlist
        for cell in range(cells):
            ids, codes = self._cell(cell)
            mask = wanted[ids]
            rows.append(ids[mask])
            vectors.append(codes[mask])
            count = sum(map(len, rows))
            if count >= size or (count and cell == cells - 1):
                yield np.concatenate(rows), np.concatenate(vectors)
                rows, vectors = [], []

    def _cell(self, cell: int) -> tuple[IntArray, Float32Array]:
        """Row numbers and vectors of a cell, as views of the index."""
        import faiss

        lists = self._index.invlists
        size = lists.list_size(cell)
        if not size:
            return np.empty(0, dtype=np.int64), np.empty((0, self._width), dtype=np.float32)
        codes = faiss.rev_swig_ptr(lists.get_codes(cell), size * lists.code_size)
        ids: IntArray = faiss.rev_swig_ptr(lists.get_ids(cell), size)
        return ids, codes.view(np.float32).reshape(size, self._width)

    def reduced(self, rows: IntArray) -> Float32Array:
        """Reduced vectors of rows by rising number, ``(m,) -> (m, dims)``."""
        from threadpoolctl import threadpool_limits

        reduced: Float32Array = np.empty((len(rows), self._width), dtype=np.float32)

        def reduce(start: int, stop: int) -> None:
            reduced[start:stop] = take(self._X, rows[start:stop]) @ self._axes.T - self._shift

        with threadpool_limits(1):
            over_rows(reduce, len(rows), _BLOCK)
        return reduced


def sample_of(rows: IntArray, size: int, seed: int) -> IntArray:
    """At most ``size`` of the rows, by rising row; the same ones every time."""
    if size >= len(rows):
        return rows
    drawn = np.random.default_rng(seed).choice(len(rows), size, replace=False, shuffle=False)
    return np.sort(rows[drawn])


def search_effort(
    X: Float32Array, rows: IntArray, index: CandidateIndex, g: int, narrator: Narrator
) -> tuple[int, int]:
    """The least number of cells and candidates that reaches the aim on a sample, or the most."""
    sample = sample_of(rows, _TUNED_ON, seed=2)
    true = _true_lists(X, rows, sample, g)
    vectors = index.reduced(sample)
    for cells, count in _EFFORTS:
        found = Nearest.empty(len(sample), g)
        rerank(X, sample, index.candidates(vectors, cells, count), found)
        if _recall(found, true) >= _AIM:
            break
    if (cells, count) not in _EFFORTS[:_USUAL]:
        narrator.say(
            f"The neighbors in this pool take a wider search than most: {count} candidates from "
            f"{cells} cells for each item."
        )
    return cells, count


def measure_recall(
    X: Float32Array, rows: IntArray, lists: Nearest, facts: GraphFacts
) -> GraphFacts:
    """The facts with the recall of finished lists, measured on rows drawn for that alone."""
    sample = sample_of(rows, _MEASURED_ON, seed=3)
    recall = _recall(lists.at(sample), _true_lists(X, rows, sample, facts.neighbors))
    return dataclasses.replace(facts, recall=round(recall, 4), sample=len(sample))


def _true_lists(X: Float32Array, rows: IntArray, sample: IntArray, g: int) -> Nearest:
    true = Nearest.empty(len(sample), g)
    offer(X, sample, rows, true)
    return true


def _recall(found: Nearest, true: Nearest) -> float:
    """The share of the true neighbors found, on average; equally near ones are as good."""
    wanted = np.isfinite(true.similarities).sum(axis=1)
    farthest = true.similarities[np.arange(len(wanted)), np.maximum(wanted, 1) - 1]
    near = np.isfinite(found.similarities) & (found.similarities >= farthest[:, None])
    shares: Float64Array = near.sum(axis=1)[wanted > 0] / wanted[wanted > 0]
    return float(shares.mean()) if len(shares) else 1.0
