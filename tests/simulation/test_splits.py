"""What every split keeps to: parts, shares by class, and whole groups."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from knnal.errors import InputError
from knnal.simulation.splits import SplitKind, SplitPlan, deal_groups, deal_items, make_splits

seeds = st.integers(0, 1000)
strata = st.lists(st.integers(0, 4), min_size=2, max_size=120).map(np.array)
shares = st.one_of(
    st.integers(2, 17).map(lambda parts: np.full(parts, 1.0 / parts)),
    st.floats(0.05, 0.95).map(lambda share: np.array([share, 1.0 - share])),
)


@given(strata, shares, seeds)
def test_every_stratum_has_its_shares_to_within_an_item(y: Any, parts: Any, seed: int) -> None:
    part = deal_items(y, parts, np.random.default_rng(seed))
    for members in (np.full(len(y), True), *(y == c for c in np.unique(y))):
        counts = np.bincount(part[members], minlength=len(parts))
        assert len(counts) == len(parts)
        assert np.abs(counts - members.sum() * parts).max() <= 1 + 1e-9


@given(strata, shares, seeds, st.data())
def test_a_group_stays_whole(y: Any, parts: Any, seed: int, data: Any) -> None:
    groups = np.array(
        data.draw(st.lists(st.integers(0, 30), min_size=len(y), max_size=len(y)), label="groups")
    )
    part = deal_groups(y, groups, parts, np.random.default_rng(seed))
    assert len(set(part)) == min(len(parts), len(np.unique(groups)))
    for group in np.unique(groups):
        assert len(np.unique(part[groups == group])) == 1


def test_groups_are_dealt_about_as_evenly_as_scikit_learn_deals_them() -> None:
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 200, 1500)
    y = (groups % 4 + (rng.random(1500) < 0.2)) % 4
    ours = deal_groups(y, groups, np.full(5, 0.2), np.random.default_rng(1))
    theirs = np.empty(1500, dtype=np.int64)
    reference = StratifiedGroupKFold(5, shuffle=True, random_state=1)
    for fold, (_, held_out) in enumerate(reference.split(y, y, groups)):
        theirs[held_out] = fold

    def worst(part: Any) -> float:
        counts = np.array([np.bincount(y[part == fold], minlength=4) for fold in range(5)])
        return float(np.abs(counts / np.bincount(y) - 0.2).max())

    assert worst(ours) <= worst(theirs) + 0.02


@pytest.mark.parametrize("kind", SplitKind)
@pytest.mark.parametrize("grouped", [False, True])
def test_folds_hold_out_everything_once_for_every_seed(kind: SplitKind, grouped: bool) -> None:
    rng = np.random.default_rng(0)
    y, groups = rng.integers(0, 3, 100), rng.integers(0, 40, 100)
    splits = make_splits(SplitPlan(kind, folds=7, seeds=2), y, groups if grouped else None)
    assert [(s.seed, s.fold) for s in splits] == [(s, f) for s in (0, 1) for f in range(7)]
    held_out = [np.concatenate([s.held_out for s in splits if s.seed == seed]) for seed in (0, 1)]
    for rows in held_out:
        assert sorted(rows) == list(range(100))
    assert not np.array_equal(*held_out)


def test_a_share_is_held_out_anew_for_every_seed() -> None:
    y = np.repeat([0, 1], [80, 20])
    splits = make_splits(SplitPlan(share=0.25, seeds=3, first_seed=5), y)
    assert [(s.seed, s.fold) for s in splits] == [(5, 0), (6, 0), (7, 0)]
    for split in splits:
        assert np.abs(np.bincount(y[split.held_out]) - [20, 5]).max() <= 1
        assert (np.diff(split.held_out) > 0).all()
    assert len({tuple(split.held_out) for split in splits}) == 3
    again = make_splits(SplitPlan(share=0.25, seeds=1, first_seed=6), y)
    np.testing.assert_array_equal(again[0].held_out, splits[1].held_out)


def test_random_splits_leave_the_classes_to_chance() -> None:
    y = np.repeat([0, 1], [500, 500])
    counts = [
        np.bincount(y[s.held_out])[0]
        for s in make_splits(SplitPlan(SplitKind.RANDOM, share=0.5, seeds=200), y)
    ]
    hypergeometric = np.sqrt(500 * 0.5 * 0.5 * 500 / 999)
    assert np.std(counts) == pytest.approx(hypergeometric, rel=0.2)
    assert np.mean(counts) == pytest.approx(250, abs=3)


@pytest.mark.parametrize(
    ("options", "phrase"),
    [
        ({"seeds": 0}, "`seeds` must be at least 1"),
        ({"first_seed": -1}, "`first_seed` at least 0"),
        ({"folds": 1}, "`folds` must be at least 2"),
        ({"share": 1.0}, "below 1, got 1.0"),
    ],
)
def test_plans_that_make_no_sense(options: Any, phrase: str) -> None:
    with pytest.raises(InputError, match=phrase):
        SplitPlan(**options)


def test_what_cannot_be_split() -> None:
    y = np.array([0, 0, 1, 1])
    with pytest.raises(InputError, match="5 parts need at least 5 items, got 4"):
        make_splits(SplitPlan(folds=5), y)
    with pytest.raises(InputError, match="2 parts need at least 2 groups, got 1"):
        make_splits(SplitPlan(), y, np.zeros(4, dtype=np.int64))
    with pytest.raises(InputError, match="leaves one class in the pool"):
        make_splits(SplitPlan(folds=2), y, y)
    with pytest.raises(InputError, match="holds out nothing"):
        make_splits(SplitPlan(share=0.01, seeds=10), y)
