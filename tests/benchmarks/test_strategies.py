"""The benchmark of all strategies runs, goes on where it was, and says what it measured."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.engine.seeds import made_seeds
from benchmarks.peers.sizes import SIZES
from benchmarks.sets.catalog import EmbeddedSet, keep, kept_file
from benchmarks.strategies import __main__ as strategies
from benchmarks.strategies.lines import strategies_lines

NAMES = ["random", "maxherding", "cdf(smallest-margin, uncovered)"]


@pytest.mark.slow
def test_it_runs_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = made_seeds(16, 0)
    X, classes = seeds.vectors[:200], seeds.classes[:200]
    found = EmbeddedSet("fruits", X, classes, seeds.names, np.arange(200) // 2, "made")
    keep(found, kept_file("fruits", tmp_path, SIZES["small"].items))
    monkeypatch.setitem(strategies.ITEMS, "small", 300)
    some = ["--work", str(tmp_path), "--sets", "fruits", "--labels", "8", "--jobs", "1"]
    arguments = [*some, "--strategies", ",".join(NAMES)]
    assert strategies.main(arguments) == 0
    printed = capsys.readouterr()
    assert "areas" not in printed.err
    assert "1/2 fruits, seed 0" in printed.err
    result = json.loads((tmp_path / "results" / "strategies.json").read_text(encoding="utf-8"))
    of_fruits = result["sets"]["fruits"]["strategies"]
    assert list(of_fruits) == list(result["costs"]) == NAMES
    for name in NAMES:
        curves = [
            json.loads(file.read_text(encoding="utf-8"))["result"]["accuracy"]
            for file in sorted((tmp_path / "strategies" / "small" / "areas").rglob("*.json"))
            if json.loads(file.read_text(encoding="utf-8"))["settings"]["strategy"] == name
        ]
        assert np.shape(curves) == (2, 8)
        assert of_fruits[name]["area"] == pytest.approx(np.mean(curves), abs=1e-4)
        cost = result["costs"][name]
        assert cost["ratio"] == pytest.approx(cost["label"] / cost["pass"], rel=1e-3)
        assert f"| `{name}` | {cost['label']:.1f} |" in printed.out
    assert of_fruits["random"]["gain"] == [0.0, 0.0, 0.0]
    assert strategies.main(arguments) == 0
    assert capsys.readouterr().err.count("\n") == 1  # nothing was left to measure


def test_the_best_comes_first_and_what_fails_is_said() -> None:
    def of(area: float, gain: list[float] | None) -> dict[str, object]:
        return {"area": area, "areas": [area], "normalized": area, "gain": gain}

    found = {
        "costs": {},
        "labels": 9,
        "left_out": {"guided": "It needs views."},
        "sets": {
            "a": {
                "title": "A",
                "every_label": 1.0,
                "strategies": {"x": of(0.5, [0.0, -0.1, 0.1]), "y": of(0.75, [0.25, 0.1, 0.3])},
            }
        },
    }
    printed = "\n".join(strategies_lines(found))
    assert printed.index("`y`") < printed.index("`x`")
    assert "| `y` | 0.750 (+0.250*) | 0.750 |" in printed
    assert "| `x` | 0.500 (+0.000) | 0.500 |" in printed
    assert "`guided` is left out. It needs views." in printed
