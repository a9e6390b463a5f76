"""The most uncertain, one of each kind."""

from __future__ import annotations

import numpy as np

from knnal.acquisition.strategies.base import Pick, PoolView, Scores, Strategy
from knnal.acquisition.strategies.batches import highest
from knnal.acquisition.strategies.published.clusters import cluster
from knnal.types import BoolArray, FloatArray, IntArray, RowArray

BETA = 10
"""How many uncertain items there are to choose each one from."""


class Tcal(Strategy):
    """Of the most uncertain by smallest margin, the densest of each cluster.

    Of K items at once: k-means makes K clusters of the ``10 K`` most uncertain, and the item of
    the highest local density stands for each; clusters that stay empty leave their place to the
    densest of the rest. One at a time: the densest of the ten most uncertain. What is as uncertain
    as the last of them counts among them, so that the first item of all is the densest one.
    """

    summary = "the densest of each k-means cluster of the most uncertain by margin"
    source = "the TCAL that Wang et al. compare CEAL with, arXiv 1701.03551"
    formula = (
        "1 + i / max i for the ten most uncertain by u and those as uncertain as the last, else u"
    )
    incremental = True
    cost = (
        "that of the margin, and a pass over the scores; a batch of K adds a k-means of 10 K items"
    )

    def score(self, pool: PoolView) -> Scores:
        return _scores(pool, _most_uncertain(pool, BETA))

    def choose(self, pool: PoolView, count: int) -> list[Pick]:
        """The densest of each of ``count`` clusters, by falling density."""
        rows, among = pool.rows, _most_uncertain(pool, BETA * count)
        clusters = cluster(pool.state.geometry.reduced, rows[among], count)[rows]
        scores = _scores(pool, among)
        # Those that stand for a cluster come first, then the other uncertain ones, then the rest.
        scores.values[densest_of_each(clusters, scores.factors["i"], among)] += 1.0
        places = highest(scores.values, pool.allowed[rows], count).tolist()
        return [Pick(int(rows[p]), float(scores.values[p]), scores.at(p)) for p in places]


def _scores(pool: PoolView, among: BoolArray) -> Scores:
    u, i = (pool.term(name).astype(np.float64) for name in ("smallest-margin", "local"))
    return Scores(np.where(among, 1.0 + i / np.max(i, initial=1.0), u), {"u": u, "i": i})


def _most_uncertain(pool: PoolView, count: int) -> BoolArray:
    """The allowed places of the ``count`` highest margins, and of what ties with the last."""
    u, allowed = pool.term("smallest-margin"), pool.allowed[pool.rows]
    best = highest(u, allowed, count)
    among: BoolArray = allowed & (u >= u[best[-1]]) if len(best) else allowed
    return among


def densest_of_each(clusters: RowArray, density: FloatArray, among: BoolArray) -> IntArray:
    """The place of the highest density in each cluster, ties by lower place; all ``(m,)``."""
    places = np.flatnonzero(among)
    order = places[np.lexsort((places, -density[places], clusters[places]))]
    _, first = np.unique(clusters[order], return_index=True)
    densest: IntArray = order[first]
    return densest
