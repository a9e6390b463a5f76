"""Products of score terms on their raw values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from knnal.acquisition.strategies.base import UNCERTAINTIES, PoolView, Scores, Strategy
from knnal.acquisition.terms import product


class RawProduct(Strategy):
    """``prod_k x_k``, with 1e-3 added to each uncertainty.

    ``terms`` says which score term each factor is, by the name it is shown under.
    """

    terms: ClassVar[Mapping[str, str]]

    def score(self, pool: PoolView) -> Scores:
        values = {name: pool.term(term) for name, term in self.terms.items()}
        raised = [term in UNCERTAINTIES for term in self.terms.values()]
        return Scores(product(list(values.values()), raised), values)


class Product(RawProduct):
    """``(u + 1e-3) i d``: margin-weighted marginal kernel coverage."""

    summary: ClassVar[str] = "product of smallest margin, local density and uncovered share"
    source: ClassVar[str] = "MaxHerding, arXiv 2407.12212, weighted by uncertainty"
    formula: ClassVar[str] = "(u + 0.001) x i x d, on the raw values"
    terms: ClassVar[Mapping[str, str]] = {"u": "smallest-margin", "i": "local", "d": "uncovered"}
    incremental: ClassVar[bool] = True
    cost: ClassVar[str] = "the classifier's update, and one pass over the scores"
    covers: ClassVar[bool] = True
