"""The item whose label would newly cover the most kernel mass."""

from __future__ import annotations

from knnal.acquisition.strategies.base import PoolView, Scores, Strategy


class MaxHerding(Strategy):
    """``sum_j max(K(x, x_j) - c_j, 0)``, the greedy step that maximizes the pool's coverage."""

    summary = "the kernel mass of the pool that a label would newly cover"
    source = "Bae, Noh and Sutherland, 'Generalized Coverage', arXiv 2407.12212"
    formula = (
        "sum over the item's neighbors, itself among them, of max(K - c, 0): K is the kernel "
        "between the two, c the highest kernel value between the neighbor and any label"
    )
    terms = {"id": "coverage-gain"}
    incremental = True
    cost = (
        "the neighbors of every row that the label covers, those within reach that it is nearest "
        "to, and one pass over the scores"
    )
    covers = True

    def score(self, pool: PoolView) -> Scores:
        gain = pool.term("coverage-gain")
        return Scores(gain, {"id": gain})
