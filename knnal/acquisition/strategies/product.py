"""Products of score terms on their raw values."""

from __future__ import annotations

from knnal.acquisition.strategies.base import PoolView, Scores, Strategy
from knnal.acquisition.strategies.terms import term_of
from knnal.acquisition.terms import product


class RawProduct(Strategy):
    """``prod_k x_k``, with 1e-3 added to each uncertainty.

    ``terms`` says which score term each factor is, by the name it is shown under.
    """

    def score(self, pool: PoolView) -> Scores:
        values = {name: pool.term(term) for name, term in self.terms.items()}
        raised = [term_of(term).is_uncertainty for term in self.terms.values()]
        return Scores(product(list(values.values()), raised), values)


class Product(RawProduct):
    """``(u + 1e-3) i d``: margin-weighted marginal kernel coverage."""

    summary = "product of smallest margin, local density and uncovered share"
    source = "MaxHerding, arXiv 2407.12212, weighted by uncertainty"
    formula = "(u + 0.001) x i x d, on the raw values"
    terms = {"u": "smallest-margin", "i": "local", "d": "uncovered"}
    incremental = True
    cost = "the classifier's update, and one pass over the scores"
    covers = True
