"""Tasks in parallel processes of one thread each, with a line on stderr as each one ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import TypeVar

from benchmarks.threads import one_thread_each

Task = TypeVar("Task")


def run_all(work: Callable[[Task], str], tasks: Sequence[Task], jobs: int) -> None:
    """``work`` stores what it finds and says what it was. Raises what it raises, at once."""
    if not tasks:
        return
    with (
        one_thread_each(),
        ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as executor,
    ):
        futures = [executor.submit(work, task) for task in tasks]
        try:
            for count, future in enumerate(as_completed(futures), start=1):
                print(f"{count}/{len(tasks)} {future.result()}", file=sys.stderr, flush=True)
        except BaseException:  # what is stored stays; a later run goes on from there
            executor.shutdown(cancel_futures=True)
            raise
