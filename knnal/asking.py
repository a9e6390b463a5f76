"""Which item to ask about, and everything that a front end shows of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from knnal.errors import InputError
from knnal.neighbors.vote import VoteOptions
from knnal.predictions import predict_items
from knnal.replay import Replay
from knnal.store.ledger import ASKED, AUDIT
from knnal.strategies.base import (
    Pick,
    PoolView,
    canonical_name,
    create_strategy,
    require_views,
)
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
    ``score`` is None for items that the strategy does not score, such as labelled ones;
    ``remaining`` items can be asked about, this one mostly among them.
    """

    item: str
    path: Path | None
    text: str | None
    prediction: Prediction
    score: Score | None
    origin: str
    remaining: int


class Asker:
    """Chooses questions by a strategy and, for a share ``audit`` of them, by a uniform draw.

    Nothing is random but by ``seed`` and the number of decisions in the log.
    """

    def __init__(
        self, replay: Replay, strategy: str, vote: VoteOptions, audit: float, seed: int
    ) -> None:
        if not 0.0 <= audit < 1.0:
            raise InputError(f"Expected an audit share of at least 0 and below 1, came {audit}.")
        if seed < 0:
            raise InputError(f"Expected a seed of at least 0, came {seed}.")
        self._replay = replay
        self._strategy_name = canonical_name(strategy)
        self._strategy = create_strategy(strategy)
        require_views(strategy, self._strategy, has_views=replay.state.geometry.has_views)
        self._vote = vote
        self._audit = audit
        self._seed = seed

    def next(self, step: int | None = None) -> Question | None:
        """The question to ask now, or None when nothing is left to ask about.

        ``step`` is the number of decisions in the log, unless it is to be that of now.
        """
        step = self._replay.ledger.step if step is None else step
        audited = self._draw_audit(step)
        if audited is not None:
            return self.explain(audited, AUDIT, step)
        pick = self._strategy.pick(self._view(step))
        if pick is None:
            return None
        return self._question(pick.row, self._score(pick), ASKED)

    def rank(self, count: int) -> list[Question]:
        """The ``count`` candidates of highest score, best first, ties by lower row."""
        return self._several(self._strategy.rank, count)

    def choose(self, count: int) -> list[Question]:
        """Up to ``count`` questions to ask at once, each choice covering its neighbourhood before
        the next; the first one is that of ``next`` without an audit.
        """
        return self._several(self._strategy.choose, count)

    def explain(self, row: int, origin: str = ASKED, step: int | None = None) -> Question:
        """The question that asking about a row would be; without a score if it is not to be asked
        about, for having a label or having vanished.
        """
        if not self._replay.state.unlabelled[row]:
            return self._question(row, None, origin)
        view = self._view(self._replay.ledger.step if step is None else step)
        return self._question(row, self._score(self._strategy.explain(view, row)), origin)

    def _view(self, step: int) -> PoolView:
        rng = question_rng(self._seed, step)
        return PoolView(self._replay.state, self._replay.askable, rng)

    def _draw_audit(self, step: int) -> int | None:
        """The row to audit now, or None. There is nothing to audit before the first label."""
        rng = _rng(self._seed, step, _AUDIT)
        if rng.random() >= self._audit or not self._replay.has_labels:
            return None
        candidates = np.flatnonzero(self._replay.askable)
        return int(rng.choice(candidates)) if len(candidates) else None

    def _several(self, pick: Callable[[PoolView, int], list[Pick]], count: int) -> list[Question]:
        if count < 1:
            raise InputError(f"Expected to ask about at least 1 item, came {count}.")
        picks = pick(self._view(self._replay.ledger.step), count)
        return [self._question(pick.row, self._score(pick), ASKED) for pick in picks]

    def _score(self, pick: Pick) -> Score:
        return Score(self._strategy_name, pick.value, pick.factors)

    def _question(self, row: int, score: Score | None, origin: str) -> Question:
        record = self._replay.pool.catalogue.at(row)
        (prediction,) = predict_items(self._replay, [record.id], self._vote)
        remaining = int(np.count_nonzero(self._replay.askable))
        return Question(record.id, record.path, record.text, prediction, score, origin, remaining)
