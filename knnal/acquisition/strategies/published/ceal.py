"""Cost-effective active learning: ask where unsure, and suppose where sure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np

from knnal.acquisition.state import PoolState
from knnal.acquisition.strategies.base import Pick, PoolView, Scores, Strategy
from knnal.acquisition.strategies.batches import highest
from knnal.acquisition.strategies.published.pseudo_labels import (
    PseudoLabels,
    PseudoRule,
    pseudo_labels,
    uncertainty_with,
)
from knnal.acquisition.terms import empirical_cdf
from knnal.types import BoolArray, Float32Array, Float64Array, FloatArray

SOURCE = (
    "CEAL: Wang et al., 'Cost-Effective Active Learning for Deep Image Classification', arXiv "
    "1701.03551"
)
_VOTES = (
    "(v p + w sum_j b_j e_j) / (v + w sum_j b_j): p is the prediction, v the votes of the nearest "
    "labels, b_j what a label as close as the pseudo-labeled neighbor j would vote, and w = 0.5"
)
COST = (
    "recomputed: the probabilities of the items that have a pseudo-labeled neighbor, and their "
    "votes over the graph; at most one pass over the pool's probabilities"
)


class Ceal(Strategy):
    """Uncertainty once the items that the classifier is sure of vote too (``PseudoRule``).

    Pseudo-labels are recomputed for every question, from the labels in force alone, and dropped
    with it: they are neither written nor shown as labels, and what ``predict`` says does not
    depend on them. Several at once are those of one round: one set of pseudo-labels serves them.
    """

    source = SOURCE
    measures: ClassVar[Sequence[str]]
    incremental = False
    cost = COST

    def __init__(self, rule: PseudoRule | None = None) -> None:
        self.rule = rule or PseudoRule()

    def pseudo_labels(self, state: PoolState) -> PseudoLabels:
        """The pseudo-labels that the next question is chosen with."""
        return pseudo_labels(state, self.rule)

    def uncertainties(self, pool: PoolView) -> list[Float32Array]:
        """Each of the measures, of the unlabeled rows, ``(m,)``."""
        pseudo = self.pseudo_labels(pool.state)
        found = uncertainty_with(pool.state, pseudo, self.rule.weight, self.measures)
        return [values[pool.rows] for values in found]

    def score(self, pool: PoolView) -> Scores:
        (u,) = self.uncertainties(pool)
        return Scores(u, {"u": u})

    def score_batch(self, pool: PoolView, count: int) -> Scores:
        """The scores by which ``count`` items are chosen at once."""
        del count
        return self.score(pool)

    def choose(self, pool: PoolView, count: int) -> list[Pick]:
        """The ``count`` of highest score, as the method has it: nothing keeps copies apart."""
        scores = self.score_batch(pool, count)
        places = highest(scores.values, pool.allowed[pool.rows], count).tolist()
        return [Pick(int(pool.rows[p]), float(scores.values[p]), scores.at(p)) for p in places]


class CealLeastConfidence(Ceal):
    """By least confidence."""

    summary = "1 - p1, with pseudo-labels voting where the classifier is sure"
    formula = "1 - p1 of " + _VOTES
    measures = ("least-confidence",)


class CealMargin(Ceal):
    """By smallest margin."""

    summary = "1 - (p1 - p2), with pseudo-labels voting where the classifier is sure"
    formula = "1 - (p1 - p2) of " + _VOTES
    measures = ("smallest-margin",)


class CealEntropy(Ceal):
    """By entropy."""

    summary = "-sum p log p, with pseudo-labels voting where the classifier is sure"
    formula = "-sum p log p of " + _VOTES
    measures = ("entropy",)


class _Drawn(NamedTuple):
    """Uniform ``values`` of the unlabeled rows ``(m,)``, the three measures ``found`` of them, and
    which are ``united`` by these.
    """

    values: Float64Array
    found: list[Float32Array]
    united: BoolArray

    @property
    def factors(self) -> dict[str, FloatArray]:
        measures = dict(zip(("lc", "ms", "en"), self.found, strict=True))
        return {**measures, "union": self.united.astype(np.float64)}


class CealFusion(Ceal):
    """At random from what any of three measures holds for the most uncertain.

    Of K items at once: the K/2 most uncertain by least confidence, by margin and by entropy, and
    of their union K at random. Where the three agree the union is smaller than K, and as many more
    of each are taken as it needs. One at a time: the union is that of a round (``PseudoRule.batch``
    items), an item of it is drawn, and the others come after them by the mean rank of the three.
    """

    summary = "at random from the union of the most uncertain by three measures, with pseudo-labels"
    formula = (
        "a uniform draw within the union of the five highest by least confidence, by margin and by "
        "entropy, then the mean rank of the three, less 1; each of " + _VOTES
    )
    measures = ("least-confidence", "smallest-margin", "entropy")

    def score(self, pool: PoolView) -> Scores:
        return self.score_batch(pool, self.rule.batch)

    def score_batch(self, pool: PoolView, count: int) -> Scores:
        drawn = self._drawn(pool, count)
        ranks = np.mean([empirical_cdf(values) for values in drawn.found], axis=0)
        return Scores(np.where(drawn.united, drawn.values, ranks - 1.0), drawn.factors)

    def pick(self, pool: PoolView) -> Pick | None:
        """As the protocol has it, without ranking those that are not in the union."""
        drawn = self._drawn(pool, self.rule.batch)
        places = np.flatnonzero(drawn.united)
        if not len(places):
            return None
        place = int(places[np.argmax(drawn.values[places])])
        value = float(drawn.values[place])
        return Pick(int(pool.rows[place]), value, Scores(drawn.values, drawn.factors).at(place))

    def _drawn(self, pool: PoolView, count: int) -> _Drawn:
        found = self.uncertainties(pool)
        values = pool.rng.random(len(pool.rows))
        return _Drawn(values, found, union_of_highest(found, pool.allowed[pool.rows], count))


def union_of_highest(values: Sequence[Float32Array], allowed: BoolArray, count: int) -> BoolArray:
    """The allowed places among the ``count / 2`` highest of any of the values, all ``(m,)``.

    More of each if the union would have less than ``count`` places, and no more than it takes.
    """
    places = min(int(np.count_nonzero(allowed)), count)  # the highest of one are enough of them
    best = np.full(len(allowed), places)  # each place's best rank by any of the values
    for own in values:
        ordered = highest(own, allowed, places)
        best[ordered] = np.minimum(best[ordered], np.arange(places))
    needed = np.sort(best[best < places])[:places].max(initial=-1) + 1
    united: BoolArray = best < max(min(-(-count // 2), places), needed)
    return united
