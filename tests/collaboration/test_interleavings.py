"""Nobody waits for the session, and nothing is lost, whatever people do and in which order."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from knnal.collaboration import session_thread
from knnal.collaboration.multi_user import MultiUserSession
from knnal.errors import LabelConflictError, NothingToRedoError, NothingToUndoError
from knnal.pool.labels.ledger import Event
from knnal.pool.pool import Pool
from knnal.session.session import Session

from ..patience import PATIENCE_S
from .conftest import ITEMS, truth

PEOPLE = st.sampled_from(("ann", "bob", "carl"))
LABELS = st.sampled_from(("left", "right", "up", None))
KINDS = ("label", "skip", "opinion", "rename")
ALL = [f"item-{number}" for number in range(ITEMS)]


@contextmanager
def busy(people: MultiUserSession) -> Iterator[None]:
    """The session's thread has its hands full meanwhile."""
    free = threading.Event()
    with ThreadPoolExecutor(1) as thread:
        began = threading.Event()
        work = thread.submit(people.read, lambda _: (began.set(), free.wait(PATIENCE_S)))
        assert began.wait(PATIENCE_S)
        try:
            yield
        finally:
            free.set()
            work.result()


def caught_up(people: MultiUserSession) -> None:
    """Wait until the session's thread has done what it was asked for."""
    people.read(lambda session: session.refresh())


def test_nobody_waits_for_the_session(
    open_session: Callable[..., MultiUserSession], pool: Pool
) -> None:
    people = open_session()
    seats = {name: people.join(name) for name in ("ann", "bob", "carl")}
    asked: dict[str, str] = {}

    def ask(name: str) -> str:
        question = people.question(seats[name])
        assert question is not None
        asked[name] = question.item
        return question.item

    for _ in range(4):
        for name, seat in seats.items():
            people.answer(seat, ask(name), truth(asked[name]))
    held = {name: ask(name) for name in seats}
    caught_up(people)

    def work() -> None:
        (undone,) = people.undo(seats["ann"])
        assert ask("ann") == undone.item, "the item is asked about again"
        assert ask("bob") == held["bob"]
        people.answer(seats["bob"], held["bob"], truth(held["bob"]))
        assert ask("bob") not in {held["carl"], undone.item}
        with people.deciding(seats["carl"]) as decisions:
            decisions.rename_class("left", "west")
        question = people.question(seats["carl"])
        assert question is not None
        assert question.item == held["carl"]
        assert "left" not in question.prediction.probabilities
        people.redo(seats["ann"])
        assert ask("ann") != undone.item
        people.skip(seats["carl"], held["carl"])
        people.undo(seats["carl"])
        assert ask("carl") == held["carl"]

    with busy(people), ThreadPoolExecutor(1) as thread:
        thread.submit(work).result(PATIENCE_S / 2)
    caught_up(people)
    alone = Session(pool, annotator="somebody").predict(ALL)
    assert people.read(lambda session: session.predict(ALL)) == alone


def test_the_log_has_the_place_of_a_prediction(
    open_session: Callable[..., MultiUserSession],
) -> None:
    people = open_session()
    ann, bob = people.join("ann"), people.join("bob")
    for seat in (ann, bob) * 3:
        question = people.question(seat)
        assert question is not None
        people.answer(seat, question.item, truth(question.item))
    caught_up(people)
    held = people.join("carl", "item-30")
    question = people.question(held)
    assert question is not None
    with people.reading() as ledger:
        then = ledger.last_seq
    other = people.question(bob)
    assert other is not None
    people.answer(bob, other.item, truth(other.item))
    event = people.answer(held, "item-30", "left")
    assert event.scores["predicted_after"] == then
    assert event.scores["prediction"] == question.prediction.label
    assert event.scores["probability"] == question.prediction.probability


def test_the_log_has_the_agreement_of_predictions(
    open_session: Callable[..., MultiUserSession], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_thread, "_REST", 0)  # else it is worked out now and then
    people = open_session()
    seats = [people.join(name) for name in ("ann", "bob")]
    for seat in seats * 8:
        caught_up(people)
        question = people.question(seat)
        assert question is not None
        event = people.answer(seat, question.item, truth(question.item))
    assert event.scores["agreement"] == 1.0, "clusters this far apart are told apart"


