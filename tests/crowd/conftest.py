"""A desk over a pool of two clusters on disk, with a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from knnal.crowd.desk import Desk
from knnal.session import Session
from knnal.store.pool import Pool

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
    centres = np.repeat([[4.0, 0.0, 0.0, 0.0], [0.0, 4.0, 0.0, 0.0]], ITEMS // 2, axis=0)
    return make_pool(centres + np.random.default_rng(0).normal(size=centres.shape))


@pytest.fixture
def open_desk(pool: Pool, clock: Clock) -> Iterator[Callable[..., Desk]]:
    opened: list[Desk] = []
    assert pool.folder is not None
    folder = pool.folder

    def open_one(audit: float = 0.0, **options: Any) -> Desk:
        session = Session(Pool.open(folder), audit=audit, annotator="nobody")
        desk = Desk(session, Pool.open(folder), audit=audit, clock=clock, **options)
        opened.append(desk)
        return desk

    yield open_one
    for desk in opened:
        desk.close()


@pytest.fixture
def desk(open_desk: Callable[..., Desk]) -> Desk:
    return open_desk()
