"""Renaming classes, notes and redo: what a session makes of them, and what a replay does."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knnal.errors import (
    InputError,
    LabelConflictError,
    NothingToRedoError,
    NothingToUndoError,
)
from knnal.pool.labels.importing import LabelImport
from knnal.pool.pool import Pool
from knnal.quality.audit import audited_items, latest_estimate
from knnal.session.session import Session


def in_memory(items: int = 12) -> Pool:
    return Pool.in_memory(np.random.default_rng(0).normal(size=(items, 4)))


def standing(session: Session) -> Any:
    """All that a front end would show."""
    session.refresh()
    predictions = [(p.label, dict(p.probabilities)) for p in session.predict(list("0123456789"))]
    question = session.ask()
    ledger = session.ledger
    return (
        session.classes, ledger.labels(), ledger.class_counts(), ledger.skipped(),
        [ledger.note(item) for item in "0123456789"], predictions, question and question.item,
    )  # fmt: skip


def test_a_renamed_class_keeps_its_labels_and_its_place() -> None:
    session = Session(in_memory())
    for item, label in (("0", "cat"), ("1", "dog"), ("2", "cat")):
        session.tell(item, label)
    before = session.predict(["5"])[0].probabilities
    session.rename_class("cat", "feline")
    assert session.classes == ["feline", "dog"]
    assert session.ledger.labels() == {"0": "feline", "1": "dog", "2": "feline"}
    after = session.predict(["5"])[0].probabilities
    assert after == {"feline": before["cat"], "dog": before["dog"]}


def test_renaming_to_a_class_merges_the_two_until_it_is_undone() -> None:
    session = Session(in_memory())
    for item, label in (("0", "cat"), ("1", "dog"), ("2", "kitten")):
        session.tell(item, label)
    before = standing(session)
    session.rename_class("kitten", "cat")
    assert session.classes == ["cat", "dog"]
    assert session.ledger.class_counts() == {"cat": 2, "dog": 1}
    merged = standing(session)
    assert session.undo().text == "kitten"
    assert standing(session) == before
    session.redo()
    assert standing(session) == merged


def test_a_name_that_was_taken_away_is_a_new_class_when_it_is_given_again() -> None:
    session = Session(in_memory())
    session.tell("0", "cat")
    session.rename_class("cat", "feline")
    session.tell("1", "cat")
    assert session.ledger.labels() == {"0": "feline", "1": "cat"}
    assert session.classes == ["feline", "cat"]


def test_predictions_that_were_right_stay_right_under_another_name() -> None:
    session = Session(in_memory(), audit=0.5)
    for _ in range(12):
        question = session.ask()
        assert question is not None
        session.tell(question.item, "cat")
    before = latest_estimate(audited_items(session.ledger))
    assert before is not None
    assert before.correct > 0
    session.rename_class("cat", "feline")
    assert latest_estimate(audited_items(session.ledger)) == before


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("bird", "cat", r"no class 'bird'\. Classes: 'cat'"),
        ("cats", "dog", r"no class 'cats' \(did you mean 'cat'\?\)"),
        ("cat", "cat", "has that name already"),
        ("cat", " ", "no visible character"),
    ],
)
def test_a_rename_that_means_nothing_is_refused(old: str, new: str, message: str) -> None:
    session = Session(in_memory())
    session.tell("0", "cat")
    with pytest.raises(InputError, match=message):
        session.rename_class(old, new)
    assert session.classes == ["cat"]


def test_the_last_note_counts_and_an_empty_one_removes_it() -> None:
    session = Session(in_memory())
    asked = session.ask()
    session.note("3", " first ")
    session.note("3", "second")
    assert session.ledger.note("3") == "second"
    assert session.ask() == asked
    session.undo()
    assert session.ledger.note("3") == "first"
    session.redo()
    session.note("3", "")
    assert session.ledger.note("3") is None
    with pytest.raises(InputError):
        session.note("no such item", "text")


def test_redo_goes_as_far_as_undo_went_also_in_the_next_session() -> None:
    pool = in_memory()
    session = Session(pool, annotator="ann")
    session.tell("0", "a")
    session.tell("1", "b")
    session.relabel("0", "b")
    states = [standing(session)]
    for _ in range(3):
        session.undo()
        states.append(standing(session))
    again = Session(pool, annotator="ann")
    for expected in states[2::-1]:
        again.redo()
        assert standing(again) == standing(session) == expected
    with pytest.raises(NothingToRedoError, match="ann has nothing to redo"):
        again.redo()


def test_a_new_decision_ends_what_could_be_redone() -> None:
    session = Session(in_memory())
    session.tell("0", "a")
    session.undo()
    session.tell("1", "b")
    with pytest.raises(NothingToRedoError):
        session.redo()


def test_redo_leaves_what_somebody_else_decided_meanwhile() -> None:
    pool = in_memory()
    ann, bob = Session(pool, annotator="ann"), Session(pool, annotator="bob")
    ann.tell("0", "a")
    ann.undo()
    bob.tell("0", "b")
    with pytest.raises(LabelConflictError, match="by bob"):
        ann.redo()
    assert ann.ledger.labels() == {"0": "b"}


def test_answers_are_not_prepared_for_names_that_are_gone() -> None:
    session = Session(in_memory(), annotator="ann")
    for item, name in (("0", "cat"), ("1", "dog"), ("2", "kitten")):
        session.tell(item, name)
    question = session.ask()
    session.rename_class("kitten", "cat")
    session.anticipate(question)
    session.finish_anticipating()
    assert session.foreseen() == []
    session.undo()
    session.anticipate(session.ask())
    session.finish_anticipating()
    assert len(session.foreseen()) == 3


ITEMS, NAMES = st.sampled_from("0123456789"), st.sampled_from(["a", "b", "c", "d"])
ACTIONS = st.one_of(
    st.tuples(st.just("tell"), ITEMS, NAMES),
    st.tuples(st.just("relabel"), ITEMS, NAMES),
    st.tuples(st.just("skip"), ITEMS),
    st.tuples(st.just("note"), ITEMS, NAMES),
    st.tuples(st.just("rename_class"), NAMES, NAMES),
    st.tuples(st.just("add_class"), NAMES),
    st.tuples(st.just("remove_class"), NAMES),
    st.tuples(st.just("unlabel"), ITEMS, ITEMS),
    st.tuples(st.just("unlabel"), ITEMS),
    st.tuples(st.just("take_in"), st.lists(st.tuples(ITEMS, NAMES), max_size=9), st.booleans()),
    st.tuples(st.just("undo")),
    st.tuples(st.just("redo")),
)


def do(session: Session, name: str, *arguments: Any) -> None:
    if name == "take_in":
        labels, overwrite = arguments
        with session.pool.transaction():
            LabelImport(session.pool, session.annotator, "x").add(labels, overwrite=overwrite)
        session.refresh()
    else:
        getattr(session, name)(*arguments)


REFUSALS = (InputError, LabelConflictError, NothingToUndoError, NothingToRedoError)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), ACTIONS), min_size=4, max_size=25))
def test_two_sessions_and_a_replay_agree_after_anything(steps: Any) -> None:
    pool = in_memory(10)
    sessions = [Session(pool, annotator="ann"), Session(pool, annotator="bob")]
    for first, (name, *arguments) in steps:
        with suppress(*REFUSALS):
            do(sessions[first], name, *arguments)
    replayed = standing(Session(pool, annotator="carl"))
    assert standing(sessions[0]) == standing(sessions[1]) == replayed


@settings(max_examples=60, deadline=None)
@given(st.lists(ACTIONS.filter(lambda a: a[0] not in ("undo", "redo")), max_size=12), st.data())
def test_undo_and_redo_walk_the_same_way_back_and_forth(actions: Any, data: Any) -> None:
    session = Session(in_memory(10), annotator="ann")
    states = [standing(session)[:5]]
    for name, *arguments in actions:
        with suppress(*REFUSALS):
            before = session.ledger.last_seq
            do(session, name, *arguments)
            if name == "add_class":
                states[:] = [standing(session)[:5]]  # a declared class is not taken back
            elif session.ledger.last_seq > before:
                states.append(standing(session)[:5])
    if not any(name == "add_class" for name, *_ in actions):
        back = data.draw(st.integers(0, len(states) - 1))
        for state in states[::-1][1 : back + 1]:
            session.undo()
            assert standing(session)[:5] == state
        for state in states[len(states) - back :]:
            session.redo()
            assert standing(session)[:5] == state
