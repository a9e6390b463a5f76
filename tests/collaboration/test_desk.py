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

from knnal.collaboration.desk import LEASE_S, MultiUserSession
from knnal.collaboration.leases import ItemTakenError, SeatUnknownError
from knnal.collaboration.opinions import Agreement, agreement
from knnal.errors import InputError, LabelConflictError, NothingToUndoError
from knnal.pool.labels.ledger import ASKED, AUDIT, EventKind, Ledger
from knnal.pool.pool import Pool
from knnal.quality.audit import audited_items
from knnal.session.session import Session

from .conftest import ITEMS, Clock, truth


def asked(desk: MultiUserSession, seat: str) -> str:
    question = desk.question(seat)
    assert question is not None
    return question.item


def log_of(pool: Pool) -> list[dict[str, Any]]:
    """The decisions, read without knnal."""
    with closing(sqlite3.connect(pool.folder / "labels.sqlite")) as db:
        db.row_factory = sqlite3.Row
        rows = [dict(row) for row in db.execute("SELECT * FROM events ORDER BY seq")]
    return [row for row in rows if row["kind"] != "class"]


# Alone


def test_somebody_alone_is_asked_what_a_session_asks(
    desk: MultiUserSession, make_pool: Any
) -> None:
    with desk.reading() as (pool, _):
        vectors = np.array(pool.embeddings)
    alone = Session(make_pool(vectors, folder="the same"), annotator="ann")
    seat = desk.join("ann")
    for _ in range(12):
        expected = alone.ask()
        question = desk.question(seat)
        assert question is not None
        assert expected is not None
        assert (question.item, question.score) == (expected.item, expected.score)
        alone.tell(expected.item, truth(expected.item))
        event = desk.answer(seat, question.item, truth(question.item))
        assert event.annotator == "ann"
    with desk.reading() as (_, ledger):
        mine, theirs = list(ledger.decisions()), list(alone.ledger.decisions())
    assert [(e.item, e.label, e.origin, e.scores) for e in mine] == [
        (e.item, e.label, e.origin, e.scores) for e in theirs
    ]


def test_the_same_question_until_it_is_answered(desk: MultiUserSession) -> None:
    seat = desk.join("ann")
    first = asked(desk, seat)
    assert asked(desk, seat) == first
    desk.answer(seat, first, "left")
    assert asked(desk, seat) != first


def test_the_same_answer_again_changes_nothing(desk: MultiUserSession, pool: Pool) -> None:
    seat = desk.join("ann")
    item = asked(desk, seat)
    first = desk.answer(seat, item, "left")
    assert desk.answer(seat, item, " left ") == first
    with pytest.raises(LabelConflictError, match="was labeled 'left' by ann"):
        desk.answer(seat, item, "right")
    assert len(log_of(pool)) == 1


def test_an_item_that_was_not_asked_about_can_be_labeled(desk: MultiUserSession) -> None:
    seat = desk.join("ann")
    held = asked(desk, seat)
    other = "item-3" if held != "item-3" else "item-4"
    assert desk.answer(seat, other, "left").origin == "named"
    assert asked(desk, seat) == held
    with pytest.raises(InputError, match="No item 'nothing'"):
        desk.answer(seat, "nothing", "left")


def test_undo_brings_the_item_back(desk: MultiUserSession) -> None:
    seat = desk.join("ann")
    first = asked(desk, seat)
    desk.answer(seat, first, "left")
    second = asked(desk, seat)
    assert desk.undo(seat)[0].item == first
    assert asked(desk, seat) == first
    desk.skip(seat, first)
    assert desk.undo(seat)[0].kind is EventKind.SKIP
    assert asked(desk, seat) == first
    desk.answer(seat, first, "right")
    assert asked(desk, seat) == second
    desk.undo(seat)
    with pytest.raises(NothingToUndoError):
        desk.undo(seat)


def test_a_relabel_is_of_the_label_that_was_seen(desk: MultiUserSession) -> None:
    seat = desk.join("ann")
    item = asked(desk, seat)
    desk.answer(seat, item, "left")
    with pytest.raises(LabelConflictError, match="was meanwhile labeled 'left' by ann"):
        desk.relabel(seat, item, "up", was="down")
    assert desk.relabel(seat, item, "right", was="left").label == "right"
    held = asked(desk, seat)
    assert desk.undo(seat)[0].kind is EventKind.RELABEL
    assert asked(desk, seat) == held


