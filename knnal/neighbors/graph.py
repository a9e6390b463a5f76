"""The k-nearest-neighbour graph of the pool, and a Gaussian kernel on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from knnal.files import atomic_writer
from knnal.neighbors.search import NOBODY, ExactIndex, Nearest, without_itself
from knnal.neighbors.segments import Segments, reduce_segments
from knnal.store.pool import Pool
from knnal.types import BoolArray, Float32Array, Float64Array, IntArray, LogNarrator, Narrator

NEIGHBOURS = 20
WIDTH_NEIGHBOUR = 10
_BLOCK = 2048
_SMALLEST_WIDTH = 1e-12


@dataclass(frozen=True, slots=True)
class NeighbourGraph:
    """The nearest neighbours of each live row among the live rows, itself left out.

    ``nearest.ids`` and ``.similarities`` are ``(rows, g)``; rows that are not live have none.
    """

    nearest: Nearest
    live: BoolArray

    def save(self, path: Path) -> None:
        with atomic_writer(path) as file:
            np.savez(
                file,
                ids=self.nearest.ids.astype(np.int32),
                similarities=self.nearest.similarities,
                live=self.live,
            )

    @classmethod
    def load(cls, path: Path, live: BoolArray) -> NeighbourGraph | None:
        """The stored graph, or None if there is none, or it is damaged or of other rows."""
        try:
            # Opened here, since numpy leaves a damaged file open that it opened itself.
            with path.open("rb") as file, np.load(file) as stored:
                if not np.array_equal(stored["live"], live):
                    return None
                nearest = Nearest(stored["ids"].astype(np.int64), stored["similarities"])
        except (OSError, ValueError, KeyError, EOFError, TypeError, BadZipFile):
            return None
        return cls(nearest, live)


def build_graph(
    X: Float32Array, live: BoolArray, g: int = NEIGHBOURS, narrator: Narrator | None = None
) -> NeighbourGraph:
    """The exact graph of the live rows of ``X`` ``(rows, d)``."""
    narrator = narrator or LogNarrator()
    rows = np.flatnonzero(live)
    ids = np.full((len(X), g), NOBODY, dtype=np.int64)
    sims = np.full((len(X), g), -np.inf, dtype=np.float32)
    index = ExactIndex(X[rows]) if len(rows) else None
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        assert index is not None
        found = index.search(X[block], g + 1)
        names = np.where(found.ids == NOBODY, NOBODY, rows[found.ids])
        others = without_itself(block, Nearest(names, found.similarities))
        ids[block], sims[block] = others.ids, others.similarities
        narrator.progress("Neighbour graph", start + len(block), len(rows))
    return NeighbourGraph(Nearest(ids, sims), live)


def stored_graph(pool: Pool, live: BoolArray, narrator: Narrator | None = None) -> NeighbourGraph:
    """The pool's graph from its file, or built anew and, where the pool is on disk, stored."""
    if pool.graph_file is not None:
        stored = NeighbourGraph.load(pool.graph_file, live)
        if stored is not None:
            return stored
    graph = build_graph(pool.embeddings, live, narrator=narrator)
    if pool.graph_file is not None:
        graph.save(pool.graph_file)
    return graph


class KernelGraph:
    """``K(x, y) = exp(-||x - y||^2 / h)`` between neighbours, symmetric, and 1 on the diagonal.

    Two rows are neighbours if either is among the other's nearest. ``h`` is the median over the
    live rows of the squared distance to their 10th neighbour.
    """

    def __init__(self, graph: NeighbourGraph) -> None:
        from scipy.sparse import coo_array

        ids, sims = graph.nearest.ids, graph.nearest.similarities
        rows = len(ids)
        self.width = kernel_width(graph)
        source, slot = np.nonzero(ids != NOBODY)
        target = ids[source, slot]
        # Both directions of an edge carry one value, so the larger of two is that value, or it
        # where the other direction is missing.
        edges = coo_array(
            (squared_distance(sims[source, slot]), (source, target)), shape=(rows, rows)
        ).tocsr()
        # A stored zero distance must survive symmetrising: shift it away from "no edge".
        edges.data += 1.0
        edges = edges.maximum(edges.T).tocsr()
        edges.sort_indices()
        self.targets: IntArray = edges.indices.astype(np.int64)
        self.kernel: Float64Array = np.exp(-(edges.data - 1.0) / self.width)
        self.segments = Segments(edges.indptr.astype(np.int64))

    def __len__(self) -> int:
        return len(self.segments.starts) - 1

    def neighbours(self, row: int) -> tuple[IntArray, Float64Array]:
        """The rows next to ``row``, by rising row, and their kernel values."""
        part = slice(self.segments.starts[row], self.segments.starts[row + 1])
        return self.targets[part], self.kernel[part]

    @cached_property
    def sums(self) -> Float64Array:
        """Kernel mass of each row's neighbours, itself left out, ``(rows,)``."""
        return reduce_segments(np.add, self.kernel, self.segments.starts[:-1], empty=0.0)


def squared_distance(similarity: Float32Array) -> Float64Array:
    """``||x - y||^2`` of unit vectors from their dot product; never below 0."""
    return np.maximum(2.0 - 2.0 * similarity.astype(np.float64), 0.0)


def kernel_width(graph: NeighbourGraph) -> float:
    """Median squared distance to the 10th neighbour, or the last one where there are fewer.

    Where most items have ten copies of themselves it is tiny, not zero: then a copy covers a
    copy, and nothing else.
    """
    sims = graph.nearest.similarities[graph.live]
    filled = np.isfinite(sims).sum(axis=1)
    with_any = filled > 0
    last = np.minimum(filled[with_any], WIDTH_NEIGHBOUR) - 1
    if not len(last):
        return 1.0
    distances = squared_distance(sims[with_any, last])
    return max(float(np.median(distances)), _SMALLEST_WIDTH)
