"""Labels taken away, and classes removed: what a session makes of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from knnal.errors import InputError, LabelConflictError
from knnal.pool.pool import Pool
from knnal.quality.audit import audited_items
from knnal.session.session import Session


@pytest.fixture
def session() -> Session:
    return Session(Pool.in_memory(np.random.default_rng(0).normal(size=(8, 4))), annotator="ann")


def rest(session: Session) -> list[str]:
    """The items that may be asked about."""
    return [str(row) for row in session.candidates.tolist()]


def test_an_unlabeled_item_has_no_decision_and_is_asked_about_again(session: Session) -> None:
    session.tell("0", "a")
    session.tell("1", "b")
    session.skip("2")
    assert rest(session) == ["3", "4", "5", "6", "7"]
    (event,) = session.unlabel("0")
    assert (event.kind, event.item, event.label, event.origin) == ("unlabel", "0", None, "named")
    ledger = session.ledger
    assert (ledger.decision("0"), ledger.label("0"), ledger.skipped()) == (None, None, {"2"})
    assert [decision.item for decision in ledger.decisions()] == ["1", "2"]
    assert ledger.class_counts() == {"a": 0, "b": 1}
    assert rest(session) == ["0", "3", "4", "5", "6", "7"]
    assert session.predict(["0"])[0].label == "b"
    session.unlabel("2")
    assert ledger.skipped() == set()
    assert "2" in rest(session)
    session.undo()
    session.undo()
    assert ledger.labels() == {"0": "a", "1": "b"}
    assert ledger.skipped() == {"2"}
    session.redo()
    assert ledger.labels() == {"1": "b"}
    with pytest.raises(InputError, match="'0' has no label to change"):
        session.relabel("0", "b")
    session.tell("0", "c")
    assert ledger.labels() == {"0": "c", "1": "b"}


def test_many_are_unlabeled_as_one_or_not_at_all(session: Session) -> None:
    session.tell("0", "a")
    session.tell("1", "b")
    for items, error in ((["0", "1", "2"], "'2' has no label"), (["0", "none"], "No item 'none'")):
        with pytest.raises(InputError, match=error):
            session.unlabel(*items)
    assert session.ledger.labels() == {"0": "a", "1": "b"}
    assert [event.item for event in session.unlabel("0", "1", "0")] == ["0", "1"]
    assert session.ledger.labels() == {}
    session.undo()
    assert session.ledger.labels() == {"0": "a", "1": "b"}
    assert session.undo().item == "1"


def test_a_label_that_somebody_has_changed_is_not_taken_away(session: Session) -> None:
    session.tell("0", "a")
    bob = Session(session.pool, annotator="bob")
    bob.relabel("0", "b")
    with pytest.raises(LabelConflictError, match="meanwhile labeled 'b' by bob"):
        session.unlabel("0")
    bob.unlabel("0")
    with pytest.raises(InputError, match="'0' has no label"):
        session.unlabel("0")


def test_a_redo_below_a_label_that_was_taken_away_since_is_refused(session: Session) -> None:
    session.tell("0", "a")
    session.undo()
    bob = Session(session.pool, annotator="bob")
    bob.tell("0", "b")
    bob.unlabel("0")
    with pytest.raises(LabelConflictError, match="'0' was meanwhile decided on by bob"):
        session.redo()


def test_an_audited_item_is_none_once_it_has_no_label(session: Session) -> None:
    session = Session(session.pool, annotator="ann", audit=0.9)
    for label in "abab":
        question = session.ask()
        assert question is not None
        session.tell(question.item, label)
    audited = [one.item for one in audited_items(session.ledger)]
    assert audited
    session.unlabel(audited[0])
    session.tell("0" if audited[0] == "1" else "1", "a") if not session.ledger.label("1") else None
    session.tell(audited[0], "a")
    assert not session.ledger.is_audited(audited[0])
    assert [one.item for one in audited_items(session.ledger)] == audited[1:]
    session.undo()
    session.undo()
    if session.ledger.label(audited[0]) is None:
        session.undo()
    assert [one.item for one in audited_items(session.ledger)] == audited


# Classes


def test_an_empty_class_is_removed_until_that_is_undone(session: Session) -> None:
    session.add_class("slip")
    session.tell("0", "a")
    session.tell("1", "b")
    session.relabel("0", "b")
    assert session.classes == ["slip", "a", "b"]
    before = dict(session.predict(["5"])[0].probabilities)
    assert session.remove_class("slip").label == "slip"
    session.remove_class("a")
    assert session.classes == ["b"]
    assert set(session.predict(["5"])[0].probabilities) == {"b"}
    session.undo()
    assert session.classes == ["a", "b"]
    session.undo()
    assert session.classes == ["slip", "a", "b"]
    assert session.predict(["5"])[0].probabilities == before
    session.redo()
    assert session.classes == ["a", "b"]


def test_a_class_with_labels_stays(session: Session) -> None:
    session.tell("0", "a")
    session.tell("1", "a")
    with pytest.raises(InputError, match=r"'a' has 2 labels; .* Rename it .* unlabel its items"):
        session.remove_class("a")
    with pytest.raises(InputError, match="'none'"):
        session.remove_class("none")
    session.unlabel("0", "1")
    session.remove_class("a")
    assert session.classes == []


def give_again(session: Session) -> None:
    session.tell("3", "a")


def declare_again(session: Session) -> None:
    session.add_class("a")


def undo_below(session: Session) -> None:
    """The relabel that emptied the class is undone by whom it belongs to."""
    Session(session.pool, annotator="bob").undo()
    session.refresh()


def rename_to_it(session: Session) -> None:
    session.rename_class("b", "a")


@pytest.mark.parametrize("again", [give_again, declare_again, undo_below, rename_to_it])
def test_a_removed_class_comes_back_when_it_is_given(session: Session, again: Any) -> None:
    session.tell("0", "a")
    session.tell("1", "b")
    Session(session.pool, annotator="bob").relabel("0", "b")
    session.remove_class("a")
    assert session.classes == ["b"]
    again(session)
    assert "a" in session.classes
    replayed = Session(session.pool, annotator="carl")
    assert replayed.classes == session.classes
    assert replayed.ledger.labels() == session.ledger.labels()
    assert [replayed.ledger.label(item) in (None, *replayed.classes) for item in "01234567"]


def test_a_removal_is_not_redone_over_labels(session: Session) -> None:
    session.add_class("a")
    session.remove_class("a")
    session.undo()
    Session(session.pool, annotator="bob").tell("0", "a")
    with pytest.raises(LabelConflictError, match="labeled 'a' again"):
        session.redo()


def test_an_undo_can_be_told_what_it_is_to_take_back(session: Session) -> None:
    first, second = session.tell("0", "a"), session.tell("1", "b")
    with pytest.raises(LabelConflictError, match="decided on something else since"):
        session.undo(first.seq)
    assert session.ledger.labels() == {"0": "a", "1": "b"}
    assert session.undo(second.seq) == second
