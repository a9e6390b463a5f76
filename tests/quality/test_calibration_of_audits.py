"""Calibration by the audited items of a session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knnal.classifiers.vote import VoteOptions
from knnal.errors import InputError
from knnal.pool.pool import Pool
from knnal.quality.audit import Audited, audited_items
from knnal.quality.calibration import (
    LEAST_AUDITED,
    Temperature,
    calibration_of,
    required_temperature,
    temperature_of,
)
from knnal.quality.plots import plot_reliability
from knnal.session.calibration import fit_temperature, with_temperature
from knnal.session.session import Session


@pytest.fixture(scope="module")
def session() -> Session:
    """Two classes that overlap, a single neighbor that is always certain, every other label
    audited.
    """
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 300)
    X = np.eye(6)[y] + 0.7 * rng.normal(size=(300, 6))
    vote = VoteOptions(k=1)
    session = Session(Pool.in_memory(X), classifier="knn", vote=vote, audit=0.6, strategy="random")
    while len(audited_items(session.ledger)) < 80:
        question = session.ask()
        assert question is not None
        session.tell(question.item, "ab"[y[int(question.item)]])
    return session


def test_certain_predictions_are_as_far_off_as_they_are_wrong(session: Any, tmp_path: Path) -> None:
    audited = audited_items(session.ledger)
    found = calibration_of(audited)
    assert found is not None
    right = np.mean([one.right for one in audited])
    assert (found.audited, found.confidence, found.accuracy) == (80, 1.0, pytest.approx(right))
    assert found.error == pytest.approx(1 - right)
    assert [(one.count, one.confidence) for one in found.bins] == [(80, 1.0)]
    file = tmp_path / "reliability.png"
    plot_reliability(file, found)
    assert file.read_bytes().startswith(b"\x89PNG")


def test_a_temperature_makes_them_doubt(session: Any) -> None:
    audited = audited_items(session.ledger)
    found = temperature_of(session, audited)
    assert isinstance(found, Temperature)
    ids = [one.item for one in audited]
    raw = [list(p.probabilities.values()) for p in session.predict(ids)]
    classes = [session.classes.index(one.label) for one in audited]
    assert found.value == fit_temperature(np.array(raw), np.array(classes))
    assert found.value > 2
    assert found.error_with < found.error - 0.05
    assert found.loss_with < found.loss


def test_what_is_predicted_is_calibrated_and_what_is_logged_is_not(session: Any) -> None:
    raw = session.predict(["1", "2"])
    session.temperature = 3.0
    try:
        calibrated = session.predict(["1", "2"])
        outside = session.predict_vectors(["x"], np.ones((1, 6)))
        asked = session.explain("1").prediction
    finally:
        session.temperature = None
    P = np.array([list(p.probabilities.values()) for p in raw])
    Q = np.array([list(p.probabilities.values()) for p in calibrated])
    np.testing.assert_allclose(Q, with_temperature(P, 3.0))
    assert [p.label for p in calibrated] == [p.label for p in raw]
    assert asked == raw[0]
    assert outside[0].probability < 1
    assert session.predict_vectors(["x"], np.ones((1, 6)))[0].probability == 1


def test_few_audited_items_are_not_enough(session: Any) -> None:
    few = audited_items(session.ledger)[: LEAST_AUDITED - 1]
    assert temperature_of(session, few) is None
    assert temperature_of(session, audited_items(session.ledger)[:LEAST_AUDITED]) is not None
    with pytest.raises(InputError, match=f"at least {LEAST_AUDITED} audited .* got 29"):
        required_temperature(session, few)
    gone = [*few, Audited("vanished", "a", True, 3, 0.5)]
    assert temperature_of(session, gone) is None
    assert calibration_of([]) is None
