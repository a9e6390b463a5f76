"""The default: uncertainty x density x diversity, as ranks in the unlabeled pool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from knnal.acquisition.strategies.base import PoolView
from knnal.acquisition.strategies.cdf_factors import CdfFactors


class CdfProduct(CdfFactors):
    """``F(u) ** q * F(i d)``: smallest margin, local density times uncovered share.

    ``q`` is the share of labels that the classifier predicts when each is left out: what an unsure
    classifier is unsure of says little, so that density and diversity lead until it is mostly
    right. They rank as one, since their product is one quantity, the kernel mass that a label
    would newly cover: of the item's graph neighbors, which any label covers, however far off it
    lies. While nothing is labeled the first item is the densest one.
    """

    summary: ClassVar[str] = (
        "product of the CDFs of smallest margin and of local density x uncovered share"
    )
    source: ClassVar[str] = (
        "product of CDFs: Lyubimov, 'Learn faster with smarter data labeling'; density and "
        "diversity: MaxHerding, arXiv 2407.12212"
    )
    formula: ClassVar[str] = (
        "F(u)^q x F(i x d): F is the share of the unlabeled pool that is at most as high, q the "
        "share of labels that the classifier predicts when each is left out"
    )
    terms: ClassVar[Mapping[str, str]] = {"u": "smallest-margin", "id": "coverage-gain"}
    incremental: ClassVar[bool] = True
    cost: ClassVar[str] = (
        "the classifier's update, the neighbors of every row that the label covers, and a count "
        "over the pool for each factor"
    )
    covers: ClassVar[bool] = True
    shown: ClassVar[Mapping[str, str]] = {"i": "local", "d": "uncovered"}

    def powers(self, pool: PoolView) -> Mapping[str, float]:
        return {"u": pool.state.reliability(), "id": 1.0}
