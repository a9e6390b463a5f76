"""The most typical item of the largest cluster without a label."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from knnal.acquisition.strategies.base import PoolView, Scores, Strategy
from knnal.acquisition.strategies.published.clusters import cluster, typicality
from knnal.index.search import NO_NEIGHBOR
from knnal.types import Float64Array, Int32Array, IntArray

MOST_CLUSTERS = 512
SMALL = 5


class TypiClust(Strategy):
    """TPC_RP over rounds that double, asked one at a time.

    The paper clusters the pool into as many clusters as labels and the next round's budget, and
    asks about the most typical item of each of the largest clusters without a label. Here a round
    ends where the labels reach a power of two, so that the clusters stay the same within it and
    are a function of the number of labels. Clusters of at most five items come last. The paper
    has at most 500 clusters, which is 512 here; of clusters that all have labels, those with the
    fewest come first.
    """

    summary: ClassVar[str] = "the most typical item of the largest cluster without a label"
    source: ClassVar[str] = "Hacohen, Dekel and Weinshall, 'TypiClust', arXiv 2202.02794"
    formula: ClassVar[str] = (
        "how many clusters come after the item's, by fewest labels and then by size, plus "
        "t / (1 + t): t is one over the mean distance to the item's 20 nearest neighbors. There "
        "are as many clusters as the power of two above the number of labels, at most 512"
    )
    incremental: ClassVar[bool] = False
    cost: ClassVar[str] = (
        "one pass over the scores; a k-means over the pool whenever the labels pass a power of "
        "two up to 512, kept from then on"
    )
    covers: ClassVar[bool] = True

    def __init__(self) -> None:
        self._clusters: dict[int, Int32Array] = {}
        self._typicality: Float64Array | None = None

    def score(self, pool: PoolView) -> Scores:
        live = pool.state.geometry.live
        taken = np.array([row for row in pool.taken if live[row]], dtype=np.int64)
        count = clusters_for(len(taken))
        clusters = self._clusters_of(pool, count)
        labels = np.bincount(clusters[taken], minlength=count)
        sizes = np.bincount(clusters[clusters != NO_NEIGHBOR], minlength=count)
        behind = count - 1 - _places(labels, sizes)
        own = clusters[pool.rows]
        t = self._typicality_of(pool)[pool.rows]
        factors = {"cluster_labels": labels[own], "cluster_size": sizes[own], "typicality": t}
        return Scores(
            behind[own] + t / (1.0 + t),
            {name: values.astype(np.float64) for name, values in factors.items()},
        )

    def _clusters_of(self, pool: PoolView, count: int) -> Int32Array:
        if count not in self._clusters:
            geometry = pool.state.geometry
            rows = np.flatnonzero(geometry.live)
            self._clusters[count] = cluster(geometry.reduced, rows, count)
        return self._clusters[count]

    def _typicality_of(self, pool: PoolView) -> Float64Array:
        if self._typicality is None:
            self._typicality = typicality(pool.state.geometry.graph)
        return self._typicality


def clusters_for(labels: int) -> int:
    """The power of two above the number of labels, at most 512."""
    return min(1 << labels.bit_length(), MOST_CLUSTERS)


def _places(labels: IntArray, sizes: IntArray) -> IntArray:
    """The place of each cluster, from 0: those of over five items first, those with the fewest
    labels, the largest, the lowest number.
    """
    order = np.lexsort((-sizes, labels, sizes <= SMALL))
    places = np.empty(len(order), dtype=np.int64)
    places[order] = np.arange(len(order))
    return places
