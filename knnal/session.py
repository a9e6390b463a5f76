"""Ask, tell, undo: the labeling session without a screen. Every front end drives this one."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from knnal import defaults
from knnal.asking import Asker, Question
from knnal.errors import InputError, LabelConflictError, NothingToUndoError
from knnal.neighbors.graph import NeighbourGraph, stored_graph
from knnal.neighbors.vote import VoteOptions
from knnal.predictions import predict_items, predict_vectors
from knnal.replay import Replay
from knnal.state import PoolState
from knnal.store.ledger import AUDIT, NAMED, Event, EventKind, Ledger
from knnal.store.log import Offer
from knnal.store.pool import Pool
from knnal.types import BoolArray, FloatArray, IntArray, Narrator, Prediction


class Session:
    """Labels a pool, one answer at a time.

    ``audit`` is the share of questions drawn uniformly instead of by the strategy; their answers
    are compared with the prediction made before they are learnt. Nothing is random but by
    ``seed`` and the number of decisions in the log, so the same log asks the same question.

    Raises UnknownNameError for a strategy or classifier that is not registered, InputError for an
    audit share outside [0, 1).
    """

    def __init__(
        self,
        pool: Pool,
        *,
        strategy: str = defaults.STRATEGY,
        classifier: str = defaults.CLASSIFIER,
        vote: VoteOptions | None = None,
        audit: float = 0.0,
        seed: int = defaults.SEED,
        annotator: str | None = None,
        graph: Callable[[BoolArray], NeighbourGraph] | None = None,
        narrator: Narrator | None = None,
    ) -> None:
        self.pool = pool
        self.annotator = annotator or default_annotator()
        self._vote = vote or VoteOptions()
        self._replay = Replay(
            pool,
            graph or (lambda live: stored_graph(pool, live, narrator)),
            classifier,
            self._vote,
        )
        self._asker = Asker(self._replay, strategy, self._vote, audit, seed)

    # What is known

    @property
    def classes(self) -> list[str]:
        """The classes, in the order in which they came up."""
        return self._replay.classes

    @property
    def ledger(self) -> Ledger:
        """The decisions in force."""
        return self._replay.ledger

    @property
    def state(self) -> PoolState:
        """Predictions and score terms of every row."""
        return self._replay.state

    @property
    def candidates(self) -> IntArray:
        """The rows that may be asked about: there, without a label, not skipped."""
        return np.flatnonzero(self._replay.askable)

    def predict(self, items: Sequence[str]) -> list[Prediction]:
        """What the classifier says of pool items, labelled ones by the others' labels alone.

        Raises InputError for an id that the pool does not hold.
        """
        return predict_items(self._replay, items, self._vote)

    def predict_vectors(self, names: Sequence[str], vectors: FloatArray) -> list[Prediction]:
        """What the classifier says of embeddings from outside the pool, ``(m, d)``.

        Raises InputError for vectors of another dimension than the pool's.
        """
        return predict_vectors(self._replay, names, vectors, self._vote)

    def explain(self, item: str) -> Question:
        """The question that asking about the item would be: its prediction, neighbours, score.

        Raises InputError for an id that the pool does not hold.
        """
        self.refresh()
        return self._asker.explain(self._replay.row(item))

    # What to ask

    def ask(self) -> Question | None:
        """The next item to label, or None when nothing is left to ask about."""
        self.refresh()
        question = self._asker.next()
        return None if question is None else self._offer([question])[0]

    def ask_many(self, count: int) -> list[Question]:
        """Up to ``count`` items to label: those of highest score, best first."""
        self.refresh()
        return self._offer(self._asker.rank(count))

    def rank(self, count: int) -> list[Question]:
        """The ``count`` candidates of highest score, best first, ties by lower row."""
        self.refresh()
        return self._asker.rank(count)

    # What is answered

    def tell(self, item: str, label: str) -> Event:
        """Label an item. The label is on disk when this returns.

        Raises InputError for an unknown item or an empty label, LabelConflictError for an item
        that has a label already.
        """
        label = checked_label(label)
        row = self._replay.row(item)
        offer = self.pool.log.offered(item)
        with self.pool.log.writing(self._replay.catch_up):
            self._require_unlabelled(item)
            events = self.pool.log.append_label(
                EventKind.LABEL,
                label,
                annotator=self.annotator,
                item=item,
                **self._provenance(row, offer),
            )
        self._replay.apply(events)
        return events[0]

    def skip(self, item: str) -> Event:
        """Set an item aside: it is not asked about again. Raises as ``tell`` does."""
        self._replay.row(item)
        offer = self.pool.log.offered(item)
        with self.pool.log.writing(self._replay.catch_up):
            self._require_unlabelled(item)
            event = self.pool.log.append(
                EventKind.SKIP,
                annotator=self.annotator,
                item=item,
                origin=offer.origin if offer else NAMED,
                strategy=offer.strategy if offer else None,
            )
        self._replay.apply([event])
        return event

    def relabel(self, item: str, label: str) -> Event:
        """Give a labelled item another label.

        Raises InputError for an item without a label, LabelConflictError if somebody else has
        changed it since this session last looked.
        """
        label = checked_label(label)
        self._replay.row(item)
        seen = self.ledger.decision(item)
        with self.pool.log.writing(self._replay.catch_up):
            current = self.ledger.decision(item)
            if current is None or current.label is None:
                raise InputError(
                    f"Expected a labelled item, but '{item}' has no label to change. Use tell."
                )
            if current != seen:
                raise LabelConflictError(
                    f"'{item}' was meanwhile labelled '{current.label}' by {current.annotator}. "
                    "Look again before you change it."
                )
            events = self.pool.log.append_label(
                EventKind.RELABEL,
                label,
                annotator=self.annotator,
                item=item,
                # An audited item stays one, and is judged by its corrected label.
                origin=AUDIT if current.origin == AUDIT else NAMED,
                strategy=current.strategy,
                scores=current.scores,
            )
        self._replay.apply(events)
        return events[0]

    def undo(self) -> Event:
        """Take back this annotator's latest decision, and return it. Repeat to go further back.

        Raises NothingToUndoError when none is left.
        """
        with self.pool.log.writing(self._replay.catch_up):
            target = self.ledger.last_of(self.annotator)
            if target is None:
                raise NothingToUndoError(f"{self.annotator} has nothing left to undo in this pool.")
            event = self.pool.log.append(
                EventKind.UNDO,
                annotator=self.annotator,
                item=target.item,
                target=target.seq,
                origin=NAMED,
            )
        self._replay.apply([event])
        return target

    def add_class(self, name: str) -> None:
        """Declare a class before any item has it. Declaring it twice changes nothing."""
        name = checked_label(name)
        with self.pool.log.writing(self._replay.catch_up):
            if self.ledger.is_declared(name):
                return
            event = self.pool.log.append_class(name, self.annotator)
        self._replay.apply([event])

    def refresh(self) -> None:
        """Take in what other processes have decided since."""
        self._replay.catch_up()

    def _offer(self, questions: list[Question]) -> list[Question]:
        offers = {
            q.item: Offer(q.origin, q.score.strategy, {"value": q.score.value, **q.score.factors})
            for q in questions
            if q.score is not None
        }
        self.pool.log.offer(offers)
        return questions

    def _provenance(self, row: int, offer: Offer | None) -> dict[str, Any]:
        """How the item came to be labelled, and what was predicted before its label is learnt."""
        P = self.state.classifier.probabilities(np.array([row]))[0]
        predicted: dict[str, Any] = {}
        if self._replay.has_labels:
            best = int(P.argmax())
            predicted = {"prediction": self.classes[best], "probability": float(P[best])}
        if offer is None:
            return {"origin": NAMED, "strategy": None, "scores": predicted}
        return {
            "origin": offer.origin,
            "strategy": offer.strategy,
            "scores": {**offer.scores, **predicted},
        }

    def _require_unlabelled(self, item: str) -> None:
        decision = self.ledger.decision(item)
        if decision is not None and decision.label is not None:
            raise LabelConflictError(
                f"'{item}' was labelled '{decision.label}' by {decision.annotator} at "
                f"{decision.at}. Use relabel to change it."
            )


def checked_label(label: str) -> str:
    """The label without surrounding blanks. Raises InputError for one with nothing else."""
    name = label.strip()
    if not name or not name.isprintable():
        raise InputError(f"Expected a class name of printable characters, came {label!r}.")
    return name


def default_annotator() -> str:
    """The name of whoever is logged in."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # no user database, as in some containers
        return "unknown"
