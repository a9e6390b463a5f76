"""The default: uncertainty x density x diversity, each as its rank in the unlabelled pool."""

from __future__ import annotations

from typing import ClassVar

from knnal.scoring.combine import empirical_cdf
from knnal.scoring.selection import CdfProductSelector, Selection, place_in_cdfs
from knnal.strategies.base import Pick, PoolView, Scores, Strategy
from knnal.types import Float32Array


class CdfProduct(Strategy):
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

    def __init__(self) -> None:
        self._selector = CdfProductSelector()

    def score(self, pool: PoolView) -> Scores:
        u, i, d = map(pool.term, self._terms)
        F_u, F_i, F_d = map(empirical_cdf, (u, i, d))
        return Scores(F_u * F_i * F_d, {"u": u, "i": i, "d": d, "F_u": F_u, "F_i": F_i, "F_d": F_d})

    def pick(self, pool: PoolView) -> Pick | None:
        terms = tuple(map(pool.whole_term, self._terms))
        found = self._selector.select(terms, pool.state.unlabelled, pool.allowed)
        return None if found is None else self._pick(terms, found)

    def explain(self, pool: PoolView, row: int) -> Pick:
        terms = tuple(map(pool.whole_term, self._terms))
        return self._pick(terms, place_in_cdfs(terms, pool.state.unlabelled, row))

    def _pick(self, terms: tuple[Float32Array, ...], found: Selection) -> Pick:
        values = (float(term[found.row]) for term in terms)
        names = ("u", "i", "d", "F_u", "F_i", "F_d")
        factors = dict(zip(names, (*values, *found.places), strict=True))
        return Pick(found.row, found.score, factors)

    @property
    def _terms(self) -> tuple[str, str, str]:
        return self.uncertainty, self.density, self.diversity
