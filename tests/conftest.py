"""What every test may use: pools on disk, and how the suite is ordered and generated."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from knnal.pool.pool import Pool
from knnal.pool.storage import NewRecord
from knnal.types import EmbedderIdentity, Modality

settings.register_profile("knnal", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("knnal")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones last, in their order otherwise."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


@pytest.fixture(scope="session", autouse=True)
def _terminals_tell_their_size() -> Iterator[None]:
    """Each to the program within it, which would rather believe the variables that pytest-xdist
    sets to the size of the one that the tests were started in.
    """
    with patch.dict(os.environ):
        for name in ("COLUMNS", "LINES"):
            os.environ.pop(name, None)
        yield


@pytest.fixture
def serve() -> Iterator[Callable[[Path], str]]:
    """Serves folders by HTTP on this machine; gives the URL of each."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Standard error is not for this."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Nor for clients that hang up."""

    servers: list[Server] = []

    def start(folder: Path) -> str:
        server = Server(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
        servers.append(server)
        Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


PoolMaker = Callable[..., Pool]


@pytest.fixture
def make_pool(tmp_path: Path) -> Iterator[PoolMaker]:
    """Makes a pool of ready vectors on disk, or opens the one in the folder once more."""
    opened: list[Pool] = []

    def make(
        X: Any = None,
        *,
        ids: Sequence[str] | None = None,
        texts: Sequence[str] | None = None,
        folder: str = "pool",
    ) -> Pool:
        pool = Pool.create(tmp_path / folder)
        opened.append(pool)
        if X is None:
            return pool
        X = np.asarray(X, dtype=np.float64)
        unit = (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)
        names = [f"item-{i}" for i in range(len(X))] if ids is None else list(ids)
        records = [
            NewRecord(
                name, f"stamp of {name}", f"digest of {name}", text=texts[i] if texts else None
            )
            for i, name in enumerate(names)
        ]
        pool.adopt(
            EmbedderIdentity("ready-vectors", "0" * 64, X.shape[1], "as given"), Modality.VECTOR
        )
        with pool.transaction():
            pool.store(pool.catalog.source(tmp_path / "source"), records, unit)
        pool.reload()
        return pool

    yield make
    for pool in opened:
        pool.close()
