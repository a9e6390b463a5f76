"""Uncertainty x density x diversity on the raw values."""

from __future__ import annotations

from typing import ClassVar

from knnal.scoring.combine import product
from knnal.strategies.base import PoolView, Scores, Strategy


class Product(Strategy):
    """``(u + 1e-3) i d``: margin-weighted marginal kernel coverage."""

    summary: ClassVar[str] = "product of smallest margin, local density and uncovered share"
    source: ClassVar[str] = "MaxHerding, arXiv 2407.12212, weighted by uncertainty"

    def score(self, pool: PoolView) -> Scores:
        u, i, d = map(pool.term, ("smallest-margin", "local", "uncovered"))
        return Scores(product(u, i, d), {"u": u, "i": i, "d": d})
