"""Runs commands of ``knnal``, each in a process of its own that starts at once.

``python -m tests.damage.server`` imports everything and compiles the kernels once, by commands that
it runs in itself. Every other command runs in a fork of it: a crash or a hang ends that process
alone, and nothing that it damages in memory reaches the next one. Requests and replies are lines of
JSON on the standard streams.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

_ENDING_TRIES = 100
_MEMORY = 4 << 30
"""Bytes that a command may take beyond what it starts with: a damaged size must not fill memory."""


def main() -> None:
    requests, replies = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    from typer.main import get_command

    from knnal import registry
    from knnal.embedders.base import EMBEDDERS
    from knnal.pool import index_files as labeled_file
    from knnal_cli.main import app

    knnal = get_command(app)  # what calling the app does, once for all commands

    group = EMBEDDERS.group
    registry._entries(group)["letters"] = EntryPoint("letters", "tests.letters:LetterCounts", group)
    # The file of labeled neighbors is for large pools; here it is for small ones.
    with patch.multiple(labeled_file, _WORTH_A_FILE=0, _STALE=1):
        for line in requests:
            request = json.loads(line)
            run = _run_here if request["here"] else _run_forked
            code = run(knnal, request)
            print(json.dumps({"code": code}), file=replies, flush=True)


def _run_here(knnal: Any, request: dict[str, Any]) -> int:
    """Run a command in this process, for what stays in memory."""
    with _streams(request):
        code = _run(knnal, request)
    gc.collect()
    gc.freeze()  # a fork need not look for garbage in what is there now
    for _ in range(_ENDING_TRIES):  # a thread that was told to end may take a moment
        threads = len(list(Path("/proc/self/task").iterdir()))
        if threads == 1:
            return code
        time.sleep(0.05)
    raise AssertionError(f"{threads} threads, which a fork would not have")


def _run_forked(knnal: Any, request: dict[str, Any]) -> int:
    """Run a command in a fork; its exit code, or the signal that ended it, negative."""
    pid = os.fork()
    if not pid:
        _become(knnal, request)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def _become(knnal: Any, request: dict[str, Any]) -> NoReturn:
    """Be the process of the command, to its end."""
    code = 1
    try:
        signal.setitimer(signal.ITIMER_REAL, request["limit"])  # SIGALRM ends it, wherever it is
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + _MEMORY,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with _streams(request):
            code = _run(knnal, request)
            gc.collect()  # closes what is still open, as the end of an interpreter does
    finally:
        os._exit(code)


def _run(knnal: Any, request: dict[str, Any]) -> int:
    """What the ``knnal`` script does; its exit code."""
    try:
        with contextlib.chdir(request["folder"]):
            knnal(request["arguments"], prog_name="knnal")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    return 1


@contextlib.contextmanager
def _streams(request: dict[str, Any]) -> Iterator[None]:
    """Standard streams in files, also for native code."""
    saved = [os.dup(number) for number in range(3)]
    for number, (name, mode) in enumerate((("stdin", "rb"), ("stdout", "wb"), ("stderr", "wb"))):
        with Path(request[name]).open(mode) as stream:
            os.dup2(stream.fileno(), number)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, copy in enumerate(saved):
            os.dup2(copy, number)
            os.close(copy)


if __name__ == "__main__":
    main()
