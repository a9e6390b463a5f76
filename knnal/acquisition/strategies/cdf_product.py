"""The products of CDFs: score terms as their ranks in the unlabeled pool. One is the default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from knnal.acquisition.selection import CdfProductSelector, Selection, place_in_cdfs
from knnal.acquisition.strategies.base import Pick, PoolView, Scores, Strategy
from knnal.acquisition.terms import empirical_cdf, power_product
from knnal.types import Float32Array


class CdfFactors(Strategy):
    """``prod_k F_k(x_k) ** p_k``, each ``F`` the empirical CDF over the unlabeled pool.

    ``terms`` says which score term each factor is, by the name it is shown under.
    """

    extra_terms: ClassVar[Mapping[str, str]] = {}
    """Terms that go into no CDF of their own, and are shown with the factors."""

    def __init__(self) -> None:
        self._selector = CdfProductSelector()

    def powers(self, pool: PoolView) -> Mapping[str, float]:
        """The power of each factor, at least 0. By default all count alike."""
        del pool
        return dict.fromkeys(self.terms, 1.0)

    def score(self, pool: PoolView) -> Scores:
        powers = self.powers(pool)
        values = {name: pool.term(term) for name, term in self.terms.items()}
        places = {name: empirical_cdf(own) for name, own in values.items()}
        more = {name: pool.term(term) for name, term in self.extra_terms.items()}
        return Scores(
            power_product(list(places.values()), list(powers.values())),
            values
            | more
            | {f"F_{name}": place for name, place in places.items()}
            | {
                f"power_{name}": np.full(len(pool.rows), power)
                for name, power in powers.items()
                if power != 1.0
            },
        )

    def pick(self, pool: PoolView) -> Pick | None:
        terms, powers = self._whole_terms(pool), self.powers(pool)
        unlabeled = pool.state.unlabeled
        found = self._selector.select(terms, list(powers.values()), unlabeled, pool.allowed)
        return None if found is None else self._pick(pool, powers, found)

    def explain(self, pool: PoolView, row: int) -> Pick:
        terms, powers = self._whole_terms(pool), self.powers(pool)
        unlabeled = pool.state.unlabeled
        found = place_in_cdfs(terms, list(powers.values()), unlabeled, row)
        return self._pick(pool, powers, found)

    def _whole_terms(self, pool: PoolView) -> tuple[Float32Array, ...]:
        return tuple(map(pool.whole_term, self.terms.values()))

    def _pick(self, pool: PoolView, powers: Mapping[str, float], found: Selection) -> Pick:
        named = {**self.terms, **self.extra_terms}
        factors = {name: float(pool.whole_term(term)[found.row]) for name, term in named.items()}
        factors |= {f"F_{k}": place for k, place in zip(self.terms, found.places, strict=True)}
        factors |= {f"power_{k}": power for k, power in powers.items() if power != 1.0}
        return Pick(found.row, found.score, factors)


class CdfProduct(CdfFactors):
    """``F(u) ** q * F(i d)``: smallest margin, local density times uncovered share.

    ``q`` is the share of labels that the classifier predicts when each is left out: early margins
    are unreliable, so density and diversity lead until the classifier is mostly right. Density
    and diversity rank as one, since their product is one quantity, the kernel mass that a label
    would newly cover, of the item's graph neighbors. Without labels the densest item comes first.
    """

    summary = "product of the CDFs of smallest margin and of local density x uncovered share"
    source = (
        "product of CDFs: Lyubimov, 'Learn faster with smarter data labeling'; density and "
        "diversity: MaxHerding, arXiv 2407.12212"
    )
    formula = (
        "F(u)^q x F(i x d): F is the share of the unlabeled pool that is at most as high, q the "
        "share of labels that the classifier predicts when each is left out"
    )
    terms = {"u": "smallest-margin", "id": "coverage-gain"}
    incremental = True
    cost = (
        "the classifier's update, the neighbors of every row that the label covers, and a count "
        "over the pool for each factor"
    )
    covers = True
    extra_terms = {"i": "local", "d": "uncovered"}

    def powers(self, pool: PoolView) -> Mapping[str, float]:
        return {"u": pool.state.reliability(), "id": 1.0}
