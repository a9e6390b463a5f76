"""Commands of ``knnal`` in processes that start at once, and how they end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIMIT_S = 25.0
"""How long a command may take before it counts as hung; it usually takes a thirtieth of a second,
and SQLite waits half a minute for a lock that nobody gives back.
"""
_ONE_THREAD = ("KNNAL_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended; ``code`` is negative for a signal."""

    code: int
    out: str
    err: str


class Commands:
    """Runs commands in a folder, by a server in a process of its own."""

    def __init__(self, server: subprocess.Popen[str], scratch: Path) -> None:
        self._server = server
        self._scratch = scratch

    def run(
        self,
        folder: Path,
        arguments: Sequence[str],
        *,
        stdin: str = "",
        here: bool = False,
        limit: float = LIMIT_S,
    ) -> Done:
        """Run a command in a fork, or ``here``, in the server, which makes the next ones faster."""
        files = {name: self._scratch / name for name in ("stdin", "stdout", "stderr")}
        files["stdin"].write_text(stdin, encoding="utf-8")
        request = {
            "folder": str(folder),
            "arguments": list(arguments),
            "limit": limit,
            "here": here,
            **{name: str(file) for name, file in files.items()},
        }
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        reply = self._server.stdout.readline()
        assert reply, f"the server ended with {self._server.wait()}"
        out, err = (
            files[name].read_text(encoding="utf-8", errors="replace")
            for name in ("stdout", "stderr")
        )
        return Done(json.loads(reply)["code"], out, err)


@contextmanager
def serving(scratch: Path) -> Iterator[Commands]:
    """A server, until the block ends; ``scratch`` is a folder for what commands print."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        # Nothing is measured of the forks, which end without a word to who measures.
        if name != "KNNAL_POOL" and not name.startswith("COVERAGE_")
    }
    environment = {
        **inherited,
        **dict.fromkeys(_ONE_THREAD, "1"),
        "COLUMNS": "200",
        "LOGNAME": "ann",
        "NO_COLOR": "1",
        "TERM": "dumb",
        "PYTHONIOENCODING": "utf-8",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "tests.damage.server"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            yield Commands(server, scratch)
        finally:
            server.kill()
