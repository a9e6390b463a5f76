"""One session on a thread of its own, which is all that ever touches it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from knnal.session.session import Session

Result = TypeVar("Result")


class SessionThread:
    """Hands work to a session's thread, one piece after the other, in the order of arrival."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="knnal-engine")

    def call(self, work: Callable[[Session], Result]) -> Result:
        """Wait for the result of the work, or the error that it raises."""
        return self.later(work).result()

    def call_as(self, annotator: str, work: Callable[[Session], Result]) -> Result:
        """The same, whatever is decided being that annotator's, on the whole log as it is now."""

        def decide(session: Session) -> Result:
            session.annotator = annotator
            session.refresh()
            return work(session)

        return self.call(decide)

    def later(self, work: Callable[[Session], Result]) -> Future[Result]:
        """Have the work done without waiting for it."""
        return self._thread.submit(work, self._session)

    def close(self) -> None:
        """Finish what is under way, drop what waits, and close the session's pool."""
        self._thread.shutdown(cancel_futures=True)
        self._session.stop_anticipating()
        self._session.pool.close()
