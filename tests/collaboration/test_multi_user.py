"""Several people at one pool, as each of them and the log see it."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from knnal.collaboration.assignments import ItemTakenError, SeatUnknownError
from knnal.collaboration.multi_user import LEASE_S, MultiUserSession
from knnal.collaboration.opinions import Agreement, agreement
from knnal.errors import InputError, LabelConflictError, NothingToUndoError
from knnal.pool.labels.ledger import ASKED, AUDIT, Event, EventKind, Ledger
from knnal.pool.pool import Pool
from knnal.quality.audit import audited_items
from knnal.session.session import Session

from .conftest import ITEMS, Clock, truth


def asked(people: MultiUserSession, seat: str) -> str:
    question = people.question(seat)
    assert question is not None
    return question.item


def relabel(people: MultiUserSession, seat: str, item: str, label: str, was: str) -> Event:
    with people.deciding(seat) as decisions:
        return decisions.relabel(item, label, was=was)


def rename(people: MultiUserSession, seat: str, old: str, new: str) -> Event:
    with people.deciding(seat) as decisions:
        return decisions.rename_class(old, new)


def log_of(pool: Pool) -> list[dict[str, Any]]:
    """The decisions, read without knnal."""
    with closing(sqlite3.connect(pool.folder / "labels.sqlite")) as db:
        db.row_factory = sqlite3.Row
        rows = [dict(row) for row in db.execute("SELECT * FROM events ORDER BY seq")]
    return [row for row in rows if row["kind"] != "class"]


# Alone


def test_somebody_alone_is_asked_what_a_session_asks(
    people: MultiUserSession, make_pool: Any
) -> None:
    vectors = np.array(people.pool.embeddings)
    alone = Session(make_pool(vectors, folder="the same"), annotator="ann")
    seat = people.join("ann")
    for _ in range(12):
        expected = alone.ask()
        question = people.question(seat)
        assert question is not None
        assert expected is not None
        assert (question.item, question.score) == (expected.item, expected.score)
        alone.tell(expected.item, truth(expected.item))
        event = people.answer(seat, question.item, truth(question.item))
        assert event.annotator == "ann"
    with people.reading() as ledger:
        mine, theirs = list(ledger.decisions()), list(alone.ledger.decisions())
    assert [(e.item, e.label, e.origin, e.scores) for e in mine] == [
        (e.item, e.label, e.origin, e.scores) for e in theirs
    ]


def test_the_same_question_until_it_is_answered(people: MultiUserSession) -> None:
    seat = people.join("ann")
    first = asked(people, seat)
    assert asked(people, seat) == first
    people.answer(seat, first, "left")
    assert asked(people, seat) != first


def test_the_same_answer_again_changes_nothing(people: MultiUserSession, pool: Pool) -> None:
    seat = people.join("ann")
    item = asked(people, seat)
    first = people.answer(seat, item, "left")
    assert people.answer(seat, item, " left ") == first
    with pytest.raises(LabelConflictError, match="was labeled 'left' by ann"):
        people.answer(seat, item, "right")
    assert len(log_of(pool)) == 1


def test_an_item_that_was_not_asked_about_can_be_labeled(people: MultiUserSession) -> None:
    seat = people.join("ann")
    held = asked(people, seat)
    other = "item-3" if held != "item-3" else "item-4"
    assert people.answer(seat, other, "left").origin == "named"
    assert asked(people, seat) == held
    with pytest.raises(InputError, match="No item 'nothing'"):
        people.answer(seat, "nothing", "left")


def test_undo_brings_the_item_back(people: MultiUserSession) -> None:
    seat = people.join("ann")
    first = asked(people, seat)
    people.answer(seat, first, "left")
    second = asked(people, seat)
    assert people.undo(seat)[0].item == first
    assert asked(people, seat) == first
    people.skip(seat, first)
    assert people.undo(seat)[0].kind is EventKind.SKIP
    assert asked(people, seat) == first
    people.answer(seat, first, "right")
    assert asked(people, seat) == second
    people.undo(seat)
    with pytest.raises(NothingToUndoError):
        people.undo(seat)


def test_a_relabel_is_of_the_label_that_was_seen(people: MultiUserSession) -> None:
    seat = people.join("ann")
    item = asked(people, seat)
    people.answer(seat, item, "left")
    with pytest.raises(LabelConflictError, match="was meanwhile labeled 'left' by ann"):
        relabel(people, seat, item, "up", was="down")
    assert relabel(people, seat, item, "right", was="left").label == "right"
    held = asked(people, seat)
    assert people.undo(seat)[0].kind is EventKind.RELABEL
    assert asked(people, seat) == held


@pytest.mark.slow
def test_everything_can_be_labeled_and_then_nothing_is_left(people: MultiUserSession) -> None:
    seat = people.join("ann")
    for _ in range(ITEMS):
        item = asked(people, seat)
        people.answer(seat, item, truth(item))
    assert people.question(seat) is None


# Together


def test_nobody_gets_what_somebody_has(people: MultiUserSession) -> None:
    seats = [people.join(name) for name in ("ann", "bob", "bob")]
    items = [asked(people, seat) for seat in seats]
    assert len(set(items)) == 3
    with pytest.raises(ItemTakenError, match="is with bob"):
        people.answer(seats[0], items[1], "left")
    with pytest.raises(ItemTakenError):
        people.skip(seats[0], items[1])
    assert [asked(people, seat) for seat in seats] == items
    assert people.annotators == ["ann", "bob"]


def test_an_item_comes_back_when_its_person_leaves_or_falls_silent(
    people: MultiUserSession, clock: Clock
) -> None:
    ann, bob = people.join("ann"), people.join("bob")
    item = asked(people, ann)
    people.leave(ann)
    people.leave(ann)
    assert asked(people, bob) == item
    clock.now += LEASE_S + 1
    carl = people.join("carl")
    assert asked(people, carl) == item
    for call in (people.question, people.heartbeat, people.undo):
        with pytest.raises(SeatUnknownError):
            call(bob)


def test_somebody_who_comes_back_goes_on_with_their_item(people: MultiUserSession) -> None:
    ann = people.join("ann")
    first = asked(people, ann)
    people.answer(ann, first, "left")
    second = asked(people, ann)
    other = "item-7" if second != "item-7" else "item-8"
    back = people.join("ann", other)
    assert asked(people, back) == other
    for unavailable in (first, second, "nothing"):
        assert asked(people, people.join("bob", unavailable)) not in (first, second, other)


def test_a_crowd_labels_everything_once_and_the_log_says_who(
    open_session: Callable[..., MultiUserSession], pool: Pool
) -> None:
    people = open_session(audit=0.3)
    given: dict[str, tuple[str, str]] = {}

    def label(name: str) -> None:
        seat = people.join(name)
        rng = random.Random(name)
        while (question := people.question(seat)) is not None:
            assert given.setdefault(question.item, (name, "")) == (name, ""), "given to two"
            if rng.random() < 0.1:
                people.skip(seat, question.item)
            else:
                given[question.item] = name, truth(question.item)
                people.answer(seat, question.item, truth(question.item))
        people.leave(seat)

    names = [f"person {n}" for n in range(6)]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(label, names))
    log = log_of(pool)
    assert {row["item"]: (row["annotator"], row["label"] or "") for row in log} == given
    assert len(log) == len(given) == ITEMS
    labels = [row for row in log if row["kind"] == "label"]
    assert set(Counter(row["origin"] for row in labels)) == {ASKED, AUDIT}
    assert len({row["annotator"] for row in log}) > 1


# Second opinions


def test_a_second_opinion_is_asked_of_somebody_else_and_leaves_the_label(
    open_session: Callable[..., MultiUserSession], pool: Pool
) -> None:
    people = open_session(overlap=1.0)
    ann, bob = people.join("ann"), people.join("bob")
    item = asked(people, ann)
    people.answer(ann, item, "left")
    question = people.question(bob)
    assert question is not None
    if question.item != item:  # was prepared before ann had answered
        people.skip(bob, question.item)
        question = people.question(bob)
        assert question is not None
    assert (question.item, question.origin) == (item, "opinion")
    assert people.question(ann).item != item
    opinion = people.answer(bob, item, "right")
    assert people.answer(bob, item, "right") == opinion
    with people.reading() as ledger:
        assert ledger.label(item) == "left"
        assert agreement(ledger) == Agreement(1, 0, 0.0)
        ((first, second),) = ledger.conflicts()
    assert (first.annotator, second.annotator) == ("ann", "bob")
    assert people.review(ann, item, "right", was="left").origin == "review"
    with people.reading() as ledger:
        assert ledger.label(item) == "right"
        assert ledger.conflicts() == []
        assert agreement(ledger).pairs == 1
    people.undo(ann)
    people.undo(bob)
    with people.reading() as ledger:
        assert agreement(ledger).pairs == 0


@pytest.mark.parametrize(
    ("label", "kind"), [("left", "keep"), ("right", "relabel"), (None, "skip")]
)
def test_a_conflict_is_settled(
    open_session: Callable[..., MultiUserSession], pool: Pool, label: str | None, kind: str
) -> None:
    people = open_session(overlap=1.0)
    ann = people.join("ann")
    item = asked(people, ann)
    people.answer(ann, item, "left")
    bob = people.join("bob")
    assert asked(people, bob) == item
    people.answer(bob, item, "right")
    assert people.review(bob, item, label).kind == kind
    with people.reading() as ledger:
        assert ledger.conflicts() == []


def test_a_second_opinion_can_be_declined(open_session: Callable[..., MultiUserSession]) -> None:
    people = open_session(overlap=1.0)
    ann = people.join("ann")
    item = asked(people, ann)
    people.answer(ann, item, "left")
    bob = people.join("bob")
    assert asked(people, bob) == item
    assert people.skip(bob, item) is None
    assert asked(people, bob) != item
    with people.reading() as ledger:
        assert ledger.label(item) == "left"


def test_the_share_that_gets_a_second_opinion_and_the_agreement(
    open_session: Callable[..., MultiUserSession], pool: Pool
) -> None:
    people = open_session(overlap=0.4)
    ann = people.join("ann")
    for _ in range(ITEMS):
        item = asked(people, ann)
        people.answer(ann, item, truth(item))
    people.leave(ann)
    reopened = open_session(overlap=0.4)
    bob = reopened.join("bob")
    said: dict[str, str] = {}
    while (question := reopened.question(bob)) is not None:
        said[question.item] = "left" if len(said) % 4 == 0 else truth(question.item)
        reopened.answer(bob, question.item, said[question.item])
    assert 0.25 * ITEMS < len(said) < 0.55 * ITEMS
    ledger = Ledger()
    for event in pool.log.events():
        ledger.apply(event)
    found = agreement(ledger)
    assert found.pairs == len(said)
    expected = cohen_kappa_score([truth(item) for item in said], list(said.values()))
    assert found.kappa == pytest.approx(expected)
    assert {str(first.item) for first, _ in ledger.conflicts()} == {
        item for item, label in said.items() if label != truth(item)
    }


def test_an_overlap_is_a_share(open_session: Callable[..., MultiUserSession]) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        open_session(overlap=1.5)


# Renaming


def test_what_was_predicted_is_named_as_the_classes_are_by_now(
    open_session: Callable[..., MultiUserSession], pool: Pool
) -> None:
    people = open_session(audit=0.99)
    ann, bob = people.join("ann"), people.join("bob")
    for _ in range(6):
        item = asked(people, ann)
        people.answer(ann, item, truth(item))
    people.leave(ann)
    people.leave(bob)
    ann, bob = people.join("ann", "item-30"), people.join("bob", "item-90")
    held = {seat: asked(people, seat) for seat in (ann, bob)}
    rename(people, ann, "left", "west")
    for seat, item in held.items():
        question = people.question(seat)
        assert question is not None
        assert question.item == item, "the item stays with whoever has it"
        assert set(question.prediction.probabilities) == {"west", "right"}
    names = {"left": "west", "right": "right"}
    for _ in range(8):
        for seat in (bob, ann):
            item = asked(people, seat)
            people.answer(seat, item, names[truth(item)])
    with people.reading() as ledger:
        audited = audited_items(ledger)
    assert {one.label for one in audited} == {"west", "right"}
    assert all(one.right for one in audited[-10:]), "clusters this far apart are told apart"


def test_a_second_opinion_is_on_the_label_whatever_it_is_named(
    open_session: Callable[..., MultiUserSession],
) -> None:
    people = open_session(overlap=1.0)
    ann, bob = people.join("ann"), people.join("bob")
    item = asked(people, ann)
    people.answer(ann, item, "left")
    assert asked(people, bob) == item
    rename(people, ann, "left", "west")
    people.answer(bob, item, "east")
    with people.reading() as ledger:
        ((first, opinion),) = ledger.conflicts()
    assert (first.label, opinion.label) == ("west", "east")
    people.undo(bob)
    with people.reading() as ledger:
        assert ledger.conflicts() == []
    assert people.redo(bob)[0].label == "east"
    with people.reading() as ledger:
        assert len(ledger.conflicts()) == 1
    assert asked(people, bob) != item, "a restored opinion is not asked for again"


def test_an_id_in_another_unicode_form_is_the_same_item(make_pool: Any) -> None:
    ids = ["cafe\u0301", "other", "third"]
    pool = make_pool(np.eye(3, 4) + 0.1, ids=ids)
    people = MultiUserSession(Session(pool, annotator="ann"), make_pool())
    seat = people.join("ann")
    assert people.answer(seat, "caf\u00e9", "a").item == ids[0]
    assert people.answer(seat, "caf\u00e9", "a").item == ids[0]  # the same once more
    assert relabel(people, seat, "caf\u00e9", "b", was="a").item == ids[0]
    with pytest.raises(LabelConflictError, match="labeled"):
        relabel(people, seat, "caf\u00e9", "c", was="a")
    people.close()
