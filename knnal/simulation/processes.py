"""Tasks done in several processes, each on one thread."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any, Protocol, TypeVar

from knnal.errors import KnnalError
from knnal.index.parallel import use_threads

Task = TypeVar("Task")
TaskIn = TypeVar("TaskIn", contravariant=True)
Report = Callable[[int], None]

_POLL_S = 0.1
_work: Callable[[Any], None]
"""What this process does with a task, if it was started to work."""


class Worker(Protocol[TaskIn]):
    """Does a task. It is sent to each process once, so it must pickle."""

    def __call__(self, task: TaskIn, report: Report) -> None:
        """Do the task; tell ``report`` of units of work as they are done."""


def run_tasks(
    count: int,
    worker: Worker[Task],
    next_task: Callable[[], Task | None],
    finish: Callable[[Task], None],
    report: Report,
) -> None:
    """Do all tasks, in this process or in others, which end with it however it ends.

    Parameters
    ----------
    count
        The number of processes; with 1, the tasks are done in this one.
    worker
        Does the tasks. Each process has a copy.
    next_task
        Returns a task that can begin, or None while there is none until another one is finished.
    finish
        Is called with each task that is done.
    report
        Receives the units of work that all processes have finished, in this one.

    Raises
    ------
    KnnalError
        When a task failed or its process was killed.
    """
    if count == 1:
        while (task := next_task()) is not None:
            worker(task, report)
            finish(task)
        return
    # Not by forking: threads of this process, such as FAISS's, would leave locks behind.
    context = multiprocessing.get_context("spawn")
    reports: Any = context.SimpleQueue()
    lifeline, held = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(count, context, _start, (worker, reports.put, lifeline))
    running: dict[Future[None], Task] = {}
    try:
        while True:
            while len(running) < count and (task := next_task()) is not None:
                running[pool.submit(_do, task)] = task
            if not running:
                break
            done, _ = wait(running, _POLL_S, FIRST_COMPLETED)
            while not reports.empty():
                report(reports.get())
            for future in done:
                task = running.pop(future)
                _require_success(task, future)
                finish(task)
    except BaseException:
        held.close()  # ends what is under way
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        held.close()
        lifeline.close()


def _require_success(task: object, future: Future[None]) -> None:
    try:
        future.result()
    except BrokenProcessPool as error:
        raise KnnalError(
            "A process of the simulation was killed, perhaps for lack of memory. Use fewer "
            "threads. Finished runs are kept."
        ) from error
    except Exception as error:
        raise KnnalError(f"{task} failed:\n{error.__cause__ or error}") from error


def _start(worker: Worker[Any], report: Report, lifeline: Connection) -> None:
    from threadpoolctl import threadpool_limits

    global _work
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    use_threads(1)
    threadpool_limits(1)
    Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    _work = lambda task: worker(task, report)  # noqa: E731


def _do(task: Any) -> None:
    _work(task)


def _end_with(lifeline: Connection) -> None:
    """End this process as soon as the parent closes its end of the pipe, or is killed."""
    try:
        lifeline.recv()
    except (EOFError, OSError):
        os._exit(1)
