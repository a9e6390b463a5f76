"""``knnal status``: the accuracy over labels, random labels, and the advice on stopping."""

from __future__ import annotations

import csv
import json
from contextlib import closing
from typing import Any

import numpy as np
import pytest

from knnal.classifiers.vote import VoteOptions
from knnal.pool.pool import Pool
from knnal.project import Project
from knnal.quality.audit import CurvePoint
from knnal.quality.calibration import LEAST_AUDITED as LEAST
from knnal.quality.random_baseline import LEAST_AUDITED
from knnal.session.session import Session
from knnal_cli.tui.chart import accuracy_chart


def test_json_has_everything_that_is_drawn(studied: Any) -> None:
    status = studied("status", "--json", "--target", "0.7").data
    found = Project.open(studied.folder / ".knnal").status(target=0.7, compare=True)
    assert status == json.loads(json.dumps({**found.as_dict(), "folder": ".knnal"}))
    point = {"labels", "accuracy", "low", "high"}
    assert [set(one) for one in status["curve"]] == [point] * status["accuracy"]["audited"]
    last = status["curve"][-1]
    assert last["accuracy"] == status["accuracy"]["estimate"]
    random = status["random"]
    assert set(random) == {*point, "audited", "curve"}
    assert random["labels"] == 70
    assert LEAST_AUDITED <= random["audited"] <= status["accuracy"]["audited"]
    assert {name: random[name] for name in point} == random["curve"][-1]
    assert 0 <= random["low"] <= random["accuracy"] <= random["high"] <= 1
    advice = status["advice"]
    names = {"could_stop", "reasons", "outlook", "agreement", "gain", "target", "ahead"}
    assert set(advice) == names
    assert advice["could_stop"] is True
    assert (advice["target"], advice["ahead"]) == (0.7, 100)
    assert 0.9 < advice["agreement"] <= 1


def test_before_any_audit_it_says_so(labeled: Any) -> None:
    status = labeled("status", "--json").data
    assert (status["curve"], status["random"]) == ([], None)
    assert status["advice"]["could_stop"] is False
    done = labeled("status", "--plot")
    assert f"Random    not known yet: needs {LEAST_AUDITED} audited items\n" in done.out
    assert done.err == "There is nothing to draw yet: no audited item is labeled.\n"
    assert "Advice" not in done.out


def test_the_lines_say_why_one_could_stop(studied: Any) -> None:
    done = studied("status", "--target", "0.7")
    assert done.err == ""
    assert "Outlook   100 more labels: about +" in done.out
    assert "Advice    You could stop: the accuracy is at least" in done.out
    assert "Random" not in done.out
    unsure = studied("status", "--target", "1").out
    assert "target 100%: not certain yet" in unsure


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_the_chart(studied: Any, encoding: str) -> None:
    done = studied("status", "--plot", PYTHONIOENCODING=encoding)
    assert "Random    " in done.out
    chart = done.out[done.out.index("\n 100% ") + 1 :]
    lines = chart.splitlines()
    assert lines[0].startswith(" 100% ")
    assert any(line.startswith("   0% ") for line in lines)
    assert lines[-2].split() == ["0", "70", "labels"]
    assert "your labels" in lines[-1]
    assert "random labels (estimated)" in lines[-1]
    assert "━" in chart
    assert any("\u2800" < character <= "\u28ff" for character in chart)


def test_the_chart_of_a_terminal_without_braille() -> None:
    points = [CurvePoint(labels, labels / 20, 0.1, 0.9) for labels in (5, 10)]
    chart = accuracy_chart({"one": points, "other": points[:1]}, 40, 10, ascii_only=True).plain
    assert chart.isascii()
    assert all(mark in chart for mark in "*o")


def test_a_picture_beside_json(studied: Any) -> None:
    done = studied("status", "--plot", "--output", "curve.png", "--json")
    assert done.err == "Wrote curve.png.\n"
    assert done.data["labeled"] == 70
    assert (studied.folder / "curve.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_how_far_probabilities_can_be_believed(studied: Any) -> None:
    arguments = ["--classifier", "means", "--k", "3"]
    status = studied("status", "--calibration", "--json", *arguments).data
    project = Project.open(studied.folder / ".knnal")
    options = {"classifier": "means", "vote": VoteOptions(k=3)}
    found = project.status(calibrate=options)
    assert found.calibration is not None
    assert found.temperature is not None
    assert status["calibration"] == json.loads(json.dumps(found.as_dict()["calibration"]))
    assert status["temperature"] == found.as_dict()["temperature"]
    done = studied("status", "--calibration", "-o", "trust.png", *arguments)
    assert f"{found.calibration.error:.3f} (expected calibration error)" in done.out
    assert f"with temperature {found.temperature.value:.2f}, cross-validated" in done.out
    assert done.err.endswith("Wrote trust.png.\n")
    assert (studied.folder / "trust.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    calibrated = studied("predict", "--pool-all", "--calibrated", "--json", *arguments)
    value = f"{found.temperature.value:.2f}"
    assert f"Calibrated by a temperature of {value}" in calibrated.err
    session = project.session(calibrated=True, **options)
    assert session.temperature == found.temperature.value
    expected = session.predict([one["id"] for one in calibrated.data])
    project.close()
    assert [one["probabilities"] for one in calibrated.data] == [
        dict(one.probabilities) for one in expected
    ]
    studied("export", "all.csv", "--calibrated", *arguments)
    with (studied.folder / "all.csv").open(newline="", encoding="utf-8") as file:
        exported = [float(row["probability"]) for row in csv.DictReader(file)]
    assert exported == [one["probability"] for one in calibrated.data]


def test_what_calibration_needs(labeled: Any) -> None:
    done = labeled("status", "--calibration", "-o", "trust.png")
    assert "ECE       not known yet: no audited item is labeled\n" in done.out
    assert "There is nothing to draw yet" in done.err
    labeled.fails("predict", "--pool-all", "--calibrated", saying=[f"at least {LEAST}", "got 0"])
    done = labeled("status", "--plot", "--calibration", "-o", "both.png", code=2)
    assert "--output draws a PNG" in done.err


def test_pseudo_labels_show_while_a_ceal_strategy_asks(labeled: Any) -> None:
    def answer(strategy: str) -> None:
        item = labeled("next", "--json", "--audit", "0", "--strategy", strategy).data["id"]
        labeled("tell", item, "left" if int(item) < 20 else "right")

    assert labeled("status", "--json").data["pseudo"] is None
    for _ in range(10):
        answer("ceal-ms")
    labeled("tell", labeled("rank", "--limit", "1", "--json").data[0]["id"], "left")  # not asked
    pseudo = labeled("status", "--json").data["pseudo"]
    assert pseudo["strategy"] == "ceal-ms"
    assert pseudo["threshold"] == pytest.approx(0.2 - 0.00043)
    with closing(Pool.open(labeled.folder / ".knnal")) as pool:
        state = Session(pool).state
        sure = state.unlabeled & (state.uncertainty("entropy") < pseudo["threshold"])
        assert pseudo["items"] == np.count_nonzero(sure) > 0
    lines = labeled("status").out.splitlines()
    (line,) = (line for line in lines if line.startswith("Pseudo "))
    assert line.startswith(f"Pseudo    {pseudo['items']} items below an entropy of 0.1996: ")
    assert labeled("status", "--json").data["labeled"] == 13
    answer("entropy")
    assert labeled("status", "--json").data["pseudo"] is None
    assert "Pseudo" not in labeled("status").out
