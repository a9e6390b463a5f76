"""Reviews of labels: what is suspicious, what becomes of it, and that nothing else changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from knnal.acquisition.state import PoolState
from knnal.classifiers.vote import VoteOptions
from knnal.errors import InputError, LabelConflictError
from knnal.index.linalg import unit_rows
from knnal.index.pool_index import PoolIndex
from knnal.pool.labels.ledger import AUDIT, IMPORTED, REVIEW, EventKind
from knnal.pool.labels.writer import LogWriter
from knnal.pool.pool import Pool
from knnal.quality.audit import audited_items, latest_estimate
from knnal.quality.label_errors import Opinion
from knnal.quality.review import Decided, Left, Mode, Review
from knnal.session.session import Session

RNG = np.random.default_rng(3)
TRUTH = np.repeat(np.arange(3), 30)
X = unit_rows(0.7 * RNG.normal(size=(3, 6))[TRUTH] + RNG.normal(size=(90, 6)))
NAMES = np.array(["a", "b", "c", "d"])
GIVEN = TRUTH.copy()
GIVEN[::7] = (GIVEN[::7] + 1) % 3
LABELED = 80
GEOMETRY = PoolIndex.of(X)


def change_content(pool: Pool, item: str) -> None:
    digests = {"before": "before", "after": "after"}
    with pool.transaction():
        pool.log.append(
            EventKind.CONTENT, annotator="bob", origin=IMPORTED, item=item, scores=digests
        )


@pytest.fixture
def pool() -> Iterator[Pool]:
    """Items "0" to "89", the first 80 labeled, one in seven of these wrongly; and a class "d" of
    which item "80" is the only one.
    """
    pool = Pool.in_memory(X)
    with pool.transaction():
        for name in NAMES.tolist():
            LogWriter(pool, "bob").append(EventKind.CLASS, "declared", label=name)
        for row in range(LABELED):
            label(pool, str(row), str(NAMES[GIVEN[row]]))
        label(pool, "80", "d")
    yield pool
    pool.close()


def label(pool: Pool, item: str, name: str, origin: str = IMPORTED, **more: Any) -> None:
    LogWriter(pool, "bob").append_label(EventKind.LABEL, name, origin=origin, item=item, **more)


def new_session(pool: Pool, annotator: str = "ann", classifier: str = "combined") -> Session:
    return Session(pool, annotator=annotator, classifier=classifier, geometry=GEOMETRY)


def left_out(classifier: str, row: int) -> Any:
    """The class probabilities of a row by a state that never heard of its label."""
    state = PoolState(GEOMETRY, classifier=classifier)
    rows = np.array([r for r in range(LABELED + 1) if r != row])
    state.rebuild(rows, np.where(rows == 80, 3, GIVEN[rows]), 4)
    return state.classifier.probabilities(np.array([row]))[0]


def test_suspects_are_those_that_the_other_labels_contradict(pool: Pool) -> None:
    session = new_session(pool, classifier="knn")
    found = Review(session, Mode.SLIM).suspects()
    probabilities = {row: left_out("knn", row) for row in range(LABELED)}
    wrong = {str(row) for row, p in probabilities.items() if p.argmax() != GIVEN[row]}
    assert {suspect.item for suspect in found} == wrong
    assert [s.suspicion for s in found] == sorted((s.suspicion for s in found), reverse=True)
    for suspect in found:
        p = probabilities[int(suspect.item)]
        own = GIVEN[int(suspect.item)]
        margin = (1 + np.delete(p, own).max() - p[own]) / 2
        assert suspect.suspicion == pytest.approx(margin, abs=1e-6)
        assert suspect.label == NAMES[own]
        assert suspect.prediction.probabilities == pytest.approx(
            dict(zip([*session.classes], p.tolist(), strict=True))
        )
        assert {n.label for n in suspect.against} <= {"a", "b", "c", "d"} - {suspect.label}
        assert len(suspect.against) == sum(
            n.label != suspect.label for n in suspect.prediction.neighbors
        )


def test_most_of_the_first_suspects_are_wrong_indeed(pool: Pool) -> None:
    review = Review(new_session(pool))
    wrong = {str(row) for row in range(LABELED) if GIVEN[row] != TRUTH[row]}
    first = {suspect.item for suspect in review.suspects(len(wrong))}
    assert len(first & wrong) >= 0.8 * len(wrong)
    left = review.left()
    assert left.suspicious == len(review.suspects())
    assert left.confident == sum(suspect.confident for suspect in review.suspects())


def test_the_only_label_of_a_class_and_what_has_vanished_are_not_judged(
    make_pool: Any,
) -> None:
    pool = make_pool(X[:12])
    session = new_session_of(pool)
    for row in range(11):
        session.tell(f"item-{row}", "ab"[row % 2])
    session.tell("item-11", "only")
    named = {suspect.item for suspect in Review(session).suspects()}
    assert named
    assert "item-11" not in named
    assert Review(session).suspect("item-11") is None
    gone = sorted(named)[0]
    pool.catalog.begin_scan()
    for record in list(pool.catalog.records()):
        if record.id != gone:
            pool.catalog.see(record.id)
    pool.catalog.end_scan(1)
    assert gone not in {suspect.item for suspect in Review(new_session_of(pool)).suspects()}


def new_session_of(pool: Pool) -> Session:
    return Session(pool, annotator="ann", classifier="knn")


def test_the_voting_is_that_of_two_models_and_the_label(pool: Pool) -> None:
    found = {s.item: s.voted for s in Review(new_session(pool), Mode.VOTING).suspects()}
    for row in (*range(0, LABELED, 7), *range(1, LABELED, 7)):  # wrong labels, and right ones
        knn = NAMES[left_out("knn", row).argmax()]
        graph, means = (left_out(name, row) + 0.05 for name in ("graph", "means"))
        other = NAMES[(graph * means).argmax()]
        given = NAMES[GIVEN[row]]
        if given in (knn, other):
            assert str(row) not in found
        else:
            assert found[str(row)] == (knn if knn == other else None)
    rest = {s.item for s in Review(new_session(pool), Mode.ACTIVE).suspects()}
    assert rest == {item for item, voted in found.items() if voted is None}


def test_answers_are_events_that_undo_takes_back(pool: Pool) -> None:
    session = new_session(pool)
    review = Review(session)
    first, second, third = review.suspects(3)
    labels = session.ledger.labels()
    review.answer(first, first.label)
    review.answer(second, "c" if second.label != "c" else "a")
    review.answer(third, None)
    events = list(pool.log.events())[-3:]
    assert [(e.kind, e.item, e.origin) for e in events] == [
        ("keep", first.item, REVIEW), ("relabel", second.item, REVIEW),
        ("skip", third.item, REVIEW),
    ]  # fmt: skip
    assert [e.scores["suspicion"] for e in events] == [
        first.suspicion, second.suspicion, third.suspicion,
    ]  # fmt: skip
    asked = {suspect.item for suspect in review.suspects()}
    assert not asked & {first.item, second.item, third.item}
    assert session.ledger.label(third.item) is None
    assert int(third.item) not in session.candidates
    for suspect in (third, second, first):
        assert session.undo().item == suspect.item
    assert session.ledger.labels() == labels
    assert review.suspects(3) == [first, second, third]


def test_a_kept_label_is_asked_about_again_once_it_is_another(pool: Pool) -> None:
    session = new_session(pool)
    review = Review(session)
    (suspect,) = review.suspects(1)
    review.answer(suspect, suspect.label)
    assert suspect.item not in {s.item for s in review.suspects()}
    session.relabel(suspect.item, "d")
    assert "d" in {s.label for s in review.suspects() if s.item == suspect.item}


def test_the_state_is_that_of_the_labels_in_force(pool: Pool) -> None:
    session = new_session(pool)
    review = Review(session)
    truth = {str(row): str(NAMES[TRUTH[row]]) for row in range(LABELED)}
    decided = review.consult({**truth, "nobody": "a"})
    labels = session.ledger.labels()
    fixed = sum(labels[item] == name for item, name in truth.items())
    assert decided.changed == fixed - np.count_nonzero(GIVEN[:LABELED] == TRUTH[:LABELED])
    assert decided.set_aside == 0
    for suspect in Review(session).suspects()[:3]:
        review.answer(suspect, None)
    again = new_session(pool)
    rows = np.arange(len(X))
    np.testing.assert_array_equal(
        session.state.classifier.probabilities(rows), again.state.classifier.probabilities(rows)
    )
    np.testing.assert_array_equal(session.candidates, again.candidates)
    assert session.ledger.labels() == again.ledger.labels()


def test_an_oracle_is_asked_so_often_and_the_votes_do_the_rest(pool: Pool) -> None:
    session = new_session(pool)
    outvoted = Review(session, Mode.VOTING).suspects()
    rest = [suspect for suspect in outvoted if suspect.voted is None]
    assert rest
    assert len(rest) < len(outvoted)
    review = Review(session, Mode.ACTIVE)
    truth = {str(row): str(NAMES[TRUTH[row]]) for row in range(LABELED)}
    asked = review.consult(truth, limit=1)
    assert asked.kept + asked.changed == 1
    done = review.apply_votes()
    assert done == Decided(0, len(outvoted) - len(rest), len(rest) - 1)
    assert session.ledger.label(rest[0].item) == truth[rest[0].item]
    for suspect in outvoted:
        if suspect.voted is not None:
            assert session.ledger.label(suspect.item) == suspect.voted
    assert review.suspects() == []
    with pytest.raises(InputError, match="'voting' or 'active', got 'slim'"):
        Review(session, Mode.SLIM).apply_votes()


def test_another_process_was_faster(make_pool: Any) -> None:
    mine = new_session_of(make_pool(X[:12]))
    for row in range(12):
        mine.tell(f"item-{row}", "ab"[row % 2])
    theirs = Session(make_pool(), annotator="eve")
    review = Review(mine)
    (suspect,) = review.suspects(1)
    theirs.relabel(suspect.item, "d")
    with pytest.raises(LabelConflictError, match="meanwhile labeled 'd' by eve"):
        review.answer(suspect, None)
    assert mine.ledger.label(suspect.item) == "d"
    theirs.withdraw(suspect.item, suspicion=0.5)
    with pytest.raises(LabelConflictError, match="meanwhile skipped by eve"):
        review.answer(suspect, suspect.label)
    (second,) = review.suspects(1)
    theirs.refresh()
    theirs.keep(second.item, suspicion=second.suspicion)
    assert second.item not in {s.item for s in review.suspects()}
    assert theirs.undo().kind is EventKind.KEEP
    assert review.suspects(1) == [second]
    with pytest.raises(InputError, match="at least 1, got 0"):
        review.suspects(0)


def test_an_audited_item_stays_one_and_is_judged_by_its_new_label(pool: Pool) -> None:
    label(pool, "85", "a", origin=AUDIT, scores={"prediction": "b", "probability": 0.5})
    session = new_session(pool)
    assert latest_estimate(audited_items(session.ledger)).correct == 0
    session.keep("85", suspicion=0.6)
    assert latest_estimate(audited_items(session.ledger)).correct == 0
    session.relabel("85", "b", suspicion=0.6)
    estimate = latest_estimate(audited_items(session.ledger))
    assert (estimate.correct, estimate.audited) == (1, 1)
    session.withdraw("85", suspicion=0.6)
    assert latest_estimate(audited_items(session.ledger)) is None


def test_nothing_to_review() -> None:
    pool = Pool.in_memory(X)
    for mode in Mode:
        assert (
            Review(Session(pool, geometry=GEOMETRY, vote=VoteOptions(k=3)), mode).suspects() == []
        )
    pool.close()


def disagree(pool: Pool, item: str, name: str, annotator: str = "eve") -> None:
    """Have somebody say that the item is another class."""
    (first,) = [event for event in pool.log.events() if event.item == item]
    LogWriter(pool, annotator).append_label(
        EventKind.OPINION, name, origin="opinion", item=item, target=first.seq
    )


def test_what_two_people_disagree_on_comes_before_all_others(pool: Pool) -> None:
    session = new_session(pool)
    before = [suspect.item for suspect in Review(session).suspects()]
    sure = next(str(row) for row in range(LABELED) if str(row) not in before)
    only, doubtful, agreed = "80", before[-1], before[0]
    with pool.transaction():
        disagree(pool, sure, "d")
        disagree(pool, only, "a", "zoe")
        disagree(pool, doubtful, "d")
        disagree(pool, agreed, str(NAMES[GIVEN[int(agreed)]]))
    review = Review(session)
    found = review.suspects()
    disputed = [suspect.item for suspect in found if suspect.opinions]
    assert set(disputed) == {sure, only, doubtful}
    assert [s.item for s in found] == [*disputed, *(i for i in before if i not in disputed)]
    assert [s.suspicion for s in found[:3]] == sorted(s.suspicion for s in found[:3])[::-1]
    assert review.left() == Left(len(found), 0, 3, sum(s.confident for s in found))
    shown = next(suspect for suspect in found if suspect.item == only)
    assert (shown.label, shown.annotator, shown.opinions) == ("d", "bob", (Opinion("a", "zoe"),))
    others = Review(session, Mode.SLIM).suspects()
    assert sure not in {s.item for s in others}, "a mode of its own rule keeps to it"

    review.answer(shown, "a")
    review.answer(next(s for s in found if s.item == sure), None)
    assert not {only, sure} & {s.item for s in review.suspects()}
    review.answer(review.suspects(1)[0], str(NAMES[GIVEN[int(doubtful)]]))
    assert review.left().disputed == 0
    session.undo()
    assert review.suspects(1)[0].item == doubtful


def test_labels_older_than_their_content_come_first_until_they_are_looked_at(pool: Pool) -> None:
    session = new_session(pool)
    review = Review(session)
    before = [suspect.item for suspect in review.suspects()]
    sure = next(str(row) for row in range(LABELED) if str(row) not in before)
    kept, only, changed = before[0], "80", before[-1]
    session.keep(kept, suspicion=0.9)
    disagree(pool, before[1], "d")
    for item in (sure, kept, only, changed):
        change_content(pool, item)
    found = review.suspects()
    first = [suspect.item for suspect in found if suspect.outdated]
    assert set(first) == {sure, kept, only, changed}
    assert [s.item for s in found[:5]] == [*first, before[1]]
    assert review.left().outdated == 4
    assert {s.item for s in Review(session, Mode.SLIM).suspects()} <= {*before, only}
    for suspect in found[:4]:
        review.answer(suspect, "a" if suspect.item == changed else suspect.label)
    assert review.left().outdated == 0
    assert review.suspects()[0].item == before[1]
    assert {sure, kept, only, changed}.isdisjoint(s.item for s in review.suspects())
    change_content(pool, "89")
    assert review.left().outdated == 0, "it has no label"
