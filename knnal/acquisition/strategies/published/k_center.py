"""The item farthest from all labels."""

from __future__ import annotations

from knnal.acquisition.strategies.base import PoolView, Scores, Strategy


class KCenter(Strategy):
    """``1 - max similarity`` to a label: farthest-first traversal, in cosine distance.

    While nothing is labeled all items are as far, and the first row is asked about.
    """

    summary = "1 - similarity to the nearest label: farthest first"
    source = "Sener and Savarese, 'Core-Set', arXiv 1708.00489, the greedy k-center"
    formula = "1 - the highest cosine similarity to a label"
    terms = {"d": "distance"}
    incremental = True
    cost = "the pruned neighbor update of every label, and one pass over the scores"
    covers = True

    def score(self, pool: PoolView) -> Scores:
        distance = pool.term("distance")
        return Scores(distance, {"d": distance})
