"""The scikit-learn classifier: its contract, and scikit-learn's own neighbors as a reference."""

from __future__ import annotations

import math
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils.estimator_checks import check_estimator

from knnal import KNNClassifier
from knnal.errors import InputError

T = 0.07


@pytest.fixture(scope="module")
def data() -> tuple[Any, Any, Any]:
    """Clustered vectors of five classes with strings for names, and queries between them."""
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(5, 48)) + 0.7
    y = rng.integers(0, 5, 400)
    X = centers[y] + rng.normal(size=(400, 48)) * 1.6
    queries = centers[rng.integers(0, 5, 150)] + rng.normal(size=(150, 48)) * 1.6
    return X, np.array(["ant", "bee", "cat", "dog", "eel"])[y], queries


@pytest.mark.parametrize("options", [{}, {"weights": "uniform"}, {"class_weight": "guided"}])
def test_the_estimator_contract_of_scikit_learn(options: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks provoke warnings on purpose
        results = check_estimator(KNNClassifier(**options), on_skip=None, on_fail=None)
    by_status: dict[str, list[str]] = {}
    for result in results:
        by_status.setdefault(result["status"], []).append(result["check_name"])
    assert set(by_status) <= {"passed", "skipped"}, by_status.get("failed")
    assert len(by_status["passed"]) > 45
    assert len(by_status.get("skipped", [])) <= 5


@pytest.mark.parametrize("k", [1, 5, 30])
@pytest.mark.parametrize("weights", ["similarity", "uniform"])
def test_probabilities_are_those_of_scikit_learn(
    data: tuple[Any, Any, Any], k: int, weights: Any
) -> None:
    X, y, queries = data
    theirs = KNeighborsClassifier(
        k,
        metric="cosine",
        algorithm="brute",
        weights="uniform" if weights == "uniform" else lambda distance: np.exp(-distance / T),
    ).fit(X, y)
    ours = KNNClassifier(k, weights=weights).fit(X, y)
    np.testing.assert_allclose(
        ours.predict_proba(queries), theirs.predict_proba(queries), atol=2e-5
    )
    distances, ids = ours.kneighbors(queries)
    their_distances, their_ids = theirs.kneighbors(queries)
    np.testing.assert_array_equal(ids, their_ids)
    np.testing.assert_allclose(distances, their_distances, atol=1e-6)
    assert (ours.predict(queries) == theirs.predict(queries)).mean() > 0.99


def test_ties_go_to_the_sample_that_was_fitted_first() -> None:
    model = KNNClassifier(1).fit([[1, 0], [1, 0], [2, 0], [0, 1]], ["b", "a", "a", "a"])
    assert model.predict([[3, 0]]).tolist() == ["b"]
    assert model.kneighbors([[3, 0]], 3, return_distance=False).tolist() == [[0, 1, 2]]


def test_it_pickles_without_its_index(data: tuple[Any, Any, Any]) -> None:
    X, y, queries = data
    model = KNNClassifier().fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(queries), model.predict_proba(queries))


def test_it_reads_a_read_only_memory_map(data: tuple[Any, Any, Any], tmp_path: Path) -> None:
    X, y, queries = data
    np.save(tmp_path / "X.npy", X.astype(np.float32))
    np.save(tmp_path / "queries.npy", queries.astype(np.float32))
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    model = KNNClassifier().fit(mapped, y)
    P = model.predict_proba(np.load(tmp_path / "queries.npy", mmap_mode="r"))
    expected = KNNClassifier().fit(X.astype(np.float32), y).predict_proba(queries.astype("f4"))
    np.testing.assert_array_equal(P, expected)


def test_fitting_in_parts_is_fitting_at_once(data: tuple[Any, Any, Any]) -> None:
    X, y, queries = data
    order = np.argsort(y, kind="stable")[::-1]  # classes come up late, and the first one last
    X, y = X[order], y[order]
    whole, parts = KNNClassifier().fit(X, y), KNNClassifier()
    for part in np.array_split(np.arange(len(X)), 7):
        parts.partial_fit(X[part], y[part])
    assert parts.classes_.tolist() == whole.classes_.tolist()
    assert parts.n_samples_fit_ == len(X)
    np.testing.assert_array_equal(parts.predict_proba(queries), whole.predict_proba(queries))


def test_classes_may_be_named_before_they_come_up() -> None:
    model = KNNClassifier().partial_fit([[1.0, 0.0]], ["b"], classes=["c", "a", "b"])
    assert model.predict_proba([[1.0, 0.1]]).tolist() == [[0.0, 1.0, 0.0]]


@pytest.mark.parametrize("weighing", ["guided", {"ant": 5.0, "eel": 0.25}])
def test_class_weights_scale_the_votes(data: tuple[Any, Any, Any], weighing: Any) -> None:
    X, y, queries = data
    keep = (y != "dog") | (np.arange(len(y)) % 20 == 0)
    X, y = X[keep], y[keep]
    plain = KNNClassifier(15).fit(X, y)
    P = plain.predict_proba(queries)
    if weighing == "guided":
        factors = [max(math.log(0.3 * len(y) / (y == name).sum()), 1) for name in plain.classes_]
    else:
        factors = [weighing.get(name, 1.0) for name in plain.classes_]
    assert len(set(factors)) > 1
    expected = P * factors
    expected /= expected.sum(axis=1, keepdims=True)
    weighted = KNNClassifier(15, class_weight=weighing).fit(X, y)
    np.testing.assert_allclose(weighted.predict_proba(queries), expected, atol=2e-6)


@pytest.mark.parametrize(
    "options",
    [{"weights": "other"}, {"class_weight": "other"}, {"n_neighbors": 0}, {"temperature": 0}],
)
def test_bad_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="must be"):
        KNNClassifier(**options).fit([[1.0, 2.0]], ["a"])


def test_more_neighbors_than_samples_are_refused() -> None:
    model = KNNClassifier().fit([[1.0, 2.0], [2.0, 1.0]], ["a", "b"])
    with pytest.raises(InputError, match="1 to 2"):
        model.kneighbors([[1.0, 2.0]], 3)
    np.testing.assert_allclose(model.predict_proba([[1.0, 1.0]]), [[0.5, 0.5]], atol=1e-5)
