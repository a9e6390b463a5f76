"""The benchmarks' commands: what they say without data, and that they run with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*arguments: str, data: str | None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "KNNAL_DATA"}
    if data is not None:
        environment["KNNAL_DATA"] = data
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "benchmark", ["benchmarks.fruits", "benchmarks.stopping", "benchmarks.simulation"]
)
def test_without_data_the_public_source_and_the_layout_are_named(
    tmp_path: Path, benchmark: str
) -> None:
    for data in (None, str(tmp_path)):
        done = run(benchmark, data=data)
        assert done.returncode == 1
        assert "sriramr/fruits-fresh-and-rotten-for-classification" in done.stderr
        assert "labels.csv" in done.stderr


@pytest.mark.slow
def test_the_stopping_benchmark_runs(tmp_path: Path) -> None:
    data = os.environ.get("KNNAL_DATA")
    if data is None:
        pytest.skip("the questions are not here: set KNNAL_DATA to the folder of data sets")
    found = tmp_path / "runs.json"
    arguments = ["--sets", "banking77", "--seeds", "1", "--labels", "60", "--pool-size", "300"]
    done = run("benchmarks.stopping", *arguments, "--json", str(found), data=data)
    assert done.returncode == 0, done.stderr
    (labeling,) = json.loads(found.read_text(encoding="utf-8"))
    assert [moment["labels"] for moment in labeling["moments"]] == list(range(5, 61, 5))
    assert list(labeling["random"]) == [str(labels) for labels in range(5, 61, 5)]
    assert "banking77: 1 runs" in done.stdout


@pytest.mark.slow
@pytest.mark.model
def test_the_fruit_benchmark_runs(tmp_path: Path) -> None:
    data = os.environ.get("KNNAL_DATA")
    if data is None:
        pytest.skip("the fruit photos are not here: set KNNAL_DATA to the folder of data sets")
    found = tmp_path / "curves.json"
    arguments = ["--seeds", "1", "--labels", "12", "--contenders", "cdf-product+knn,random+means"]
    done = run("benchmarks.fruits", *arguments, "--json", str(found), data=data)
    assert done.returncode == 0, done.stderr
    curves = json.loads(found.read_text(encoding="utf-8"))
    assert {name: len(runs[0]) for name, runs in curves.items()} == {
        "cdf-product+knn": 12,
        "random+means": 12,
    }
    assert "cdf-product+knn" in done.stdout


@pytest.mark.slow
@pytest.mark.model
def test_the_simulation_benchmark_runs() -> None:
    data = os.environ.get("KNNAL_DATA")
    if data is None:
        pytest.skip("the fruit photos are not here: set KNNAL_DATA to the folder of data sets")
    done = run("benchmarks.simulation", "--folds", "2", "--labels", "3", data=data)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("30 labels in ")
    assert "cdf-product, combined" in done.stdout
