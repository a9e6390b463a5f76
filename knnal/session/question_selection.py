"""Which rows of a pool to ask about: the one selector that a session, several people at once and
simulated labeling share.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from knnal.acquisition.state import PoolState
from knnal.acquisition.strategies.base import (
    Pick,
    PoolView,
    Strategy,
    canonical_name,
    create_strategy,
    require_views,
)
from knnal.acquisition.strategies.search_progress import RECENT, can_be_searched, seek_name
from knnal.acquisition.strategies.seek import Seek
from knnal.errors import InputError
from knnal.index.duplicates import OpenGroups
from knnal.pool.labels.ledger import ASKED, AUDIT
from knnal.types import BoolArray, IntArray, Score

_AUDIT, _QUESTION, _SEVERAL = 0, 1, 2
"""What a random generator is for; the seed and the number of decisions may be the same."""


_TENTH = 10


def question_rng(seed: int, step: int) -> np.random.Generator:
    """What a strategy draws from for the question after ``step`` decisions."""
    return np.random.default_rng((seed, step, _QUESTION))


class SelectablePool(Protocol):
    """A pool as the decisions so far have left it: all that a choice depends on."""

    @property
    def state(self) -> PoolState:
        """Predictions and score terms of every row."""

    @property
    def askable(self) -> BoolArray:
        """The rows that may be asked about, ``(rows,)``."""

    @property
    def groups(self) -> OpenGroups | None:
        """The groups of near-duplicates of which one row each is asked about, if any."""

    @property
    def classes(self) -> Sequence[str]:
        """The classes by number."""

    @property
    def step(self) -> int:
        """The number of decisions so far."""

    def recent_outcomes(self, name: str) -> tuple[bool, ...]:
        """Whether the latest ``RECENT`` items that a search for a class chose were of it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The number of decisions so far, and the recent outcomes of the search for a class."""

    step: int
    outcomes: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """A row to ask about. ``origin`` is "asked" or, for a uniform draw, "audit"; ``score`` is None
    for a row that has a label or is gone.
    """

    row: int
    score: Score | None
    origin: str = ASKED


class QuestionSelector:
    """Chooses the rows of a pool to ask about.

    Parameters
    ----------
    pool : SelectablePool
        The pool to choose from, as it is whenever a method is called.
    strategy : str
        A registered strategy or a composition such as ``cdf(margin, local)``.
    seed : int
        Random seed. Choices depend on it, on the pool and on the number of decisions alone.
    audit : float
        The share of choices that are drawn uniformly instead, at least 0 and below 1.
    seek : str, optional
        A class to search for instead of asking by the strategy, as soon as it has a label and
        there are enough labels of other classes.

    Raises
    ------
    UnknownNameError
        For a strategy that is not registered.
    InputError
        For a share or a seed out of range, and a strategy that needs views where there are none.
    """

    def __init__(
        self,
        pool: SelectablePool,
        strategy: str,
        *,
        seed: int,
        audit: float = 0.0,
        seek: str | None = None,
    ) -> None:
        if not 0.0 <= audit < 1.0:
            raise InputError(
                f"The audit share must be at least 0 and below 1, got {audit}. A tenth is usual."
            )
        if seed < 0:
            raise InputError(f"The seed must be at least 0, got {seed}.")
        self._pool = pool
        self._strategy_name = canonical_name(strategy)
        self._strategy = create_strategy(strategy)
        require_views(strategy, self._strategy, has_views=pool.state.geometry.has_views)
        self._seed = seed
        self._audit = audit
        self._seek = seek

    def moment(self) -> Moment:
        """The present moment of the pool."""
        outcomes = () if self._seek is None else self._pool.recent_outcomes(self._seek)
        return Moment(self._pool.step, outcomes)

    def moment_after(self, moment: Moment, score: Score | None, origin: str, label: str) -> Moment:
        """The moment when a choice of that score and origin has got its label."""
        outcomes, chosen_by = moment.outcomes, None if score is None else score.strategy
        if self._seek is not None and origin == ASKED and chosen_by == seek_name(self._seek):
            outcomes = (*outcomes, label == self._seek)[-RECENT:]
        return Moment(moment.step + 1, outcomes)

    def next(self, moment: Moment | None = None) -> Choice | None:
        """The row to ask about now, or at another moment; None when no row is left."""
        moment = moment or self.moment()
        audited = self._draw_audit(moment.step)
        if audited is not None:
            return self.explain(audited, AUDIT, moment)
        return next(iter(self._choose(1, moment)), None)

    def choose(self, count: int) -> list[Choice]:
        """Up to ``count`` rows to ask about at once, each choice covering its neighborhood before
        the next; the first is that of ``next`` without an audit.
        """
        return self._choose(count, self.moment())

    def choose_for_several(
        self, count: int, taken: Collection[int], *, quick: bool = False
    ) -> list[Choice]:
        """Up to ``count`` rows to ask several people about, none of them ``taken``.

        They are those that would be asked about together with the taken rows, whose labels are
        still to come; or, if ``quick``, every tenth of the rows of highest score, which takes one
        pass over the pool instead of one for each row. The audit's share is drawn uniformly.
        """
        wanted = count + len(taken)
        best = self.rank(_TENTH * wanted)[::_TENTH] if quick else self.choose(wanted)
        chosen = [choice for choice in best if choice.row not in taken][:count]
        rng = self._rng(self._pool.step, _SEVERAL)
        audited = np.flatnonzero(rng.random(len(chosen)) < self._audit)
        if len(audited) and self._has_labels():
            used = {*taken, *(choice.row for choice in chosen)}
            drawn = rng.permutation(np.flatnonzero(self._pool.askable))
            free = (row for row in drawn[: len(audited) + len(used)].tolist() if row not in used)
            for place, row in zip(audited, free, strict=False):
                chosen[place] = self.explain(row, AUDIT)
        return chosen

    def rank(self, count: int) -> list[Choice]:
        """The ``count`` rows of highest score, best first, ties by lower row."""
        return self._several(lambda strategy, view, n: strategy.rank(view, n), count, self.moment())

    def explain(self, row: int, origin: str = ASKED, moment: Moment | None = None) -> Choice:
        """The choice that a row would be; without a score if it has a label or is gone."""
        if not self._pool.state.unlabeled[row]:
            return Choice(row, None, origin)
        moment = moment or self.moment()
        name, strategy = self._chooser(moment)
        return _choice(name, strategy.explain(self._view(moment), row), origin)

    def _choose(self, count: int, moment: Moment) -> list[Choice]:
        if count == 1:
            name, strategy = self._chooser(moment)
            pick = strategy.pick(self._view(moment))
            return [] if pick is None else [_choice(name, pick)]
        return self._several(lambda strategy, view, n: strategy.choose(view, n), count, moment)

    def _several(
        self,
        best: Callable[[Strategy, PoolView, int], list[Pick]],
        count: int,
        moment: Moment,
    ) -> list[Choice]:
        """The ``count`` best picks that no pick of their group comes before."""
        if count < 1:
            raise InputError(f"The number of items must be at least 1, got {count}.")
        name, strategy = self._chooser(moment)
        groups, wanted = self._pool.groups, count
        while True:
            picks = best(strategy, self._view(moment), wanted)
            kept = range(len(picks)) if groups is None else groups.first_of_each(_rows(picks))
            if len(kept) >= count or len(picks) < wanted:
                return [_choice(name, picks[at]) for at in kept[:count]]
            wanted *= 2

    def _chooser(self, moment: Moment) -> tuple[str, Strategy]:
        """What chooses at a moment, and the name that its choices are logged with."""
        seek, classes = self._seek, self._pool.classes
        if seek is not None and seek in classes:
            target, sizes = classes.index(seek), self._pool.state.labeling.class_sizes()
            if can_be_searched(int(sizes[target]), int(sizes.sum())):
                return seek_name(seek), Seek(target, moment.outcomes)
        return self._strategy_name, self._strategy

    def _view(self, moment: Moment) -> PoolView:
        rng = self._rng(moment.step, _QUESTION)
        return PoolView(self._pool.state, self._pool.askable, rng)

    def _draw_audit(self, step: int) -> int | None:
        """The row to audit now, or None. There is nothing to audit before the first label."""
        if not self._audit or not self._has_labels():
            return None
        rng = self._rng(step, _AUDIT)
        if rng.random() >= self._audit:
            return None
        candidates = np.flatnonzero(self._pool.askable)
        return int(rng.choice(candidates)) if len(candidates) else None

    def _has_labels(self) -> bool:
        return bool(self._pool.state.labeling.neighbors.labeled)

    def _rng(self, step: int, purpose: int) -> np.random.Generator:
        return np.random.default_rng((self._seed, step, purpose))


def _choice(strategy: str, pick: Pick, origin: str = ASKED) -> Choice:
    return Choice(pick.row, Score(strategy, pick.value, pick.factors), origin)


def _rows(picks: Sequence[Pick]) -> IntArray:
    return np.array([pick.row for pick in picks], dtype=np.int64)
