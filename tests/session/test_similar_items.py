"""Batches of similar items: which they are, against a plain search."""

from __future__ import annotations

import numpy as np
import pytest

from knnal.errors import InputError
from knnal.index.linalg import unit_rows
from knnal.pool.pool import Pool
from knnal.session.session import Session
from knnal.session.similar_items import find_similar

RNG = np.random.default_rng(5)
TRUTH = np.repeat(np.arange(3), 20)
X = unit_rows(0.7 * RNG.normal(size=(3, 6))[TRUTH] + RNG.normal(size=(60, 6)))


@pytest.fixture
def session() -> Session:
    """Items "0" to "59" of three classes, two of each labeled, and one set aside."""
    session = Session(Pool.in_memory(X), annotator="ann")
    for row in (0, 1, 20, 21, 40, 41):
        session.tell(str(row), "abc"[TRUTH[row]])
    session.skip("5")
    return session


@pytest.mark.parametrize("item", ["3", "17", "33", "59"])
def test_they_are_the_most_similar_of_those_predicted_alike(session: Session, item: str) -> None:
    items = [str(row) for row in range(60)]
    label = session.predict([item])[0].label
    alike = [
        other
        for other in items
        if session.ledger.decision(other) is None and session.predict([other])[0].label == label
    ]
    similar = X @ X[int(item)]
    ranked = sorted(alike, key=lambda other: (other != item, -similar[int(other)]))
    found = find_similar(session, item, 7)
    assert found is not None
    assert found.label == label
    assert [member.item for member in found.members] == ranked[:7]
    np.testing.assert_allclose(
        [member.similarity for member in found.members],
        [similar[int(other)] for other in ranked[:7]],
        atol=1e-6,
    )
    for member in found.members:
        assert member.probability == session.predict([member.item])[0].probability


def test_a_batch_needs_a_prediction_and_an_item_without_a_label(session: Session) -> None:
    assert find_similar(Session(Pool.in_memory(X)), "3", 4) is None
    assert [m.item for m in find_similar(session, "3", 1).members] == ["3"]  # type: ignore[union-attr]
    for item, count, saying in (("0", 4, "'0' has one"), ("3", 0, "at least 1"), ("x", 4, "'x'")):
        with pytest.raises(InputError, match=saying):
            find_similar(session, item, count)
