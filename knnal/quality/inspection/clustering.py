"""How well the embedding falls into the classes by itself: k-means against the labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from knnal.index.pool_index import PoolIndex
from knnal.index.reduced import ReducedCopy
from knnal.types import Float32Array, IntArray, RowArray

_SAMPLE = 10_000
"""Items that the clusters are found from; more hardly move a center."""
_STARTS = 4
_BLOCK = 65536


@dataclass(frozen=True, slots=True)
class Clustering:
    """How ``clusters`` of the whole pool and the classes of ``labels`` items agree; 1 is best."""

    clusters: int
    labels: int
    accuracy: float
    nmi: float
    ari: float


def clustering(
    geometry: PoolIndex, rows: IntArray, classes: RowArray, seed: int
) -> Clustering | None:
    """Of k-means with as many clusters as there are ``classes`` ``(m,)`` of the ``rows`` ``(m,)``;
    None below two.

    The clusters are found without any label, from the pool's first 128 principal coordinates, and
    judged on the rows.
    """
    count = len(np.unique(classes))
    if count < 2:
        return None
    clusters = _clusters(geometry, rows, count, seed)
    return Clustering(
        clusters=count,
        labels=len(rows),
        accuracy=clustering_accuracy(classes, clusters),
        nmi=normalized_mutual_information(classes, clusters),
        ari=adjusted_rand_index(classes, clusters),
    )


def clustering_accuracy(classes: RowArray, clusters: RowArray) -> float:
    """The share of items in their class, clusters matched one to one to classes for the most.

    ``(m,), (m,)``, numbers from 0. Source: J. Xie, R. Girshick and A. Farhadi, "Unsupervised Deep
    Embedding for Clustering Analysis", ICML 2016, section 4.2.
    """
    from scipy.optimize import linear_sum_assignment

    table = contingency(classes, clusters)
    matched = linear_sum_assignment(table, maximize=True)
    return float(table[matched].sum() / len(classes))


def normalized_mutual_information(classes: RowArray, clusters: RowArray) -> float:
    """``I(U; V) / ((H(U) + H(V)) / 2)``, in [0, 1]; 1 where both sides are one single group.

    ``(m,), (m,)``, numbers from 0. Source: N. X. Vinh, J. Epps and J. Bailey, "Information
    Theoretic Measures for Clusterings Comparison", JMLR 11 (2010).
    """
    joint = contingency(classes, clusters) / len(classes)
    parts = _entropy(joint.sum(axis=1)), _entropy(joint.sum(axis=0))
    if sum(parts) == 0.0:
        return 1.0
    shared = max(sum(parts) - _entropy(joint.ravel()), 0.0)
    return min(2.0 * shared / sum(parts), 1.0)


def adjusted_rand_index(classes: RowArray, clusters: RowArray) -> float:
    """The share of pairs that both sides treat alike, above chance; 1 at best, 0 by chance.

    ``(m,), (m,)``, numbers from 0. Source: L. Hubert and P. Arabie, "Comparing Partitions",
    Journal of Classification 2 (1985).
    """
    table = contingency(classes, clusters)
    together = _pairs(table)
    sides = _pairs(table.sum(axis=1)), _pairs(table.sum(axis=0))
    by_chance = sides[0] * sides[1] / max(_pairs(np.array([len(classes)])), 1.0)
    most = sum(sides) / 2
    return 1.0 if most == by_chance else (together - by_chance) / (most - by_chance)


def contingency(classes: RowArray, clusters: RowArray) -> IntArray:
    """How many items are in each class and each cluster at once, ``(classes, clusters)``."""
    table = np.zeros((int(np.max(classes)) + 1, int(np.max(clusters)) + 1), dtype=np.int64)
    np.add.at(table, (classes, clusters), 1)
    return table


def _entropy(shares: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    positive = shares[shares > 0]
    return float(-(positive * np.log(positive)).sum())


def _pairs(counts: IntArray) -> float:
    values = counts.astype(np.float64)
    return float((values * (values - 1)).sum() / 2)


def _clusters(geometry: PoolIndex, rows: IntArray, count: int, seed: int) -> RowArray:
    """The clusters of the rows; on one thread, so that equal pools give equal ones."""
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    live = np.flatnonzero(geometry.live)
    if len(live) > _SAMPLE:
        live = np.sort(np.random.default_rng(seed).choice(live, _SAMPLE, replace=False))
    fitted_on = live if len(live) >= count else rows
    with threadpool_limits(1):
        means = KMeans(count, n_init=_STARTS, random_state=seed)
        means.fit(_coordinates(geometry.reduced, fitted_on))
        found = [
            means.predict(_coordinates(geometry.reduced, rows[start : start + _BLOCK]))
            for start in range(0, len(rows), _BLOCK)
        ]
    return np.concatenate(found)


def _coordinates(reduced: ReducedCopy, rows: IntArray) -> Float32Array:
    coordinates: Float32Array = reduced.first.codes[rows] * reduced.first.scale[rows, None]
    return coordinates
