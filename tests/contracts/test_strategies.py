"""What every registered strategy keeps to."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np
import pytest

from knnal.errors import UnknownNameError
from knnal.session import Session
from knnal.store.pool import Pool
from knnal.strategies.base import STRATEGIES, PoolView, Scores, create_strategy

EVERY = pytest.mark.parametrize("name", STRATEGIES.names())
EXPECTED = {
    "cdf-product", "product", "article", "article-as-printed", "random",
    "least-confidence", "smallest-margin", "largest-margin", "entropy", "disagreement",
    "ceal-lc", "ceal-ms", "ceal-en", "ceal-fusion", "tcal",
}  # fmt: skip


def vectors(n: int = 30, d: int = 6) -> Any:
    """Clusters, with a few copies among them."""
    rng = np.random.default_rng(n + d)
    X = rng.normal(size=(3, d))[rng.integers(0, 3, n)] * 2 + rng.normal(size=(n, d))
    X[n // 2 :: 5] = X[0]
    return X


def score(session: Session, name: str, seed: int = 0) -> Scores:
    rows = session.state.unlabelled
    return create_strategy(name).score(PoolView(session.state, rows, np.random.default_rng(seed)))


def label_some(session: Session, count: int) -> None:
    for row in range(count):
        session.tell(str(row * 2), "abc"[row % 3])


def vanish(pool: Pool, gone: set[str]) -> None:
    """As a scan of the source would that no longer meets some items."""
    pool.catalogue.begin_scan()
    for record in list(pool.catalogue.records()):
        if record.id not in gone:
            pool.catalogue.see(record.id)
    pool.catalogue.end_scan(1)


def test_the_built_in_strategies_are_registered() -> None:
    assert set(STRATEGIES.names()) >= EXPECTED


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError) as caught:
        create_strategy("cdf-produkt")
    assert "Did you mean 'cdf-product'?" in str(caught.value)
    assert all(name in str(caught.value) for name in STRATEGIES.names())


@EVERY
def test_it_says_what_it_does_and_where_it_comes_from(name: str) -> None:
    strategy = create_strategy(name)
    assert len(strategy.summary) > 10
    assert "\n" not in strategy.summary
    assert len(strategy.source) > 10


@EVERY
@pytest.mark.parametrize("labels", [0, 1, 2, 9])
def test_scores_are_finite_aligned_and_repeatable(name: str, labels: int) -> None:
    with closing(Pool.in_memory(vectors())) as pool:
        session = Session(pool, strategy=name)
        label_some(session, labels)
        scores = score(session, name)
        assert scores.values.shape == (30 - labels,)
        assert np.isfinite(scores.values).all()
        for values in scores.factors.values():
            assert values.shape == scores.values.shape
            assert np.isfinite(values).all()
        again = score(Session(pool, strategy=name), name)
        np.testing.assert_array_equal(scores.values, again.values)


@EVERY
def test_it_works_from_nothing_through_one_class_to_the_last_item(name: str) -> None:
    with closing(Pool.in_memory(vectors(9))) as pool:
        session = Session(pool, strategy=name)
        asked = []
        for step in range(9):
            question = session.ask()
            assert question is not None
            assert question.score is not None
            assert question.score.strategy == name
            assert np.isfinite(question.score.value)
            asked.append(question.item)
            session.tell(question.item, "only" if step < 4 else f"class {step}")
        assert sorted(asked) == sorted(str(i) for i in range(9))
        assert session.ask() is None


@EVERY
def test_a_pool_of_one_item(name: str) -> None:
    with closing(Pool.in_memory([[0.5, 2.0]])) as pool:
        session = Session(pool, strategy=name)
        question = session.ask()
        assert question is not None
        assert question.item == "0"
        session.tell("0", "a")
        assert session.ask() is None


@EVERY
def test_an_empty_pool(name: str) -> None:
    with closing(Pool.in_memory(np.empty((0, 4)))) as pool:
        assert Session(pool, strategy=name).ask() is None


@EVERY
def test_a_pool_of_copies(name: str) -> None:
    with closing(Pool.in_memory(np.ones((40, 3)))) as pool:
        session = Session(pool, strategy=name)
        for _ in range(3):
            question = session.ask()
            assert question is not None
            session.tell(question.item, "a")
            assert np.isfinite(score(session, name).values).all()


@EVERY
def test_it_never_asks_what_is_labelled_skipped_or_vanished(name: str) -> None:
    with closing(Pool.in_memory(vectors(25))) as pool:
        vanish(pool, {"1", "3", "12"})
        session = Session(pool, strategy=name)
        session.tell("0", "a")
        session.tell("1", "b")
        session.skip("5")
        session.skip("24")
        expected = {str(i) for i in range(25)} - {"0", "1", "3", "12", "5", "24"}
        assert {question.item for question in session.ask_many(100)} == expected
        asked = []
        while question := session.ask():
            asked.append(question.item)
            session.tell(question.item, "ab"[len(asked) % 2])
        assert len(asked) == len(expected)
        assert set(asked) == expected


@EVERY
def test_the_best_score_is_asked_and_of_equals_the_lowest_row(name: str) -> None:
    with closing(Pool.in_memory(vectors())) as pool:
        session = Session(pool, strategy=name, seed=5)
        label_some(session, 4)
        ranked = session.rank(26)
        values = {int(question.item): question.score.value for question in ranked}
        assert list(values) == sorted(values, key=lambda row: (-values[row], row))
        assert [q.item for q in session.rank(3)] == [q.item for q in ranked[:3]]
        assert session.ask().item == ranked[0].item


def first_questions(strategy: str, seed: int) -> list[str]:
    with closing(Pool.in_memory(vectors())) as pool:
        session = Session(pool, strategy=strategy, seed=seed)
        asked = []
        for _ in range(6):
            question = session.ask()
            assert question is not None
            asked.append(question.item)
            session.tell(question.item, "a")
        return asked


def test_random_differs_by_seed_and_by_step_and_repeats_for_a_seed() -> None:
    by_seed = [first_questions("random", seed) for seed in range(20)]
    assert len({tuple(asked) for asked in by_seed}) == 20
    assert len({asked[0] for asked in by_seed}) > 8
    assert first_questions("random", 3) == by_seed[3]


@pytest.mark.parametrize("name", sorted(EXPECTED - {"random", "ceal-fusion"}))
def test_the_others_do_not_depend_on_the_seed(name: str) -> None:
    assert first_questions(name, 1) == first_questions(name, 2)


def test_the_default_starts_with_the_densest_item() -> None:
    with closing(Pool.in_memory(vectors())) as pool:
        session = Session(pool)
        densest = int(session.state.local_density.argmax())
        assert session.ask().item == str(densest)
