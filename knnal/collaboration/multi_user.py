"""Several people who label one pool together: who is asked what, and what they decide."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TypeVar

from knnal import defaults
from knnal.collaboration.prepared import PreparedQuestion
from knnal.collaboration.session_thread import SessionThread
from knnal.collaboration.shared_state import SharedState
from knnal.errors import InputError, LabelConflictError
from knnal.names import checked_name
from knnal.pool.labels.ledger import ASKED, Event, EventKind, Ledger
from knnal.pool.pool import Pool
from knnal.session.decisions import Decisions
from knnal.session.questions import Question
from knnal.session.session import Session

LEASE_S = 300.0
"""Seconds without a heartbeat after which a person's item goes to somebody else."""

_SEAT_BYTES = 9
_AHEAD = 2
"""Questions that are chosen ahead for each person."""
_RESERVE = 2
"""How many times as many are chosen quickly, when those that are ready run short."""

Result = TypeVar("Result")


class MultiUserSession:
    """Labels one pool with several people, any number of threads calling.

    What people decide is written to the log at once. The session follows the log on a thread of
    its own and chooses questions ahead. Nobody waits for it who has a question, or for whom one is
    ready: a question that was chosen before the latest decisions is asked while its item is free,
    and the log keeps the moment that its prediction is of.

    Somebody alone is asked what ``Session`` asks: every question is chosen with the answer before
    it known, and prepared while they look at the item.

    Parameters
    ----------
    session
        Chooses and predicts; used by one thread of its own from here on.
    pool
        The session's folder, opened once more for what people decide.
    overlap
        The share of items, in [0, 1], that a second person is asked about as well. They are not
        told the label, and theirs is kept as an opinion until somebody reviews the two.
    seed
        Random seed of the draw for second opinions.
    lease
        Seconds without a heartbeat after which a seat expires and its item is free.
    clock
        Returns seconds.
    """

    def __init__(
        self,
        session: Session,
        pool: Pool,
        *,
        overlap: float = 0.0,
        seed: int = defaults.SEED,
        lease: float = LEASE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pool = pool
        self.lease = lease
        self._clock = clock
        self._thread = SessionThread(session)
        self._reading = threading.Lock()
        self._read = Ledger()
        # What follows is guarded by the lock, which nothing holds that waits for the session.
        self._lock = threading.Condition()
        self._shared = SharedState(pool, overlap, seed, lease)
        self._run: Future[int] | None = None  # will refill the stock, and has not begun

    # Who is there

    def join(self, annotator: str, item: str | None = None) -> str:
        """Take a seat; its name, which every call of that person carries.

        ``item`` is asked about first if it still can be: what the person saw when they left. Raises
        InvalidNameError for a name without a visible character.
        """
        annotator = self._shared.decisions.by(annotator).annotator
        seat = secrets.token_urlsafe(_SEAT_BYTES)
        with self._lock:
            self._shared.assignments.join(seat, annotator, self._clock())
        if item is not None:
            with suppress(InputError):
                self._ask_about(seat, item)
        return seat

    def heartbeat(self, seat: str) -> str:
        """Renew the seat's lease, as every call does; its annotator. Raises SeatUnknownError."""
        with self._lock:
            return self._heartbeat(seat)

    def leave(self, seat: str) -> None:
        """Give up a seat; its item is free. Leaving twice changes nothing."""
        with self._lock:
            self._shared.assignments.leave(seat)

    @property
    def annotators(self) -> list[str]:
        """The people there, sorted by name."""
        with self._lock:
            self._shared.assignments.expire(self._clock())
            return self._shared.assignments.annotators()

    # What is known

    @contextmanager
    def reading(self) -> Iterator[Ledger]:
        """The decisions in force, which do not change meanwhile. Nobody who decides waits."""
        with self._reading:
            yield self.pool.log.read_into(self._read)

    def classes(self) -> list[str]:
        """The classes, in the order in which they came up."""
        with self._lock:
            self._shared.decisions.refresh()
            return self._shared.ledger.classes()

    def note_on(self, item: str) -> str | None:
        """The note on an item, or None."""
        with self._lock:
            self._shared.decisions.refresh()
            return self._shared.ledger.note(item)

    def explain(self, item: str) -> Question:
        """What asking about an item would be, whoever has it. Raises InputError."""
        return self._thread.explain(item).question

    def read(self, work: Callable[[Session], Result]) -> Result:
        """The result of work that leaves the session as it is."""
        return self._thread.call(work)

    # Questions and answers

    def question(self, seat: str) -> Question | None:
        """What the seat is asked: the same until it is answered; None when nothing is left.

        Raises SeatUnknownError.
        """
        while True:
            with self._lock:
                first = self._shared.awaited(self._heartbeat(seat))
                held = self._shared.assignments.held(seat) or self._shared.take_ready(seat, first)
                if held is not None:
                    return self._shared.as_named_now(held)
                if first is None and not self._shared.is_alone:
                    if self._wait_for_stock():
                        continue
                    return None
            if first is not None:
                chosen = self._thread.explain(str(first.item)).for_opinion(first)
            elif (asked := self._thread.ask()) is None:
                return None
            else:
                chosen = asked
            self._assign(seat, chosen)

    def answer(self, seat: str, item: str, label: str) -> Event:
        """Label an item: the one that the seat was asked about, or any that nobody else has.

        The label is on disk when this returns. The same answer once more changes nothing, so that
        it can be sent again by somebody who did not learn whether it arrived.

        Raises SeatUnknownError, ItemTakenError where another seat has the item, and what
        ``Decisions.tell`` raises.
        """
        label = checked_name(label)
        with self._lock:
            self._heartbeat(seat)
            held = self._shared.assignments.held(seat, self._shared.known(item))
        agreement = None if held is None else held.agreement()
        with self.deciding(seat, item) as decisions:
            item = self._shared.known(item)
            event = self._shared.given(decisions.annotator, item, label)
            if event is None:
                event = self._shared.tell(decisions, seat, item, label, agreement)
            self._shared.assignments.release(seat, item)
        return event

    def skip(self, seat: str, item: str) -> Event | None:
        """Set an item aside for everybody; or give no second opinion on it, which is no event.

        Raises as ``answer`` does.
        """
        with self.deciding(seat, item) as decisions:
            item = self._shared.known(item)
            event = self._shared.skip(decisions, seat, item)
            self._shared.assignments.release(seat, item)
        return event

    def label_items(
        self, seat: str, items: Sequence[str], label: str, batch: int | None = None
    ) -> list[Event]:
        """Label together those of the items that have no label and that nobody else has; they are
        undone as one, together with the earlier ``batch``.

        Raises SeatUnknownError and what ``Decisions.label_items`` raises.
        """
        with self.deciding(seat) as decisions:
            own = self._shared.assignments.held(seat)
            taken = self._shared.assignments.items() - {own and own.item}
            free = [item for item in map(self._shared.known, items) if item not in taken]
            events = decisions.label_items(free, label, batch)
            self._shared.release_decided(seat)
        return events

    # Changes

    @contextmanager
    def deciding(self, seat: str, item: str | None = None) -> Iterator[Decisions]:
        """Decide anything else by the seat's annotator, while nobody else does: be quick.

        Better questions are chosen afterwards. On a conflict about ``item`` the seat gives it up.
        Raises SeatUnknownError.
        """
        with self._lock:
            try:
                yield self._shared.decisions.by(self._heartbeat(seat))
            except LabelConflictError:
                if item is not None:
                    self._shared.assignments.release(seat, self._shared.known(item))
                raise
            if not self._shared.is_alone:
                self._refill_later()
            elif (held := self._shared.assignments.held(seat)) is not None:
                self._thread.anticipate(self._shared.as_named_now(held))

    def review(self, seat: str, item: str, label: str | None, was: str | None = None) -> Event:
        """Keep a doubtful label, change it, or, by None, withdraw it and set the item aside.

        In all cases the item counts as reviewed; ``was`` is the label that the person saw. Raises
        SeatUnknownError, and what ``Decisions.review`` raises.
        """
        self.heartbeat(seat)
        suspicion = self._thread.suspicion(item)
        with self.deciding(seat) as decisions:
            return decisions.review(item, label, suspicion=suspicion, was=was)

    def undoable(self, seat: str) -> list[Event]:
        """What ``undo`` would take back. Raises SeatUnknownError, NothingToUndoError."""
        with self._lock:
            decisions = self._shared.decisions.by(self._heartbeat(seat))
            return self._shared.ledger.batch_of(decisions.undoable())

    def undo(self, seat: str, expected: int | None = None) -> list[Event]:
        """Take back the annotator's latest decision, and hand its item to the seat again; or what
        was decided at once, such as an import. With ``expected``, the number of its first event,
        nothing else is taken back.

        Raises SeatUnknownError, and what ``Decisions.undo`` raises.
        """
        with self.deciding(seat) as decisions:
            events = self._shared.ledger.batch_of(decisions.undo(expected))
            is_answer = len(events) == 1 and events[0].kind in (EventKind.LABEL, EventKind.SKIP)
            item = str(events[0].item)
            asked = self._shared.stock.answered(item) if is_answer else None
            if asked is not None and self._shared.is_open(item):
                self._shared.stock.put_back(self._shared.assignments.release(seat))
                self._shared.assignments.assign(seat, asked)
        if is_answer and asked is None:  # named by the person, or answered long ago
            self._ask_about(seat, item, events[0].origin)
        return events

    def redo(self, seat: str) -> list[Event]:
        """Bring back what the annotator's latest undo took back.

        Raises SeatUnknownError, and what ``Decisions.redo`` raises.
        """
        with self.deciding(seat) as decisions:
            events = self._shared.ledger.batch_of(decisions.redo())
            self._shared.release_decided(seat)
        return events

    def close(self) -> None:
        """End the work under way. Nothing is lost by it: what was answered is on disk."""
        self._thread.close()
        with self._lock, self._reading:
            self.pool.close()

    def _ask_about(self, seat: str, item: str, origin: str = ASKED) -> None:
        """Ask the seat about an item if that can be. Raises InputError for an unknown item."""
        prepared = self._thread.explain(item)
        question = replace(prepared.question, origin=origin)
        if question.score is not None:  # else it has a label, or is gone
            self._assign(seat, replace(prepared, question=question))

    # By the session's thread

    def _refill(self, session: Session) -> int:
        """Choose questions for everybody; how many."""
        with self._lock:
            self._run = None
        self._thread.follow(session)
        with self._lock:
            taken = self._shared.assignments.items()
            count = _AHEAD * max(len(self._shared.assignments), 1)
            is_short = len(self._shared.stock) < count
        if is_short:  # somebody waits, or will before better ones are found
            reserve = self._thread.choose(session, _RESERVE * count, taken, quick=True)
            self._add(reserve, last=True)
        chosen = self._thread.choose(session, count, taken)
        self._add(chosen)
        self._thread.compare(session)
        return len(chosen)

    def _add(self, chosen: Sequence[PreparedQuestion], *, last: bool = False) -> None:
        with self._lock:
            self._shared.stock.add(chosen, last=last)
            self._lock.notify_all()

    def _notify(self, _run: Future[int]) -> None:
        with self._lock:
            self._lock.notify_all()

    # With the lock held, but for ``_assign``

    def _refill_later(self) -> Future[int]:
        """Have the stock refilled with what is known by then, unless that waits already."""
        if self._run is None:
            run = self._run = self._thread.later(self._refill)
            run.add_done_callback(self._notify)
        return self._run

    def _wait_for_stock(self) -> bool:
        """Wait until questions are ready, without the lock; False where none are left."""
        run = self._refill_later()
        self._lock.wait_for(lambda: self._shared.stock or run.done())
        return bool(self._shared.stock) or run.result() > 0

    def _heartbeat(self, seat: str) -> str:
        return self._shared.heartbeat(seat, self._clock())

    def _assign(self, seat: str, prepared: PreparedQuestion) -> None:
        """Give the seat a question if it can be asked."""
        with self._lock:
            self._shared.decisions.refresh()
            if self._shared.is_open(prepared.item, prepared.first):
                self._shared.assignments.assign(seat, prepared)
