"""Diverse items among those whose prediction hangs on part of the features."""

from __future__ import annotations

import numpy as np

from knnal.acquisition.strategies.base import PoolView, Scores, Strategy
from knnal.acquisition.strategies.published.disagreement import MaskedVotes
from knnal.acquisition.strategies.terms import Term
from knnal.classifiers.knn import KNNVote
from knnal.classifiers.vote import VoteOptions
from knnal.index.pool_index import Labeling
from knnal.types import Float32Array, IntArray

INCONSISTENT = 0.5

_BLOCK = 8192


class Inconsistency(MaskedVotes):
    """The share of feature masks whose kNN vote predicts another class than that of all features.

    Source: DropQuery (arXiv 2401.14555), its dropout on the features of a frozen network.
    """

    def __init__(self, labeling: Labeling, options: VoteOptions) -> None:
        super().__init__(labeling, options)
        self._unmasked = KNNVote(labeling, options)
        self._share: Float32Array = np.zeros(len(labeling.geometry), dtype=np.float32)

    def share(self) -> Float32Array:
        """Of every row, ``(rows,)`` in [0, 1]; 0 while there are no classes."""
        rows = np.flatnonzero(self._stale)
        for start in range(0, len(rows), _BLOCK):
            block = rows[start : start + _BLOCK]
            self._share[block] = self._share_of(block)
        self._stale[:] = False
        return self._share

    def _share_of(self, rows: IntArray) -> Float32Array:
        if not self._labeling.class_count:
            return np.zeros(len(rows), dtype=np.float32)
        predicted = self._unmasked.probabilities(rows).argmax(axis=1)
        masked = self.probabilities(rows).argmax(axis=2)
        shares: Float32Array = (masked != predicted[:, None]).mean(axis=1, dtype=np.float32)
        return shares


class DropQuery(Strategy):
    """Items that most feature masks predict otherwise, by what they would newly cover.

    The candidates are the paper's, for the kNN vote: more than half of the masks disagree with the
    prediction from all features. Of them the paper takes those nearest to the centers of a
    k-means of as many clusters as items are asked about; here it is the greedy choice by kernel
    coverage, which is the same for one item after the other as for many at once. Where no
    candidate is left, coverage alone decides.
    """

    summary = "what a label would newly cover, first where most feature masks predict another class"
    source = (
        "Gupte et al., 'Revisiting Active Learning in the Era of Vision Foundation Models', "
        "arXiv 2401.14555, with kernel coverage in place of its k-means"
    )
    formula = (
        "1 where v is above a half, else 0, plus g / (1 + g): v is the share of 16 random feature "
        "masks whose vote predicts another class than all features do, g the kernel mass that a "
        "label would newly cover"
    )
    terms = {"v": "inconsistency", "g": "coverage-gain"}
    incremental = True
    cost = (
        "a pruned pass for the 20 nearest labels, a comparison with the label and the votes under "
        "16 masks of every row where these changed, and one pass over the scores. It keeps up to "
        "1.6 kB an item"
    )
    covers = True

    def score(self, pool: PoolView) -> Scores:
        v, g = pool.term("inconsistency"), pool.term("coverage-gain")
        return Scores((v > INCONSISTENT) + g.astype("float64") / (1.0 + g), {"v": v, "g": g})


INCONSISTENCY = Term(
    "share of random feature masks that predict another class than all features",
    lambda state: state.statistic(Inconsistency).share(),
    is_uncertainty=True,
)
