"""The benchmark of the classifiers: it runs, and its figures are those of what was measured."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression

from benchmarks import classifiers
from benchmarks.classifiers import EXTENTS, Task, do, measure
from benchmarks.engine.seeds import made_seeds
from benchmarks.sets.catalog import EmbeddedSet, keep, kept_file
from knnal.acquisition.state import PoolState
from knnal.index.pool_index import PoolIndex, QueryVectors


def made_set() -> EmbeddedSet:
    seeds = made_seeds(16, 0)
    X, classes = seeds.vectors[:400], seeds.classes[:400]
    return EmbeddedSet("mnist", X, classes, seeds.names, None, "made")


def test_what_is_measured_of_a_classifier() -> None:
    found = made_set()
    geometry = PoolIndex.of(found.X[:300])
    state = PoolState(geometry, classifier="means")
    state.rebuild(np.arange(60), found.classes[:60], len(found.names))
    outsiders, truth = QueryVectors(geometry, found.X[300:]), found.classes[300:]
    measured = measure(state, outsiders, truth)
    P = state.classifier.predict(outsiders)
    right = P.argmax(axis=1) == truth
    assert measured["accuracy"] == np.mean(right)
    accuracy, confidence = calibration_curve(right, P.max(axis=1), n_bins=10, pos_label=True)
    edges = np.linspace(0, 1, 11)
    counts = np.histogram(P.max(axis=1), edges)[0]
    gaps = np.abs(accuracy - confidence) * counts[counts > 0]
    assert measured["error"] == pytest.approx(gaps.sum() / 100)
    # Two classes' log-odds times 1 / T is a logistic regression without penalty or intercept.
    state.rebuild(np.arange(60), found.classes[:60] % 2, 2)
    two = measure(state, outsiders, truth % 2)
    left_out = np.log(state.classifier.probabilities(np.arange(60)).astype(float) + 1e-3)
    odds = (left_out[:, 1] - left_out[:, 0])[:, None]
    fit = LogisticRegression(C=np.inf, fit_intercept=False).fit(odds, found.classes[:60] % 2)
    expected = np.clip(1 / fit.coef_[0, 0], 0.1, 10)
    assert two["temperature"] == pytest.approx(expected, rel=1e-2)
    state.rebuild(np.arange(10), found.classes[:10], len(found.names))
    assert measure(state, outsiders, truth)["temperature"] is None


@pytest.mark.slow
def test_it_sums_up_what_is_stored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    extent = EXTENTS["small"]
    keep(made_set(), kept_file("mnist", tmp_path, extent.items))
    tasks = [Task("mnist", seed, extent, tmp_path) for seed in (0, 1)]
    for task in tasks:
        assert do(task).startswith(f"mnist, seed {task.seed}: ")
    assert classifiers.main(["--work", str(tmp_path), "--sets", "mnist", "--seeds", "2"]) == 0
    printed = capsys.readouterr()
    assert "mnist, seed" not in printed.err  # nothing was measured again
    found = json.loads((tmp_path / "results" / "classifiers.json").read_text(encoding="utf-8"))
    part = found["sets"]["mnist"]
    assert (part["pool"], part["held_out"]) == (300, 100)
    runs = [stored["measured"] for task in tasks if (stored := task.stored()) is not None]
    reference = [run["combined"]["100"]["accuracy"] for run in runs]
    for name in classifiers.CLASSIFIERS:
        assert list(part["classifiers"][name]) == ["10", "30", "100", "300"]
        of = part["classifiers"][name]["100"]
        accuracy = [run[name]["100"]["accuracy"] for run in runs]
        assert of["accuracy"] == pytest.approx(np.mean(accuracy), abs=1e-4)
        gain = np.mean(np.subtract(accuracy, reference))
        assert of["gain"][0] == pytest.approx(gain, abs=1e-4)
        assert f"| `{name}` | {part['classifiers'][name]['10']['accuracy']:.3f} | " in printed.out
