"""Which item to ask about, and everything that a front end shows of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from knnal.classifiers.base import UNLABELLED
from knnal.errors import InputError
from knnal.neighbors.vote import VoteOptions
from knnal.predictions import predict_items
from knnal.replay import Replay
from knnal.store.ledger import ASKED, AUDIT
from knnal.strategies.base import PoolView, Scores, create_strategy
from knnal.types import IntArray, Prediction, Score


@dataclass(frozen=True, slots=True)
class Question:
    """An item to ask about. ``origin`` is "asked" or, of a uniform draw for the audit, "audit";
    ``score`` is None for items that the strategy does not score, such as labelled ones.
    """

    item: str
    path: Path | None
    text: str | None
    prediction: Prediction
    score: Score | None
    origin: str


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
        self._strategy_name = strategy
        self._strategy = create_strategy(strategy)
        self._vote = vote
        self._audit = audit
        self._seed = seed

    def next(self) -> Question | None:
        """The question to ask now, or None when nothing is left to ask about."""
        candidates = np.flatnonzero(self._replay.askable)
        if not len(candidates):
            return None
        audited = self._draw_audit(candidates)
        return self.rank(1)[0] if audited is None else self.explain(audited, AUDIT)

    def rank(self, count: int) -> list[Question]:
        """The ``count`` candidates of highest score, best first, ties by lower row."""
        if count < 1:
            raise InputError(f"Expected to rank at least 1 item, came {count}.")
        rows, scores = self._score()
        allowed = np.flatnonzero(self._replay.askable[rows])
        values = scores.values[allowed]
        if count < len(values):  # what ties with the last place stays in, to be ordered by row
            threshold = np.partition(values, len(values) - count)[len(values) - count]
            allowed = allowed[values >= threshold]
        best = allowed[np.argsort(-scores.values[allowed], kind="stable")[:count]]
        return [
            self._question(int(rows[at]), self._score_at(scores, int(at)), ASKED) for at in best
        ]

    def explain(self, row: int, origin: str = ASKED) -> Question:
        """The question that asking about a row would be; without a score if it is not to be asked
        about, for having a label or having vanished.
        """
        state = self._replay.state
        if not state.live[row] or state.labelling.classes[row] != UNLABELLED:
            return self._question(row, None, origin)
        rows, scores = self._score()
        return self._question(row, self._score_at(scores, int(np.searchsorted(rows, row))), origin)

    def _score(self) -> tuple[IntArray, Scores]:
        """The unlabelled rows, rising, and their scores."""
        state = self._replay.state
        rows = state.unlabelled
        return rows, self._strategy.score(PoolView(state, rows, self._rng(1)))

    def _draw_audit(self, candidates: IntArray) -> int | None:
        """The row to audit now, or None. There is nothing to audit before the first label."""
        rng = self._rng(0)
        if rng.random() >= self._audit or not self._replay.has_labels:
            return None
        return int(rng.choice(candidates))

    def _rng(self, purpose: int) -> np.random.Generator:
        return np.random.default_rng((self._seed, self._replay.ledger.step, purpose))

    def _score_at(self, scores: Scores, at: int) -> Score:
        factors = {name: float(values[at]) for name, values in scores.factors.items()}
        return Score(self._strategy_name, float(scores.values[at]), factors)

    def _question(self, row: int, score: Score | None, origin: str) -> Question:
        record = self._replay.pool.catalogue.at(row)
        (prediction,) = predict_items(self._replay, [record.id], self._vote)
        return Question(record.id, record.path, record.text, prediction, score, origin)