@pytest.mark.slow
def test_everything_can_be_labeled_and_then_nothing_is_left(desk: MultiUserSession) -> None:
    seat = desk.join("ann")
    for _ in range(ITEMS):
        item = asked(desk, seat)
        desk.answer(seat, item, truth(item))
    assert desk.question(seat) is None


# Together


def test_nobody_gets_what_somebody_has(desk: MultiUserSession) -> None:
    seats = [desk.join(name) for name in ("ann", "bob", "bob")]
    items = [asked(desk, seat) for seat in seats]
    assert len(set(items)) == 3
    with pytest.raises(ItemTakenError, match="is with bob"):
        desk.answer(seats[0], items[1], "left")
    with pytest.raises(ItemTakenError):
        desk.skip(seats[0], items[1])
    assert [asked(desk, seat) for seat in seats] == items
    assert desk.annotators == ["ann", "bob"]


def test_an_item_comes_back_when_its_person_leaves_or_falls_silent(
    desk: MultiUserSession, clock: Clock
) -> None:
    ann, bob = desk.join("ann"), desk.join("bob")
    item = asked(desk, ann)
    desk.leave(ann)
    desk.leave(ann)
    assert asked(desk, bob) == item
    clock.now += LEASE_S + 1
    carl = desk.join("carl")
    assert asked(desk, carl) == item
    for call in (desk.question, desk.renew, desk.undo):
        with pytest.raises(SeatUnknownError):
            call(bob)


def test_somebody_who_comes_back_goes_on_with_their_item(desk: MultiUserSession) -> None:
    ann = desk.join("ann")
    first = asked(desk, ann)
    desk.answer(ann, first, "left")
    second = asked(desk, ann)
    other = "item-7" if second != "item-7" else "item-8"
    back = desk.join("ann", other)
    assert asked(desk, back) == other
    for unavailable in (first, second, "nothing"):
        assert asked(desk, desk.join("bob", unavailable)) not in (first, second, other)


def test_a_crowd_labels_everything_once_and_the_log_says_who(
    open_desk: Callable[..., MultiUserSession], pool: Pool
) -> None:
    desk = open_desk(audit=0.3)
    given: dict[str, tuple[str, str]] = {}

    def label(name: str) -> None:
        seat = desk.join(name)
        rng = random.Random(name)
        while (question := desk.question(seat)) is not None:
            assert given.setdefault(question.item, (name, "")) == (name, ""), "given to two"
            if rng.random() < 0.1:
                desk.skip(seat, question.item)
            else:
                given[question.item] = name, truth(question.item)
                desk.answer(seat, question.item, truth(question.item))
        desk.leave(seat)

    names = [f"person {n}" for n in range(6)]
    with ThreadPoolExecutor(6) as people:
        list(people.map(label, names))
    log = log_of(pool)
    assert {row["item"]: (row["annotator"], row["label"] or "") for row in log} == given
    assert len(log) == len(given) == ITEMS
    labels = [row for row in log if row["kind"] == "label"]
    assert set(Counter(row["origin"] for row in labels)) == {ASKED, AUDIT}
    assert sum('"agreement"' in row["scores"] for row in labels) > ITEMS // 2
    assert len({row["annotator"] for row in log}) > 1


# Second opinions


def test_a_second_opinion_is_asked_of_somebody_else_and_leaves_the_label(
    open_desk: Callable[..., MultiUserSession], pool: Pool
) -> None:
    desk = open_desk(overlap=1.0)
    ann, bob = desk.join("ann"), desk.join("bob")
    item = asked(desk, ann)
    desk.answer(ann, item, "left")
    question = desk.question(bob)
    assert question is not None
    if question.item != item:  # was prepared before ann had answered
        desk.skip(bob, question.item)
        question = desk.question(bob)
        assert question is not None
    assert (question.item, question.origin) == (item, "opinion")
    assert desk.question(ann).item != item
    opinion = desk.answer(bob, item, "right")
    assert desk.answer(bob, item, "right") == opinion
    with desk.reading() as (_, ledger):
        assert ledger.label(item) == "left"
        assert agreement(ledger) == Agreement(1, 0, 0.0)
        ((first, second),) = ledger.conflicts()
    assert (first.annotator, second.annotator) == ("ann", "bob")
    assert desk.settle(ann, item, "right", was="left").origin == "review"
    with desk.reading() as (_, ledger):
        assert ledger.label(item) == "right"
        assert ledger.conflicts() == []
        assert agreement(ledger).pairs == 1
    desk.undo(ann)
    desk.undo(bob)
    with desk.reading() as (_, ledger):
        assert agreement(ledger).pairs == 0


