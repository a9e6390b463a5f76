"""Diverse items among those whose prediction hangs on part of the features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from knnal.acquisition.strategies.base import PoolView, Scores, Strategy

INCONSISTENT = 0.5


class DropQuery(Strategy):
    """Items that most feature masks predict otherwise, by what they would newly cover.

    The candidates are the paper's, for the kNN vote: more than half of the masks disagree with the
    prediction from all features. Of them the paper takes those nearest to the centers of a
    k-means of as many clusters as items are asked about; here it is the greedy choice by kernel
    coverage, which is the same for one item after the other as for many at once. Where no
    candidate is left, coverage alone decides.
    """

    summary: ClassVar[str] = (
        "what a label would newly cover, first where most feature masks predict another class"
    )
    source: ClassVar[str] = (
        "Gupte et al., 'Revisiting Active Learning in the Era of Vision Foundation Models', "
        "arXiv 2401.14555, with kernel coverage in place of its k-means"
    )
    formula: ClassVar[str] = (
        "1 where v is above a half, else 0, plus g / (1 + g): v is the share of 16 random feature "
        "masks whose vote predicts another class than all features do, g the kernel mass that a "
        "label would newly cover"
    )
    terms: ClassVar[Mapping[str, str]] = {"v": "inconsistency", "g": "coverage-gain"}
    incremental: ClassVar[bool] = True
    cost: ClassVar[str] = (
        "a pruned pass for the 20 nearest labels, a comparison with the label and the votes under "
        "16 masks of every row where these changed, and one pass over the scores. It keeps up to "
        "1.6 kB an item"
    )
    covers: ClassVar[bool] = True

    def score(self, pool: PoolView) -> Scores:
        v, g = pool.term("inconsistency"), pool.term("coverage-gain")
        return Scores((v > INCONSISTENT) + g.astype("float64") / (1.0 + g), {"v": v, "g": g})
