"""One thread that does what the screen asks for in its order; the screen never waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

Result = TypeVar("Result")


class Worker:
    """Works in a thread, and hands what it comes to back to the event loop it was begun in.

    ``failed`` is called there with whatever is raised, by the work or by what is called back.
    """

    def __init__(self, failed: Callable[[BaseException], object]) -> None:
        self._failed = failed
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="knnal-session")

    def begin(self) -> None:
        """Hand results to the event loop that this runs in."""
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()  # Textual finds the application by it

    def do(
        self, work: Callable[[], Result], then: Callable[[Result], object] | None = None
    ) -> None:
        """Work in the thread, after what it was given before; then call back with the result."""

        def run() -> None:
            try:
                result = work()
            except BaseException as error:
                self.call(self._failed, error)
                return
            if then is not None:
                self.call(then, result)

        self._thread.submit(run)

    def call(self, callback: Callable[..., object], *arguments: Any) -> None:
        """Call something in the event loop; for any thread. Without effect once that is over."""

        def run() -> None:
            try:
                callback(*arguments)
            except Exception as error:
                self._failed(error)

        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(run, context=self._context)

    def close(self, last: Callable[[], object]) -> None:
        """Do one thing more, and wait until all is done."""
        self._thread.submit(last)
        self._thread.shutdown()
