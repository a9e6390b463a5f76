"""What every registered strategy, and every composition of terms, keeps to.

A strategy is covered by being registered. Those of this package also say what a label costs.
"""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np
import pytest

from knnal.acquisition.hypothetical import HypotheticalState
from knnal.acquisition.state import PoolState
from knnal.acquisition.strategies.base import (
    COMPOSITIONS,
    STRATEGIES,
    PoolView,
    Scores,
    Strategy,
    canonical_name,
    create_strategy,
    strategy_class,
)
from knnal.acquisition.strategies.batches import highest
from knnal.acquisition.strategies.description import describe
from knnal.acquisition.strategies.terms import TERMS, term_of
from knnal.errors import InputError, UnknownNameError
from knnal.index.pool_index import PoolIndex
from knnal.pool.index_files import stored_index
from knnal.pool.pool import Pool
from knnal.session.session import Session

EXPECTED = {
    "cdf-product", "product", "article", "article-as-printed", "random", "guided",
    "least-confidence", "smallest-margin", "largest-margin", "entropy",
    "maxherding", "uherding", "typiclust", "probcover", "k-center", "dropquery",
    "disagreement", "ceal-lc", "ceal-ms", "ceal-en", "ceal-fusion", "tcal",
}  # fmt: skip
COMPOSED = (
    "cdf(smallest-margin, local, uncovered)",
    "cdf(entropy, global)",
    "product(least-confidence, distance)",
    "uherding(entropy)",
)
RANDOM = {"random", "guided", "ceal-fusion"}
"""Those that draw; another one that does is added here."""

OF_A_SIZE = {"tcal", "ceal-fusion"}
"""Those whose batch is made for its size: fewer at once are not the first of more."""

NAMES = [*STRATEGIES.names(), *COMPOSED]
EVERY = pytest.mark.parametrize("name", NAMES)


def vectors(n: int = 30, d: int = 6) -> Any:
    """Clusters, with a few copies among them."""
    rng = np.random.default_rng(n + d)
    X = rng.normal(size=(3, d))[rng.integers(0, 3, n)] * 2 + rng.normal(size=(n, d))
    X[n // 2 :: 5] = X[0]
    return X


def pool_of(X: Any) -> Pool:
    """A pool in memory, with whatever any strategy needs beside the vectors."""
    X = np.asarray(X, dtype=np.float64)
    jitter = np.random.default_rng(1).normal(size=(len(X), 3, X.shape[1]))
    return Pool.in_memory(X, views=X[:, None] + 0.3 * jitter)


_GEOMETRIES: dict[tuple[bytes, bytes], PoolIndex] = {}


def session_of(pool: Pool, **options: Any) -> Session:
    """A session on a pool; what depends on no label is found once for all pools that are alike."""
    key = pool.embeddings.tobytes(), pool.live.tobytes()
    if key not in _GEOMETRIES:
        geometry = _GEOMETRIES[key] = stored_index(pool)
        _ = geometry.reduced, geometry.graph, geometry.views  # the pool may be closed later on
    return Session(pool, geometry=_GEOMETRIES[key], **options)


def view(session: Session, seed: int = 0) -> PoolView:
    """The pool with all but a few of its unlabeled rows allowed."""
    allowed = session.state.unlabeled.copy()
    allowed[::7] = False
    return PoolView(session.state, allowed, np.random.default_rng(seed))


def score(session: Session, name: str, seed: int = 0) -> Scores:
    return create_strategy(name).score(view(session, seed))


def label_some(session: Session, count: int) -> None:
    for row in range(count):
        session.tell(str(row * 2), "abc"[row % 3])


def vanish(pool: Pool, gone: set[str]) -> None:
    """As a scan of the source would that no longer meets some items."""
    pool.catalog.begin_scan()
    for record in list(pool.catalog.records()):
        if record.id not in gone:
            pool.catalog.see(record.id)
    pool.catalog.end_scan(1)


def everything(state: PoolState) -> list[Any]:
    """All that a pool state is made of, and all terms that can be had of it."""
    neighbors = state.labeling.neighbors
    terms = [term_of(name).of(state)[state.unlabeled] for name in TERMS.names()]
    return [
        neighbors.ids, neighbors.similarities, sorted(neighbors.labeled),
        state.labeling.classes, state.unlabeled, state.coverage.covered,
        state.coverage.units, *terms,
    ]  # fmt: skip


def test_the_built_in_strategies_are_registered() -> None:
    assert set(STRATEGIES.names()) >= EXPECTED
    assert set(COMPOSITIONS.names()) >= {"cdf", "product", "uherding"}
    assert len(TERMS.names()) >= 13


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError) as caught:
        create_strategy("cdf-produkt")
    assert "Did you mean 'cdf-product'?" in str(caught.value)
    assert all(name in str(caught.value) for name in STRATEGIES.names())


