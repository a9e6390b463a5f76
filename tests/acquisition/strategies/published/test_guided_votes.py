"""The entropy of the votes on views, kept by updates, against the definition and SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from knnal.acquisition.state import PoolState
from knnal.acquisition.strategies.published.guided import RESPONSE_ENTROPY
from knnal.acquisition.terms import response_entropy
from knnal.classifiers.vote import VoteOptions
from knnal.errors import InputError
from knnal.index.pool_index import UNLABELED, PoolIndex, Views
from knnal.index.similarity import similarities

ROWS, VIEWS, DIMENSION = 24, 3, 4
OPTIONS = [
    VoteOptions(),
    VoteOptions(k=2, temperature=0.3),
    VoteOptions(uniform=True),
    VoteOptions(balanced=True),
]


def unit(X: Any) -> Any:
    return (X / np.linalg.norm(X, axis=-1, keepdims=True)).astype(np.float32)


def vectors(seed: int = 0) -> tuple[Any, Any]:
    """Rows ``(n, 1 + views, d)`` with copies among them, and which have views."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(ROWS, DIMENSION))
    X[ROWS // 2 :: 3] = X[1]
    V = X[:, None] + 0.5 * rng.normal(size=(ROWS, 1 + VIEWS, DIMENSION))
    V[:, 0] = X
    V[::5, 2] = X[2]
    made = np.ones(ROWS, dtype=np.bool_)
    made[[3, 10]] = False
    V = unit(V)
    V[~made, 1:] = 0.0
    return V, made


def geometry(V: Any, made: Any, live: Any = None) -> PoolIndex:
    return PoolIndex.of(V[:, 0].copy(), live, lambda axes: Views(V, made, axes))


def probabilities(view: Any, X: Any, labels: dict[int, int], count: int, vote: VoteOptions) -> Any:
    """Of one vector, by the definition; all labeled rows may vote."""
    rows = np.array(sorted(labels), dtype=int)
    sims = similarities(X[rows], view).astype(np.float64)
    order = np.lexsort((rows, -sims))[: vote.k]
    weights = np.ones(len(order)) if vote.uniform else np.exp((sims[order] - 1) / vote.temperature)
    sizes = np.bincount(list(labels.values()), minlength=count)
    votes = np.zeros(count)
    for row, weight in zip(rows[order], weights, strict=True):
        c = labels[int(row)]
        balance = max(np.log(0.3 * len(labels) / sizes[c]), 1.0) if vote.balanced else 1.0
        votes[c] += balance * weight
    return votes / votes.sum() if votes.sum() else np.full(count, 1 / count)


def by_definition(V: Any, made: Any, labels: dict[int, int], count: int, vote: VoteOptions) -> Any:
    X = V[:, 0]
    expected = np.empty(len(V))
    for row in range(len(V)):
        views = V[row, 1:] if made[row] else V[row, :1]
        found = [probabilities(view, X, labels, count, vote) for view in views]
        expected[row] = np.mean([stats.entropy(p, base=2) for p in found])
    return expected


def assert_state(
    state: PoolState, V: Any, made: Any, labels: dict[int, int], count: int, vote: VoteOptions
) -> None:
    expected = by_definition(V, made, labels, count, vote)
    found = RESPONSE_ENTROPY.of(state)
    # A labeled row is no voter's own judge, and is never scored.
    rows = [row for row in range(len(V)) if row not in labels]
    np.testing.assert_allclose(found[rows], expected[rows], atol=2e-6)


def test_the_pure_formula_is_scipys() -> None:
    rng = np.random.default_rng(0)
    P = rng.dirichlet([0.3] * 4, size=(50, 6))
    P[0, 0] = [1, 0, 0, 0]
    expected = stats.entropy(P, base=2, axis=2).mean(axis=1)
    np.testing.assert_allclose(response_entropy(P), expected, rtol=1e-12)
    assert response_entropy(np.full((1, 2, 8), 1 / 8)) == pytest.approx(3.0)
    assert response_entropy(np.empty((3, 2, 0))).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("vote", OPTIONS, ids=str)
@given(st.lists(st.tuples(st.integers(0, ROWS - 1), st.integers(-1, 3)), max_size=25))
@settings(max_examples=6)
def test_any_order_of_labels_undos_and_relabels(
    vote: VoteOptions, steps: list[tuple[int, int]]
) -> None:
    V, made = vectors()
    state = PoolState(geometry(V, made), classifier="knn", vote=vote)
    state.declare_classes(4)
    RESPONSE_ENTROPY.of(state)  # from now on it is updated
    labels: dict[int, int] = {}
    for at, (row, label) in enumerate(steps):
        if label < 0:
            labels.pop(row, None)
            state.assign(row, None)
        else:
            labels[row] = label
            state.assign(row, label)
        if at % 5 == 0:
            assert_state(state, V, made, labels, 4, vote)
    assert_state(state, V, made, labels, 4, vote)
    rows = np.array(sorted(labels), dtype=np.int64)
    anew = PoolState(geometry(V, made), classifier="knn", vote=vote)
    anew.rebuild(rows, np.array([labels[int(row)] for row in rows], dtype=np.int64), 4)
    np.testing.assert_array_equal(RESPONSE_ENTROPY.of(state), RESPONSE_ENTROPY.of(anew))


def test_classes_that_come_up_and_a_rebuild() -> None:
    V, made = vectors(1)
    state = PoolState(geometry(V, made), classifier="knn")
    assert not RESPONSE_ENTROPY.of(state).any()
    state.declare_classes(2)
    np.testing.assert_allclose(RESPONSE_ENTROPY.of(state), 1.0, atol=1e-6)
    state.assign(0, 0)
    assert not RESPONSE_ENTROPY.of(state).any()
    state.assign(5, 1)
    state.declare_classes(3)
    state.assign(7, 2)
    assert_state(state, V, made, {0: 0, 5: 1, 7: 2}, 3, VoteOptions())
    state.rebuild(np.array([2, 4]), np.array([1, 0]), 2)
    assert_state(state, V, made, {2: 1, 4: 0}, 2, VoteOptions())
    assert state.labeling.classes[7] == UNLABELED


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    V, made = vectors(2)
    found = []
    for block in (4096, 5, 1):
        monkeypatch.setattr("knnal.acquisition.strategies.published.guided._BLOCK", block)
        state = PoolState(geometry(V, made))
        state.declare_classes(3)
        for row in range(9):
            state.assign(row * 2, row % 3)
        found.append(RESPONSE_ENTROPY.of(state))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_views_that_are_not_there() -> None:
    V, _ = vectors()
    state = PoolState(PoolIndex.of(V[:, 0].copy()))
    with pytest.raises(InputError, match="have no views"):
        RESPONSE_ENTROPY.of(state)
