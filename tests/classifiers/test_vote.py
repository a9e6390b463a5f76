"""Votes against the formula, written out in plain Python."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knnal.classifiers.vote import (
    VoteOptions,
    class_probabilities,
    guided_class_weights,
    vote_weights,
)
from knnal.errors import InputError
from knnal.index.search import NO_NEIGHBOR

VOTERS = st.lists(
    st.one_of(st.none(), st.tuples(st.integers(0, 3), st.floats(-1, 1, width=32))),
    min_size=1,
    max_size=6,
)


def arrays(voters: list[tuple[int, float] | None]) -> tuple[Any, Any, Any]:
    """One row: ids, similarities and classes of its neighbors; None is an empty slot."""
    ids = [[NO_NEIGHBOR if v is None else i for i, v in enumerate(voters)]]
    sims = [[-math.inf if v is None else v[1] for v in voters]]
    classes = [[-1 if v is None else v[0] for v in voters]]
    return np.array(ids), np.array(sims, np.float32), np.array(classes)


def by_the_formula(
    voters: list[tuple[int, float] | None], T: float | None, factors: list[float]
) -> list[float]:
    votes = [0.0] * len(factors)
    for voter in voters:
        if voter is not None:
            label, s = voter
            votes[label] += factors[label] * (1.0 if T is None else math.exp((s - 1) / T))
    total = sum(votes)
    return [vote / total if total else 1 / len(votes) for vote in votes]


@given(VOTERS, st.sampled_from([0.07, 0.01, 0.3, 5.0]))
def test_similarity_votes(voters: list[tuple[int, float] | None], T: float) -> None:
    ids, sims, classes = arrays(voters)
    P = class_probabilities(vote_weights(ids, sims, VoteOptions(temperature=T)), classes, 4)
    np.testing.assert_allclose(P[0], by_the_formula(voters, T, [1.0] * 4), atol=2e-6)


@given(VOTERS, st.lists(st.floats(0.5, 4), min_size=4, max_size=4))
def test_uniform_votes_and_class_weights(
    voters: list[tuple[int, float] | None], factors: list[float]
) -> None:
    ids, sims, classes = arrays(voters)
    weights = vote_weights(ids, sims, VoteOptions(uniform=True))
    P = class_probabilities(weights * np.array(factors)[classes], classes, 4)
    np.testing.assert_allclose(P[0], by_the_formula(voters, None, factors), rtol=1e-6)


def test_two_neighbors_of_one_class_vote_twice() -> None:
    ids, sims, classes = arrays([(1, 0.5), (1, 0.5), (0, 0.5)])
    P = class_probabilities(vote_weights(ids, sims, VoteOptions()), classes, 2)
    np.testing.assert_allclose(P, [[1 / 3, 2 / 3]])


def test_nobody_votes_gives_the_uniform_distribution_and_no_classes_no_columns() -> None:
    ids, sims, classes = arrays([None, None])
    weights = vote_weights(ids, sims, VoteOptions())
    assert class_probabilities(weights, classes, 4).tolist() == [[0.25] * 4]
    assert class_probabilities(weights, classes, 0).shape == (1, 0)


def test_votes_of_far_neighbors_do_not_underflow() -> None:
    ids, sims, classes = arrays([(0, -0.999), (1, -1.0)])
    P = class_probabilities(vote_weights(ids, sims, VoteOptions(temperature=1e-3)), classes, 2)
    np.testing.assert_allclose(P[0, 1] / P[0, 0], math.exp(-1), rtol=1e-3)


@given(st.lists(st.integers(0, 500), min_size=1, max_size=8))
def test_guided_class_weights(counts: list[int]) -> None:
    t = sum(counts)
    expected = [max(math.log(0.3 * t / n), 1.0) if n else 1.0 for n in counts]
    np.testing.assert_allclose(guided_class_weights(np.array(counts)), expected)


def test_a_rare_class_weighs_more() -> None:
    weights = guided_class_weights(np.array([990, 10]))
    np.testing.assert_allclose(weights, [1.0, math.log(0.3 * 1000 / 10)])


@pytest.mark.parametrize(
    "options",
    [
        {"k": 0},
        {"temperature": 0.0},
        {"temperature": -1.0},
        {"temperature": math.nan},
        {"bootstrap": "firm"},
        {"beta": -0.1},
        {"beta": 1.1},
        {"beta": math.nan},
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"must be .* got"):
        VoteOptions(**options)
