"""What a list of events amounts to."""

from __future__ import annotations

from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from knnal.pool.labels.ledger import REVIEW, Change, Event, EventKind, Ledger


class Log:
    """Numbers events and applies them."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.numbers = count(1)

    def __call__(self, kind: str, item: str | None = None, label: str | None = None, **more: Any):
        fields = {"origin": "named", "annotator": "ann", "at": "now", **more}
        self.event = Event(next(self.numbers), EventKind(kind), item=item, label=label, **fields)
        return self.ledger.apply(self.event)

    def label(self, item: str, label: str, **more: Any) -> int:
        self("label", item, label, **more)
        seq = self.event.seq
        if self.ledger.lacks_class(label):
            self("class", label=label, target=seq)
        return seq


def test_the_latest_decision_is_in_force() -> None:
    log = Log()
    log.label("x", "a")
    log.label("y", "b")
    log("relabel", "x", "b")
    assert log.ledger.labels() == {"y": "b", "x": "b"}
    assert log.ledger.class_counts() == {"a": 0, "b": 2}
    assert [event.kind for event in log.ledger.decisions()] == ["label", "relabel"]


def test_undo_uncovers_what_was_there_before() -> None:
    log = Log()
    first = log.label("x", "a")
    log("relabel", "x", "b")
    second = log.event.seq
    log("class", label="b", target=second)
    assert list(log("undo", "x", target=second)) == [Change("x", "b", "a")]
    assert log.ledger.labels() == {"x": "a"}
    assert list(log("undo", "x", target=first)) == [Change("x", "a", None)]
    assert log.ledger.labels() == {}
    assert log.ledger.decision("x") is None


def test_undoing_an_earlier_decision_leaves_the_later_one_in_force() -> None:
    log = Log()
    first = log.label("x", "a")
    log("relabel", "x", "a", annotator="bob")
    assert list(log("undo", "x", target=first)) == [Change("x", "a", "a")]
    assert log.ledger.label("x") == "a"
    assert log.ledger.classes() == ["a"]


def test_skips_are_decisions_without_a_label() -> None:
    log = Log()
    assert list(log("skip", "x")) == [Change("x", None, None)]
    assert log.ledger.skipped() == {"x"}
    assert log.ledger.labels() == {}
    log.label("x", "a")
    assert log.ledger.skipped() == set()
    log("undo", "x", target=2)
    assert log.ledger.skipped() == {"x"}


def test_a_class_goes_with_the_label_that_brought_it_and_comes_back_in_its_place() -> None:
    log = Log()
    first = log.label("x", "a")
    log.label("y", "b")
    log("undo", "x", target=first)
    assert log.ledger.classes() == ["b"]
    log.label("z", "a")
    assert log.ledger.classes() == ["a", "b"]
    assert log.ledger.class_counts() == {"a": 1, "b": 1}


def test_a_class_stays_while_another_item_has_it() -> None:
    log = Log()
    first, second = log.label("x", "a"), log.label("y", "a")
    log("undo", "x", target=first)
    assert log.ledger.classes() == ["a"]
    log("undo", "y", target=second)
    assert log.ledger.classes() == []


def test_a_declared_class_outlives_its_labels() -> None:
    log = Log()
    log("class", label="a")
    first = log.label("x", "a")
    log("undo", "x", target=first)
    assert log.ledger.class_counts() == {"a": 0}
    second = log.label("y", "b")
    log("class", label="b")
    log("undo", "y", target=second)
    assert log.ledger.class_counts() == {"a": 0, "b": 0}


def test_each_annotator_undoes_their_own() -> None:
    log = Log()
    mine = log.label("x", "a")
    theirs = log.label("z", "a", annotator="bob")
    assert log.ledger.last_of("ann").seq == mine
    assert log.ledger.last_of("bob").seq == theirs
    assert log.ledger.last_of("eve") is None
    log("undo", "x", target=mine)
    assert log.ledger.last_of("ann") is None


def test_who_has_answered_since() -> None:
    log = Log()
    ledger = log.ledger
    first = log.label("x", "a")
    log.label("y", "a", annotator="bob")
    log.label("y", "a", origin="imported")
    log("undo", "x", target=first)
    log("relabel", "y", "b")
    assert not ledger.has_answered_since("ann", first, "x")
    assert ledger.has_answered_since("ann", 0, "y")
    assert not ledger.has_answered_since("ann", 0, "x"), "an answer on the item itself is none"
    log("skip", "z", origin="asked")
    assert ledger.has_answered_since("ann", first, "x")
    assert not ledger.has_answered_since("cid", 0, "x")


def test_a_prediction_that_was_pending_is_named_as_the_label_and_shared_by_relabels() -> None:
    log = Log()
    ledger = log.ledger
    log.label("w", "a")
    log.label("x", "b")
    first = log.label("x", "a", scores={"value": 1.0, "pending": True})
    log("rename", label="c", text="a")
    log("relabel", "x", "b", scores={"value": 1.0, "pending": first})
    assert [event.seq for event in ledger.pending] == [first]
    before = ledger.learned
    log("prediction", "x", target=first, scores={"prediction": "a", "probability": 0.7})
    expected = {"value": 1.0, "prediction": "c", "probability": 0.7}
    assert not ledger.pending
    assert ledger.learned == before, "nothing is predicted otherwise"
    relabel = ledger.decision("x")
    assert relabel is not None
    assert relabel.scores == expected
    assert ledger.last_of("ann") == relabel, "a prediction is not undone"
    log("undo", "x", target=relabel.seq)
    label = ledger.decision("x")
    assert label is not None
    assert (label.label, label.scores) == ("c", expected)


def test_steps_count_decisions_and_undos_but_not_classes() -> None:
    log = Log()
    log("class", label="a")
    assert (log.ledger.step, log.ledger.last_seq) == (0, 1)
    log.label("x", "a")
    log("undo", "x", target=2)
    assert (log.ledger.step, log.ledger.last_seq) == (2, 3)


def test_a_keep_confirms_a_decision_and_changes_nothing_else() -> None:
    log = Log()
    first = log.label("x", "a", origin="audit")
    step = log.ledger.step
    assert list(log("keep", "x", "a", target=first, origin=REVIEW)) == []
    kept = log.event.seq
    assert log.ledger.is_reviewed("x")
    assert not log.ledger.is_reviewed("y")
    assert log.ledger.is_audited("x")
    assert log.ledger.step == step
    assert [event.seq for event in log.ledger.decisions()] == [first]
    assert log.ledger.class_counts() == {"a": 1}
    assert log.ledger.last_of("ann").seq == kept
    assert list(log("undo", "x", target=kept)) == []
    assert not log.ledger.is_reviewed("x")
    assert log.ledger.last_of("ann").seq == first


def test_a_keep_is_of_one_label_alone() -> None:
    log = Log()
    first = log.label("x", "a")
    log("keep", "x", "a", target=first, origin=REVIEW)
    log("keep", "x", "a", target=first, origin=REVIEW, annotator="bob")
    log("relabel", "x", "b")
    second = log.event.seq
    assert not log.ledger.is_reviewed("x")
    log("undo", "x", target=second)
    assert log.ledger.is_reviewed("x")
    log("undo", "x", target=log.ledger.last_of("bob").seq)
    assert log.ledger.is_reviewed("x"), "ann's keep is still there"
    log("undo", "x", target=log.ledger.last_of("ann").seq)
    assert not log.ledger.is_reviewed("x")


def test_a_label_that_a_review_gives_is_reviewed_and_an_audited_item_stays_audited() -> None:
    log = Log()
    log.label("x", "a", origin="audit")
    log("relabel", "x", "b", origin=REVIEW)
    assert log.ledger.is_reviewed("x")
    assert log.ledger.is_audited("x")
    log("skip", "x", origin=REVIEW)
    assert log.ledger.skipped() == {"x"}
    log("skip", "y", origin="audit")
    log.label("y", "a")
    assert not log.ledger.is_audited("y")


def test_an_opinion_stands_beside_a_label_and_changes_nothing_else() -> None:
    log = Log()
    first = log.label("x", "a")
    step = log.ledger.step
    assert list(log("opinion", "x", "b", target=first, annotator="bob")) == []
    opinion = log.event
    log("class", label="b", target=opinion.seq)
    ((label, beside),) = log.ledger.opinions()
    assert (label.seq, beside) == (first, opinion)
    assert log.ledger.labels() == {"x": "a"}
    assert log.ledger.class_counts() == {"a": 1, "b": 0}
    assert log.ledger.step == step
    assert log.ledger.last_of("bob") == opinion
    log("undo", "x", target=first)
    assert list(log.ledger.opinions()) == [], "there is nothing that it is beside"
    assert list(log("undo", "x", target=opinion.seq)) == []
    assert log.ledger.classes() == []
    assert log.ledger.last_of("bob") is None


@given(
    st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from([None, "a", "b"]), st.booleans()))
)
def test_taking_everything_back_leaves_nothing(steps: list[tuple[str, str | None, bool]]) -> None:
    """Against a plain list of what is in force; True undoes the latest decision first."""
    log, active = Log(), []
    for item, label, undo in steps:
        if undo and active:
            seq, undone, _ = active.pop()
            log("undo", undone, target=seq)
        if label is None:
            log("skip", item)
            active.append((log.event.seq, item, None))
        else:
            active.append((log.label(item, label), item, label))
        in_force = {item: label for _, item, label in active}
        ledger = log.ledger
        assert ledger.labels() == {i: name for i, name in in_force.items() if name is not None}
        assert ledger.skipped() == {i for i, name in in_force.items() if name is None}
        counts = [name for name in in_force.values() if name is not None]
        assert all(ledger.class_counts()[name] == counts.count(name) for name in set(counts))
    while active:
        seq, item, _ = active.pop()
        assert log.ledger.last_of("ann").seq == seq
        log("undo", item, target=seq)
    assert log.ledger.labels() == {}
    assert log.ledger.skipped() == set()
    assert log.ledger.classes() == []
