"""Cohen's kappa against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from knnal.session.agreement import cohens_kappa

pairs = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)


@given(pairs)
def test_it_is_that_of_scikit_learn(rated: list[tuple[int, int]]) -> None:
    first, second = np.array(rated).T
    kappa = cohens_kappa(first, second)
    if len({*first.tolist(), *second.tolist()}) == 1:
        assert kappa is None
    else:
        assert kappa == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)


def test_full_agreement_is_1() -> None:
    classes = np.array([0, 2, 1, 1])
    assert cohens_kappa(classes, classes) == 1.0
