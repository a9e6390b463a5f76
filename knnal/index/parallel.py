"""Work over the rows of a pool on several threads. Results never depend on how many."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from knnal.errors import InputError

BLOCK = 65536
"""The fewest rows worth a task: starting one takes time, and the interpreter lock."""

_TASKS = 4
"""Tasks per thread, so that the others take over from one that is delayed."""

Result = TypeVar("Result")


class _Workers:
    """The threads that the process shares, started when first needed."""

    def __init__(self) -> None:
        self.count = _default_count()
        self._executor: ThreadPoolExecutor | None = None
        self._local = threading.local()

    def resize(self, count: int) -> None:
        # Work in progress keeps the old threads until it is done; then they end.
        self.count, self._executor = count, None

    def run_inline(self) -> bool:
        """With one thread, or on a worker, where waiting for the others could be a deadlock."""
        return self.count == 1 or getattr(self._local, "is_worker", False)

    def map(
        self, work: Callable[[int, int], Result], starts: range, stop: int, turns: range
    ) -> list[Result]:
        """Run blocks on the workers and the calling thread: whichever is free takes the next one.

        ``turns`` are the places of blocks in the order in which they are taken.
        """
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self.count - 1, thread_name_prefix="knnal")
        results: dict[int, Result] = {}
        places = iter(turns)

        def take() -> None:
            was_worker, self._local.is_worker = self.run_inline(), True
            try:
                for place in places:  # one iterator for all threads
                    begin = starts[place]
                    results[place] = work(begin, min(begin + starts.step, stop))
            finally:
                self._local.is_worker = was_worker

        helpers = [self._executor.submit(take) for _ in range(min(self.count, len(starts)) - 1)]
        try:
            take()
        finally:
            wait(helpers)
        for helper in helpers:
            helper.result()
        return [results[place] for place in range(len(starts))]


def _default_count() -> int:
    """``KNNAL_THREADS``, or every core that this process may use."""
    wanted = os.environ.get("KNNAL_THREADS", "")
    if wanted.isdecimal() and int(wanted) > 0:
        return int(wanted)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_workers = _Workers()
if hasattr(os, "register_at_fork"):  # a forked process inherits no threads, so it starts its own
    os.register_at_fork(after_in_child=lambda: _workers.resize(_workers.count))


def thread_count() -> int:
    return _workers.count


def use_threads(count: int) -> None:
    """Use this many threads from now on. Raises InputError for less than one."""
    if count < 1:
        raise InputError(f"The number of threads must be at least 1, got {count}.")
    if count != _workers.count:
        _workers.resize(count)


def over_rows(
    work: Callable[[int, int], Result],
    rows: int,
    block: int | None = None,
    *,
    backwards: bool = False,
) -> list[Result]:
    """Run ``work(start, stop)`` for blocks of rows on all threads.

    Parameters
    ----------
    work : callable
        Calls compiled kernels, which let other threads run, and writes to its own rows alone.
    rows : int
        Number of rows.
    block : int, optional
        Rows per call; by default a size that suits the threads.
    backwards : bool
        Whether to start with the last block.

    Returns
    -------
    list
        The results in order of rows; how many there are may depend on the number of threads.
    """
    if block is None:
        block = max(BLOCK, -(-rows // (_TASKS * _workers.count)))
    starts = range(0, rows, block)
    turns = range(len(starts))[:: -1 if backwards else 1]
    if len(starts) < 2 or _workers.run_inline():
        results = [work(starts[turn], min(starts[turn] + block, rows)) for turn in turns]
        return results[::-1] if backwards else results
    return _workers.map(work, starts, rows, turns)