class Interleavings(RuleBasedStateMachine):
    """Three people against what each of them was told, with the session busy now and then."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        session = Session(Pool.open(folder), annotator="nobody", audit=0.3)
        self.people = MultiUserSession(session, Pool.open(folder), overlap=0.3)
        self.seats: dict[str, str] = {}
        self.held: dict[str, str] = {}
        self.decided: list[Event] = []
        self.busy: Any = None

    @precondition(lambda self: self.busy is None)
    @rule()
    def work(self) -> None:
        self.busy = busy(self.people)
        self.busy.__enter__()

    @rule()
    def rest(self) -> None:
        if self.busy is not None:
            self.busy.__exit__(None, None, None)
            self.busy = None

    @rule(name=PEOPLE)
    def ask(self, name: str) -> None:
        self.rest()
        if name not in self.seats:
            self.seats[name] = self.people.join(name)
        self.held.pop(name, None)
        if (question := self.people.question(self.seats[name])) is not None:
            self.held[name] = question.item

    @rule(name=PEOPLE, label=LABELS)
    def answer(self, name: str, label: str | None) -> None:
        if item := self.held.pop(name, None):
            with suppress(LabelConflictError):  # somebody has brought their own label back
                if label is None:
                    event = self.people.skip(self.seats[name], item)
                else:
                    event = self.people.answer(self.seats[name], item, label)
                    assert (event.annotator, event.item, event.label) == (name, item, label)
                self.decided += [event] if event else []

    @rule(name=PEOPLE, verb=st.sampled_from(("undo", "redo")))
    def take_back(self, name: str, verb: str) -> None:
        if seat := self.seats.get(name):
            with suppress(NothingToUndoError, NothingToRedoError, LabelConflictError):
                events = getattr(self.people, verb)(seat)
                assert {event.annotator for event in events} == {name}
                self.held.pop(name, None)

    @rule(name=PEOPLE, data=st.data())
    def rename(self, name: str, data: st.DataObject) -> None:
        classes = self.people.classes()
        if name in self.seats and classes:
            old = data.draw(st.sampled_from(classes))
            new = data.draw(st.sampled_from([*{*classes} - {old}, f"{old}+"]))
            with self.people.deciding(self.seats[name]) as decisions:
                self.decided.append(decisions.rename_class(old, new))

    @rule(name=PEOPLE)
    def leave(self, name: str) -> None:
        self.people.leave(self.seats.pop(name, ""))
        self.held.pop(name, None)

    @invariant()
    def no_item_is_with_two(self) -> None:
        assert len(set(self.held.values())) == len(self.held)

    def teardown(self) -> None:
        self.rest()
        predicted = self.people.read(lambda session: session.refresh() or session.predict(ALL))
        self.people.close()
        with closing(Pool.open(self.folder)) as pool:
            assert predicted == Session(pool, annotator="somebody").predict(ALL)
            log = {event.seq: event for event in pool.log.events()}
        for event in self.decided:
            assert log[event.seq] == event, "nothing is lost"
        assert sum(event.kind in KINDS for event in log.values()) == len(self.decided)
        in_force: dict[int, str | None] = {}
        for event in log.values():
            if event.kind == "undo":
                in_force.pop(event.target or 0, None)
                continue
            if event.kind == "redo":
                event = log[log[event.target or 0].target or 0]
            if event.kind == "label":
                assert event.item not in in_force.values(), "nothing is labeled twice"
                in_force[event.seq] = event.item


def test_nothing_is_lost_and_nothing_asked_twice(pool: Pool, tmp_path: Path) -> None:
    numbers = count()
    made = pool.folder
    assert made is not None

    def begin() -> Interleavings:
        return Interleavings(Path(shutil.copytree(made, tmp_path / f"copy {next(numbers)}")))

    run_state_machine_as_test(begin, settings=settings(max_examples=20, stateful_step_count=40))
