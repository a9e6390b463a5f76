"""The article's own terms, and their product of CDFs."""

from __future__ import annotations

import numpy as np

from knnal.acquisition.state import PoolState
from knnal.acquisition.strategies.cdf_product import CdfFactors
from knnal.acquisition.strategies.terms import Term
from knnal.acquisition.terms import distance_as_printed, global_density
from knnal.classifiers.vote import VoteOptions
from knnal.index.pool_index import Labeling, PoolIndex
from knnal.index.similarity import similarities
from knnal.types import Float32Array

_BLOCK = 65536


class Article(CdfFactors):
    """Smallest margin, mean similarity to the pool, and distance to the nearest labeled item.

    The diversity is the one that the article's prose describes.
    """

    summary = (
        "product of the CDFs of smallest margin, mean similarity to the pool, distance to labels"
    )
    source = "Lyubimov, 'Learn faster with smarter data labeling', corrected"
    formula = (
        "F(u) x F(i) x F(d): each F is the share of the unlabeled pool that is at most as high"
    )
    incremental = True
    cost = "the classifier's update, and a count over the pool for each factor"
    covers = True
    terms = {"u": "smallest-margin", "i": "global", "d": "distance"}


class ArticleAsPrinted(Article):
    """The same with the diversity as the formula in the article has it, ``1 - max distance``.

    It rewards staying close to what is labeled; kept to reproduce the printed method.
    """

    summary = "as 'article', with its diversity as printed: 1 - max distance"
    source = "Lyubimov, 'Learn faster with smarter data labeling', as printed"
    cost = "as 'article', and a pass X @ q over the pool's vectors"
    terms = {**Article.terms, "d": "distance-as-printed"}


def density_of(geometry: PoolIndex) -> Float32Array:
    """Mean similarity of each row to the live pool, ``(rows,)``."""
    mean = np.zeros(geometry.X.shape[1])
    live = np.flatnonzero(geometry.live)
    for start in range(0, len(live), _BLOCK):
        mean += geometry.X[live[start : start + _BLOCK]].sum(axis=0, dtype=np.float64)
    return global_density(geometry.X, (mean / max(len(live), 1)).astype(np.float32))


class Farthest:
    """The similarity of the farthest labeled row to each row, ``(rows,)``; +inf for none."""

    def __init__(self, labeling: Labeling, options: VoteOptions) -> None:
        del options
        self._labeling = labeling
        self._values: Float32Array = np.full(len(labeling.classes), np.inf, dtype=np.float32)
        self._of: set[int] = set()

    def update(self, row: int, before: int) -> None:
        """Nothing: a minimum is found when it is asked for, with a pass per new label."""

    def values(self) -> Float32Array:
        labeled = self._labeling.neighbors.labeled
        if not self._of <= labeled:  # a minimum cannot be taken back
            self._of = set()
            self._values.fill(np.inf)
        for row in labeled - self._of:
            _lower(self._values, self._labeling.geometry, row)
        self._of = set(labeled)
        return self._values


class _FarthestWithChosen:
    """The same with rows added."""

    def __init__(self, state: PoolState) -> None:
        self._geometry = state.geometry
        self.values = state.statistic(Farthest).values().copy()

    def add(self, row: int) -> None:
        _lower(self.values, self._geometry, row)


def _lower(values: Float32Array, geometry: PoolIndex, row: int) -> None:
    np.minimum(values, similarities(geometry.X, geometry.X[row]), out=values)


GLOBAL = Term("mean similarity to the whole pool", lambda state: state.geometry.derived(density_of))
DISTANCE_AS_PRINTED = Term(
    "1 - distance to the farthest label",
    lambda state: distance_as_printed(state.statistic(Farthest).values()),
    lambda overlay: distance_as_printed(overlay.part(_FarthestWithChosen).values),
)
