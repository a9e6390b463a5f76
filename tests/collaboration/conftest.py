"""Several people on a pool of two clusters on disk, with a clock that only tests move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from knnal.collaboration.multi_user import MultiUserSession
from knnal.pool.pool import Pool
from knnal.session.session import Session

ITEMS = 120


def truth(item: str) -> str:
    return "left" if int(item.removeprefix("item-")) < ITEMS // 2 else "right"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pool(make_pool: Any) -> Pool:
    """Items "item-0" to "item-119": two clusters, the second from "item-60" on."""
    centers = np.repeat([[4.0, 0.0, 0.0, 0.0], [0.0, 4.0, 0.0, 0.0]], ITEMS // 2, axis=0)
    return make_pool(centers + np.random.default_rng(0).normal(size=centers.shape))


@pytest.fixture
def open_session(pool: Pool, clock: Clock) -> Iterator[Callable[..., MultiUserSession]]:
    opened: list[MultiUserSession] = []
    assert pool.folder is not None
    folder = pool.folder

    def open_one(audit: float = 0.0, **options: Any) -> MultiUserSession:
        session = Session(Pool.open(folder), audit=audit, annotator="nobody")
        people = MultiUserSession(session, Pool.open(folder), clock=clock, **options)
        opened.append(people)
        return people

    yield open_one
    for people in opened:
        people.close()


@pytest.fixture
def people(open_session: Callable[..., MultiUserSession]) -> MultiUserSession:
    return open_session()
