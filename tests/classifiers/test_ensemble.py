"""The combination against its experts, and its quick measures against its probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knnal.acquisition.state import PoolState
from knnal.acquisition.terms import MEASURES
from knnal.classifiers import ensemble as combined
from knnal.classifiers.base import create_classifier
from knnal.classifiers.expert_weights import MIXTURES, choose_powers, count_predicted
from knnal.classifiers.vote import VoteOptions
from knnal.index.pool_index import UNLABELED, PoolIndex, QueryVectors

QUICK = ["least-confidence", "smallest-margin", "largest-margin"]
CLOSE = 3e-4
"""Two factors in 16 bits are off by one part in 4096 each, and by less in the sum of classes."""

OPTIONS = [VoteOptions(), VoteOptions(k=1), VoteOptions(uniform=True), VoteOptions(balanced=True)]


def vectors(n: int, d: int = 8, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(5, d))[rng.integers(0, 5, n)] + 0.7 * rng.normal(size=(n, d))
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


def labeled(
    X: Any, classes: int, count: int, vote: VoteOptions | None = None, seed: int = 0
) -> PoolState:
    """The nearer two rows are, the likelier they have one class; the last classes are rare."""
    rng = np.random.default_rng(seed)
    state = PoolState(PoolIndex.of(X), classifier="combined", vote=vote)
    state.declare_classes(classes)
    sides = np.abs(X @ rng.normal(size=(X.shape[1], max(classes, 1)))).argmax(axis=1)
    for row in rng.permutation(len(X))[:count].tolist():
        state.assign(row, int(sides[row] if rng.random() < 0.8 else rng.integers(classes)))
    return state


def experts(state: PoolState, vote: VoteOptions) -> list[Any]:
    found = [create_classifier(n, state.labeling, vote) for n in ("knn", "graph", "means")]
    for expert in found:
        expert.rebuild()
    return found


def product(parts: list[Any], powers: Any) -> Any:
    P = np.prod(
        [(p.astype(np.float64) + 0.05) ** power for p, power in zip(parts, powers, strict=True)],
        axis=0,
    )
    return P / P.sum(axis=1, keepdims=True)


def assert_measured(state: PoolState) -> None:
    n = len(state.geometry)
    P = state.classifier.probabilities(np.arange(n))
    for name in QUICK:
        out = np.full(n, np.nan, dtype=np.float32)
        for start in range(0, n, 77):
            assert state.classifier.measure(name, start, min(start + 77, n), out)
        rows = state.unlabeled
        np.testing.assert_allclose(out[rows], MEASURES[name](P)[rows], atol=1e-5, err_msg=name)


@pytest.mark.parametrize("vote", OPTIONS, ids=["default", "nearest", "uniform", "balanced"])
def test_it_is_the_product_of_the_experts_to_their_powers(vote: VoteOptions) -> None:
    X, queries = vectors(120), vectors(20, seed=5)
    state = labeled(X, 3, 30, vote)
    parts, everyone = experts(state, vote), np.arange(120)
    rows = state.labeling.labeled
    left_out = [np.ascontiguousarray(expert.probabilities(rows)) for expert in parts]
    classes = state.labeling.classes[rows]
    likeliest = np.empty((len(rows), len(MIXTURES)), dtype=np.int64)
    sizes = np.bincount(classes, minlength=3)
    counted = count_predicted(tuple(left_out), classes, sizes, likeliest)
    powers, predicted = choose_powers(counted)
    assert state.classifier.predicted_labels() == predicted
    np.testing.assert_array_equal(state.classifier.powers, powers)
    inside = product([expert.probabilities(everyone) for expert in parts], powers)
    np.testing.assert_allclose(state.classifier.probabilities(everyone), inside, atol=CLOSE)
    outsiders = QueryVectors(state.geometry, queries)
    outside = product([expert.predict(outsiders) for expert in parts], powers)
    np.testing.assert_allclose(state.classifier.predict(outsiders), outside, atol=1e-6)


@pytest.mark.parametrize("powers", MIXTURES.tolist(), ids=str)
@pytest.mark.parametrize("classes", [1, 2, 3, 6, 12, 15])
def test_measures_are_those_of_the_probabilities(classes: int, powers: list[int]) -> None:
    state = labeled(vectors(300), classes, 50)
    state.classifier.mix(np.array(powers))
    assert_measured(state)
    everyone = np.arange(300)
    likeliest = state.classifier.probabilities(everyone).argmax(axis=1)
    np.testing.assert_array_equal(state.classifier.likeliest(everyone), likeliest)


@settings(max_examples=25)
@given(
    st.integers(1, 40), st.sampled_from([1, 2, 3, 12]), st.integers(0, 40), st.sampled_from(OPTIONS)
)
def test_measures_on_pools_with_few_or_many_labels(
    n: int, classes: int, count: int, vote: VoteOptions
) -> None:
    assert_measured(labeled(vectors(n, seed=n), classes, count, vote))


def test_chunks_of_rows_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    n = combined._CHUNK + 50
    state = labeled(vectors(n), 3, 40)
    for name in QUICK:
        whole, parts = np.empty((2, n), dtype=np.float32)
        state.classifier.measure(name, 0, n, whole)
        for start in range(0, n, 101):
            state.classifier.measure(name, start, min(start + 101, n), parts)
        np.testing.assert_array_equal(parts, whole)


def test_without_a_quick_way_nothing_is_written() -> None:
    out = np.full(10, 7, dtype=np.float32)
    assert not labeled(vectors(10), 3, 4).classifier.measure("entropy", 0, 10, out)
    nothing = PoolState(PoolIndex.of(vectors(10)), classifier="combined")
    assert not nothing.classifier.measure("smallest-margin", 0, 10, out)
    assert (out == 7).all()


def test_class_weights_reach_the_measures_of_all_rows() -> None:
    """A label of one class changes the weight of the others, also of votes far away."""
    vote = VoteOptions(balanced=True)
    X = vectors(150)
    state = PoolState(PoolIndex.of(X), classifier="combined", vote=vote)
    state.declare_classes(2)
    state.assign(0, 1)
    for row in range(1, 60):
        state.assign(row, 0)
        state.uncertainty("smallest-margin")
    state.classifier.mix(np.array([1, 0, 0]))
    assert_measured(state)
    state.assign(5, 1)
    state.assign(6, 1)
    state.classifier.mix(np.array([1, 0, 0]))
    assert_measured(state)


@pytest.mark.parametrize("name", ["knn", "graph", "means", "combined"])
@pytest.mark.parametrize("classes", [1, 2, 7, 8, 12, 20])
def test_updated_measures_equal_those_of_a_rebuild(name: str, classes: int) -> None:
    X, rng = vectors(200), np.random.default_rng(3)
    state = PoolState(PoolIndex.of(X), classifier=name)
    state.declare_classes(classes)
    for step in range(40):
        label = int(rng.integers(-1, classes))
        state.assign(int(rng.integers(200)), None if label < 0 else label)
        if step % 4 == 0:
            rows = np.flatnonzero(state.labeling.classes != UNLABELED)
            rebuilt = PoolState(state.geometry, classifier=name)
            rebuilt.rebuild(rows, state.labeling.classes[rows], classes)
            for measure in MEASURES:
                np.testing.assert_array_equal(
                    state.uncertainty(measure), rebuilt.uncertainty(measure), err_msg=measure
                )


@pytest.mark.parametrize("classes", [3, 8, 10, 30])
def test_a_row_measured_alone_has_the_value_that_it_has_among_others(classes: int) -> None:
    """A label on an outlier reaches nothing but the outlier."""
    X = np.random.default_rng(0).normal(size=(60, 4)) + 9 * np.eye(4)[0]
    X[59] = -X[58]
    X = (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)
    state = PoolState(PoolIndex.of(X), classifier="graph")
    state.declare_classes(classes)
    for row in range(40):
        state.assign(row, row % classes)
    before = {measure: state.uncertainty(measure).copy() for measure in MEASURES}
    state.assign(59, 2)
    state.uncertainty("entropy")
    state.assign(59, None)
    for measure in MEASURES:
        np.testing.assert_array_equal(state.uncertainty(measure), before[measure])


def test_classes_that_come_up_later_find_what_there_was() -> None:
    X = vectors(60)
    state, fresh = (PoolState(PoolIndex.of(X), classifier="combined") for _ in range(2))
    fresh.declare_classes(9)
    for c in range(9):
        state.declare_classes(c + 1)
        for each in (state, fresh):
            each.assign(3 * c, c)
            each.assign(3 * c + 1, c // 2)
    for measure in MEASURES:
        np.testing.assert_array_equal(state.uncertainty(measure), fresh.uncertainty(measure))
    state.declare_classes(11)
    state.declare_classes(9)
    for measure in MEASURES:
        np.testing.assert_array_equal(state.uncertainty(measure), fresh.uncertainty(measure))
