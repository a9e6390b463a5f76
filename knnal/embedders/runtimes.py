"""What runs networks: TensorFlow, LiteRT and NumPy's matrix products, quietly and on threads."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knnal.extras import extra, require_extra
from knnal.types import Float32Array


def require_tensorflow(feature: str) -> None:
    """Raise MissingExtraError if TensorFlow is not installed. Imports nothing.

    For before anything is fetched that only TensorFlow can use.
    """
    require_extra("tensorflow", feature, "tensorflow", "tensorflow_hub")


def import_tensorflow(feature: str) -> Any:
    """The ``tensorflow`` module; takes seconds and hundreds of megabytes the first time.

    Its start-up notes are dropped, unless the environment sets ``TF_CPP_MIN_LOG_LEVEL``.
    Raises MissingExtraError if it is not installed or does not load.
    """
    require_tensorflow(feature)
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"]
    wanted = "TF_CPP_MIN_LOG_LEVEL" in os.environ
    with contextlib.nullcontext() if wanted else _silent_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations among its own dependencies
        with extra("tensorflow", feature):
            import tensorflow

        tensorflow.zeros(())  # the first tensor looks for a GPU, and notes what it finds
    return tensorflow


def import_tensorflow_hub(feature: str) -> Any:
    """The ``tensorflow_hub`` module, after TensorFlow itself. Raises as ``import_tensorflow``."""
    import_tensorflow(feature)
    with warnings.catch_warnings(), extra("tensorflow", feature):
        warnings.simplefilter("ignore")  # it imports pkg_resources, which warns of its own end
        import tensorflow_hub
    return tensorflow_hub


class LiteRTNetwork:
    """A network that any number of threads run at once, each on an interpreter of its own.

    One single-threaded interpreter per thread, one input per call, measured fastest: larger batches
    spill the processor's caches, and threads inside one interpreter wait for each other after
    every layer.
    """

    def __init__(self, network: bytes) -> None:
        self._network = network
        with _silent_stderr():  # LiteRT names its delegate there, once per process
            self._idle = deque([self._open()])  # a broken network fails here

    def __call__(self, batch: Sequence[NDArray[Any]] | NDArray[Any]) -> Float32Array:
        """``n`` inputs, each of the network's shape without its batch axis, to ``(n, d)``."""
        try:
            interpreter = self._idle.pop()
        except IndexError:
            interpreter = self._open()
        try:
            (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
            vectors = np.empty((len(batch), target["shape"][-1]), np.float32)
            for row, content in enumerate(batch):
                interpreter.set_tensor(source["index"], content[np.newaxis])
                interpreter.invoke()
                vectors[row] = interpreter.get_tensor(target["index"])[0]
            return vectors
        finally:
            self._idle.append(interpreter)

    def _open(self) -> Any:
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_content=self._network, num_threads=1)
        interpreter.allocate_tensors()
        return interpreter


class OneBlasThread:
    """While any thread is inside, each matrix product runs on the thread that asks for it alone.

    Threads that compute at once must not share helpers: a product that waits for its helpers
    while other programs are busy was measured ten times as slow. The limit is the process's own,
    so the first to enter sets it and the last to leave restores it.
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

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._limits.restore_original_limits()


@contextlib.contextmanager
def _silent_stderr() -> Iterator[None]:
    """Drops what native code, which asks no Python stream, writes to standard error.

    What other threads write there is dropped too, so keep it short.
    """
    try:
        saved = os.dup(2)
    except OSError:  # a process without standard error has nothing to silence
        yield
        return
    try:
        with Path(os.devnull).open("w") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
