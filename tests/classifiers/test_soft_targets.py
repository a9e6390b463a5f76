"""Labels that stand for mixtures, in the experts that add labels up, against dense sums."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from knnal.classifiers.bootstrap import BootstrappedDiffusion, BootstrappedMean
from knnal.classifiers.graph import LabelDiffusion
from knnal.classifiers.means import TEMPERATURE, NearestMean
from knnal.classifiers.soft_targets import WHOLE, parts_of
from knnal.classifiers.vote import VoteOptions
from knnal.index.pool_index import UNLABELED

OPTIONS = {
    "soft": VoteOptions(bootstrap="soft", beta=0.6),
    "soft, none of the label": VoteOptions(bootstrap="soft", beta=0.0),
    "hard": VoteOptions(bootstrap="hard", beta=0.3),
    "hard, uniform": VoteOptions(bootstrap="hard", beta=0.45, uniform=True),
    "soft, class weights": VoteOptions(bootstrap="soft", beta=0.4, balanced=True),
}
EVERY = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)


def labeled_pool(expert_pool: Any, vectors: Any, expert: Any, options: VoteOptions) -> Any:
    """Labels that came, went and changed, one of them alone in its class."""
    pool, rng = expert_pool(expert, vectors(70, 6), 4, None, options), np.random.default_rng(1)
    for row in rng.permutation(70)[:34].tolist():
        pool.label(row, int(rng.integers(3)))
    given = pool.labeling.labeled
    for row in given[::7].tolist():
        pool.label(row, UNLABELED)
    for row in pool.labeling.labeled[::5].tolist():
        pool.label(row, (int(pool.labeling.classes[row]) + 1) % 3)
    pool.label(int(given[0]), 3)
    return pool


def targets(pool: Any, options: VoteOptions, without: int | None = None) -> dict[int, Any]:
    """``beta t + (1 - beta) q`` of each label, ``q`` by its five nearest others."""
    X, classes = pool.geometry.X.astype(np.float64), pool.labeling.classes
    labeled = pool.labeling.labeled.tolist()
    found = {}
    for row in labeled:
        others = sorted((r for r in labeled if r != row), key=lambda r: (-X[r] @ X[row], r))[:5]
        q = np.zeros(4)
        for other in others:
            if other != without:
                s = X[other] @ X[row]
                q[classes[other]] += 1.0 if options.uniform else np.exp((s - 1) / 0.07)
        q = q / q.sum() if options.bootstrap == "soft" else np.eye(4)[np.argmax(q)]
        found[row] = options.beta * np.eye(4)[classes[row]] + (1 - options.beta) * q
    return found


def evidence(pool: Any, options: VoteOptions) -> Any:
    """For each row of the pool, what the labels of others stand for, had it none."""
    everybody = targets(pool, options)
    for row in range(len(pool.geometry)):
        if pool.labeling.classes[row] == UNLABELED:
            yield row, everybody
        else:
            unheard = targets(pool, options, row)
            del unheard[row]
            yield row, unheard


@EVERY
def test_the_graph_spreads_what_labels_stand_for(
    expert_pool: Any, vectors: Any, options: VoteOptions
) -> None:
    pool = labeled_pool(expert_pool, vectors, BootstrappedDiffusion, options)
    spread = {}
    for row in pool.labeling.labeled.tolist():
        alone = expert_pool(LabelDiffusion, pool.geometry.X, 1)
        alone.label(row, 0)
        spread[row] = alone.expert.scores.columns(1, np.arange(70))[0].astype(np.float64)
    expected = np.full((70, 4), 0.25)
    for row, labels in evidence(pool, options):
        scores = sum(spread[label][row] * target for label, target in labels.items())
        if scores.sum() > 0:
            expected[row] = scores / scores.sum()
    np.testing.assert_allclose(pool.all(), expected, atol=1e-3)
    assert np.abs(expected - expert_of_plain(pool, expert_pool, LabelDiffusion)).max() > 0.1


@EVERY
def test_means_are_of_what_labels_stand_for(
    expert_pool: Any, vectors: Any, options: VoteOptions
) -> None:
    pool = labeled_pool(expert_pool, vectors, BootstrappedMean, options)
    Z = pool.geometry.reduced.directions_of(pool.geometry.X)
    expected = np.zeros((70, 4))
    for row, labels in evidence(pool, options):
        sums = np.sum([np.outer(target, Z[label]) for label, target in labels.items()], axis=0)
        weights = np.sum(list(labels.values()), axis=0)
        for c in np.flatnonzero(weights > 1e-9):
            cosine = sums[c] @ Z[row] / np.linalg.norm(sums[c])
            expected[row, c] = np.exp((cosine - 1) / TEMPERATURE)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(pool.all(), expected, atol=0.02)
    assert np.abs(expected - expert_of_plain(pool, expert_pool, NearestMean)).max() > 0.1


def expert_of_plain(pool: Any, expert_pool: Any, expert: Any) -> Any:
    """What is predicted where the same labels stand for their classes."""
    plain = expert_pool(expert, pool.geometry.X, 4)
    for row in pool.labeling.labeled.tolist():
        plain.label(row, int(pool.labeling.classes[row]))
    return plain.all()


@EVERY
@pytest.mark.parametrize("expert", [BootstrappedDiffusion, BootstrappedMean])
def test_what_is_added_is_taken_back_exactly(
    expert_pool: Any, vectors: Any, expert: Any, options: VoteOptions
) -> None:
    pool = labeled_pool(expert_pool, vectors, expert, options)

    def sums() -> Any:
        if expert is BootstrappedDiffusion:
            return pool.expert.scores.columns(4, np.arange(70))
        return pool.expert._sums.copy()

    before = sums()
    for row in range(0, 70, 9):
        was = int(pool.labeling.classes[row])
        for c in (2, UNLABELED, 1, was):
            if pool.labeling.classes[row] != c:
                pool.label(row, c)
        np.testing.assert_array_equal(sums(), before)
    for row in pool.labeling.labeled.tolist():
        pool.label(row, UNLABELED)
    assert not sums().any()


def test_all_parts_are_the_value() -> None:
    values = np.array([-(2**31), -7, 0, 1, 2**31 - 1], dtype=np.int64)
    np.testing.assert_array_equal(parts_of(values, np.array([WHOLE])), values)
    np.testing.assert_array_equal(parts_of(np.array([10, 11]), np.array([WHOLE // 2])), [5, 6])
