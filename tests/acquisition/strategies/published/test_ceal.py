"""Pseudo-labels, what they change, and what is chosen by that, straight from the definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from knnal.acquisition.state import PoolState
from knnal.acquisition.strategies.base import PoolView, create_strategy
from knnal.acquisition.strategies.published.ceal import (
    Ceal,
    CealEntropy,
    CealFusion,
    CealLeastConfidence,
    CealMargin,
    union_of_highest,
)
from knnal.acquisition.strategies.published.pseudo_labels import (
    PseudoRule,
    pseudo_labels,
    uncertainty_with,
)
from knnal.acquisition.terms import MEASURES
from knnal.classifiers.vote import VoteOptions
from knnal.index.pool_index import PoolIndex

N, CLASSES = 150, 3
RULE = PseudoRule(batch=4, start=0.3, decay=0.1 / 3, weight=0.4)
SINGLE = [CealLeastConfidence, CealMargin, CealEntropy]


def pool(labels: int, classifier: str = "knn", vote: VoteOptions | None = None) -> PoolState:
    """Overlapping clusters, one a class, with labels at random."""
    rng = np.random.default_rng(4)
    classes = rng.integers(0, CLASSES, N)
    X = rng.normal(size=(CLASSES, 8))[classes] + 0.7 * rng.normal(size=(N, 8))
    X = (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)
    state = PoolState(PoolIndex.of(X), classifier=classifier, vote=vote)
    rows = np.sort(rng.permutation(N)[:labels])
    state.rebuild(rows, classes[rows], CLASSES)
    return state


def view(state: PoolState, seed: int = 0, without: Any = ()) -> PoolView:
    allowed = state.unlabeled.copy()
    allowed[list(without)] = False
    return PoolView(state, allowed, np.random.default_rng(seed))


def sure_rows(state: PoolState, delta: float) -> dict[int, int]:
    """The pseudo-labels by their definition."""
    P = state.classifier.probabilities(np.arange(N)).astype(np.float64)
    sure = np.flatnonzero(state.unlabeled & (stats.entropy(P, axis=1) < delta))
    return {int(row): int(P[row].argmax()) for row in sure}


def probabilities_beside(state: PoolState, pseudo: dict[int, int], weight: float) -> Any:
    """The votes of the k nearest labels and, by weight, of pseudo-labeled graph neighbors."""
    X, labeled = state.geometry.X.astype(np.float64), state.labeling.labeled
    options, out = state.vote, state.classifier.probabilities(np.arange(N)).astype(np.float64)
    for row in range(N):
        others = labeled[labeled != row]
        s = np.sort(X[others] @ X[row])[::-1][: options.k]
        temperature = np.inf if options.uniform else options.temperature
        mass = np.exp((s - 1) / temperature).sum()
        votes = out[row] * mass
        for other in state.geometry.graph.neighbors(row)[0]:
            if int(other) in pseudo:
                vote = weight * np.exp((X[row] @ X[other] - 1) / temperature)
                votes[pseudo[int(other)]] += vote
        out[row] = votes / votes.sum()
    return out


def test_the_threshold_falls_with_every_round_and_not_below_zero() -> None:
    rule = PseudoRule(batch=10, start=0.05, decay=0.02)
    found = [rule.threshold(labels) for labels in (0, 9, 10, 19, 20, 1000)]
    assert found == pytest.approx([0.05, 0.05, 0.03, 0.03, 0.0, 0.0])
    by_rounds = [PseudoRule(batch=10).start]
    for t in range(1, 31):
        by_rounds.append(max(by_rounds[-1] - PseudoRule().decay * t, 0.0))
    found = [PseudoRule(batch=10).threshold(10 * t) for t in range(31)]
    assert found == pytest.approx(by_rounds)


@pytest.mark.parametrize("classifier", ["knn", "combined"])
@pytest.mark.parametrize("labels", [3, 10, 19])
def test_pseudo_labels_are_the_sure_predictions(classifier: str, labels: int) -> None:
    state = pool(labels, classifier)
    found = pseudo_labels(state, RULE)
    delta = max(0.3 - sum(RULE.decay * t for t in range(1, labels // 4 + 1)), 0.0)
    expected = sure_rows(state, delta)
    assert dict(zip(found.rows.tolist(), found.classes.tolist(), strict=True)) == expected
    assert found.threshold == pytest.approx(delta)


def test_there_are_none_before_two_classes_and_none_below_no_threshold() -> None:
    state = pool(0)
    assert len(pseudo_labels(state, RULE)) == 0
    state.assign(3, 1)
    assert len(pseudo_labels(state, RULE)) == 0
    state.assign(4, 2)
    assert len(pseudo_labels(state, RULE)) > 0
    assert len(pseudo_labels(state, PseudoRule(start=0.0))) == 0


@pytest.mark.parametrize("classifier", ["knn", "combined"])
@pytest.mark.parametrize("uniform", [False, True])
def test_pseudo_labels_vote_with_their_weight(classifier: str, uniform: bool) -> None:
    state = pool(9, classifier, VoteOptions(k=3, uniform=uniform))
    pseudo = sure_rows(state, 0.2)
    assert 5 < len(pseudo) < N - 9
    P = probabilities_beside(state, pseudo, 0.4)
    names = list(MEASURES)
    found = uncertainty_with(state, pseudo_labels(state, RULE), 0.4, names)
    for name, values in zip(names, found, strict=True):
        expected = MEASURES[name](P)[state.unlabeled]
        np.testing.assert_allclose(values[state.unlabeled], expected, atol=2e-5)
    plain = state.uncertainty("entropy")[state.unlabeled]
    assert np.abs(found[names.index("entropy")][state.unlabeled] - plain).max() > 0.1


@pytest.mark.parametrize("kind", SINGLE)
def test_the_most_uncertain_beside_them_are_asked(kind: type[Ceal]) -> None:
    state = pool(9)
    (measure,) = kind.measures
    P = probabilities_beside(state, sure_rows(state, 0.2), 0.4)
    of = view(state, without=[int(np.flatnonzero(state.unlabeled)[0])])
    scores = kind(RULE).score(of)
    np.testing.assert_allclose(scores.values, MEASURES[measure](P)[of.rows], atol=2e-5)
    batch = kind(RULE).choose(of, 6)
    allowed = of.allowed[of.rows]
    best = sorted(zip(-scores.values[allowed], of.rows[allowed], strict=True))[:6]
    assert [pick.row for pick in batch] == [row for _, row in best]
    assert kind(RULE).pick(of) == batch[0]


@pytest.mark.parametrize("kind", SINGLE)
def test_without_a_threshold_it_is_the_plain_measure(kind: type[Ceal]) -> None:
    state = pool(12)
    found = kind(PseudoRule(start=0.0)).score(view(state)).values
    np.testing.assert_array_equal(found, view(state).term(kind.measures[0]))


def test_what_is_shown_does_not_depend_on_pseudo_labels() -> None:
    state, untouched = pool(9), pool(9)
    create_strategy("ceal-en").pick(view(state))
    everyone = np.arange(N)
    np.testing.assert_array_equal(
        state.classifier.probabilities(everyone), untouched.classifier.probabilities(everyone)
    )
    np.testing.assert_array_equal(state.labeling.labeled, untouched.labeling.labeled)


def test_a_strategy_in_use_for_long_scores_as_a_new_one_does() -> None:
    state, rng = pool(6), np.random.default_rng(1)
    used = CealMargin(RULE)
    for _ in range(25):
        row = int(rng.integers(0, N))
        state.assign(row, None if rng.random() < 0.3 else int(rng.integers(0, CLASSES)))
        kept = used.score(view(state)).values
        fresh = PoolState(PoolIndex.of(state.geometry.X), classifier="knn")
        labeled = state.labeling.labeled
        fresh.rebuild(labeled, state.labeling.classes[labeled], CLASSES)
        np.testing.assert_array_equal(kept, CealMargin(RULE).score(view(fresh)).values)


@pytest.mark.parametrize("count", [1, 2, 5, 12, 500])
def test_fusion_draws_from_the_union_of_the_three(count: int) -> None:
    state = pool(9)
    P = probabilities_beside(state, sure_rows(state, 0.2), 0.4)
    of = view(state, without=range(40))
    rows = np.flatnonzero(of.allowed)
    each, union = -(-min(count, len(rows)) // 2), set[int]()
    while len(union) < min(count, len(rows)):
        union = set()
        for measure in CealFusion.measures:
            values = np.round(MEASURES[measure](P)[rows], 4)
            union |= set(rows[np.lexsort((rows, -values))][:each].tolist())
        each += 1
    batch = [pick.row for pick in CealFusion(RULE).choose(of, count)]
    assert len(set(batch)) == min(count, len(rows))
    assert set(batch) <= union
    drawn = {
        pick.row
        for seed in range(60)
        for pick in CealFusion(RULE).choose(view(state, seed, range(40)), count)
    }
    assert drawn == union


def test_fusion_alone_draws_one_of_a_round() -> None:
    state = pool(9)
    scores = CealFusion(RULE).score(view(state))
    inside = scores.factors["union"] == 1
    assert RULE.batch <= inside.sum() <= 3 * RULE.batch
    assert scores.values[inside].min() > scores.values[~inside].max()
    asked = {CealFusion(RULE).pick(view(state, seed)).row for seed in range(80)}
    assert asked == set(np.flatnonzero(state.unlabeled)[inside].tolist())


def test_a_union_that_is_too_small_takes_more_of_each() -> None:
    values, allowed = np.arange(10, dtype=np.float32), np.ones(10, dtype=np.bool_)
    allowed[9] = False
    same = union_of_highest([values, values, values], allowed, 6)
    assert np.flatnonzero(same).tolist() == [3, 4, 5, 6, 7, 8]
    unlike = union_of_highest([values, -values, values], allowed, 4)
    assert np.flatnonzero(unlike).tolist() == [0, 1, 7, 8]
