"""The last item first."""

from __future__ import annotations

from knnal.acquisition.strategies.base import PoolView, Scores, Strategy


class Last(Strategy):
    """The highest row."""

    summary = "the last item first"
    source = "a test"

    def score(self, pool: PoolView) -> Scores:
        rows = pool.rows.astype(float)
        return Scores(rows, {"row": rows})
