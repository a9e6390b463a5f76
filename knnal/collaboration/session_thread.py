"""A session on a thread of its own, which follows the log behind the people who write to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from knnal.collaboration.prepared import PreparedQuestion
from knnal.session.questions import Question
from knnal.session.session import Session
from knnal.session.suspicion import suspicion

_REST = 4
"""The agreement of predictions is renewed this many times as long apart as it takes."""

Result = TypeVar("Result")


class SessionThread:
    """Runs work on a session one piece after the other; nothing else ever touches the session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._agreement: float | None = None
        self._due: float | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="knnal-session")

    def later(self, work: Callable[[Session], Result]) -> Future[Result]:
        """Run work without waiting for it."""
        return self._thread.submit(work, self._session)

    def call(self, work: Callable[[Session], Result]) -> Result:
        """Wait for the result of work, or the error that it raises."""
        return self.later(work).result()

    def ask(self) -> PreparedQuestion | None:
        """What the session asks next; it then prepares for the answers."""
        return self.call(self._ask)

    def _ask(self, session: Session) -> PreparedQuestion | None:
        question = session.ask()
        if question is None:
            return None
        return PreparedQuestion(question, session.ledger.last_seq, self.anticipate(question).result)

    def anticipate(self, question: Question) -> Future[float | None]:
        """Follow the log, and prepare for the answers to a question; returns the agreement."""

        def work(session: Session) -> float | None:
            agreement = session.agreement()  # first, since it would end the preparation
            session.anticipate(question)
            return agreement

        return self.later(work)

    def follow(self, session: Session) -> None:
        """Bring the session's state to the end of the log; as work."""
        session.refresh()
        _ = session.state

    def choose(
        self, session: Session, count: int, taken: Collection[str], *, quick: bool = False
    ) -> list[PreparedQuestion]:
        """As ``Session.ask_several``, as work.

        They come with the agreement that was worked out last, by ``compare``.
        """
        began = time.monotonic()
        questions = session.ask_several(count, taken, quick=quick)
        if self._due is None and not quick:  # questions come first when people have just joined
            self._rest(began)
        after, agreement = session.ledger.last_seq, self._agreement
        return [PreparedQuestion(question, after, lambda: agreement) for question in questions]

    def compare(self, session: Session) -> None:
        """Work out how far the predictions agree with those without the latest label, unless that
        was done a moment ago; as work.
        """
        began = time.monotonic()
        if self._due is not None and began >= self._due:
            self._agreement = session.agreement()
            self._rest(began)

    def _rest(self, began: float) -> None:
        now = time.monotonic()
        self._due = now + _REST * (now - began)

    def explain(self, item: str) -> PreparedQuestion:
        """What asking about an item would be. Raises InputError for an unknown item."""

        def work(session: Session) -> PreparedQuestion:
            question = session.explain(item)
            return PreparedQuestion(question, session.ledger.last_seq, lambda: None)

        return self.call(work)

    def suspicion(self, item: str) -> float:
        """How doubtful an item's label is, in [0, 1]; 0 without a label. Raises InputError."""

        def work(session: Session) -> float:
            session.refresh()
            (prediction,) = session.predict([item])
            chances = prediction.probabilities
            label = session.ledger.label(session.pool.catalog.get(item).id)
            if label is None:
                return 0.0
            P = np.array([list(chances.values())])
            return float(suspicion(P, np.array([list(chances).index(label)]))[0])

        return self.call(work)

    def close(self) -> None:
        """Finish what is under way, drop what waits, and close the session's pool."""
        self._thread.shutdown(cancel_futures=True)
        self._session.stop_anticipating()
        self._session.pool.close()
