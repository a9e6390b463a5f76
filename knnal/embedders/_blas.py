"""How many threads NumPy's matrix products use."""

from __future__ import annotations

from threading import Lock
from types import TracebackType
from typing import Any


class OneBlasThread:
    """While anybody is inside, each matrix product runs on the thread that asks for it alone.

    Lanes that compute side by side must not share threads: a product that waits for its helpers
    while other programs are busy was measured ten times as slow. The setting is the process's own,
    so the first who enters makes it and the last who leaves takes it back.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._limits: Any = None

    def __enter__(self) -> None:
        from threadpoolctl import threadpool_limits

        with self._lock:
            if not self._inside:
                self._limits = threadpool_limits(1, user_api="blas")
            self._inside += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._limits.restore_original_limits()
