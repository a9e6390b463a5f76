"""What random labels would have reached, against the same worked out the long way."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np
import pytest

from knnal.acquisition.state import PoolState
from knnal.index.linalg import unit_rows
from knnal.index.pool_index import PoolIndex
from knnal.pool.pool import Pool
from knnal.quality import random_baseline as module
from knnal.quality.audit import Audited, audited_items, wilson_interval
from knnal.quality.random_baseline import RandomLabels, SubsetCurve, extrapolated, located
from knnal.session.session import Session


def made(seed: int = 0, count: int = 24) -> tuple[PoolIndex, Any, list[Audited], list[int]]:
    """A pool of three blurred clusters, and audited items drawn from it."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, 200)
    X = unit_rows(rng.normal(size=(3, 8))[y] + rng.normal(size=(200, 8)))
    rows = rng.permutation(200)[:count].tolist()
    audited = [
        Audited(str(row), f"class {y[row]}", True, 10 * at, 1.0) for at, row in enumerate(rows)
    ]
    return PoolIndex.of(X), y, audited, rows


def logit(p: Any) -> Any:
    return np.log(p) - np.log1p(-np.asarray(p))


def test_the_curve_is_that_of_pools_labeled_by_the_subsets() -> None:
    geometry, y, audited, rows = made()
    estimate = RandomLabels(lambda: geometry).estimate(audited, rows, 240)
    assert estimate is not None
    rng = np.random.default_rng(0)  # draws the same subsets
    accuracy = {}
    for size in (3, 6, 12, 18):
        right: list[list[bool]] = [[] for _ in rows]
        for _ in range(module.REPEATS):
            members = rng.choice(24, size, replace=False)
            predicted = predictions(geometry, y, np.array(rows)[members], rows)
            for i in set(range(24)) - set(members.tolist()):
                right[i].append(predicted[i] == y[rows[i]])
        accuracy[size] = np.mean([np.mean(outcomes) for outcomes in right])
    accuracy[23] = np.mean(predictions(geometry, y, np.array(rows), rows) == y[rows])
    found = {p.labels: p.accuracy for p in estimate.curve[:-1]}
    assert found == pytest.approx({n: (24 * a + 0.5) / 25 for n, a in accuracy.items()})
    end = estimate.curve[-1]
    assert (estimate.accuracy, estimate.labels, estimate.audited) == (end.accuracy, 240, 24)
    assert 0 < estimate.low < estimate.accuracy < estimate.high < 1


def predictions(geometry: PoolIndex, y: Any, labeled: Any, rows: list[int]) -> Any:
    state = PoolState(geometry)
    present, numbers = np.unique(y[labeled], return_inverse=True)
    state.rebuild(labeled, numbers, len(present))
    return present[state.classifier.probabilities(np.array(rows)).argmax(axis=1)]


def test_the_continuation_is_a_line_of_log_odds() -> None:
    rng = np.random.default_rng(3)
    sizes = np.array([5, 10, 20, 30, 39])
    rates = np.clip(rng.random((5, 40)) * 0.4 + np.linspace(0.1, 0.6, 5)[:, None], 0, 1)
    rates[3, ::7] = np.nan
    estimate = extrapolated(SubsetCurve(sizes, rates), 400, np.random.default_rng(5))
    odds = logit((np.nanmean(rates, axis=1) * 40 + 0.5) / 41)
    slope = np.polyfit(np.log10(sizes), odds, 1)[0]
    level = np.mean(odds[-3:] + slope * (np.log10(40) - np.log10(sizes[-3:])))
    draws = np.random.default_rng(6).integers(0, 40, (4000, 40))
    resampled = [logit((np.nanmean(rates[:, at], axis=1) * 40 + 0.5) / 41) for at in draws]
    slopes = np.array([np.polyfit(np.log10(sizes), one, 1)[0] for one in resampled])
    trust = 0.7**2 / (0.7**2 + slopes.var())
    expected = level + (trust * slope + (1 - trust) * 1.2) * 0.85
    assert logit(estimate.accuracy) == pytest.approx(expected, abs=0.05)
    levels = np.array(
        [
            np.mean(one[-3:] + s * (np.log10(40) - np.log10(sizes[-3:])))
            for one, s in zip(resampled, slopes, strict=True)
        ]
    )
    by_items = max(np.std(levels + trust * slopes * 0.85), odds_error(level))
    half = (logit(estimate.high) - logit(estimate.low)) / 2
    assert half == pytest.approx(1.96 * np.hypot(by_items, 0.6), rel=0.1)


def odds_error(odds: float) -> float:
    p = 1 / (1 + np.exp(-odds))
    return float((40 * p * (1 - p)) ** -0.5)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_items_that_all_agree_prove_nothing_beyond_their_number(rate: float) -> None:
    curve = SubsetCurve(np.array([5, 10, 15, 19]), np.full((4, 20), rate))
    estimate = extrapolated(curve, 200, np.random.default_rng(0))
    lowest, highest = wilson_interval(round(20 * rate), 20)
    assert 0 < estimate.low < estimate.high < 1
    assert estimate.low < lowest if rate else estimate.high > highest


def test_with_no_labels_but_the_audited_ones_nothing_is_continued() -> None:
    curve = SubsetCurve(np.array([5, 10, 15, 19]), np.full((4, 20), 0.5))
    estimate = extrapolated(curve, 20, np.random.default_rng(0))
    assert estimate.accuracy == pytest.approx(0.5, abs=1e-9)
    assert estimate.low == pytest.approx(1 / (1 + np.exp(1.96 * (20 / 4) ** -0.5)), abs=1e-3)


def test_too_few_items_give_no_estimate() -> None:
    geometry, _, audited, rows = made(count=19)
    assert RandomLabels(lambda: geometry).estimate(audited, rows, 190) is None


def test_what_was_tried_before_makes_no_difference() -> None:
    geometry, _, audited, rows = made(count=60)
    once = RandomLabels(lambda: geometry)
    for count in (20, 21, 41, 60, 30):
        fresh = RandomLabels(lambda: geometry)
        expected = fresh.estimate(audited[:count], rows[:count], 500)
        assert once.estimate(audited[:count], rows[:count], 500) == expected
    grown = [once.estimate(audited[:count], rows[:count], 500) for count in (58, 59)]
    assert grown[0] == grown[1], "a single further item is not worth trying all anew"


def test_items_that_came_after_the_session_began_are_left_out(make_pool: Any) -> None:
    pool = make_pool(np.eye(6))
    audited = [Audited(f"item-{row}", "a", True, row, 1.0) for row in (4, 1, 5, 0)]
    there, rows = located(pool, audited, 5)
    assert rows == [4, 1, 0]
    assert [one.item for one in there] == ["item-4", "item-1", "item-0"]


def test_a_session_with_an_audit_tells() -> None:
    geometry, y, _, _ = made(seed=2)
    with closing(Pool.in_memory(geometry.X)) as pool:
        session = Session(pool, audit=0.9, annotator="ann", geometry=geometry)
        for _ in range(30):
            question = session.ask()
            session.tell(question.item, f"class {y[int(question.item)]}")
        audited = audited_items(session.ledger)
        assert [one.labels for one in audited] == sorted(one.labels for one in audited)
        there, rows = located(pool, audited, len(geometry))
        estimate = RandomLabels(lambda: session.geometry).estimate(there, rows, 30)
    assert estimate is not None
    assert rows == [int(one.item) for one in audited]
    assert 0.5 < estimate.accuracy < 1