@EVERY
def test_it_says_what_it_does_and_where_it_comes_from(name: str) -> None:
    strategy = strategy_class(name)
    said = describe(name, strategy)
    for text in (said.summary, said.source, said.formula, said.needs, said.cost):
        assert len(text) > 10
        assert "\n" not in text
    if strategy.__module__.startswith("knnal."):
        assert strategy.formula
        assert strategy.cost != "not stated"
        assert strategy.incremental is not None
        assert (strategy.__doc__ or "").strip()
        assert set(strategy.terms.values()) <= set(TERMS.names())


@EVERY
@pytest.mark.parametrize("labels", [0, 1, 2, 9])
def test_scores_are_finite_aligned_and_repeatable(name: str, labels: int) -> None:
    with closing(pool_of(vectors())) as pool:
        session = session_of(pool, strategy=name)
        label_some(session, labels)
        scores = score(session, name)
        assert scores.values.shape == (30 - labels,)
        assert np.isfinite(scores.values).all()
        for values in scores.factors.values():
            assert values.shape == scores.values.shape
            assert np.isfinite(values).all()
        again = score(session_of(pool, strategy=name), name)
        np.testing.assert_array_equal(scores.values, again.values)


@EVERY
@pytest.mark.parametrize("labels", [0, 1, 9, 30])
def test_picks_ranks_and_explanations_are_those_of_the_scores(name: str, labels: int) -> None:
    with closing(pool_of(vectors())) as pool:
        session = session_of(pool)
        for row in range(labels):
            session.tell(str(row), "abc"[row % 3])
        scores, of = score(session, name), view(session)
        rows, allowed = of.rows.tolist(), of.allowed[of.rows]
        best = sorted(np.flatnonzero(allowed), key=lambda at: (-scores.values[at], at))
        picked = create_strategy(name).pick(view(session))
        ranked = create_strategy(name).rank(view(session), 100)
        assert [pick.row for pick in ranked] == [rows[at] for at in best]
        if not best:
            assert picked is None
            return
        assert picked is not None
        assert picked.row == ranked[0].row
        for pick, at in [(picked, best[0]), *zip(ranked, best, strict=True)]:
            assert pick.value == scores.values[at]
            assert pick.factors.keys() == picked.factors.keys()
            assert all(pick.factors[f] == v[at] for f, v in scores.factors.items())
        for at in (best[0], best[-1], int(np.flatnonzero(~allowed)[0])):
            told = create_strategy(name).explain(view(session), rows[at])
            assert (told.row, told.value) == (rows[at], scores.values[at])
            assert told.factors == scores.at(at)


@EVERY
@pytest.mark.parametrize("labels", [0, 5])
def test_a_batch_begins_with_the_pick_repeats_nothing_and_changes_nothing(
    name: str, labels: int
) -> None:
    with closing(pool_of(vectors(40))) as pool:
        session = session_of(pool)
        label_some(session, labels)
        before = [np.array(part) for part in everything(session.state)]
        strategy = create_strategy(name)
        batch = strategy.choose(view(session), 100)
        rows = [pick.row for pick in batch]
        allowed = view(session).allowed
        assert sorted(rows) == np.flatnonzero(allowed).tolist()
        if name not in OF_A_SIZE:
            assert batch[0] == strategy.pick(view(session))
            for count in (1, 7):
                assert create_strategy(name).choose(view(session), count) == batch[:count]
                assert strategy.choose(view(session), count) == batch[:count]
        after = everything(session.state)
        for ours, theirs in zip(before, after, strict=True):
            np.testing.assert_array_equal(ours, np.array(theirs))


@EVERY
def test_a_batch_is_the_same_after_an_undo_and_a_replay(name: str) -> None:
    with closing(pool_of(vectors())) as pool:
        session, strategy = session_of(pool), create_strategy(name)
        label_some(session, 6)
        batch = strategy.choose(view(session), 8)
        strategy.choose(view(session), 3)
        session.tell("29", "d")
        strategy.choose(view(session), 3)
        session.undo()
        assert strategy.choose(view(session), 8) == batch
        assert create_strategy(name).choose(view(session_of(pool)), 8) == batch


