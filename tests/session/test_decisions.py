"""Decisions without a classifier: what the log says is what a session would have logged."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from knnal.errors import InputError, KnnalError, LabelConflictError
from knnal.index.linalg import unit_rows
from knnal.index.pool_index import PoolIndex
from knnal.pool.labels.ledger import EventKind, Ledger
from knnal.pool.pool import Pool
from knnal.quality.audit import audited_items
from knnal.quality.stopping import advise
from knnal.session.decisions import Decisions
from knnal.session.session import Session

RNG = np.random.default_rng(3)
Y = RNG.integers(0, 3, 40)
X = unit_rows(RNG.normal(size=(3, 5))[Y] + RNG.normal(size=(40, 5)))
GEOMETRY = PoolIndex.of(X)


def new_session(pool: Pool, **options: Any) -> Session:
    return Session(pool, geometry=GEOMETRY, annotator="ann", audit=0.6, **options)


def labels_of(ledger: Ledger) -> list[Any]:
    return [(e.kind, e.item, e.label, e.origin, e.scores) for e in ledger.decisions()]


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(
            ["ask", "ask", "answer", "answer", "answer", "tell", "skip", "undo", "redo", "relabel",
             "unlabel", "rename"]
        ),
        st.integers(0, len(X) - 1),
    ),
    min_size=6,
    max_size=40,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@example([("tell", 0), ("tell", 1), ("ask", 0), ("tell", 2), ("answer", 0), ("rename", 0)])
@example([("tell", 0), ("tell", 1), ("ask", 0), ("tell", 2), ("answer", 0), ("relabel", 3)])
@given(ACTIONS)
def test_commands_and_a_session_give_the_same_audit(actions: list[tuple[str, int]]) -> None:
    """Each command opens the pool anew, and only the one that asks can predict."""
    with closing(Pool.in_memory(X)) as one, closing(Pool.in_memory(X)) as other:
        session = new_session(one)
        asked: Any = None
        for action, number in actions:
            if action == "ask":
                asked, same = session.ask(), new_session(other).ask()
                assert same == asked
                continue
            verbs = session.decisions, Decisions(other, "ann")
            outcomes = [outcome(verb, action, number, asked) for verb in verbs]
            assert outcomes[0] == outcomes[1]
        session.refresh()
        replayed = new_session(other).ledger
        assert not replayed.pending
        assert labels_of(replayed) == labels_of(session.ledger)
        audited = audited_items(session.ledger)
        assert audited_items(replayed) == audited
        assert advise(replayed, audited, 0.5) == advise(session.ledger, audited, 0.5)
        assert labels_of(Decisions(other).ledger) == labels_of(replayed), "it is in the log"


def act(decisions: Decisions, action: str, number: int, asked: Any) -> None:
    item = str(number)
    if action == "answer" and asked is not None:
        decisions.tell(asked.item, f"class {Y[int(asked.item)]}")
    elif action == "tell":
        decisions.tell(item, f"class {Y[number]}")
    elif action == "skip":
        decisions.skip(item if asked is None else asked.item)
    elif action == "relabel":
        labeled = sorted(decisions.ledger.labels())
        decisions.relabel(labeled[number % len(labeled)] if labeled else item, "class 0")
    elif action == "unlabel":
        decisions.unlabel(item)
    elif action == "rename":
        decisions.rename_class(f"class {number % 3}", f"class {(number + 1) % 4}")
    elif action in ("undo", "redo"):
        getattr(decisions, action)()


def outcome(*arguments: Any) -> object:
    """The kind of error that ``act`` raised, or None."""
    try:
        act(*arguments)
    except KnnalError as error:
        return type(error)
    return None


def test_a_fresh_offer_is_all_that_it_takes() -> None:
    with closing(Pool.in_memory(X)) as pool:
        session = new_session(pool)
        for item in range(6):
            session.tell(str(item), f"class {Y[item]}")
        question, agreement = session.ask(), session.agreement()
        assert question is not None
        event = Decisions(pool, "ann").tell(question.item, "class 0")
        assert event.scores["agreement"] == agreement
        assert event.scores["prediction"] == question.prediction.label
        assert event.scores["probability"] == question.prediction.probability


def test_only_predictions_that_are_used_are_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("knnal.session.decisions._LATEST", 3)
    with closing(Pool.in_memory(X)) as pool:
        for item in range(8):
            Decisions(pool, "ann").tell(str(item), f"class {Y[item]}")
        session = new_session(pool)
        kinds = [event.kind for event in pool.log.events()]
        assert kinds.count(EventKind.PREDICTION) == 3
        assert [e.item for e in session.ledger.pending] == ["1", "2", "3", "4"]
        assert list(new_session(pool).ledger.labels()) == list(session.ledger.labels())
        assert [event.kind for event in pool.log.events()] == kinds, "once"


def test_what_is_pending_can_be_undone_and_changed() -> None:
    with closing(Pool.in_memory(X)) as pool:
        for item in range(4):
            Decisions(pool, "ann").tell(str(item), f"class {Y[item]}")
        Decisions(pool, "ann").relabel("3", "another")
        Decisions(pool, "ann").undo()
        Decisions(pool, "ann").redo()
        session = new_session(pool)
        event = session.ledger.decision("3")
        assert event is not None
        assert event.label == "another"
        assert {"prediction", "probability"} <= event.scores.keys()
        assert session.undo().kind is EventKind.RELABEL, "a prediction is no decision"


def test_a_label_that_another_has_changed_is_left() -> None:
    with closing(Pool.in_memory(X)) as pool:
        decisions = Decisions(pool, "ann")
        decisions.tell("0", "a")
        decisions.by("bob").relabel("0", "b")
        for verb in (
            lambda: decisions.relabel("0", "c", was="a"),
            lambda: decisions.unlabel("0", was="a"),
            lambda: decisions.review("0", None, suspicion=0.5, was="a"),
        ):
            with pytest.raises(LabelConflictError, match="meanwhile labeled 'b' by bob"):
                verb()
        assert decisions.review("0", "b", suspicion=0.5, was="b").kind is EventKind.KEEP
        decisions.unlabel("0", was="b")
        with pytest.raises(LabelConflictError, match="has no label any more"):
            decisions.relabel("0", "c", was="b")
        with pytest.raises(InputError, match="has no label to change"):
            decisions.relabel("0", "c")


def test_an_opinion_is_on_a_label_in_force() -> None:
    with closing(Pool.in_memory(X)) as pool:
        decisions = Decisions(pool, "ann")
        first = decisions.tell("0", "a")
        opinion = decisions.by("bob").opinion("0", "b", first, {"prediction": "a"})
        assert list(decisions.ledger.conflicts()) == [(first, opinion)]
        decisions.relabel("0", "c")
        with pytest.raises(LabelConflictError, match="changed meanwhile"):
            decisions.by("eve").opinion("0", "b", first)


@pytest.mark.parametrize("after", ["answer", "skip"])
def test_an_audit_that_was_passed_over_is_none(after: str) -> None:
    with closing(Pool.in_memory(X)) as pool:
        session = new_session(pool)
        session.tell("0", "a")
        session.tell("1", "b")
        while (question := session.ask()) is not None and question.origin != "audit":
            session.skip(question.item)
        assert question is not None
        decisions = Decisions(pool, "ann")
        other = next(str(row) for row in session.candidates if str(row) != question.item)
        decisions.skip(other) if after == "skip" else decisions.tell(other, "a")
        assert decisions.by("bob").skip(question.item).origin == "audit", "he passed over nothing"
        decisions.by("bob").undo()
        assert decisions.tell(question.item, "a").origin == "named"
