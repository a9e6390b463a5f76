"""The default: uncertainty x density x diversity, each as its rank in the unlabelled pool."""

from __future__ import annotations

from typing import ClassVar

from knnal.scoring.combine import empirical_cdf
from knnal.strategies.base import PoolView, Scores


class CdfProduct:
    """``F_u(u) F_i(i) F_d(d)`` with the smallest margin, the local density and the uncovered share.

    ``F`` is the empirical CDF over the unlabelled pool. While nothing is labelled, every ``u``
    and ``d`` is the same, so that the first item is the densest one.
    """

    summary: ClassVar[str] = (
        "product of the CDFs of smallest margin, local density, uncovered share"
    )
    source: ClassVar[str] = (
        "product of CDFs: Lyubimov, 'Learn faster with smarter data labeling'; density and "
        "diversity: MaxHerding, arXiv 2407.12212"
    )
    uncertainty: ClassVar[str] = "smallest-margin"
    density: ClassVar[str] = "local"
    diversity: ClassVar[str] = "uncovered"

    def score(self, pool: PoolView) -> Scores:
        u, i, d = map(pool.term, (self.uncertainty, self.density, self.diversity))
        F_u, F_i, F_d = map(empirical_cdf, (u, i, d))
        return Scores(F_u * F_i * F_d, {"u": u, "i": i, "d": d, "F_u": F_u, "F_i": F_i, "F_d": F_d})