SPREAD = {
    "cdf-product", "product", "maxherding", "uherding", "k-center", "dropquery",
    COMPOSED[0], COMPOSED[3],
}  # fmt: skip
"""Those that cover by the kernel or by distance, whatever their other terms."""


def is_spread(name: str) -> bool:
    """Whether near-copies are kept apart: by its own coverage, or by the protocol's."""
    strategy = strategy_class(name)
    return name in SPREAD or (strategy.choose is Strategy.choose and not strategy.covers)


@pytest.mark.parametrize("name", list(filter(is_spread, NAMES)))
def test_a_batch_has_one_of_many_near_copies_before_it_repeats(name: str) -> None:
    rng = np.random.default_rng(0)
    X = np.repeat(rng.normal(size=(20, 4)), 3, axis=0) + 1e-4 * rng.normal(size=(60, 4))
    with closing(pool_of(X)) as pool:
        session = session_of(pool)
        view_of_all = PoolView(session.state, session.state.unlabeled, np.random.default_rng(0))
        batch = create_strategy(name).choose(view_of_all, 8)
        assert len({pick.row // 3 for pick in batch}) == 8


@EVERY
def test_it_works_from_nothing_through_one_class_to_the_last_item(name: str) -> None:
    with closing(pool_of(vectors(9))) as pool:
        session = session_of(pool, strategy=name)
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
        assert session.ask_many(3) == []


@EVERY
def test_a_pool_of_one_item(name: str) -> None:
    with closing(pool_of([[0.5, 2.0]])) as pool:
        session = session_of(pool, strategy=name)
        question = session.ask()
        assert question is not None
        assert question.item == "0"
        assert [question.item for question in session.ask_many(2)] == ["0"]
        session.tell("0", "a")
        assert session.ask() is None


@EVERY
def test_an_empty_pool(name: str) -> None:
    with closing(pool_of(np.empty((0, 4)))) as pool:
        session = session_of(pool, strategy=name)
        assert session.ask() is None
        assert session.ask_many(2) == []


@EVERY
def test_a_pool_of_copies(name: str) -> None:
    with closing(pool_of(np.ones((40, 3)))) as pool:
        session = session_of(pool, strategy=name)
        for _ in range(3):
            question = session.ask()
            assert question is not None
            session.tell(question.item, "a")
            assert np.isfinite(score(session, name).values).all()
        assert len({question.item for question in session.ask_many(99)}) == 37


@EVERY
def test_it_never_asks_what_is_labeled_skipped_or_vanished(name: str) -> None:
    with closing(pool_of(vectors(25))) as pool:
        vanish(pool, {"1", "3", "12"})
        session = session_of(pool, strategy=name)
        session.tell("0", "a")
        session.tell("1", "b")
        session.skip("5")
        session.skip("24")
        expected = {str(i) for i in range(25)} - {"0", "1", "3", "12", "5", "24"}
        assert {question.item for question in session.ask_many(100)} == expected
        assert {question.item for question in session.rank(100)} == expected
        asked = []
        while question := session.ask():
            asked.append(question.item)
            session.tell(question.item, "ab"[len(asked) % 2])
        assert len(asked) == len(expected)
        assert set(asked) == expected


def first_questions(strategy: str, seed: int) -> list[str]:
    with closing(pool_of(vectors())) as pool:
        session = session_of(pool, strategy=strategy, seed=seed)
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


@pytest.mark.parametrize("name", sorted({*EXPECTED, *COMPOSED} - RANDOM))
def test_the_others_do_not_depend_on_the_seed(name: str) -> None:
    assert first_questions(name, 1) == first_questions(name, 2)


def test_the_default_starts_with_the_densest_item() -> None:
    with closing(pool_of(vectors())) as pool:
        session = session_of(pool)
        densest = int(session.state.local_density.argmax())
        assert session.ask().item == str(densest)


# What batches rest on


@pytest.mark.parametrize("labels", [0, 1, 7])
def test_the_overlay_is_what_the_state_would_be_with_those_labels(labels: int) -> None:
    with closing(pool_of(vectors(40))) as pool:
        session = session_of(pool)
        label_some(session, labels)
        overlay = HypotheticalState(session.state)
        terms = [term for term in map(term_of, TERMS.names()) if term.with_chosen]
        assert len(terms) >= 4
        for term in terms[:2]:  # copied before any row
            np.testing.assert_array_equal(term.with_chosen(overlay), term.of(session.state))
        for row in (31, 33, 5):
            overlay.add(row)
        labeled = session_of(pool)
        for row in (5, 31, 33):
            labeled.tell(str(row), "a")
        for term in terms:
            np.testing.assert_array_equal(term.with_chosen(overlay), term.of(labeled.state))


def test_what_has_no_coverage_of_its_own_is_spread_by_rank_and_what_the_batch_leaves() -> None:
    with closing(pool_of(vectors(40))) as pool:
        session = session_of(pool)
        label_some(session, 5)
        of = view(session)
        batch = create_strategy("entropy").choose(of, 12)
        graph, rows = session.state.geometry.graph, of.rows
        K = np.eye(40)
        for row in range(40):
            targets, values = graph.neighbors(row)
            K[row, targets] = values
        u = score(session, "entropy").values
        F = np.array([(u <= value).mean() for value in u])
        chosen: list[int] = []
        for pick in batch:
            c = K[:, chosen].max(axis=1, initial=0.0)
            left = np.maximum(K - c, 0).sum(axis=1) / K.sum(axis=1)
            values = np.where(of.allowed[rows] & ~np.isin(rows, chosen), F * left[rows], -1)
            assert values[rows == pick.row] >= values.max() - 1e-6
            assert pick.value == u[rows == pick.row]
            chosen.append(pick.row)


@pytest.mark.parametrize("seed", range(5))
def test_the_highest_are_found_as_by_sorting(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, allowed = rng.integers(0, 6, 40).astype(float), rng.random(40) < 0.7
    expected = sorted(np.flatnonzero(allowed), key=lambda at: (-values[at], at))
    for count in (1, 5, 20, 50):
        assert highest(values, allowed, count).tolist() == expected[:count]


# Compositions


def test_a_composition_is_what_is_composed_of_those_terms() -> None:
    same = {
        "product(margin, local, uncovered)": "product",
        "cdf(margin, global, distance)": "article",
        "cdf(smallest-margin,global,distance-as-printed)": "article-as-printed",
        " product ( coverage-gain )": "maxherding",
        "uherding(margin)": "uherding",
    }
    with closing(pool_of(vectors())) as pool:
        session = session_of(pool)
        label_some(session, 7)
        for composed, named in same.items():
            ours, theirs = score(session, composed).values, score(session, named).values
            np.testing.assert_array_equal(ours, theirs)


def test_a_composition_goes_by_one_name() -> None:
    assert canonical_name("cdf( margin,local )") == "cdf(smallest-margin, local)"
    assert canonical_name("random") == "random"
    with closing(pool_of(vectors())) as pool:
        session = session_of(pool, strategy="cdf(margin,local,uncovered)")
        question = session.ask()
        assert question.score.strategy == COMPOSED[0]
        session.tell(question.item, "a")
        assert pool.log.offered(session.ask().item).strategy == COMPOSED[0]


@pytest.mark.parametrize(
    ("text", "error", "saying"),
    [
        ("cdf(margn, local)", UnknownNameError, "no term named 'margn'. Did you mean 'margin'?"),
        ("cfd(margin)", UnknownNameError, "no composition named 'cfd'. Did you mean 'cdf'?"),
        ("(margin)", InputError, "no name before the bracket"),
        ("cdf(margin, local", InputError, "do not match"),
        ("cdf(margin))", InputError, "do not match"),
        ("cdf(product(local))", InputError, "do not match"),
        ("random, entropy", InputError, "do not match"),
        ("cdf()", InputError, "a term is missing"),
        ("cdf(margin,,local)", InputError, "a term is missing"),
        ("cdf(margin, smallest-margin)", InputError, "'smallest-margin' is twice"),
        ("uherding(local)", InputError, "one uncertainty"),
        ("uherding(entropy, margin)", InputError, "one uncertainty"),
    ],
)
def test_what_is_no_composition_is_refused(text: str, error: type[InputError], saying: str) -> None:
    with pytest.raises(error) as caught:
        create_strategy(text)
    assert saying in str(caught.value)
    if "no term" in saying:
        assert all(term in str(caught.value) for term in TERMS.names())
    if "cdf(" in str(caught.value):
        assert text in str(caught.value)
