"""The product of the experts, and the choice of their powers, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knnal.classifiers.expert_weights import (
    MIXTURES,
    SMOOTHING,
    choose_powers,
    count_predicted,
    expert_product,
)


def shares(rng: np.random.Generator, n: int, classes: int) -> Any:
    P = rng.integers(0, 4, (n, classes)) + rng.random((n, classes)) * 0.01
    return (P / P.sum(axis=1, keepdims=True)).astype(np.float32)


def reference(experts: Any, powers: Any) -> Any:
    """The product in double precision, ``(m, C)``."""
    parts = [P.astype(np.float64) + 0.05 for P in experts]
    return np.prod([P**power for P, power in zip(parts, powers, strict=True)], axis=0)


def counted(experts: Any, classes: Any) -> list[int]:
    """How many labels each mixture predicts, two for the first one in advance."""
    right = [2] + [0] * (len(MIXTURES) - 1)
    for m, powers in enumerate(MIXTURES.tolist()):
        for i, label in enumerate(classes.tolist()):
            if list(classes).count(label) > 1:
                right[m] += int(reference([P[i] for P in experts], powers).argmax()) == label
    return right


def choose(experts: Any, labels: Any) -> tuple[Any, int]:
    sizes = np.bincount(labels, minlength=experts[0].shape[1])
    likeliest = np.empty((len(labels), len(MIXTURES)), dtype=np.int64)
    return choose_powers(count_predicted(experts, labels, sizes, likeliest))


@pytest.mark.parametrize("powers", MIXTURES.tolist(), ids=str)
def test_the_product_is_that_of_shares_plus_the_floor(powers: list[int]) -> None:
    rng = np.random.default_rng(0)
    experts = [shares(rng, 40, 7) for _ in range(3)]
    experts[1] = np.asfortranarray(experts[1])
    product = expert_product(experts, np.array(powers))
    np.testing.assert_allclose(product, reference(experts, powers), rtol=1e-6)


@settings(max_examples=150)
@given(st.integers(0, 30), st.integers(1, 12), st.integers(0, 9999))
def test_the_mixture_that_predicts_most_labels_is_chosen(n: int, classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    experts = [shares(rng, n, classes) for _ in range(3)]
    good = experts[int(rng.integers(3))]
    good[np.arange(n), labels] += np.float32(0.5)
    powers, predicted = choose(tuple(experts), labels.astype(np.int32))
    right = counted(experts, labels)
    best = int(np.argmax(right))
    assert powers.tolist() == MIXTURES[best].tolist()
    assert predicted == right[best] - (2 if best == 0 else 0)


def test_without_labels_the_first_mixture_is_chosen() -> None:
    for classes in (0, 1, 5):
        nothing = np.empty((0, classes), np.float32)
        powers, predicted = choose((nothing, nothing, nothing), np.empty(0, np.int32))
        assert (powers.tolist(), predicted) == ([0, 1, 1], 0)


def test_the_first_mixture_has_a_head_start_of_two() -> None:
    """The means are wrong, and outvote the graph but not kNN and the graph."""
    right, wrong = np.float32([[0.9, 0.1]]), np.float32([[0.05, 0.95]])
    for n, expected in ((2, [0, 1, 1]), (3, [1, 1, 1])):
        experts = (np.repeat(right, n, 0), np.repeat(right, n, 0), np.repeat(wrong, n, 0))
        assert choose(experts, np.zeros(n, np.int32))[0].tolist() == expected


def test_the_only_label_of_a_class_does_not_count() -> None:
    """Else it would be the third that kNN alone is right about, and outweigh the head start."""
    knn = np.float32([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9]])
    others = np.float32([[0.05, 0.95], [0.05, 0.95], [0.95, 0.05]])
    assert choose((knn, others, others), np.int32([0, 0, 1]))[0].tolist() == [0, 1, 1]
    knn, others = (np.vstack([P, P[2:]]) for P in (knn, others))
    assert choose((knn, others, others), np.int32([0, 0, 1, 1]))[0].tolist() == [2, 0, 1]


def test_no_expert_has_a_veto() -> None:
    assert SMOOTHING == 0.05
    certain, even = np.float32([[0.0, 1.0]]), np.float32([[0.6, 0.4]])
    experts = tuple(np.repeat(P, 9, 0) for P in (certain, even, even))
    # .05 x .65^2 against 1.05 x .45^2: the second class, which is wrong; graph and means are right.
    assert choose(experts, np.zeros(9, np.int32))[0].tolist() == [0, 1, 1]


def test_the_mixtures() -> None:
    assert MIXTURES.tolist() == [
        [0, 1, 1], [1, 1, 1], [1, 0, 1], [1, 1, 0], [2, 1, 1], [2, 0, 1], [1, 0, 0], [0, 1, 0],
    ]  # fmt: skip
