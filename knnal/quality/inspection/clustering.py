"""How well the embedding alone separates the classes: k-means against the labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from knnal.index.pool_index import PoolIndex
from knnal.types import Float32Array, IntArray, RowArray

_SAMPLE = 10_000
"""Items that k-means is fitted on; more hardly move a center."""
_STARTS = 4
_BLOCK = 65536


@dataclass(frozen=True, slots=True)
class Clustering:
    """How well ``clusters`` of the pool and the classes of ``labels`` items agree; 1 is best."""

    clusters: int
    labels: int
    accuracy: float
    nmi: float
    ari: float


def clustering(
    geometry: PoolIndex, rows: IntArray, classes: RowArray, seed: int
) -> Clustering | None:
    """Cluster a pool without labels, and compare the clusters with the classes of some items.

    Parameters
    ----------
    geometry
        The pool; k-means runs on its first 128 principal coordinates.
    rows
        The rows to compare on, ``(m,)``.
    classes
        Their class numbers, ``(m,)``. There are as many clusters as there are classes here.
    seed
        The random seed of the sample and of k-means.

    Returns
    -------
    Clustering or None
        Accuracy, normalized mutual information and adjusted Rand index; None below two classes.
    """
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    count = len(np.unique(classes))
    if count < 2:
        return None
    clusters = _clusters(geometry, rows, count, seed)
    return Clustering(
        clusters=count,
        labels=len(rows),
        accuracy=clustering_accuracy(classes, clusters),
        nmi=float(normalized_mutual_info_score(classes, clusters)),
        ari=float(adjusted_rand_score(classes, clusters)),
    )


def clustering_accuracy(classes: RowArray, clusters: RowArray) -> float:
    """The share of items in their class, clusters matched one to one to classes for the most.

    ``(m,), (m,)``. Source: J. Xie, R. Girshick and A. Farhadi, "Unsupervised Deep Embedding for
    Clustering Analysis", ICML 2016, section 4.2.
    """
    from scipy.optimize import linear_sum_assignment
    from sklearn.metrics.cluster import contingency_matrix

    table = contingency_matrix(classes, clusters)
    matched = linear_sum_assignment(table, maximize=True)
    return float(table[matched].sum() / len(classes))


def _clusters(geometry: PoolIndex, rows: IntArray, count: int, seed: int) -> RowArray:
    """The clusters of the rows; on one thread, so that equal pools give equal ones."""
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    first = geometry.reduced.first

    def coordinates(some: IntArray) -> Float32Array:
        reduced: Float32Array = first.codes[some] * first.scale[some, None]
        return reduced

    live = np.flatnonzero(geometry.live)
    if len(live) > _SAMPLE:
        live = np.sort(np.random.default_rng(seed).choice(live, _SAMPLE, replace=False))
    with threadpool_limits(1):
        means = KMeans(count, n_init=_STARTS, random_state=seed)
        means.fit(coordinates(live if len(live) >= count else rows))
        blocks = np.split(rows, range(_BLOCK, len(rows), _BLOCK))
        return np.concatenate([means.predict(coordinates(block)) for block in blocks])
