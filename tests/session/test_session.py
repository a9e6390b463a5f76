"""A session as its users see it: questions, answers, second thoughts, and other people's."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from knnal.classifiers.vote import VoteOptions
from knnal.errors import InputError, LabelConflictError, NothingToUndoError, UnknownNameError
from knnal.index.pool_index import PoolIndex
from knnal.pool.labels.ledger import ASKED, AUDIT, NAMED
from knnal.pool.pool import Pool
from knnal.quality.audit import audited_items, latest_estimate, wilson_interval
from knnal.session.session import Session

X = np.random.default_rng(0).normal(size=(40, 5))


@pytest.fixture
def pool(make_pool: Any) -> Pool:
    """On disk, items "item-0" to "item-39"."""
    return make_pool(X)


@pytest.fixture
def session(pool: Pool) -> Session:
    return Session(pool, annotator="ann")


def asked(session: Session) -> str:
    question = session.ask()
    assert question is not None
    return question.item


def vanish(pool: Pool, *gone: str) -> None:
    pool.catalog.begin_scan()
    for record in list(pool.catalog.records()):
        if record.id not in gone:
            pool.catalog.see(record.id)
    pool.catalog.end_scan(1)


# Questions


def test_the_same_question_until_it_is_answered(session: Session, pool: Pool) -> None:
    first = session.ask()
    assert first == session.ask()
    assert first == Session(pool, annotator="bob").ask()
    session.tell(first.item, "a")
    assert asked(session) != first.item


@pytest.mark.parametrize("strategy", ["random", "cdf-product"])
def test_the_same_question_under_an_audit(pool: Pool, strategy: str) -> None:
    session = Session(pool, strategy=strategy, audit=0.5, annotator="ann")
    for step in range(15):
        question = session.ask()
        assert question == session.ask()
        again = Session(pool, strategy=strategy, audit=0.5, annotator="ann")
        assert again.ask() == question
        session.tell(question.item, "ab"[step % 2])


def test_an_exhausted_pool_asks_nothing(session: Session) -> None:
    for _ in range(39):
        session.tell(asked(session), "a")
    session.skip(asked(session))
    assert session.ask() is None
    assert session.ask_many(5) == []
    assert len(session.candidates) == 0
    session.undo()
    assert session.ask() is not None


def test_before_any_label_nothing_is_predicted(session: Session) -> None:
    prediction = session.ask().prediction
    assert (prediction.label, prediction.probability) == (None, 0.0)
    assert prediction.neighbors == ()
    session.add_class("a")
    session.add_class("b")
    prediction = session.ask().prediction
    assert prediction.label is None
    assert prediction.probabilities == {"a": 0.5, "b": 0.5}


@pytest.mark.parametrize("strategy", ["cdf-product", "article", "article-as-printed", "product"])
def test_factors_multiply_to_the_score(pool: Pool, strategy: str) -> None:
    session = Session(pool, strategy=strategy, annotator="ann")
    for row in range(6):
        session.tell(f"item-{row}", "abc"[row % 3])
    for question in [session.ask(), session.explain("item-20"), *session.ask_many(3)]:
        score = question.score
        f = score.factors
        if strategy == "product":
            assert score.value == pytest.approx((f["u"] + 0.001) * f["i"] * f["d"], rel=1e-6)
        elif strategy == "cdf-product":
            assert f["power_u"] == session.state.reliability() < 1
            assert score.value == pytest.approx(f["F_u"] ** f["power_u"] * f["F_id"], rel=1e-12)
            assert f["id"] == pytest.approx(f["i"] * f["d"], rel=1e-6)
        else:
            assert score.value == f["F_u"] * f["F_i"] * f["F_d"]
        assert score.strategy == strategy


def test_explaining_the_item_that_is_asked_gives_the_question(session: Session) -> None:
    session.tell("item-3", "a")
    question = session.ask()
    assert session.explain(question.item) == question


def test_explaining_labeled_and_vanished_items_gives_no_score(pool: Pool) -> None:
    vanish(pool, "item-9")
    session = Session(pool, annotator="ann")
    session.tell("item-3", "a")
    assert session.explain("item-3").score is None
    assert session.explain("item-9").score is None
    assert session.explain("item-9").prediction.label == "a"


def test_a_skipped_item_still_has_a_score(session: Session) -> None:
    session.skip("item-3")
    assert session.explain("item-3").score is not None


def test_neighbors_explain_the_prediction_of_knn(pool: Pool) -> None:
    session = Session(pool, classifier="knn", annotator="ann")
    for row in range(8):
        session.tell(f"item-{row}", "ab"[row % 2])
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    (prediction,) = session.predict(["item-30"])
    similarities = {f"item-{row}": float(unit[row] @ unit[30]) for row in range(8)}
    nearest = sorted(similarities, key=lambda item: -similarities[item])[:5]
    assert [n.item for n in prediction.neighbors] == nearest
    votes = [np.exp((similarities[item] - 1) / 0.07) for item in nearest]
    for neighbor, vote in zip(prediction.neighbors, votes, strict=True):
        assert neighbor.label == "ab"[int(neighbor.item.removeprefix("item-")) % 2]
        assert neighbor.similarity == pytest.approx(similarities[neighbor.item], abs=1e-6)
        assert neighbor.share == pytest.approx(vote / sum(votes), abs=1e-4)
    of_a = sum(n.share for n in prediction.neighbors if n.label == "a")
    assert prediction.probabilities["a"] == pytest.approx(of_a)
    assert prediction.probability == max(prediction.probabilities.values())


def test_vectors_from_outside_are_predicted_as_pool_items_are(pool: Pool) -> None:
    session = Session(pool, classifier="knn", annotator="ann")
    for row in range(10):
        session.tell(f"item-{row}", "ab"[row % 2])
    inside = session.predict([f"item-{row}" for row in range(20, 30)])
    outside = session.predict_vectors([f"item-{row}" for row in range(20, 30)], X[20:30] * 7)
    for one, other in zip(inside, outside, strict=True):
        assert [n.item for n in one.neighbors] == [n.item for n in other.neighbors]
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-5)
    with pytest.raises(InputError, match="vectors of 5 numbers"):
        session.predict_vectors(["x"], np.ones((1, 4)))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"audit": 1.0}, InputError),
        ({"audit": -0.1}, InputError),
        ({"audit": float("nan")}, InputError),
        ({"strategy": "nobody"}, UnknownNameError),
        ({"classifier": "nobody"}, UnknownNameError),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], error: type[Exception]) -> None:
    with closing(Pool.in_memory(X)) as pool, pytest.raises(error):
        Session(pool, **options)


def test_asking_for_less_than_one_item_is_refused(session: Session) -> None:
    with pytest.raises(InputError, match="at least 1"):
        session.ask_many(0)


# Answers


def test_an_answer_is_logged_with_what_led_to_it(session: Session, pool: Pool) -> None:
    session.tell("item-0", "a")
    question = session.ask()
    event = session.tell(question.item, " b ")
    assert (event.label, event.origin, event.annotator) == ("b", ASKED, "ann")
    assert event.strategy == "cdf-product"
    score = question.score
    assert event.scores == {
        "value": score.value, **score.factors, "prediction": "a", "probability": 1.0,
    }  # fmt: skip
    assert next(e for e in pool.log.events() if e.seq == event.seq) == event
    named = session.ledger.decision("item-0")
    assert named is not None
    assert (named.origin, named.strategy, named.scores) == (NAMED, None, {})


def test_the_prediction_is_recorded_before_the_label_is_learned(session: Session) -> None:
    for row in range(6):
        session.tell(f"item-{row}", "ab"[row % 2])
    (before,) = session.predict(["item-20"])
    event = session.tell("item-20", "something new")
    assert event.scores["prediction"] == before.label
    assert event.scores["probability"] == pytest.approx(before.probability)


def test_a_labeled_item_is_not_labeled_over(session: Session) -> None:
    session.tell("item-4", "a")
    with pytest.raises(LabelConflictError, match=r"'item-4' was labeled 'a' by ann.*relabel"):
        session.tell("item-4", "b")
    with pytest.raises(LabelConflictError):
        session.skip("item-4")
    assert session.ledger.labels() == {"item-4": "a"}


def test_a_skipped_item_may_be_labeled(session: Session) -> None:
    session.skip("item-4")
    session.tell("item-4", "a")
    assert session.ledger.labels() == {"item-4": "a"}
    session.undo()
    assert session.ledger.skipped() == {"item-4"}


def test_relabeling_needs_a_label(session: Session) -> None:
    with pytest.raises(InputError, match="Use tell"):
        session.relabel("item-4", "a")
    session.skip("item-4")
    with pytest.raises(InputError, match="Use tell"):
        session.relabel("item-4", "a")


@pytest.mark.parametrize("label", ["", "  ", "a\nb", "\x00", "a\tb"])
def test_labels_have_printable_names(session: Session, label: str) -> None:
    for give in (lambda: session.tell("item-1", label), lambda: session.add_class(label)):
        with pytest.raises(InputError, match="as a class name: it has"):
            give()
    assert list(session.pool.log.events()) == []


def test_unknown_items_are_refused(session: Session) -> None:
    for give in (
        lambda: session.tell("nobody", "a"),
        lambda: session.skip("nobody"),
        lambda: session.relabel("nobody", "a"),
        lambda: session.explain("nobody"),
        lambda: session.predict(["item-0", "nobody"]),
    ):
        with pytest.raises(InputError, match="No item 'nobody'"):
            give()


def test_classes_keep_the_order_in_which_they_came_up(session: Session) -> None:
    session.add_class("z")
    session.tell("item-0", "m")
    session.add_class("a")
    session.add_class("z")
    session.relabel("item-0", "k")
    assert session.classes == ["z", "m", "a", "k"]
    session.undo()
    assert session.classes == ["z", "m", "a"]


# Second thoughts


def test_undo_as_far_back_as_one_likes_across_sessions(make_pool: Any) -> None:
    answers: list[tuple[str, str]] = []
    pool = make_pool(X)
    session = Session(pool, annotator="ann")
    questions = []
    for step in range(12):
        questions.append(session.ask())
        answers.append((questions[-1].item, "abc"[step % 3]))
        session.tell(*answers[-1])
        if step % 4 == 3:
            pool.close()
            pool = make_pool()
            session = Session(pool, annotator="ann")
    while answers:
        target = session.undo()
        assert (target.item, target.label) == answers.pop()
        assert session.ledger.labels() == dict(answers)
        assert asked(session) == questions.pop().item
        if len(answers) % 3 == 0:
            pool.close()
            pool = make_pool()
            session = Session(pool, annotator="ann")
    with pytest.raises(NothingToUndoError, match="ann has nothing left"):
        session.undo()
    assert session.classes == []


def test_everyone_undoes_their_own(pool: Pool) -> None:
    ann, bob = Session(pool, annotator="ann"), Session(pool, annotator="bob")
    ann.tell("item-0", "a")
    bob.tell("item-1", "b")
    assert ann.undo().item == "item-0"
    with pytest.raises(NothingToUndoError):
        ann.undo()
    assert bob.undo().item == "item-1"


def test_an_undone_undo_is_a_new_answer(session: Session) -> None:
    session.tell("item-0", "a")
    session.undo()
    session.tell("item-0", "b")
    assert session.undo().label == "b"
    with pytest.raises(NothingToUndoError):
        session.undo()


# Other people


def test_a_second_session_sees_the_labels_of_the_first(make_pool: Any) -> None:
    ann, bob = Session(make_pool(X), annotator="ann"), Session(make_pool(), annotator="bob")
    first = asked(ann)
    assert asked(bob) == first
    ann.tell(first, "a")
    assert asked(bob) != first
    assert bob.ledger.labels() == {first: "a"}
    bob.tell(asked(bob), "b")
    ann.refresh()
    assert ann.ledger.labels() == bob.ledger.labels()
    assert ann.classes == bob.classes == ["a", "b"]
    for term in ("uncovered", "distance"):
        np.testing.assert_array_equal(getattr(ann.state, term)(), getattr(bob.state, term)())
    assert ann.ask() == bob.ask()


def test_of_two_answers_for_one_item_the_second_is_refused(make_pool: Any) -> None:
    ann, bob = Session(make_pool(X), annotator="ann"), Session(make_pool(), annotator="bob")
    ann.tell("item-7", "a")
    with pytest.raises(LabelConflictError, match="'a' by ann"):
        bob.tell("item-7", "b")
    with pytest.raises(LabelConflictError):
        bob.skip("item-7")
    assert bob.ledger.labels() == {"item-7": "a"}


def test_a_stale_relabel_is_refused_and_may_be_repeated(make_pool: Any) -> None:
    ann, bob = Session(make_pool(X), annotator="ann"), Session(make_pool(), annotator="bob")
    ann.tell("item-7", "a")
    bob.refresh()
    ann.relabel("item-7", "b")
    with pytest.raises(LabelConflictError, match="meanwhile labeled 'b' by ann"):
        bob.relabel("item-7", "c")
    assert ann.ledger.labels() == {"item-7": "b"}
    bob.relabel("item-7", "c")
    ann.refresh()
    assert ann.ledger.labels() == {"item-7": "c"}


# Vanished items


def test_vanished_items_are_not_asked_but_their_labels_vote(make_pool: Any) -> None:
    pool = make_pool(X)
    Session(pool, annotator="ann").tell("item-5", "a")
    vanish(pool, "item-5", "item-6", "item-7")
    session = Session(pool, annotator="ann")
    gone = {"item-5", "item-6", "item-7"}
    assert len(session.candidates) == 37
    assert not gone & {question.item for question in session.ask_many(99)}
    (prediction,) = session.predict(["item-20"])
    assert prediction.label == "a"
    assert [n.item for n in prediction.neighbors] == ["item-5"]
    graph = session.state.geometry.graph
    assert not {5, 6, 7} & set(graph.edges.targets.tolist())


# The audit


def test_the_audit_draws_its_share_uniformly() -> None:
    drawn: Counter[str] = Counter()
    with closing(Pool.in_memory(X[:20])) as pool:
        geometry = PoolIndex.of(pool.embeddings)
        Session(pool, annotator="ann").tell("0", "a")
        for seed in range(400):
            question = Session(pool, audit=0.4, seed=seed, geometry=geometry).ask()
            assert question is not None
            if question.origin == AUDIT:
                drawn[question.item] += 1
    assert set(drawn) == {str(row) for row in range(1, 20)}
    assert stats.binomtest(drawn.total(), 400, 0.4).pvalue > 1e-4
    assert stats.chisquare(list(drawn.values())).pvalue > 1e-4


def test_no_audit_before_the_first_label_or_without_a_share() -> None:
    with closing(Pool.in_memory(X)) as pool:
        for seed in range(20):
            question = Session(pool, audit=0.99, seed=seed).ask()
            assert question is not None
            assert question.origin == ASKED
        Session(pool, annotator="ann").tell("0", "a")
        assert all(Session(pool, seed=seed).ask().origin == ASKED for seed in range(20))


def test_audited_answers_keep_their_prediction_and_count(make_pool: Any) -> None:
    truth = {f"item-{row}": "ab"[int(X[row, 0] > 0)] for row in range(40)}
    pool = make_pool(X)
    session = Session(pool, audit=0.5, annotator="ann", vote=VoteOptions(k=3))
    outcomes = []
    while question := session.ask():
        (now,) = session.predict([question.item])
        event = session.tell(question.item, truth[question.item])
        assert event.origin == question.origin
        if question.origin == AUDIT:
            assert event.scores["prediction"] == now.label
            outcomes.append(now.label == truth[question.item])
    estimate = latest_estimate(audited_items(session.ledger))
    assert estimate is not None
    assert (estimate.correct, estimate.audited) == (sum(outcomes), len(outcomes))
    assert 10 < len(outcomes) < 30
    assert estimate.accuracy == sum(outcomes) / len(outcomes)
    again = latest_estimate(audited_items(Session(make_pool()).ledger), window=7)
    assert again is not None
    assert (again.correct, again.audited) == (sum(outcomes[-7:]), 7)


def test_an_audited_answer_that_is_corrected_still_counts(make_pool: Any) -> None:
    session = Session(make_pool(X), audit=0.9, annotator="ann")
    session.tell("item-0", "right")
    question = session.ask()
    assert question is not None
    while question.origin != AUDIT:
        session.tell(question.item, "right")
        question = session.ask()
        assert question is not None
    session.tell(question.item, "slip of the finger")
    assert latest_estimate(audited_items(session.ledger)).correct == 0
    session.relabel(question.item, "right")
    estimate = latest_estimate(audited_items(session.ledger))
    assert (estimate.correct, estimate.audited) == (1, 1)
    session.undo()
    assert latest_estimate(audited_items(session.ledger)).correct == 0


def draw_for_audit(pool: Pool) -> tuple[Session, str]:
    """A session that has just drawn an item, and that item."""
    session = Session(pool, audit=0.99, annotator="ann")
    session.tell("item-0", "a")
    question = session.ask()
    assert question.origin == AUDIT
    return session, question.item


def test_a_draw_that_was_passed_over_is_no_part_of_the_audit(pool: Pool) -> None:
    session, drawn = draw_for_audit(pool)
    others = [name for name in ("item-1", "item-2", "item-3") if name != drawn]
    session.tell(others[0], "b")
    assert session.tell(drawn, "a").origin == NAMED
    assert latest_estimate(audited_items(session.ledger)) is None


def test_a_draw_that_was_passed_over_is_not_skipped_for_the_audit(pool: Pool) -> None:
    session, drawn = draw_for_audit(pool)
    session.skip("item-1" if drawn != "item-1" else "item-2")
    assert session.skip(drawn).origin == NAMED


def test_a_draw_stays_one_whatever_others_answer_meanwhile(pool: Pool) -> None:
    session, drawn = draw_for_audit(pool)
    other = Session(pool, annotator="bob")
    for name in [f"item-{n}" for n in range(1, 6) if f"item-{n}" != drawn]:
        other.tell(name, "b")
    session.relabel("item-0", "b")
    assert session.tell(drawn, "a").origin == AUDIT


def test_a_draw_that_is_answered_taken_back_and_answered_again_stays_one(pool: Pool) -> None:
    session, drawn = draw_for_audit(pool)
    assert session.tell(drawn, "a").origin == AUDIT
    session.undo()
    assert session.tell(drawn, "b").origin == AUDIT


def test_items_asked_together_are_all_logged_as_asked(session: Session) -> None:
    for question in session.ask_many(5):
        assert session.tell(question.item, "a").origin == ASKED


def test_no_estimate_without_an_audit(session: Session) -> None:
    assert latest_estimate(audited_items(session.ledger)) is None
    session.tell("item-0", "a")
    session.tell(asked(session), "a")
    assert latest_estimate(audited_items(session.ledger)) is None


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_that_of_wilson(counts: tuple[int, int]) -> None:
    successes, trials = counts
    expected = stats.binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    np.testing.assert_allclose(
        wilson_interval(successes, trials), (expected.low, expected.high), atol=1e-9
    )
