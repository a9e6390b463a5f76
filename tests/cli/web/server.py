"""``knnal serve`` in a process of its own, and JSON over HTTP to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ...patience import PATIENCE_S
from ..conftest import find_script


class Server:
    """Runs until it is killed or stopped; ``port`` 0 picks a free one."""

    def __init__(self, pool: Path, *options: str, port: int = 0, token: str | None = None) -> None:
        environment = dict(os.environ)
        if token is not None:
            environment["KNNAL_TOKEN"] = token
        self.process = subprocess.Popen(
            [find_script(), "serve", "--pool", str(pool), "--port", str(port), *options],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        if not self.address:
            raise AssertionError(self.process.communicate()[1])
        parts = urlsplit(self.address)
        self.port = parts.port
        self.base = f"http://127.0.0.1:{self.port}"
        self.token = parse_qs(parts.query)["token"][0]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The answer to a request, parsed. Raises OSError where there is none, or an error."""
        request = urllib.request.Request(
            f"{self.base}/api/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()
        self._wait()

    def stop(self) -> tuple[int, str]:
        """As Ctrl-C does; the exit code, and what was said on stderr."""
        self.process.send_signal(signal.SIGINT)
        return self._wait()

    def _wait(self) -> tuple[int, str]:
        _, said = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, said
