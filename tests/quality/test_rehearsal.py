"""The experts over a few rows against those over the whole pool."""

from __future__ import annotations

import numpy as np
import pytest

from knnal.acquisition.state import PoolState
from knnal.index.diffusion import Diffusion
from knnal.index.linalg import unit_rows
from knnal.index.pool_index import PoolIndex
from knnal.quality.rehearsal import Rehearsal


@pytest.mark.parametrize("classes", [2, 4, 12])
def test_subsets_predict_as_a_pool_with_their_labels_does(classes: int) -> None:
    rng = np.random.default_rng(classes)
    y = rng.integers(0, classes, 300)
    X = unit_rows(rng.normal(size=(classes, 16))[y] + rng.normal(size=(300, 16)))
    geometry = PoolIndex.of(X)
    rows = rng.permutation(300)[:40]
    _, numbers = np.unique(y[rows], return_inverse=True)
    rehearsal = Rehearsal(geometry, Diffusion(geometry.graph), rows, numbers)
    right = 0
    for size in (2, 5, 10, 20, 39, 40):
        members = np.zeros(40, dtype=bool)
        members[rng.choice(40, size, replace=False)] = True
        state = PoolState(geometry)
        present, known = np.unique(numbers[members], return_inverse=True)
        state.rebuild(rows[members], known, len(present))
        best = present[state.classifier.probabilities(rows).argmax(axis=1)]
        outcome = rehearsal.right(members)
        np.testing.assert_array_equal(outcome, best == numbers)
        right += int(outcome.sum())
    assert 0 < right < 240
