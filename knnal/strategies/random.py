"""Random sampling: the baseline that the others must beat."""

from __future__ import annotations

from typing import ClassVar

from knnal.strategies.base import PoolView, Scores, Strategy


class Random(Strategy):
    """Every unlabelled item is as likely as any other."""

    summary: ClassVar[str] = "uniform draw from the unlabelled pool"
    source: ClassVar[str] = "the baseline of every comparison"

    def score(self, pool: PoolView) -> Scores:
        return Scores(pool.rng.random(len(pool.rows)))
