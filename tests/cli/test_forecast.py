"""The quiet lines of the loop and the chart, without a terminal around them."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any

import numpy as np

from knnal.pool.pool import Pool
from knnal.quality.audit import CurvePoint, audited_items
from knnal.quality.random_baseline import RandomLabels
from knnal.quality.stopping import advise
from knnal.session.session import Session
from knnal_cli.tui.chart import accuracy_chart
from knnal_cli.tui.model import Forecast

from ..patience import PATIENCE_S


def made_session(pool: Pool, **options: Any) -> Session:
    return Session(pool, annotator="ann", **options)


def label(session: Session, count: int) -> None:
    for _ in range(count):
        question = session.ask()
        assert question is not None
        session.tell(question.item, "ab"[int(question.item) % 2])


def test_without_an_audit_there_is_nothing_to_say() -> None:
    with closing(Pool.in_memory(np.random.default_rng(0).normal(size=(80, 4)))) as pool:
        session = made_session(pool)
        forecast = Forecast(session, target=0.9)
        assert forecast.lines() == []
        label(session, 12)
        assert forecast.lines() == []
        forecast.close()


def test_the_lines_are_the_advice_and_the_estimate_as_they_come() -> None:
    with closing(Pool.in_memory(np.random.default_rng(0).normal(size=(80, 4)))) as pool:
        session = made_session(pool, audit=0.9)
        label(session, 30)
        forecast = Forecast(session)
        audited = audited_items(session.ledger)
        advice = advise(session.ledger, audited)
        assert forecast.lines() == [advice.outlook]
        forecast.work()
        deadline = time.monotonic() + PATIENCE_S
        while "Random" not in forecast.lines()[0]:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        rows = [int(one.item) for one in audited]
        random = RandomLabels(lambda: session.geometry).estimate(audited, rows, 30)
        assert random is not None
        said = f"{random.accuracy:.0%} ({random.low:.0%}-{random.high:.0%})"
        assert forecast.lines()[0] == f"Random labels: {said} · {advice.outlook}"
        forecast.close()


def test_a_line_on_the_chart_is_where_its_accuracy_is() -> None:
    half = [CurvePoint(n, 0.5, 0.5, 0.5) for n in (1, 100)]
    full = [CurvePoint(n, 1.0, 1.0, 1.0) for n in (50, 100)]
    chart = accuracy_chart({"a": half, "b": full}, 46, 23, ascii_only=True).plain.splitlines()
    assert chart[0].startswith(" 100% ")
    assert chart[0][6:] == " " * 20 + "o" * 20
    (row,) = [line for line in chart[:20] if "*" in line]
    assert chart.index(row) == 9  # of 20 rows, the tenth is just above the middle
    assert row[6:] == "*" * 40
    assert chart[-2].split() == ["0", "100", "labels"]
