"""One process a measurement, so that caches and peaks of memory are its own; and the machine."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")

PACKAGES = ("knnal", "numpy", "scipy", "numba", "faiss-cpu", "scikit-learn")
PEER_PACKAGES = ("cleanlab", "modAL-python", "scikit-activeml", "small-text")
_STATUS = Path("/proc/self/status")
_SAMPLED_EVERY_S = 0.05
_KIB = 1024


def in_a_process(
    work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Result:
    """The result of ``work`` in a fresh process, which ends with it.

    Raises what ``work`` raises, BrokenProcessPool where the process was killed.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        return executor.submit(work, *args, **kwargs).result()


@dataclass(frozen=True, slots=True)
class Memory:
    """The highest of a process in bytes: ``anonymous`` is what it holds itself, ``resident`` also
    counts the pages of mapped files that happen to be in memory. None where this is not Linux.
    """

    anonymous: int | None
    resident: int | None


class MemoryPeak:
    """Watches this process for the length of a block; ``memory`` then tells the peak."""

    def __init__(self) -> None:
        self.memory = Memory(None, None)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> MemoryPeak:
        if _STATUS.exists():
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            self._sample()
            self._stop.set()
            self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(_SAMPLED_EVERY_S):
            self._sample()

    def _sample(self) -> None:
        found = _kibibytes(_STATUS)
        self.memory = Memory(
            max(self.memory.anonymous or 0, found["RssAnon"] * _KIB),
            max(self.memory.resident or 0, found["VmRSS"] * _KIB),
        )


def available_memory() -> int | None:
    """Bytes for processes and cached files; None where this is not Linux."""
    file = Path("/proc/meminfo")
    return _kibibytes(file)["MemAvailable"] * _KIB if file.exists() else None


def machine() -> dict[str, Any]:
    """What the figures were measured on and with."""
    import numpy  # noqa: F401 - its BLAS is what threadpoolctl tells of
    from threadpoolctl import threadpool_info

    from knnal.index.parallel import thread_count

    blas = [f"{p['internal_api']} x{p['num_threads']}" for p in threadpool_info()]
    total = Path("/proc/meminfo")
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory": _kibibytes(total)["MemTotal"] * _KIB if total.exists() else None,
        "threads": thread_count(),
        "blas": blas,
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in (*PACKAGES, *PEER_PACKAGES)},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    if file.exists():
        for line in file.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or "unknown"


def _kibibytes(file: Path) -> dict[str, int]:
    """The fields of a table such as ``VmRSS: 1234 kB``."""
    fields = (line.split() for line in file.read_text(encoding="utf-8").splitlines())
    return {f[0].rstrip(":"): int(f[1]) for f in fields if len(f) == 3 and f[2] == "kB"}