@pytest.mark.parametrize(
    ("label", "kind"), [("left", "keep"), ("right", "relabel"), (None, "skip")]
)
def test_a_conflict_is_settled(
    open_desk: Callable[..., MultiUserSession], pool: Pool, label: str | None, kind: str
) -> None:
    desk = open_desk(overlap=1.0)
    ann = desk.join("ann")
    item = asked(desk, ann)
    desk.answer(ann, item, "left")
    bob = desk.join("bob")
    assert asked(desk, bob) == item
    desk.answer(bob, item, "right")
    assert desk.settle(bob, item, label).kind == kind
    with desk.reading() as (_, ledger):
        assert ledger.conflicts() == []


def test_a_second_opinion_can_be_declined(open_desk: Callable[..., MultiUserSession]) -> None:
    desk = open_desk(overlap=1.0)
    ann = desk.join("ann")
    item = asked(desk, ann)
    desk.answer(ann, item, "left")
    bob = desk.join("bob")
    assert asked(desk, bob) == item
    assert desk.skip(bob, item) is None
    assert asked(desk, bob) != item
    with desk.reading() as (_, ledger):
        assert ledger.label(item) == "left"


def test_the_share_that_gets_a_second_opinion_and_the_agreement(
    open_desk: Callable[..., MultiUserSession], pool: Pool
) -> None:
    desk = open_desk(overlap=0.4)
    ann = desk.join("ann")
    for _ in range(ITEMS):
        item = asked(desk, ann)
        desk.answer(ann, item, truth(item))
    desk.leave(ann)
    reopened = open_desk(overlap=0.4)
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


def test_an_overlap_is_a_share(open_desk: Callable[..., MultiUserSession]) -> None:
    with pytest.raises(InputError, match="overlap between 0 and 1"):
        open_desk(overlap=1.5)


# Renaming


def test_what_was_predicted_is_named_as_the_classes_are_by_now(
    open_desk: Callable[..., MultiUserSession], pool: Pool
) -> None:
    desk = open_desk(audit=0.99)
    ann, bob = desk.join("ann"), desk.join("bob")
    for _ in range(6):
        item = asked(desk, ann)
        desk.answer(ann, item, truth(item))
    held = {seat: asked(desk, seat) for seat in (ann, bob)}
    desk.rename_class(ann, "left", "west")
    for seat, item in held.items():
        question = desk.question(seat)
        assert question is not None
        assert question.item == item, "the item stays with whoever has it"
        assert set(question.prediction.probabilities) == {"west", "right"}
    names = {"left": "west", "right": "right"}
    for _ in range(8):
        for seat in (bob, ann):
            item = asked(desk, seat)
            desk.answer(seat, item, names[truth(item)])
    with desk.reading() as (_, ledger):
        audited = audited_items(ledger)
    assert {one.label for one in audited} == {"west", "right"}
    assert all(one.right for one in audited[-10:]), "clusters this far apart are told apart"


def test_a_second_opinion_is_on_the_label_whatever_it_is_named(
    open_desk: Callable[..., MultiUserSession],
) -> None:
    desk = open_desk(overlap=1.0)
    ann, bob = desk.join("ann"), desk.join("bob")
    item = asked(desk, ann)
    desk.answer(ann, item, "left")
    assert asked(desk, bob) == item
    desk.rename_class(ann, "left", "west")
    desk.answer(bob, item, "east")
    with desk.reading() as (_, ledger):
        ((first, opinion),) = ledger.conflicts()
    assert (first.label, opinion.label) == ("west", "east")
    desk.undo(bob)
    with desk.reading() as (_, ledger):
        assert ledger.conflicts() == []
    assert desk.redo(bob)[0].label == "east"
    with desk.reading() as (_, ledger):
        assert len(ledger.conflicts()) == 1
    assert asked(desk, bob) != item, "a restored opinion is not asked for again"


def test_an_id_in_another_unicode_form_is_the_same_item(make_pool: Any) -> None:
    ids = ["cafe\u0301", "other", "third"]
    pool = make_pool(np.eye(3, 4) + 0.1, ids=ids)
    desk = MultiUserSession(Session(pool, annotator="ann"), make_pool())
    seat = desk.join("ann")
    assert desk.answer(seat, "caf\u00e9", "a").item == ids[0]
    assert desk.answer(seat, "caf\u00e9", "a").item == ids[0]  # the same once more
    assert desk.relabel(seat, "caf\u00e9", "b", was="a").item == ids[0]
    with pytest.raises(LabelConflictError, match="labeled"):
        desk.relabel(seat, "caf\u00e9", "c", was="a")
    desk.close()
