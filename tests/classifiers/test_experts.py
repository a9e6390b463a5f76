"""What the experts that keep sums by class have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from knnal.classifiers.graph import LabelDiffusion
from knnal.classifiers.means import NearestMean


@pytest.mark.parametrize("expert", [LabelDiffusion, NearestMean])
def test_classes_that_come_up_later_find_the_sums_as_they_were(
    expert_pool: Any, vectors: Any, expert: Any
) -> None:
    pool, fresh = expert_pool(expert, vectors(30, 6), 0), expert_pool(expert, vectors(30, 6), 9)
    for c in range(9):
        pool.labeling.class_count = c + 1
        pool.expert.declare_classes()
        for each in (pool, fresh):
            each.label(3 * c, c)
            each.label(3 * c + 1, c // 2)
    np.testing.assert_array_equal(pool.all(), fresh.all())
    pool.expert.rebuild()
    np.testing.assert_array_equal(pool.all(), fresh.all())
