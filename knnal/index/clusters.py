"""k-means over the pool in its reduced space."""

from __future__ import annotations

import numpy as np

from knnal.index.parallel import over_rows
from knnal.index.reduced import FIRST, ReducedCopy
from knnal.index.search import NOBODY
from knnal.types import Float32Array, Int32Array, IntArray

_ROUNDS = 20
_POINTS_PER_CLUSTER = 64
_SEED = 0
_BLOCK = 65536


def cluster(reduced: ReducedCopy, rows: IntArray, count: int) -> Int32Array:
    """The cluster of each of ``rows``, from ``count`` clusters or as many as there are rows.

    ``-> (len(reduced),)``, NOBODY for other rows; a cluster may be empty. Lloyd's algorithm on the
    first 128 principal coordinates, by FAISS on one thread: its matrix products would otherwise
    depend on how many there are. It is fitted to 64 rows a cluster, drawn by a fixed seed; 20
    rounds over N rows and K clusters take 128 * 20 * 64 K^2 products, and placing all rows 128 N K.
    """
    import faiss
    from threadpoolctl import threadpool_limits

    clusters: Int32Array = np.full(len(reduced), NOBODY, dtype=np.int32)
    count = min(count, len(rows))
    if count < 2:
        clusters[rows] = 0
        return clusters
    with threadpool_limits(1):
        size = min(len(rows), count * _POINTS_PER_CLUSTER)
        sample = np.random.default_rng(_SEED).permutation(len(rows))[:size]
        means = faiss.Kmeans(
            FIRST,
            count,
            niter=_ROUNDS,
            seed=_SEED,
            min_points_per_centroid=1,
            max_points_per_centroid=_POINTS_PER_CLUSTER,
        )
        means.train(_coordinates(reduced, rows[np.sort(sample)]))

        def place(start: int, stop: int) -> None:
            part = rows[start:stop]
            clusters[part] = means.index.search(_coordinates(reduced, part), 1)[1][:, 0]

        over_rows(place, len(rows), _BLOCK)
    return clusters


def _coordinates(reduced: ReducedCopy, rows: IntArray) -> Float32Array:
    codes, scale = reduced.first.codes[rows], reduced.first.scale[rows]
    return codes.astype(np.float32) * scale[:, None]
