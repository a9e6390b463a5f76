"""Work in the background whose latest result is good enough, so that nobody waits for it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Found = TypeVar("Found")


class Latest(Generic[Found]):
    """The latest result of one thread. ``asked`` is what it is to be computed for.

    Not thread-safe: it is for one caller at a time.
    """

    def __init__(self, name: str) -> None:
        self.found: Found | None = None
        self._name = name
        self._thread: ThreadPoolExecutor | None = None
        self._work: Future[Found] | None = None
        self._asked: object = None

    @property
    def working(self) -> bool:
        """Whether something was under way when this last looked, or was begun since."""
        return self._work is not None

    def take(self) -> Found | None:
        """The latest result."""
        if self._work is not None and self._work.done():
            self.found, self._work = self._work.result(), None
        return self.found

    def wants(self, asked: object) -> bool:
        """Take a finished result; whether to begin, as nothing runs and the request is new."""
        self.take()
        return self._work is None and asked != self._asked

    def begin(self, asked: object, work: Callable[[], Found]) -> None:
        """Have it worked out."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix=self._name)
        self._asked, self._work = asked, self._thread.submit(work)

    def close(self) -> None:
        """Wait for what is under way."""
        if self._thread is not None:
            self._thread.shutdown(cancel_futures=True)
