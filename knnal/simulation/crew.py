"""Processes that work through tasks side by side, each on one thread.

Pipes join the parent to each process alone: if either side is killed, the other one notices.
"""

from __future__ import annotations

import multiprocessing
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Generic, Protocol, TypeVar

from knnal.errors import KnnalError
from knnal.index.parallel import use_threads

Task = TypeVar("Task", contravariant=True)
AnyTask = TypeVar("AnyTask")


class Worker(Protocol[Task]):
    """What a process does with a task; it is sent there whole, so it must pickle."""

    def __call__(self, task: Task, report: Callable[[int], None]) -> None:
        """Do the task; tell ``report`` of units of work as they are done."""


@dataclass(frozen=True, slots=True)
class _Failed:
    trace: str


class Crew(Generic[AnyTask]):
    """``count`` processes, each with a copy of the worker; the context's end is theirs."""

    def __init__(self, count: int, worker: Worker[AnyTask], report: Callable[[int], None]) -> None:
        self._report = report
        self._busy: dict[Connection, AnyTask] = {}
        self._idle: deque[Connection] = deque()
        self._processes: list[BaseProcess] = []
        # Not by forking: threads of this process, such as FAISS's, would leave locks behind.
        context = multiprocessing.get_context("spawn")
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, worker), daemon=True)
            process.start()
            theirs.close()
            self._processes.append(process)
            self._idle.append(ours)

    @property
    def has_room(self) -> bool:
        return bool(self._idle)

    def begin(self, task: AnyTask) -> None:
        """Give a task to an idle process."""
        connection = self._idle.popleft()
        self._busy[connection] = task
        connection.send(task)

    def finished(self) -> Iterator[AnyTask]:
        """Wait for news; the tasks that are done with, if any.

        Raises KnnalError when a task failed or its process was killed.
        """
        for connection in wait(list(self._busy)):
            assert isinstance(connection, Connection)
            try:
                message = connection.recv()
            except (EOFError, ConnectionError) as error:
                raise KnnalError(
                    "A process of the simulation was killed, for lack of memory perhaps. Use "
                    "fewer --threads; finished runs are kept."
                ) from error
            if isinstance(message, _Failed):
                raise KnnalError(f"{self._busy[connection]} failed:\n{message.trace}")
            if isinstance(message, int):
                self._report(message)
            else:
                self._idle.append(connection)
                yield self._busy.pop(connection)

    def __enter__(self) -> Crew[AnyTask]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join()
        for connection in (*self._idle, *self._busy):
            connection.close()


def _serve(connection: Connection, worker: Worker[AnyTask]) -> None:
    """Do tasks until the parent hangs up or ends."""
    from threadpoolctl import threadpool_limits

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this one
    use_threads(1)
    with threadpool_limits(1):
        while True:
            try:
                task = connection.recv()
                worker(task, connection.send)
                connection.send(None)
            except (EOFError, ConnectionError):
                return
            except Exception:
                connection.send(_Failed(traceback.format_exc()))
