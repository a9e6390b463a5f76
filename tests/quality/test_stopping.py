"""The advice on stopping, from logs made by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from scipy.optimize import minimize

from knnal.errors import InputError
from knnal.pool.labels.ledger import ASKED, AUDIT, IMPORTED, Event, EventKind, Ledger
from knnal.quality.audit import Audited, audit_curve, audited_items, wilson_interval
from knnal.quality.stopping import Advice, advise, expected_gain, fit_rise, latest_agreement


def labeled(
    count: int, agreement: float | None = 0.9, wrong: Sequence[int] = (), every: int = 5
) -> Ledger:
    """Labels in a row, one in ``every`` audited, those of the numbers in ``wrong`` mispredicted."""
    ledger = Ledger()
    for seq in range(1, count + 1):
        scores = {"prediction": "b" if seq in wrong else "a", "probability": 0.5}
        if agreement is not None:
            scores["agreement"] = agreement
        origin = ASKED if seq % every else AUDIT
        ledger.apply(Event(seq, EventKind.LABEL, origin, "ann", "", f"i{seq}", "a", scores=scores))
    return ledger


def advice_on(ledger: Ledger, target: float | None = None) -> Advice:
    return advise(ledger, audited_items(ledger), target)


def test_nothing_is_advised_on_nothing() -> None:
    assert advice_on(Ledger()) == Advice(False, (), None, None, None, None)


def test_stable_predictions_are_a_reason() -> None:
    advice = advice_on(labeled(60, agreement=0.9995))
    assert advice.could_stop
    assert advice.reasons == ("the last 50 labels changed hardly any prediction",)
    assert advice.agreement == pytest.approx(0.9995)
    assert not advice_on(labeled(60, agreement=0.9985)).could_stop


def test_stability_takes_fifty_labels_that_tell() -> None:
    assert latest_agreement(labeled(49, agreement=1.0)) is None
    assert latest_agreement(labeled(50, agreement=1.0)) == 1.0
    ledger = labeled(60, agreement=1.0)
    ledger.apply(Event(61, EventKind.LABEL, IMPORTED, "ann", "", "imported", "a"))
    assert latest_agreement(ledger) is None
    ledger.apply(Event(62, EventKind.UNDO, "named", "ann", "", "imported", target=61))
    assert latest_agreement(ledger) == 1.0


def test_a_target_is_reached_with_its_interval() -> None:
    ledger = labeled(200)
    low = wilson_interval(40, 40)[0]
    reached = advice_on(ledger, 0.9)
    assert reached.reasons == (f"the accuracy is at least {low:.0%} (target 90%)",)
    assert reached.could_stop
    short = advice_on(ledger, 0.95)
    assert not short.could_stop
    assert "target 95%: not certain yet" in str(short.outlook)


@pytest.mark.parametrize("target", [0.0, 1.01, 95.0, math.nan])
def test_a_target_is_an_accuracy(target: float) -> None:
    with pytest.raises(InputError, match=r"such as 0\.95"):
        advice_on(Ledger(), target)


@pytest.mark.parametrize("seed", range(5))
def test_the_fitted_rise_maximizes_the_penalized_likelihood(seed: int) -> None:
    rng = np.random.default_rng(seed)
    at = np.log10(np.sort(rng.integers(5, 300, 40)) / 300)
    right = (rng.random(40) < [0.2, 0.5, 0.9, 1.0, 0.0][seed]).astype(float)

    def loss(fitted: np.ndarray) -> float:
        odds = fitted[0] + fitted[1] * at
        likelihood = np.sum(right * odds - np.logaddexp(0, odds))
        return float(fitted[0] ** 2 / 18 + (fitted[1] - 1) ** 2 / 2 - likelihood)

    found = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-7}).x
    np.testing.assert_allclose(fit_rise(at, right), found, atol=1e-4)


def test_the_gain_is_read_from_the_fit() -> None:
    rng = np.random.default_rng(1)
    audited = [
        Audited(f"i{n}", "a", bool(rng.random() < n / 400), n, 0.5) for n in range(10, 400, 10)
    ]
    at = np.log10(np.array([one.labels for one in audited]) / 400)
    level, rise = fit_rise(at, np.array([float(one.right) for one in audited]))
    later = level + rise * np.log10(500 / 400)
    expected = 1 / (1 + math.exp(-later)) - 1 / (1 + math.exp(-level))
    assert expected > 0.02
    assert expected_gain(audited, 400) == pytest.approx(expected)
    assert expected_gain(audited[:9], 400) is None


def test_no_loss_is_ever_expected() -> None:
    audited = [Audited(f"i{n}", "a", n < 200, n, 0.5) for n in range(10, 400, 10)]
    assert expected_gain(audited, 400) == 0.0


def test_the_outlook_says_it_in_points() -> None:
    ledger = labeled(100, wrong=(5, 10, 15, 20, 50))
    advice = advice_on(ledger)
    assert advice.gain is not None
    assert advice.outlook == f"100 more labels: about +{100 * advice.gain:.1f} points"


def test_the_curve_is_the_estimate_after_each_audited_item() -> None:
    ledger = labeled(30, wrong=(5, 15))
    curve = audit_curve(audited_items(ledger), window=3)
    assert [point.labels for point in curve] == [5, 10, 15, 20, 25, 30]
    assert [point.accuracy for point in curve] == pytest.approx([0, 1 / 2, 1 / 3, 2 / 3, 2 / 3, 1])
    assert (curve[2].low, curve[2].high) == wilson_interval(1, 3)
