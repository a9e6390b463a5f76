"""Where people sit down to label one pool together: questions handed out, answers written down."""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from knnal import defaults
from knnal.asking import Question
from knnal.crowd.batch import choose_batch
from knnal.crowd.engine import Engine
from knnal.crowd.leases import Leases
from knnal.errors import LabelConflictError
from knnal.session import Session, checked_label, offer_of, provenance, require_unlabelled
from knnal.store.ledger import Event, EventKind, Ledger
from knnal.store.pool import Pool

LEASE_S = 300.0
"""Seconds without a sign of life after which a person's item goes to somebody else."""

_SEAT_BYTES = 9

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Held:
    """A question that is with somebody; ``by_session``: the session itself waits for the answer."""

    question: Question
    by_session: bool = False


class Desk:
    """Labels one pool with several people, any number of threads calling.

    Somebody alone gets exactly what ``Session`` gives: every question chosen with the answer before
    it known, and prepared while they look. When there are more, nobody waits for the others:
    questions are chosen ahead, as many as there are people, and chosen anew as answers come in, so
    that one may have been chosen before the latest few labels. An answer is on disk when ``answer``
    returns, whichever way it went.

    ``pool`` is the session's folder opened once more: answers are written while the session works.
    Items are with one seat at a time (see ``Leases``); ``clock`` gives seconds.
    """

    def __init__(
        self,
        session: Session,
        pool: Pool,
        *,
        audit: float = 0.0,
        seed: int = defaults.SEED,
        lease: float = LEASE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = Engine(session)
        self._pool = pool
        self._audit = audit
        self._seed = seed
        self._clock = clock
        self._lock = threading.Lock()
        self._ledger = Ledger()
        self._leases = Leases(lease)
        self._held: dict[str, _Held] = {}
        self._prepared: deque[Question] = deque()
        self._preparing = False
        self._agreement: float | None = None
        self._catch_up()

    # Who is there

    def join(self, annotator: str) -> str:
        """Sit down; the seat's name, which every call of that person carries.

        Raises InputError for a name without a printable character.
        """
        annotator = checked_label(annotator)
        seat = secrets.token_urlsafe(_SEAT_BYTES)
        with self._lock:
            self._leases.join(seat, annotator, self._clock())
        return seat

    def leave(self, seat: str) -> None:
        """Get up; the item at hand goes back. Leaving twice changes nothing."""
        with self._lock:
            item = self._leases.leave(seat)
            self._held.pop(item or "", None)

    def renew(self, seat: str) -> str:
        """A sign of life; the annotator on the seat. Raises SeatUnknownError."""
        with self._lock:
            return self._renew(seat)

    @property
    def annotators(self) -> list[str]:
        """Who is there now."""
        with self._lock:
            self._expire()
            return self._leases.annotators()

    @contextmanager
    def reading(self) -> Iterator[tuple[Pool, Ledger]]:
        """The pool and the decisions in force, which stand still meanwhile: be quick."""
        with self._lock:
            self._catch_up()
            yield self._pool, self._ledger

    # Questions

    def question(self, seat: str) -> Question | None:
        """What the seat is asked: the same until it is answered; None when nothing is left.

        Raises SeatUnknownError.
        """
        while True:
            with self._lock:
                self._renew(seat)
                held = self._leases.item_of(seat)
                if held is not None:
                    return self._held[held].question
                alone = len(self._leases) == 1
                ready = None if alone else self._take_prepared(seat)
            if ready is not None:
                self._prepare_later()
                return ready
            question = self._engine.call(_ask if alone else self._prepare)
            if question is None:
                return None
            with self._lock:
                if alone and self._is_free(question.item):
                    return self._hand_out(seat, question, by_session=True)

    def look(self, item: str) -> Question:
        """What asking about an item would be, whoever has it. Raises InputError."""
        return self._engine.call(lambda session: session.explain(item))

    # Answers

    def answer(self, seat: str, item: str, label: str) -> Event:
        """Label an item: the one that the seat was asked about, or any that nobody else has.

        The label is on disk when this returns. The same answer once more changes nothing, so that
        it can be sent again by somebody who did not learn whether it arrived.

        Raises SeatUnknownError, ItemTakenError where the item is with somebody else, and what
        ``Session.tell`` raises.
        """
        label = checked_label(label)
        with self._lock:
            annotator = self._renew(seat)
            self._catch_up()
            given = self._ledger.decision(item)
            if given is not None and (given.annotator, given.label) == (annotator, label):
                self._give_back(seat, item)
                return given
            held = self._held.get(item)
            self._pool.catalogue.get(item)
            require_unlabelled(self._ledger, item)
            self._leases.take(seat, item)
            event = None
            if held is not None and not (held.by_session and len(self._leases) == 1):
                event = self._write_down(held.question, label, annotator)
        if event is None:
            event = self._decide(annotator, lambda session: session.tell(item, label))
        self._answered(seat, item)
        return event

    def skip(self, seat: str, item: str) -> Event:
        """Set an item aside for everybody. Raises as ``answer`` does."""
        with self._lock:
            annotator = self._renew(seat)
            self._pool.catalogue.get(item)
            self._leases.take(seat, item)
        event = self._decide(annotator, lambda session: session.skip(item))
        self._answered(seat, item)
        return event

    def relabel(self, seat: str, item: str, label: str, was: str | None = None) -> Event:
        """Give a labelled item another label; ``was`` is the one that the person saw.

        Raises SeatUnknownError, LabelConflictError if it has another one by now, and what
        ``Session.relabel`` raises.
        """
        annotator = self.renew(seat)

        def decide(session: Session) -> Event:
            current = session.ledger.decision(item)
            if was is not None and current is not None and current.label != was:
                raise LabelConflictError(
                    f"'{item}' was meanwhile labelled '{current.label}' by {current.annotator}. "
                    "Look again before you change it."
                )
            return session.relabel(item, label)

        event = self._decide(annotator, decide)
        self._prepare_later()
        return event

    def undo(self, seat: str) -> Event:
        """Take back the annotator's latest decision, and hand its item to the seat again.

        Raises SeatUnknownError, NothingToUndoError.
        """
        annotator = self.renew(seat)
        taken_back = self._decide(annotator, lambda session: session.undo())
        item = taken_back.item
        if item is None or taken_back.kind is EventKind.RELABEL:
            return taken_back
        question = replace(self.look(item), origin=taken_back.origin)
        with self._lock:
            if self._is_free(item, seat):
                self._give_back(seat)
                self._hand_out(seat, question)
        return taken_back

    def add_class(self, seat: str, name: str) -> None:
        """Declare a class before any item has it. Raises InputError, SeatUnknownError."""
        annotator = self.renew(seat)
        self._decide(annotator, lambda session: session.add_class(name))

    def _answered(self, seat: str, item: str) -> None:
        with self._lock:
            self._give_back(seat, item)
        self._prepare_later()

    def close(self) -> None:
        """End the work under way. Nothing is lost by it: what was answered is on disk."""
        self._engine.close()
        with self._lock:
            self._pool.close()

    # By the session's thread

    def _decide(self, annotator: str, work: Callable[[Session], Result]) -> Result:
        result = self._engine.call_as(annotator, work)
        with self._lock:
            self._catch_up()
        return result

    def _prepare_later(self) -> None:
        """Have questions chosen for everybody, with what is known by then, unless that waits."""
        with self._lock:
            if self._preparing or len(self._leases) < 2:
                return
            self._preparing = True
        self._engine.later(self._prepare)

    def _prepare(self, session: Session) -> Question | None:
        """Choose as many questions as there are people; the first of them."""
        with self._lock:
            self._preparing = False
            count = max(len(self._leases), 1)
            taken = self._leases.held_by_others()
        questions = choose_batch(session, count, taken, self._audit, self._seed)
        agreement = session.agreement()
        with self._lock:
            self._prepared, self._agreement = deque(questions), agreement
        return questions[0] if questions else None

    # With the lock held

    def _renew(self, seat: str) -> str:
        self._expire()
        return self._leases.renew(seat, self._clock())

    def _expire(self) -> None:
        for item in self._leases.expire(self._clock()):
            self._held.pop(item, None)

    def _catch_up(self) -> None:
        for event in self._pool.log.events(after=self._ledger.last_seq):
            self._ledger.apply(event)

    def _is_free(self, item: str, seat: str | None = None) -> bool:
        """Whether nobody else has the item, and nobody has decided on it."""
        self._catch_up()
        return item not in self._leases.held_by_others(seat) and not self._ledger.decision(item)

    def _take_prepared(self, seat: str) -> Question | None:
        while self._prepared:
            question = self._prepared.popleft()
            if self._is_free(question.item):
                return self._hand_out(seat, question)
        return None

    def _hand_out(self, seat: str, question: Question, *, by_session: bool = False) -> Question:
        self._leases.take(seat, question.item)
        self._held[question.item] = _Held(question, by_session)
        return question

    def _give_back(self, seat: str, item: str | None = None) -> None:
        """Free what the seat holds, if it is that item or none is named."""
        held = self._leases.item_of(seat)
        if held is not None and item in (None, held):
            self._leases.give_back(seat)
            self._held.pop(held, None)

    def _write_down(self, question: Question, label: str, annotator: str) -> Event:
        """Append a label without waiting for the session, which takes it in when it is free."""
        with self._pool.log.writing(self._catch_up):
            require_unlabelled(self._ledger, question.item)
            events = self._pool.log.append_label(
                EventKind.LABEL,
                label,
                annotator=annotator,
                item=question.item,
                **provenance(offer_of(question), question.prediction, self._agreement),
            )
        for event in events:
            self._ledger.apply(event)
        return events[0]


def _ask(session: Session) -> Question | None:
    question = session.ask()
    session.anticipate()
    return question
