"""The search for a rare class, from its first example to its last."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knnal.acquisition.strategies.search_progress import (
    SearchProgress,
    SeekPhase,
    progress_of,
    searched_classes,
)
from knnal.acquisition.strategies.seek import Seek
from knnal.errors import InputError, NothingToUndoError
from knnal.index.pool_index import PoolIndex
from knnal.pool.labels.ledger import AUDIT, Ledger
from knnal.pool.pool import Pool
from knnal.session.session import Session

SEEK = "seek(rare)"


def clusters(rare: int, others: int) -> tuple[Any, list[str]]:
    """Unit rows around four centers, few of them around the first; and their classes."""
    rng = np.random.default_rng(3)
    classes = rng.permutation([0] * rare + [1 + i % 3 for i in range(others)])
    X = 2.0 * rng.normal(size=(4, 12))[classes] + rng.normal(size=(rare + others, 12))
    X = (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)
    return X, [("rare", "b", "c", "d")[c] for c in classes]


X, Y = clusters(8, 72)
GEOMETRY = PoolIndex.of(X)
EXAMPLE = str(Y.index("rare"))


@pytest.fixture
def pool() -> Iterator[Pool]:
    with closing(Pool.in_memory(X)) as made:
        yield made


def new_session(pool: Pool, **options: Any) -> Session:
    options = {"annotator": "ann", "seek": "rare", **options}
    return Session(pool, geometry=GEOMETRY, **options)


def begin(session: Session) -> None:
    """The examples that a search takes."""
    session.tell(EXAMPLE, "rare")
    for name in "bcd":
        session.tell(str(Y.index(name)), name)


def probabilities(session: Session) -> dict[int, float]:
    """Of the class, for each candidate, by the public predictions."""
    items = [str(row) for row in session.candidates]
    return {int(p.item): p.probabilities["rare"] for p in session.predict(items)}


def outcomes(pool: Pool) -> list[bool]:
    """What became of the sought items, by hand from the log."""
    undone = {event.target for event in pool.log.events() if event.kind == "undo"}
    latest = {
        e.item: e
        for e in pool.log.events()
        if e.seq not in undone and e.kind in ("label", "relabel", "skip")
    }
    found = sorted(latest.values(), key=lambda event: event.seq)
    return [
        event.label == "rare"
        for event in found
        if event.label is not None and event.strategy == SEEK and event.origin != AUDIT
    ]


def expected(session: Session, pool: Pool) -> int:
    """The row to ask about, from the definition."""
    recent = outcomes(pool)[-10:]
    p = probabilities(session)
    if len(recent) == 10 and sum(recent) < 2:
        return min(p, key=lambda row: (abs(np.float32(p[row]) - np.float32(0.5)), row))
    return min(p, key=lambda row: (-p[row], row))


def test_the_likeliest_come_first_and_the_class_is_found(pool: Pool) -> None:
    session = new_session(pool)
    begin(session)
    for _ in range(15):
        row = expected(session, pool)
        question = session.ask()
        assert (int(question.item), question.score.strategy) == (row, SEEK)
        assert question.score.value == question.score.factors["p"]
        session.tell(question.item, Y[row])
    assert session.search == SearchProgress("rare", sum(outcomes(pool)), 15, SeekPhase.FINDING)
    assert session.search.found >= 6  # 7 are left, of 76: a draw would find one or two


def test_a_search_that_finds_nothing_turns_to_the_boundary_and_back(pool: Pool) -> None:
    session = new_session(pool)
    begin(session)
    for step in range(24):
        row = expected(session, pool)
        question = session.ask()
        assert int(question.item) == row
        at_boundary = session.search.phase is SeekPhase.BOUNDARY
        assert at_boundary == (10 <= step < 13)
        if at_boundary:
            p = question.score.factors["p"]
            assert question.score.value == pytest.approx(1 - abs(2 * p - 1), abs=1e-6)
        session.tell(question.item, "rare" if step >= 11 else "b")
    assert session.search.found == 13


@settings(max_examples=10)
@given(st.data())
def test_every_answer_and_undo_leaves_what_the_log_amounts_to(data: Any) -> None:
    with closing(Pool.in_memory(X)) as pool:
        session = new_session(pool, audit=0.2)
        begin(session)
        for act in data.draw(st.lists(st.sampled_from("aaaaaaarus"), min_size=8, max_size=24)):
            question = session.ask()
            assert question is not None
            session.anticipate(question)
            label = data.draw(st.sampled_from(["rare", "b", "b"]))
            if act == "a":
                session.tell(question.item, label)
            elif act == "s":
                session.skip(question.item)
            elif act == "u":
                session.undo()
            else:
                session.relabel(data.draw(st.sampled_from(sorted(session.ledger.labels()))), label)
        again = new_session(pool, audit=0.2)
        assert again.ask() == session.ask()
        found = outcomes(pool)
        assert (session.search.found, session.search.asked) == (sum(found), len(found))
        assert again.search == session.search
        if session.search.phase is not SeekPhase.WAITING and again.candidates.size:
            assert int(new_session(pool).ask().item) == expected(again, pool)


def test_what_is_prepared_is_what_would_be_asked(pool: Pool) -> None:
    with closing(Pool.in_memory(X)) as other:
        ahead, plain = new_session(pool, audit=0.1), new_session(other, audit=0.1)
        begin(ahead)
        begin(plain)
        for step in range(26):
            question = ahead.ask()
            assert question == plain.ask()
            ahead.anticipate(question)
            ahead.finish_anticipating()
            for session in (ahead, plain):
                session.tell(question.item, "b" if step < 12 else "rare")


def test_until_there_are_examples_it_asks_as_without_a_search(pool: Pool) -> None:
    session, plain = new_session(pool), new_session(pool, seek=None)
    assert plain.search is None
    for told in ([], [EXAMPLE], [str(Y.index(name)) for name in "bc"]):
        for item in told:
            session.tell(item, Y[int(item)])
        assert session.search == SearchProgress("rare", 0, 0, SeekPhase.WAITING)
        assert session.ask() == plain.ask()
    session.tell(str(Y.index("d")), "d")
    assert session.search.phase is SeekPhase.FINDING
    assert session.ask().score.strategy == SEEK
    session.undo()
    assert session.search.phase is SeekPhase.WAITING
    assert session.ask() == plain.ask()


def test_the_example_may_be_taken_back(pool: Pool) -> None:
    session = new_session(pool)
    for name in "bcd":
        session.tell(str(Y.index(name)), name)
    session.tell(EXAMPLE, "rare")
    assert session.ask().score.strategy == SEEK
    session.undo()
    assert "rare" not in session.classes
    assert session.ask().score.strategy == "cdf-product"


def test_a_batch_is_the_likeliest(pool: Pool) -> None:
    session = new_session(pool)
    begin(session)
    p = probabilities(session)
    ranked = [int(question.item) for question in session.rank(12)]
    assert ranked == sorted(p, key=lambda row: (-p[row], row))[:12]


def test_audited_and_named_items_are_not_sought(pool: Pool) -> None:
    session = new_session(pool, audit=0.99)
    begin(session)
    question = session.ask()
    assert question.origin == AUDIT
    session.tell(question.item, "rare")
    session.tell(str(session.candidates[0]), "rare")
    assert (session.search.found, session.search.asked) == (0, 0)


def test_near_duplicates_are_sought_once() -> None:
    with closing(Pool.in_memory(np.repeat(X, 3, axis=0))) as pool:
        session = Session(pool, seek="rare", per_group=0.999, annotator="ann")
        session.tell(str(3 * int(EXAMPLE)), "rare")
        for name in "bcd":
            session.tell(str(3 * Y.index(name)), name)
        asked = set()
        for _ in range(10):
            question = session.ask()
            assert (question.score.strategy, question.near_duplicates) == (SEEK, 2)
            asked.add(int(question.item) // 3)
            session.tell(question.item, Y[int(question.item) // 3])
        assert len(asked) == 10


def test_the_log_alone_says_what_was_sought(pool: Pool) -> None:
    session = new_session(pool)
    begin(session)
    for name in ("rare", "odd) one", "rare"):
        part = new_session(pool, seek=name)
        for _ in range(3):
            question = part.ask()
            part.tell(question.item, name)
    ledger = Ledger()
    for event in pool.log.events():
        ledger.apply(event)
    assert searched_classes(ledger) == (
        SearchProgress("rare", 6, 6, SeekPhase.FINDING),
        SearchProgress("odd) one", 2, 2, SeekPhase.FINDING),
    )
    assert progress_of(ledger, "never") == SearchProgress("never", 0, 0, SeekPhase.WAITING)


def test_a_class_without_a_name_is_refused(pool: Pool) -> None:
    with pytest.raises(InputError, match="class name"):
        new_session(pool, seek=" ")
    with pytest.raises(NothingToUndoError):
        new_session(pool, seek=" rare ").undo()


def test_it_says_where_it_comes_from() -> None:
    assert "arXiv" in Seek.source
    assert "\n" not in Seek.summary
