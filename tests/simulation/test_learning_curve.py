"""Simulated labeling against a session that is labeled by hand."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np
import pytest

from knnal.classifiers.base import CLASSIFIERS
from knnal.pool.pool import Pool
from knnal.session.session import Session
from knnal.simulation.learning_curve import Experiment, LearningCurve


@pytest.fixture(scope="module")
def data() -> tuple[Any, list[str], Any, list[str]]:
    """Three clusters: vectors and labels of a pool, and of held-out items."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 90)
    X = rng.normal(size=(3, 6))[y] * 2 + rng.normal(size=(90, 6))
    names = [f"class {c}" for c in y]
    return X[:60], names[:60], X[60:], names[60:]


@pytest.mark.parametrize("classifier", CLASSIFIERS.names())
def test_the_curve_is_that_of_a_session(data: Any, classifier: str) -> None:
    X, y, held_out, truth = data
    experiment = Experiment(*data)
    curve = experiment.run("cdf-product", 12, classifier=classifier)
    with closing(Pool.in_memory(X)) as pool:
        session = Session(pool, classifier=classifier, annotator="ann")
        for step in range(12):
            question = session.ask()
            assert question is not None
            assert int(question.item) == curve.asked[step]
            session.tell(question.item, y[int(question.item)])
            predicted = session.predict_vectors(truth, held_out)
            right = [one.label == name for one, name in zip(predicted, truth, strict=True)]
            assert curve.accuracy[step] == np.mean(right)
    again = experiment.run("cdf-product", 12, classifier=classifier)
    assert again.asked == curve.asked
    np.testing.assert_array_equal(again.accuracy, curve.accuracy)


def test_runs_differ_by_seed_where_the_strategy_is_random(data: Any) -> None:
    experiment = Experiment(*data)
    assert experiment.run("random", 5, seed=1).asked != experiment.run("random", 5, seed=2).asked
    assert experiment.run("random", 5, seed=1).asked == experiment.run("random", 5, seed=1).asked


def test_a_budget_beyond_the_pool_ends_with_it(data: Any) -> None:
    curve = Experiment(*data).run("random", 1000)
    assert sorted(curve.asked) == list(range(60))
    assert len(curve.accuracy) == 60


def test_the_number_of_labels_to_an_accuracy() -> None:
    curve = LearningCurve("any", 0, np.array([0.2, 0.5, 0.4, 0.9]), (3, 1, 0, 2))
    assert [curve.labels_to(target) for target in (0.1, 0.5, 0.6, 0.95)] == [1, 2, 4, None]
