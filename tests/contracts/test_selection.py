"""A session, several people and a simulated run ask the same, by every registered strategy."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np
import pytest

from knnal.acquisition.strategies.base import STRATEGIES
from knnal.index.pool_index import PoolIndex
from knnal.pool.index_files import stored_index
from knnal.pool.labels.ledger import AUDIT
from knnal.pool.pool import Pool
from knnal.session.schedule import Schedule, ScheduleKind
from knnal.session.session import Session
from knnal.simulation.holdout import Holdout, example_of

NAMES = [*STRATEGIES.names(), "cdf(entropy, global)", "product(margin, uncovered)"]
NEAR = 0.999
SEED = 3
HELD_OUT = 6
RARE = 2

RNG = np.random.default_rng(11)
CLASSES = np.array([0, 1, 0, 1, RARE, 0, 3] * 9)
X = 2.5 * RNG.normal(size=(4, 6))[CLASSES] + RNG.normal(size=(len(CLASSES), 6))
X[40:50] = X[20:30] + 1e-4  # near-duplicates
VIEWS = X[:, None] + 0.3 * RNG.normal(size=(len(X), 3, 6))
_FOUND: list[PoolIndex] = []


def new_pool() -> Pool:
    """One whose last items have vanished from their source."""
    pool = Pool.in_memory(X, views=VIEWS)
    pool.catalog.begin_scan()
    for record in list(pool.catalog.records()):
        if record.row < len(X) - HELD_OUT:
            pool.catalog.see(record.id)
    pool.catalog.end_scan(1)
    if not _FOUND:
        geometry = stored_index(pool)
        _ = geometry.reduced, geometry.graph, geometry.views
        _FOUND.append(geometry)
    return pool


def new_session(pool: Pool, **options: Any) -> Session:
    return Session(pool, geometry=_FOUND[0], seed=SEED, annotator="ann", **options)


def asked_by_session(
    strategy: str, labels: int, schedule: Schedule | None, near: float | None, seek: bool
) -> list[int]:
    """The rows that a session asks about whose questions the known classes answer."""
    asked: list[int] = []
    with closing(new_pool()) as pool:
        options = {"strategy": strategy, "seek": str(RARE) if seek else None}
        session = new_session(pool, per_group=near, **options)
        if seek:
            asked.append(example_of(CLASSES, _FOUND[0].live, RARE, SEED))
            session.tell(str(asked[0]), str(RARE))
        while len(asked) < labels:
            if schedule is None:
                question = session.ask()
                questions = [] if question is None else [question]
            else:
                questions = session.ask_many(schedule)
            if not questions:  # one of each group has been asked about: the rest, one by one
                session = new_session(pool, **options)
            for question in questions:
                asked.append(int(question.item))
                session.tell(question.item, str(CLASSES[asked[-1]]))
    return asked[:labels]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("labels", "schedule", "near", "seek"),
    [
        (20, None, None, False),
        (57, None, NEAR, False),
        (24, None, None, True),
        (57, Schedule(ScheduleKind.DOUBLING, 1), NEAR, False),
        (34, Schedule(ScheduleKind.CONSTANT, 5), NEAR, True),
    ],
)
def test_a_simulated_run_asks_what_a_session_asks(
    name: str, labels: int, schedule: Schedule | None, near: float | None, seek: bool
) -> None:
    by_session = asked_by_session(name, labels, schedule, near, seek)
    holdout = Holdout(_FOUND[0], CLASSES, 4)
    run = holdout.run(
        name, labels, seed=SEED, schedule=schedule, near=near, example=RARE if seek else None,
        seek=seek,
    )  # fmt: skip
    assert run.asked.tolist() == by_session
    assert len(set(by_session)) == labels


@pytest.mark.parametrize("name", NAMES)
def test_several_people_are_asked_what_one_would_be_asked_at_once(name: str) -> None:
    with closing(new_pool()) as pool:
        session = new_session(pool, strategy=name)
        for row in range(12):
            session.tell(str(row), str(CLASSES[row]))
        together = session.ask_many(7)
        assert session.ask_several(7) == together
        taken = [question.item for question in together[1:4]]
        assert session.ask_several(4, taken) == [together[0], *together[4:]]
        audited = new_session(pool, strategy=name, audit=0.5)
        questions = audited.ask_several(4, taken)
        drawn = [question.origin == AUDIT for question in questions]
        assert 0 < sum(drawn) < 4
        for question, plain, of_audit in zip(
            questions, session.ask_several(4, taken), drawn, strict=True
        ):
            assert of_audit or question == plain
        assert len({*taken, *(question.item for question in questions)}) == 7
