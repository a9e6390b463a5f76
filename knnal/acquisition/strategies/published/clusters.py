"""Clusters and typicality: what TypiClust, ProbCover and TCAL share."""

from __future__ import annotations

import numpy as np

from knnal.index.compilation import kernel
from knnal.index.kernel_graph import Edges, KernelGraph
from knnal.index.parallel import over_rows
from knnal.index.reduced import FIRST, ReducedCopy
from knnal.index.search import NO_NEIGHBOR
from knnal.types import Float32Array, Float64Array, Int32Array, IntArray

_ROUNDS = 20
_POINTS_PER_CLUSTER = 64
_SEED = 0
_BLOCK = 65536
_NEIGHBORS = 20
_CLOSEST = 1e-6
_FARTHEST = 2.0


def cluster(reduced: ReducedCopy, rows: IntArray, count: int) -> Int32Array:
    """Cluster rows by k-means in the reduced space.

    Lloyd's algorithm on the first 128 principal coordinates, by FAISS on one thread: its matrix
    products would otherwise depend on the number of threads. It is fitted to 64 rows per cluster,
    drawn with a fixed seed; 20 rounds over N rows and K clusters take 128 * 20 * 64 K^2 products,
    and assigning all rows 128 N K.

    Parameters
    ----------
    reduced : ReducedCopy
        The pool's.
    rows : array of int64, shape (N,)
        The rows to cluster.
    count : int
        Number of clusters, at most N; a cluster may be empty.

    Returns
    -------
    array of int32, shape (len(reduced),)
        The cluster of each of ``rows``; NO_NEIGHBOR for other rows.
    """
    import faiss
    from threadpoolctl import threadpool_limits

    clusters: Int32Array = np.full(len(reduced), NO_NEIGHBOR, dtype=np.int32)
    count = min(count, len(rows))
    if count < 2:
        clusters[rows] = 0
        return clusters
    with threadpool_limits(1):
        size = min(len(rows), count * _POINTS_PER_CLUSTER)
        sample = np.random.default_rng(_SEED).permutation(len(rows))[:size]
        means = faiss.Kmeans(
            FIRST, count, niter=_ROUNDS, seed=_SEED,
            min_points_per_centroid=1, max_points_per_centroid=_POINTS_PER_CLUSTER,
        )  # fmt: skip
        means.train(_coordinates(reduced, rows[np.sort(sample)]))

        def place(start: int, stop: int) -> None:
            part = rows[start:stop]
            clusters[part] = means.index.search(_coordinates(reduced, part), 1)[1][:, 0]

        over_rows(place, len(rows), _BLOCK)
    return clusters


def _coordinates(reduced: ReducedCopy, rows: IntArray) -> Float32Array:
    codes, scale = reduced.first.codes[rows], reduced.first.scale[rows]
    return codes.astype(np.float32) * scale[:, None]


def typicality(graph: KernelGraph) -> Float64Array:
    """One over the mean distance to the 20 nearest neighbors on the graph, ``(rows,)``.

    Of fewer neighbors where there are fewer; 0 where there are none. Distances are computed back
    from the kernel; a mean counts as at least 1e-6, so that copies have a value.
    Source: TypiClust (arXiv 2202.02794), equation 1.
    """
    out = np.zeros(len(graph))
    over_rows(lambda a, b: _fill(graph.edges, graph.width, a, b, out), len(graph))
    return out


@kernel
def _fill(edges: Edges, width: float, start: int, stop: int, out: Float64Array) -> None:
    starts, _, values = edges
    nearest = np.empty(_NEIGHBORS, dtype=np.float32)
    for row in range(start, stop):
        count = 0
        for value in values[starts[row] : starts[row + 1]]:
            if count < _NEIGHBORS or value > nearest[count - 1]:  # enters, by falling value
                free = min(count, _NEIGHBORS - 1)
                count = free + 1
                while free > 0 and nearest[free - 1] < value:
                    nearest[free] = nearest[free - 1]
                    free -= 1
                nearest[free] = value
        total = 0.0
        for value in nearest[:count]:
            if value > 0:
                total += np.sqrt(max(-width * np.log(np.float64(value)), 0.0))
            else:  # too far for the kernel to tell how far
                total += _FARTHEST
        if count:
            out[row] = 1.0 / max(total / count, _CLOSEST)
