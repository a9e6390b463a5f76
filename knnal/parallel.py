"""Work over the rows of a pool on several threads. Results never depend on how many."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from knnal.errors import InputError

BLOCK = 16384
"""Rows a task: small enough for a core's cache, large enough to outweigh the call."""

Result = TypeVar("Result")


class _Workers:
    """The threads that all of the process shares, started when first needed."""

    def __init__(self) -> None:
        self.count = _default_count()
        self._executor: ThreadPoolExecutor | None = None

    def resize(self, count: int) -> None:
        if self._executor is not None:
            self._executor.shutdown()
        self.count, self._executor = count, None

    def map(self, work: Callable[[int, int], Result], starts: range, stop: int) -> list[Result]:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self.count, thread_name_prefix="knnal")
        ends = (min(start + starts.step, stop) for start in starts)
        return list(self._executor.map(work, starts, ends))


def _default_count() -> int:
    """``KNNAL_THREADS``, or every core that this process may use."""
    wanted = os.environ.get("KNNAL_THREADS", "")
    if wanted.isdecimal() and int(wanted) > 0:
        return int(wanted)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_workers = _Workers()


def thread_count() -> int:
    return _workers.count


def use_threads(count: int) -> None:
    """Use that many threads from now on. Raises InputError for less than one."""
    if count < 1:
        raise InputError(f"Expected at least 1 thread, came {count}.")
    if count != _workers.count:
        _workers.resize(count)


def over_rows(
    work: Callable[[int, int], Result], rows: int, block: int = BLOCK, start: int = 0
) -> list[Result]:
    """``work(start, stop)`` for blocks of rows, results in order of rows.

    ``work`` calls compiled kernels, which let other threads run, and writes to its own rows alone.
    """
    starts = range(start, rows, block)
    if len(starts) < 2 or _workers.count == 1:
        return [work(begin, min(begin + block, rows)) for begin in starts]
    return _workers.map(work, starts, rows)
