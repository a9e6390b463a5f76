"""Coverage by the nearest labels kept by updates, against dense matrices and starting over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from knnal.acquisition import coverage
from knnal.acquisition.coverage import Coverage
from knnal.index.graph import build_graph
from knnal.index.kernel_graph import KernelGraph
from knnal.index.labeled import LabeledNeighbors
from knnal.index.reduced import ReducedCopy
from knnal.index.similarity import similarities

POOLS = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 40), st.sampled_from([2, 3, 6])),
    elements=st.integers(-3, 3),
)
UNIT = 2.0**24


class Followed:
    """Labels, their neighbors and the coverage by them; ``g`` neighbors on the graph."""

    def __init__(self, X: Any, g: int, labeled: Iterable[int] = ()) -> None:
        X = np.where(np.all(X == 0, axis=1, keepdims=True), 1.0, X)
        self.X = (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)
        everyone = np.arange(len(X))
        self.graph = KernelGraph(build_graph(self.X, np.ones(len(X), dtype=bool), g))
        self.neighbors = LabeledNeighbors(self.X, 3, ReducedCopy.fit(self.X, everyone))
        self.neighbors.rebuild(np.array(sorted(labeled), dtype=np.int64))
        self.density = np.random.default_rng(0).random(len(X), dtype=np.float32)
        self.coverage = Coverage(self.graph, self.density, self.neighbors)

    def turn(self, row: int) -> None:
        """Label a row, or take its label back."""
        there = row in self.neighbors.labeled
        self.coverage.update(row, (self.neighbors.remove if there else self.neighbors.add)(row))

    def by_definition(self) -> tuple[Any, Any]:
        """c_j = max over l of K(j, l), of all pairs; gain = sum of max(K - c, 0) on the graph."""
        S = np.array([similarities(self.X, x) for x in self.X]).astype(np.float64)
        dense = np.exp(-np.maximum(2 - 2 * S, 0) / self.graph.width).astype(np.float32)
        np.fill_diagonal(dense, 1.0)
        c = dense[:, sorted(self.neighbors.labeled)].max(axis=1, initial=0.0)
        c = np.rint(c.astype(np.float64) * 256) / 256
        K = np.eye(len(self.X))
        for row in range(len(self.X)):
            targets, values = self.graph.neighbors(row)
            K[row, targets] = values
        return c, np.maximum(K - c[None, :], 0).sum(axis=1)

    def check(self) -> None:
        covered, gain = self.by_definition()
        np.testing.assert_array_equal(self.coverage.covered, covered)
        np.testing.assert_allclose(self.coverage.units / UNIT, gain, atol=1e-5)
        fresh = Coverage(self.graph, self.density, self.neighbors)
        np.testing.assert_array_equal(self.coverage.covered, fresh.covered)
        np.testing.assert_array_equal(self.coverage.units, fresh.units)


@settings(max_examples=30)
@given(POOLS, st.sampled_from([2, 5, 20]), st.data())
def test_any_sequence_of_labels_gives_the_defined_gain(X: Any, g: int, data: st.DataObject) -> None:
    followed = Followed(X, g)
    for row in data.draw(st.lists(st.integers(0, len(X) - 1), max_size=10)):
        followed.turn(row)
        followed.check()


def test_a_larger_pool_over_many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    followed = Followed(rng.normal(size=(600, 8)), 20)
    propagate, few = coverage._propagate, []
    monkeypatch.setattr(coverage, "_propagate", lambda *a: few.append(1) or propagate(*a))
    for row in rng.integers(0, 600, 200).tolist():
        followed.turn(row)
    assert 50 < len(few) < 200  # both ways of updating gains were taken
    followed.check()


def test_a_label_covers_beyond_the_graph() -> None:
    followed = Followed(np.random.default_rng(8).normal(size=(200, 6)), 3)
    followed.turn(7)
    apart = np.setdiff1d(np.arange(200), [7, *followed.graph.neighbors(7)[0]])
    assert (followed.coverage.covered[apart] > 0).mean() > 0.5
    assert (followed.coverage.units < followed.coverage.mass)[apart].mean() > 0.5


def test_labeled_rows_have_nothing_left_to_cover() -> None:
    X = np.random.default_rng(5).normal(size=(30, 3))
    everyone = Followed(X, 5, set(range(30))).coverage
    assert (everyone.units == 0).all()
    nobody = Followed(X, 5).coverage
    np.testing.assert_array_equal(nobody.units, nobody.mass)
    one = Followed(X, 5, {4}).coverage
    assert one.units[4] <= 6 / 512 * UNIT  # what is covered is rounded


def test_what_follows_other_neighbors_leaves_the_first_alone() -> None:
    followed = Followed(np.random.default_rng(6).normal(size=(300, 8)), 10, {3, 90})
    before = followed.coverage.units.copy(), followed.coverage.covered.copy()
    alone = followed.neighbors.nearest_alone()
    other = followed.coverage.following(alone)
    other.update(50, alone.add(50))
    np.testing.assert_array_equal(followed.coverage.units, before[0])
    np.testing.assert_array_equal(followed.coverage.covered, before[1])
    followed.turn(50)
    np.testing.assert_array_equal(other.units, followed.coverage.units)


@pytest.mark.parametrize("labels", [[], [3, 90], list(range(0, 200, 5))])
def test_a_label_and_its_undo_leave_nothing_behind(labels: list[int]) -> None:
    followed = Followed(np.random.default_rng(7).normal(size=(200, 6)), 8, set(labels))
    before = followed.coverage.units.copy()
    followed.turn(51)
    assert (followed.coverage.units != before).any()
    followed.turn(51)
    np.testing.assert_array_equal(followed.coverage.units, before)
