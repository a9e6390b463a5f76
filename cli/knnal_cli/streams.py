"""Standard streams that take any text on every system, and outlive their readers."""

from __future__ import annotations

import io
import os
import sys
from errno import EINVAL, EPIPE
from typing import Any

from knnal.errors import KnnalError

_LEFT = (EPIPE, EINVAL) if os.name == "nt" else (EPIPE,)
"""What writing fails with where the reader is gone."""


class OutputError(KnnalError):
    """What a command prints cannot be written, as on a full disk."""


class _Output(io.FileIO):
    """A pipe or file to print to. Where its reader is gone, as with ``| head``, the rest is
    dropped: how a command ends depends on what it did.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._failed = False

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        if self._failed or not size:  # of nothing, which Click writes to try a stream
            return size
        try:
            return super().write(data)
        except OSError as error:
            self._failed = True
            if error.errno not in _LEFT and self.fileno() == 1:
                raise OutputError(
                    f"Cannot write the output: {error.strerror or error}. What the command "
                    "changed is stored."
                ) from error
        return size


def prepare_streams() -> None:
    """Make the standard streams UTF-8, whatever the system's code page.

    A terminal keeps its own encoding; characters that it does not have are escaped.
    """
    sys.stdout, sys.stderr = _prepared(sys.stdout), _prepared(sys.stderr)
    if isinstance(sys.stdin, io.TextIOWrapper) and not sys.stdin.isatty():
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="surrogateescape")


def _prepared(stream: Any) -> Any:
    """The stream, or one in its place."""
    if not isinstance(stream, io.TextIOWrapper):
        return stream  # closed, or put there by another program
    if stream.isatty():
        stream.reconfigure(errors="backslashreplace")
    elif type(getattr(stream.buffer, "raw", stream.buffer)) is io.FileIO:
        stream.flush()
        output: Any = _Output(stream.fileno())
        return io.TextIOWrapper(
            # With PYTHONUNBUFFERED there is nothing between.
            output if isinstance(stream.buffer, io.FileIO) else io.BufferedWriter(output),
            encoding="utf-8",
            errors="backslashreplace",
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )
    else:
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    return stream
