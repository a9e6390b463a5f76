"""The prepared next question: a look-up that changes nothing."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import numpy as np
import pytest

from knnal.index.linalg import unit_rows
from knnal.index.pool_index import PoolIndex
from knnal.pool.pool import Pool
from knnal.session.questions import Question
from knnal.session.session import Session

from ..patience import PATIENCE_S

NewSession = Callable[..., Session]

RNG = np.random.default_rng(0)
CENTERS = RNG.normal(size=(3, 8))
TRUTH = RNG.integers(0, 3, 90)
X = CENTERS[TRUTH] + 0.6 * RNG.normal(size=(90, 8))
GEOMETRY = PoolIndex.of(unit_rows(X))


def label(question: Question) -> str:
    return "abc"[TRUTH[int(question.item)]]


@pytest.fixture
def new_session() -> Iterator[NewSession]:
    """Makes a session with three classes and two labels, in memory."""
    pools: list[Pool] = []

    def make(**options: Any) -> Session:
        pools.append(Pool.in_memory(X))
        session = Session(pools[-1], geometry=GEOMETRY, annotator="ann", **options)
        for item, name in (("0", "abc"[TRUTH[0]]), ("1", "abc"[TRUTH[1]])):
            session.tell(item, name)
        for name in "abc":
            session.add_class(name)
        return session

    yield make
    for pool in pools:
        pool.close()


def asked(session: Session) -> Question:
    question = session.ask()
    assert question is not None
    return question


@pytest.mark.parametrize("audit", [0.0, 0.4])
def test_questions_answers_and_log_are_the_same_as_without(
    new_session: NewSession, audit: float
) -> None:
    plain, ahead = new_session(audit=audit), new_session(audit=audit)
    for step in range(25):
        question = asked(plain)
        assert asked(ahead) == question
        ahead.anticipate(question)
        if step % 2:
            ahead.finish_anticipating()
        for session in (plain, ahead):
            if step % 6 == 5:
                session.skip(question.item)
            else:
                session.tell(question.item, label(question))
            if step % 8 == 7:
                session.undo()
    assert ahead.classes == plain.classes
    for one, other in zip(plain.pool.log.events(), ahead.pool.log.events(), strict=True):
        assert (one.kind, one.item, one.label, one.scores) == (
            other.kind,
            other.item,
            other.label,
            other.scores,
        )
    np.testing.assert_array_equal(
        ahead.state.uncertainty("smallest-margin"), plain.state.uncertainty("smallest-margin")
    )


def test_a_prepared_question_is_looked_up(
    new_session: NewSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = new_session()
    question = asked(session)
    session.anticipate(question)
    session.finish_anticipating()
    strategy = type(session._selector._strategy)  # the only way to see that it is not called
    monkeypatch.setattr(strategy, "pick", lambda *_: pytest.fail("worked out, not looked up"))
    session.tell(question.item, label(question))
    assert asked(session).item != question.item


def test_the_state_is_that_of_the_labels_in_force_whenever_it_is_seen(
    new_session: NewSession,
) -> None:
    session, plain = new_session(), new_session()
    question = asked(session)
    session.anticipate(question)
    np.testing.assert_array_equal(session.state.labeling.classes, plain.state.labeling.classes)
    session.anticipate(question)
    session.finish_anticipating()
    assert session.predict(["5"]) == plain.predict(["5"])
    np.testing.assert_array_equal(session.candidates, plain.candidates)


def test_another_persons_label_makes_what_was_prepared_void(make_pool: Any) -> None:
    make_pool(X)
    first, second = (
        Session(make_pool(), geometry=GEOMETRY, annotator=name) for name in ("ann", "ben")
    )
    for item in range(6):
        first.tell(f"item-{item}", "abc"[TRUTH[item]])
    question = asked(first)
    first.anticipate(question)
    first.finish_anticipating()
    second.refresh()
    second.tell("item-50", "abc"[TRUTH[50]])
    first.tell(question.item, "a")
    second.refresh()
    assert asked(first) == asked(second)


def test_an_error_in_the_background_comes_to_the_front(
    new_session: NewSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = new_session()
    question = asked(session)
    monkeypatch.setattr(session._selector, "next", lambda _: 1 / 0)
    session.anticipate(question)
    with pytest.raises(ZeroDivisionError):
        session.finish_anticipating()


def test_it_stops_when_told_and_leaves_no_trace(new_session: NewSession) -> None:
    session, plain = new_session(), new_session()
    question = asked(session)
    session.anticipate(question)
    session.stop_anticipating()
    assert session._ahead._work is None
    session.tell(question.item, label(question))
    plain.tell(asked(plain).item, label(question))
    assert asked(session) == asked(plain)


def test_closing_the_pool_waits_for_what_reads_it(
    new_session: NewSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = new_session()
    question = asked(session)
    following, begun, found = session._selector.next, Event(), []

    def slowly(moment: Any) -> Question | None:
        begun.set()
        time.sleep(0.1)  # enough for a close that does not wait
        found.append(following(moment))
        return found[-1]

    monkeypatch.setattr(session._selector, "next", slowly)
    session.anticipate(question)
    assert begun.wait(PATIENCE_S)
    session.pool.close()
    assert len(found) == 1, "what was under way came to its end, and nothing was begun after it"
    with pytest.raises(sqlite3.ProgrammingError):
        session.pool.catalog.row_count()
