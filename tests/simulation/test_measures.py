"""Measures from counts by class, against scikit-learn on the predictions themselves."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from knnal.simulation.measures import (
    MEASURES,
    area,
    class_accuracy,
    count_outcomes,
    labels_to,
    measure,
)

CLASSES = 4
guesses = st.lists(
    st.tuples(st.integers(0, CLASSES - 1), st.integers(0, CLASSES - 1)), min_size=1, max_size=30
)

REFERENCES = {
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "macro_f1": lambda truth, said: metrics.f1_score(
        truth, said, average="macro", zero_division=0.0
    ),
}


def counted(pairs: Any) -> tuple[Any, Any, Any, Any, Any]:
    truth, said = np.array(pairs).T
    hits, predicted = count_outcomes(truth, said, CLASSES)
    return truth, said, hits, predicted, np.bincount(truth, minlength=CLASSES)


def test_every_measure_has_a_reference() -> None:
    assert set(MEASURES) == set(REFERENCES)


@pytest.mark.parametrize("name", MEASURES)
@given(pairs=guesses)
def test_measures_are_those_of_scikit_learn(name: str, pairs: Any) -> None:
    truth, said, hits, predicted, support = counted(pairs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that are predicted and not there
        expected = REFERENCES[name](truth, said)
    assert measure(name, hits, predicted, support) == pytest.approx(expected, abs=1e-12)


@given(guesses)
def test_class_accuracy_is_recall(pairs: Any) -> None:
    truth, said, hits, _, support = counted(pairs)
    expected = metrics.recall_score(
        truth, said, labels=range(CLASSES), average=None, zero_division=np.nan
    )
    np.testing.assert_allclose(class_accuracy(hits, support), expected)


@given(st.lists(guesses, min_size=2, max_size=4))
def test_many_steps_at_once_are_each_by_itself(steps: Any) -> None:
    counts = [counted(step)[2:] for step in steps]
    hits, predicted, support = (np.stack(part) for part in zip(*counts, strict=True))
    for name in MEASURES:
        single = [measure(name, *one) for one in zip(hits, predicted, support, strict=True)]
        np.testing.assert_array_equal(measure(name, hits, predicted, support), single)


def test_areas_and_labels_to_a_target() -> None:
    curve = np.array([0.2, 0.5, 0.4, 0.9])
    assert [labels_to(curve, target) for target in (0.1, 0.5, 0.6, 0.95)] == [1, 2, 4, None]
    np.testing.assert_allclose(area(np.stack([curve, np.ones(4)])), [0.5, 1.0])
