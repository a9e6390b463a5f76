"""Which item to ask about, and everything that a front end shows of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from knnal.acquisition.strategies.base import (
    Pick,
    PoolView,
    Strategy,
    canonical_name,
    create_strategy,
    require_views,
)
from knnal.acquisition.strategies.grouped import one_of_each_group
from knnal.acquisition.strategies.search_progress import (
    RECENT,
    can_be_sought,
    recent_outcomes,
    seek_name,
)
from knnal.acquisition.strategies.seek import Seek
from knnal.classifiers.vote import VoteOptions
from knnal.errors import InputError
from knnal.pool.labels.ledger import ASKED, AUDIT
from knnal.session.predictions import predict_items
from knnal.session.projection import PoolProjection
from knnal.types import Prediction, Score

_AUDIT, _QUESTION = 0, 1


def question_rng(seed: int, step: int) -> np.random.Generator:
    """What a strategy draws from for the question after ``step`` decisions."""
    return _rng(seed, step, _QUESTION)


def _rng(seed: int, step: int, purpose: int) -> np.random.Generator:
    return np.random.default_rng((seed, step, purpose))


@dataclass(frozen=True, slots=True)
class Question:
    """An item to ask about. ``origin`` is "asked" or, of a uniform draw for the audit, "audit";
    ``score`` is None for items that the strategy does not score, such as labeled ones;
    ``remaining`` items can be asked about, this one mostly among them; of near-duplicates that are
    asked about once, one. ``near_duplicates`` are the others that it stands for then, else None.
    """

    item: str
    path: Path | None
    text: str | None
    prediction: Prediction
    score: Score | None
    origin: str
    remaining: int
    near_duplicates: int | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """What a question depends on besides the state of the pool: the number of decisions in the
    log, and whether the latest items that were sought as of a class were of it.
    """

    step: int
    outcomes: tuple[bool, ...] = ()


class QuestionSelector:
    """Chooses questions by a strategy and, for a share ``audit`` of them, by a uniform draw.

    ``seek`` is a class to look for instead. While there is no example of it, or too few of others
    to tell it from, the strategy chooses as without it.

    Nothing is random but by ``seed`` and the number of decisions in the log.
    """

    def __init__(
        self,
        replay: PoolProjection,
        strategy: str,
        vote: VoteOptions,
        audit: float,
        seed: int,
        seek: str | None = None,
    ) -> None:
        if not 0.0 <= audit < 1.0:
            raise InputError(f"Expected an audit share of at least 0 and below 1, came {audit}.")
        if seed < 0:
            raise InputError(f"Expected a seed of at least 0, came {seed}.")
        self._replay = replay
        self._strategy_name = canonical_name(strategy)
        self._strategy = create_strategy(strategy)
        require_views(strategy, self._strategy, has_views=replay.state.geometry.has_views)
        self._seek = seek
        self._vote = vote
        self._audit = audit
        self._seed = seed

    def moment(self) -> Moment:
        """That of now, by the log."""
        ledger = self._replay.ledger
        outcomes = () if self._seek is None else recent_outcomes(ledger, self._seek)
        return Moment(ledger.step, outcomes)

    def moment_after(self, moment: Moment, question: Question, label: str) -> Moment:
        """That when a question has got its answer."""
        outcomes, chosen_by = moment.outcomes, question.score and question.score.strategy
        sought = self._seek is not None and chosen_by == seek_name(self._seek)
        if sought and question.origin == ASKED:
            outcomes = (*outcomes, label == self._seek)[-RECENT:]
        return Moment(moment.step + 1, outcomes)

    def next(self, moment: Moment | None = None) -> Question | None:
        """The question to ask now, or at another moment; None when nothing is left to ask about."""
        moment = moment or self.moment()
        audited = self._draw_audit(moment.step)
        if audited is not None:
            return self.explain(audited, AUDIT, moment)
        name, strategy = self._chooser(moment)
        pick = strategy.pick(self._view(moment))
        if pick is None:
            return None
        return self._question(pick.row, _score(name, pick), ASKED)

    def rank(self, count: int) -> list[Question]:
        """The ``count`` candidates of highest score, best first, ties by lower row."""
        return self._several(lambda strategy, view, n: strategy.rank(view, n), count)

    def choose(self, count: int) -> list[Question]:
        """Up to ``count`` questions to ask at once, each choice covering its neighborhood before
        the next; the first one is that of ``next`` without an audit.
        """
        return self._several(lambda strategy, view, n: strategy.choose(view, n), count)

    def _several(
        self, best: Callable[[Strategy, PoolView, int], list[Pick]], count: int
    ) -> list[Question]:
        """As many of a strategy's best as are wanted; of near-duplicates, if they are asked about
        once, the first.
        """
        if count < 1:
            raise InputError(f"Expected to ask about at least 1 item, came {count}.")
        moment = self.moment()
        name, strategy = self._chooser(moment)
        view = self._view(moment)
        picks = one_of_each_group(lambda n: best(strategy, view, n), count, self._replay.groups)
        return [self._question(pick.row, _score(name, pick), ASKED) for pick in picks]

    def explain(self, row: int, origin: str = ASKED, moment: Moment | None = None) -> Question:
        """The question that asking about a row would be; without a score if it is not to be asked
        about, for having a label or having vanished.
        """
        if not self._replay.state.unlabeled[row]:
            return self._question(row, None, origin)
        moment = moment or self.moment()
        name, strategy = self._chooser(moment)
        return self._question(row, _score(name, strategy.explain(self._view(moment), row)), origin)

    def _chooser(self, moment: Moment) -> tuple[str, Strategy]:
        """What chooses at a moment, and what its choices are logged under."""
        target = self._target()
        if target is None:
            return self._strategy_name, self._strategy
        return seek_name(str(self._seek)), Seek(target, moment.outcomes)

    def _target(self) -> int | None:
        """The number of the class to look for, if there is one to be told from others."""
        if self._seek not in self._replay.classes:
            return None
        target = self._replay.class_number(self._seek)
        sizes = self._replay.state.labeling.class_sizes()
        return target if can_be_sought(int(sizes[target]), int(sizes.sum())) else None

    def _view(self, moment: Moment) -> PoolView:
        rng = question_rng(self._seed, moment.step)
        return PoolView(self._replay.state, self._replay.askable, rng)

    def _draw_audit(self, step: int) -> int | None:
        """The row to audit now, or None. There is nothing to audit before the first label."""
        if not self._audit or not self._replay.has_labels:
            return None
        rng = _rng(self._seed, step, _AUDIT)
        if rng.random() >= self._audit:
            return None
        candidates = np.flatnonzero(self._replay.askable)
        return int(rng.choice(candidates)) if len(candidates) else None

    def _question(self, row: int, score: Score | None, origin: str) -> Question:
        record = self._replay.pool.catalog.at(row)
        (prediction,) = predict_items(self._replay, [record.id], self._vote)
        askable, groups = self._replay.askable, self._replay.groups
        if groups is None:
            remaining, others = int(np.count_nonzero(askable)), None
        else:
            remaining = groups.count(askable)
            members = groups.groups.members(row)
            others = int(np.count_nonzero(askable[members[members != row]]))
        return Question(
            record.id, record.path, record.text, prediction, score, origin, remaining, others
        )


def _score(strategy: str, pick: Pick) -> Score:
    return Score(strategy, pick.value, pick.factors)
