"""Where people sit down to label one pool together: questions handed out, answers written down."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from knnal import defaults
from knnal.collaboration.batch import choose_batch
from knnal.collaboration.book import Book
from knnal.collaboration.changing import MultiUserChanges
from knnal.collaboration.engine import SessionThread
from knnal.collaboration.floor import Assignments, Held
from knnal.collaboration.opinions import is_drawn
from knnal.errors import InputError
from knnal.names import checked_name
from knnal.pool.labels.ledger import OPINION, Event, Ledger
from knnal.pool.labels.writer import checked_annotator
from knnal.pool.pool import Pool
from knnal.session.question_selection import Question
from knnal.session.session import Session

LEASE_S = 300.0
"""Seconds without a sign of life after which a person's item goes to somebody else."""

_SEAT_BYTES = 9


class MultiUserSession(MultiUserChanges):
    """Labels one pool with several people, any number of threads calling.

    Somebody alone gets exactly what ``Session`` gives: every question chosen with the answer before
    it known, and prepared while they look. When there are more, nobody waits for the others:
    questions are chosen ahead, as many as there are people, and chosen anew as answers come in, so
    that one may have been chosen before the others' latest labels. An answer is on disk when
    ``answer`` returns, whichever way it went.

    ``pool`` is the session's folder opened once more: answers are written while the session works.
    Items are with one seat at a time (see ``Leases``); ``clock`` gives seconds. A share ``overlap``
    of the items goes to a second person, who is not told what the first one said; their answer is
    an opinion beside the label, which stays in force until somebody settles it.
    """

    def __init__(
        self,
        session: Session,
        pool: Pool,
        *,
        audit: float = 0.0,
        overlap: float = 0.0,
        seed: int = defaults.SEED,
        lease: float = LEASE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(
            SessionThread(session), Assignments(Book(pool, overlap, seed), lease), clock
        )
        self._audit = audit
        self._overlap = overlap
        self._seed = seed
        self._preparing = False
        self._drawn: dict[str, tuple[int, Question]] = {}

    # Who is there

    def join(self, annotator: str, item: str | None = None) -> str:
        """Sit down; the seat's name, which every call of that person carries.

        ``item`` is asked about first if it still can be: what the person was looking at when they
        were last here. Raises InputError for a name without a printable character.
        """
        annotator = checked_annotator(annotator)
        seat = secrets.token_urlsafe(_SEAT_BYTES)
        with self._lock:
            self._floor.join(seat, annotator, self._clock())
        if item is not None:
            self._go_on_with(seat, item)
        return seat

    def leave(self, seat: str) -> None:
        """Get up; the item at hand goes back. Leaving twice changes nothing."""
        with self._lock:
            self._floor.leave(seat)

    @property
    def lease_seconds(self) -> float:
        """How long nothing may be heard of a seat."""
        return self._floor.leases.timeout

    @property
    def annotators(self) -> list[str]:
        """Who is there now."""
        with self._lock:
            self._floor.expire(self._clock())
            return self._floor.leases.annotators()

    @contextmanager
    def reading(self) -> Iterator[tuple[Pool, Ledger]]:
        """The pool and the decisions in force, which stand still meanwhile: be quick."""
        with self._lock:
            self._floor.book.catch_up()
            yield self._floor.book.pool, self._floor.book.ledger

    # Questions

    def question(self, seat: str) -> Question | None:
        """What the seat is asked: the same until it is answered; None when nothing is left.

        Raises SeatUnknownError.
        """
        while True:
            self._bring_up_to_date(seat)
            with self._lock:
                floor, annotator = self._floor, self._floor.renew(seat, self._clock())
                if (held := floor.held_by(seat)) is not None:
                    return held.question
                floor.book.catch_up()
                renamings = floor.renamings
                alone, first = floor.has_one, floor.awaiting(annotator)
                ready = None if alone or first else floor.take_prepared(seat)
            if ready is not None:
                self._prepare_later()
                return ready
            if first is not None:
                question = self._second_question(str(first.item))
            elif (chosen := self._engine.call(_ask if alone else self._prepare)) is None:
                return None
            elif alone:
                question = chosen
            else:
                continue
            with self._lock:
                if floor.is_open(question.item, first):
                    held = Held(question, renamings, by_session=first is None, first=first)
                    return floor.hand_out(seat, held)

    # Answers

    def answer(self, seat: str, item: str, label: str) -> Event:
        """Label an item: the one that the seat was asked about, or any that nobody else has.

        The label is on disk when this returns. The same answer once more changes nothing, so that
        it can be sent again by somebody who did not learn whether it arrived.

        Raises SeatUnknownError, ItemTakenError where the item is with somebody else, and what
        ``Session.tell`` raises.
        """
        label = checked_name(label)
        self._bring_up_to_date(seat)
        item = self._known(item)
        with self._lock:
            floor, annotator = self._floor, self._floor.renew(seat, self._clock())
            event, held = floor.book.given(item, label, annotator), floor.held_by(seat, item)
            if event is None and held is not None and not (held.by_session and floor.has_one):
                event = floor.write_down(seat, held, label, annotator)
        if event is None:
            event = self._decide(annotator, lambda session: session.tell(item, label), seat, item)
        with self._lock:
            floor.give_back(seat, item)
            if held is not None and is_drawn(event, self._overlap, self._seed):
                self._drawn[item] = held.renamings, held.question
        self._prepare_later()
        return event

    def skip(self, seat: str, item: str) -> Event | None:
        """Set an item aside for everybody; or give no second opinion on it, which is no event.

        Raises as ``answer`` does.
        """
        self.renew(seat)
        item = self._known(item)
        with self._lock:
            annotator = self._floor.renew(seat, self._clock())
            if self._floor.decline(seat, annotator, item):
                return None
        event = self._decide(annotator, lambda session: session.skip(item), seat, item)
        with self._lock:
            self._floor.give_back(seat, item)
        self._prepare_later()
        return event

    def close(self) -> None:
        """End the work under way. Nothing is lost by it: what was answered is on disk."""
        self._engine.close()
        with self._lock:
            self._floor.book.pool.close()

    def _go_on_with(self, seat: str, item: str) -> None:
        """Ask the seat about an item, unless it is decided on or with somebody else."""
        renamings = self._renamings()
        try:
            question = self.look(item)
        except InputError:
            return
        with self._lock:
            if question.score is not None and self._floor.is_open(question.item):
                self._floor.hand_out(seat, Held(question, renamings))

    def _bring_up_to_date(self, seat: str) -> None:
        """Predict anew for what the seat has, if classes were renamed since it was asked.

        Raises SeatUnknownError.
        """
        renamings = self._renamings()
        with self._lock:
            self._floor.renew(seat, self._clock())
            held = self._floor.held_by(seat)
        if held is None or held.renamings == renamings:
            return
        asked = held.question
        question = replace(self.look(asked.item), origin=asked.origin, score=asked.score)
        with self._lock:
            if self._floor.held_by(seat, asked.item) is held:
                # The session asks nobody by the old names any more, so it waits for no answer.
                self._floor.hand_out(seat, Held(question, renamings, first=held.first))

    # By the session's thread

    def _prepare_later(self) -> None:
        """Have questions chosen for everybody, with what is known by then, unless that waits."""
        with self._lock:
            if self._preparing or len(self._floor.leases) < 2:
                return
            self._preparing = True
        self._engine.later(self._prepare)

    def _prepare(self, session: Session) -> Question | None:
        """Choose as many questions as there are people; the first of them."""
        with self._lock:
            self._preparing = False
            leases = self._floor.leases
            count, taken = max(len(leases), 1), leases.held_items()
        questions = choose_batch(session, count, taken, self._audit, self._seed)
        agreement = session.agreement()
        with self._lock:
            self._floor.prepare(questions, agreement, session.ledger.renamings)
        return questions[0] if questions else None

    def _second_question(self, item: str) -> Question:
        """What the first person was asked, whose answer no prediction in it knows."""
        renamings, question = self._drawn.get(item, (-1, None))
        if question is None or renamings != self._renamings():
            question = self.look(item)
        return replace(question, origin=OPINION)


def _ask(session: Session) -> Question | None:
    question = session.ask()
    if question is not None:
        session.anticipate(question)
    return question
