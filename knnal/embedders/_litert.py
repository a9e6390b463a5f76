"""A network in LiteRT, with one interpreter for each thread that runs it at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knnal.embedders._quiet import silent_stderr
from knnal.types import Float32Array


class ThreadedNetwork:
    """A network that any number of threads run at once, each on an interpreter of its own.

    One single-threaded interpreter per thread, one image per call, is what measured fastest:
    larger batches spill the processor's caches, and threads inside one interpreter wait for each
    other after every layer.
    """

    def __init__(self, network: bytes) -> None:
        """Opens the first interpreter, so that a broken network shows here."""
        self._network = network
        with silent_stderr():  # LiteRT names its delegate there, once per process
            self._idle = deque([open_interpreter(network)])

    def __call__(self, batch: Sequence[NDArray[Any]]) -> Float32Array:
        """Inputs, each of the network's shape without its batch axis, to ``(n, d)``."""
        try:
            interpreter = self._idle.pop()
        except IndexError:
            interpreter = open_interpreter(self._network)
        try:
            return run_network(interpreter, batch)
        finally:
            self._idle.append(interpreter)


def open_interpreter(network: bytes) -> Any:
    """A single-threaded LiteRT interpreter for a network with a batch of one."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=network, num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def run_network(interpreter: Any, batch: Sequence[NDArray[Any]] | NDArray[Any]) -> Float32Array:
    """``n`` inputs, one by one, to ``(n, d)``."""
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    vectors = np.empty((len(batch), target["shape"][-1]), np.float32)
    for row, content in enumerate(batch):
        interpreter.set_tensor(source["index"], content[np.newaxis])
        interpreter.invoke()
        vectors[row] = interpreter.get_tensor(target["index"])[0]
    return vectors
