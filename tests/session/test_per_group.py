"""Near-duplicates that are asked about once, whatever is answered and taken back."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from knnal.errors import InputError, NothingToUndoError
from knnal.index.pool_index import PoolIndex
from knnal.pool.labels.ledger import AUDIT
from knnal.pool.pool import Pool
from knnal.session.session import Session

NEAR = 0.95


def scattered(copies: int, alone: int, seed: int = 0) -> Any:
    """Unit rows: three crowds of so many near-copies, a chain of three, and rows of their own."""
    rng = np.random.default_rng(seed)
    crowds = np.repeat(np.eye(3, 8), copies, axis=0)
    angles = np.arange(3)[:, None] * 0.3  # the ends of the chain are not near each other
    chain = np.cos(angles) * np.eye(8)[6] + np.sin(angles) * np.eye(8)[7]
    X = np.vstack([crowds, chain]) + 0.01 * rng.normal(size=(3 * copies + 3, 8))
    X = np.vstack([X, rng.normal(size=(alone, 8))])
    X = X[rng.permutation(len(X))]
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


def groups_of(X: Any) -> Any:
    """The group of each row, by all pairs."""
    return connected_components(np.asarray(X @ X.T) >= NEAR, directed=False)[1]


def candidates(session: Session, groups: Any) -> list[int]:
    """What may be asked about, by the ledger."""
    decided = {int(item) for item in (*session.ledger.labels(), *session.ledger.skipped())}
    closed = {groups[row] for row in decided}
    return [row for row in range(len(groups)) if groups[row] not in closed]


def best_of_each(session: Session, groups: Any) -> list[tuple[float, int]]:
    """By scoring every candidate by itself: the best of each group, best first."""
    scored = []
    for row in candidates(session, groups):
        score = session.explain(str(row)).score
        assert score is not None
        scored.append((-score.value, row))
    best: dict[int, tuple[float, int]] = {}
    for one in sorted(scored):
        best.setdefault(int(groups[one[1]]), one)
    return sorted(best.values())


X = scattered(8, 6)
GROUPS = groups_of(X)
GEOMETRY = PoolIndex.of(X)


def of_group(number: int) -> Any:
    return np.flatnonzero(np.equal(GROUPS, number))


CROWD, OTHER = (of_group(number) for number in np.argsort(-np.bincount(GROUPS))[:2])


def new_session(pool: Pool, **options: Any) -> Session:
    return Session(pool, per_group=NEAR, annotator="ann", geometry=GEOMETRY, **options)


@settings(max_examples=8)
@given(st.sampled_from(["cdf-product", "product", "entropy"]), st.data())
def test_every_answer_and_undo_leaves_what_the_log_amounts_to(strategy: str, data: Any) -> None:
    with closing(Pool.in_memory(X)) as pool:
        session = new_session(pool, strategy=strategy)
        rows = st.integers(0, len(X) - 1)
        for act in data.draw(st.lists(st.sampled_from("aaanstuur"), max_size=14)):
            item = str(data.draw(rows))
            label = data.draw(st.sampled_from("xy"))
            if act == "a" and (question := session.ask()):
                session.anticipate(question)
                session.tell(question.item, label)
            elif act in "nst" and session.ledger.label(item) is None:
                session.skip(item) if act == "s" else session.tell(item, label)
            elif act == "r" and session.ledger.label(item) is not None:
                session.relabel(item, label)
            elif act == "u":
                try:
                    session.undo()
                except NothingToUndoError:
                    continue
        assert session.candidates.tolist() == candidates(session, GROUPS)
        expected = best_of_each(session, GROUPS)
        ranked = session.rank(100)
        assert [int(question.item) for question in ranked] == [row for _, row in expected]
        assert session.rank(2) == ranked[:2]
        first = session.ask()
        assert first == (ranked[0] if ranked else None)
        assert new_session(pool, strategy=strategy).ask() == first
        for question in ranked:
            others = len(of_group(GROUPS[int(question.item)])) - 1
            assert (question.near_duplicates, question.remaining) == (others, len(expected))


def test_a_batch_asks_about_each_group_once() -> None:
    with closing(Pool.in_memory(X)) as pool:
        asked = [int(question.item) for question in new_session(pool).ask_many(100)]
        assert sorted(GROUPS[asked].tolist()) == sorted(set(GROUPS.tolist()))


def test_a_label_a_skip_and_a_step_of_a_chain_settle_a_group() -> None:
    with closing(Pool.in_memory(X)) as pool:
        session = new_session(pool)
        session.tell(str(CROWD[3]), "x")
        session.skip(str(OTHER[0]))
        assert not set(session.candidates.tolist()) & {*CROWD.tolist(), *OTHER.tolist()}
        assert session.predict([str(CROWD[0])])[0].label == "x"
        assert session.explain(str(CROWD[0])).near_duplicates == 0
        session.undo()
        assert set(OTHER.tolist()) <= set(session.candidates.tolist())
        session.undo()
        assert len(session.candidates) == len(X)


def test_a_named_duplicate_may_be_labeled_and_both_must_be_taken_back() -> None:
    with closing(Pool.in_memory(X)) as pool:
        session = new_session(pool)
        session.tell(str(CROWD[0]), "x")
        session.tell(str(CROWD[1]), "y")
        session.undo()
        assert not set(CROWD.tolist()) & set(session.candidates.tolist())
        session.undo()
        assert set(CROWD.tolist()) <= set(session.candidates.tolist())


def test_the_answers_of_others_settle_groups_too() -> None:
    with closing(Pool.in_memory(X)) as pool:
        session = new_session(pool)
        Session(pool, annotator="bob", geometry=GEOMETRY).tell(str(CROWD[0]), "x")
        session.refresh()
        assert session.candidates.tolist() == candidates(session, GROUPS)


def test_a_pool_of_copies_is_one_question() -> None:
    with closing(Pool.in_memory(np.ones((130, 3)))) as pool:
        session = Session(pool, per_group=NEAR)
        question = session.ask()
        assert (question.item, question.near_duplicates, question.remaining) == ("0", 129, 1)
        session.tell("0", "x")
        assert session.ask() is None
        session.undo()
        assert session.ask() == question


def test_a_labeled_item_that_vanished_settles_nothing(make_pool: Any) -> None:
    pool = make_pool(np.vstack([np.ones((5, 3)), np.eye(3)]))
    Session(pool, per_group=NEAR, annotator="ann").tell("item-0", "x")
    pool.catalog.begin_scan()
    for record in list(pool.catalog.records()):
        if record.id != "item-0":
            pool.catalog.see(record.id)
    pool.catalog.end_scan(1)
    session = Session(pool, per_group=NEAR, annotator="ann")
    assert session.candidates.tolist() == list(range(1, 8))
    assert session.explain("item-1").near_duplicates == 3


def test_the_audit_draws_from_open_groups_alone() -> None:
    drawn = set()
    for seed in range(30):
        with closing(Pool.in_memory(X)) as pool:
            session = new_session(pool, audit=0.9, seed=seed)
            session.tell(str(CROWD[0]), "x")
            question = session.ask()
            assert int(question.item) in candidates(session, GROUPS)
            drawn |= {question.item} if question.origin == AUDIT else set()
    assert len(drawn) > 8


def test_each_item_names_the_first_of_its_group() -> None:
    with closing(Pool.in_memory(X)) as pool:
        session = new_session(pool)
        for row in range(len(X)):
            members = of_group(GROUPS[row])
            expected = str(members[0]) if len(members) > 1 else None
            assert session.group_of(str(row)) == expected
        assert Session(pool, geometry=GEOMETRY).group_of(str(CROWD[1])) is None
        with pytest.raises(InputError):
            session.group_of("nobody")


def test_without_it_near_duplicates_are_asked_about_one_by_one() -> None:
    with closing(Pool.in_memory(X)) as pool:
        session = Session(pool, geometry=GEOMETRY)
        question = session.ask()
        assert (question.near_duplicates, question.remaining) == (None, len(X))
        assert not session.per_group


@pytest.mark.parametrize("near", [0.0, 1.0, float("nan")])
def test_a_similarity_that_makes_no_sense_is_refused(near: float) -> None:
    with closing(Pool.in_memory(X)) as pool, pytest.raises(InputError, match="near-duplicates"):
        Session(pool, per_group=near)
