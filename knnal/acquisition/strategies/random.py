"""Random sampling: the baseline that the others must beat."""

from __future__ import annotations

from knnal.acquisition.strategies.base import Pick, PoolView, Scores, Strategy


class Random(Strategy):
    """Every unlabeled item is as likely as any other."""

    summary = "uniform draw from the unlabeled pool"
    source = "the baseline of every comparison"
    formula = "a number drawn for each item, by the seed and the number of decisions"
    incremental = False
    cost = "one draw for each item"

    def score(self, pool: PoolView) -> Scores:
        return Scores(pool.rng.random(len(pool.rows)))

    def choose(self, pool: PoolView, count: int) -> list[Pick]:
        """A draw without replacement: it needs no other spread."""
        return self.rank(pool, count)
