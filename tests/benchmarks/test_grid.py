"""The benchmarks of CEAL and of the uncertainty measures: their parts, their words, and a run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import ceal, grid, multiclass, page, pairs
from benchmarks.grid import EXTENTS, Cell, Extent, Setting, difference, of_two_classes
from benchmarks.grid_tables import ceal_lines, multiclass_lines
from benchmarks.sets.catalog import DATA_SETS, EmbeddedSet, keep, kept_file
from knnal.acquisition.state import PoolState
from knnal.acquisition.strategies.published.pseudo_labels import PseudoRule, pseudo_labels
from knnal.index.pool_index import PoolIndex, QueryVectors
from knnal.index.search import NO_NEIGHBOR
from knnal.simulation.learning_curve import Experiment


def made_set() -> EmbeddedSet:
    """Clusters that overlap, one a class."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 4, 160)
    X = rng.normal(size=(4, 16))[classes] + 1.4 * rng.normal(size=(160, 16))
    X = (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)
    return EmbeddedSet("mnist", X, classes, list("abcd"), None, "made")


def setting(labels: int = 40) -> Setting:
    found = made_set()
    live = np.arange(160) < 120
    return Setting(PoolIndex.of(found.X, live), found.classes, 4, labels, seed=3)


def test_pseudo_labels_of_pool_neighbors_vote_on_held_out_items() -> None:
    of = setting()
    state = PoolState(of.geometry, classifier="knn")
    state.rebuild(np.arange(12), of.classes[:12], 4)
    pseudo = pseudo_labels(state, PseudoRule(start=0.6))
    assert 10 < len(pseudo) < 100
    judged = QueryVectors.held_out(of.geometry)
    P = state.classifier.predict(judged).astype(np.float64)
    found = ceal.beside(state, P, judged, pseudo, 0.5)
    X, supposed = of.geometry.X.astype(np.float64), pseudo.by_row(160)
    for at, row in enumerate(range(120, 160)):
        nearest = np.argsort(-X[:120] @ X[row], kind="stable")[:10]
        labels = np.sort(X[:12] @ X[row])[-5:]
        votes = P[at] * np.exp((labels - 1) / 0.07).sum()
        for other in nearest:
            if supposed[other] != NO_NEIGHBOR:
                votes[supposed[other]] += 0.5 * np.exp((X[other] @ X[row] - 1) / 0.07)
        np.testing.assert_allclose(found[at], votes / votes.sum(), atol=1e-5)
    assert np.abs(found - P).max() > 0.05


def test_a_ceal_run_is_judged_after_every_round() -> None:
    random = ceal.simulate(setting(), "AL_RAND")
    assert random == ceal.simulate(setting(), "AL_RAND")
    assert {len(curve) for curve in random.values()} == {4}
    assert random["pseudo"] == [0] * 4
    assert random["alone"] == random["beside"]
    beside = ceal.simulate(setting(), "CEAL_RAND")
    assert beside["alone"] == random["alone"]
    assert min(beside["pseudo"][1:]) > 0
    assert all(r <= n for r, n in zip(beside["right"], beside["pseudo"], strict=True))
    (every,) = ceal.simulate(setting(), ceal.EVERY_LABEL)["alone"]
    assert random["alone"][0] < every
    of = setting()
    state = PoolState(of.geometry, classifier="knn")
    state.rebuild(np.arange(120), of.classes[:120], 4)
    guesses = state.classifier.probabilities(np.arange(120, 160)).argmax(axis=1)
    assert every == np.mean(guesses == of.classes[120:])


def test_measures_ask_alike_of_two_classes() -> None:
    pair = of_two_classes(made_set())
    live = np.arange(len(pair.X)) < len(pair.X) // 2
    of = Setting(PoolIndex.of(pair.X, live), pair.classes, 2, 12, seed=0)
    runs = {name: multiclass.simulate(of, name) for name in multiclass.CONTENDERS}
    asked = {name: tuple(run["asked"]) for name, run in runs.items()}
    assert len({asked[name] for name in multiclass.MEASURES}) == 1
    assert asked["random"] not in {asked[name] for name in multiclass.MEASURES}
    support = np.bincount(pair.classes[~live])
    for run in runs.values():
        right = np.array(run["by_class"]) @ support
        np.testing.assert_allclose(run["accuracy"], right / support.sum())


def test_the_two_classes_are_those_most_alike() -> None:
    rng = np.random.default_rng(0)
    centers = np.array([[1, 0, 0], [0, 1, 0], [0, 0.9, 0.3], [0, 0, 1]], dtype=np.float32)
    classes = rng.permutation(np.repeat(np.arange(4), 10))
    X = centers[classes] + 0.05 * rng.normal(size=(40, 3)).astype(np.float32)
    found = of_two_classes(EmbeddedSet("made", X, classes, list("abcd"), None, "made"))
    assert found.names == ["b", "c"]
    np.testing.assert_array_equal(found.X, X[(classes == 1) | (classes == 2)])
    np.testing.assert_array_equal(found.classes, classes[(classes == 1) | (classes == 2)] - 1)


def test_a_difference_is_that_of_paired_means() -> None:
    better, worse = np.array([[0.5, 0.7], [0.6, 0.6]]), np.array([[0.4, 0.6], [0.5, 0.5]])
    assert difference(better, worse) == pytest.approx([0.1, 0.1, 0.1])


def test_the_verdicts_say_what_the_differences_say() -> None:
    def ceal_page(*gains: float) -> str:
        steps = [
            {"better": a, "worse": b, "difference": [gain, gain - 0.1, gain + 0.1]}
            for (a, b), gain in zip([("A", "B"), ("B", "C")], gains, strict=True)
        ]
        part = {"title": "t", "embedder": "e", "pool": 1, "held_out": 1, "every_label": 0.5}
        sets = {"s": {**part, "steps": steps, "contenders": {}}}
        return "\n".join(ceal_lines({"batch": 10, "labels": 20, "sets": sets}))

    assert "A > B > C, **holds** with a no-training kNN" in ceal_page(0.1, 0.2)
    assert "A > B > C, **does not hold**" in ceal_page(0.1, -0.2)

    def multiclass_page(ten: float, two: float) -> str:
        def part(gain: float) -> Any:
            common = {"accuracy": {"10": 0.5}, "mean": 0.5, "by_class": {"10": {"c": 0.5}}}
            contenders = {
                "smallest-margin": {**common, "gain": [gain, gain, gain]},
                "random": {**common, "gain": None},
            }
            return {
                "title": "t", "embedder": "e", "pool": 1, "held_out": 1, "classes": ["c"],
                "same_questions": False, "contenders": contenders,
            }  # fmt: skip

        sets = {"s": part(ten), "s-of-two": part(two)}
        return "\n".join(multiclass_lines({"labels": 10, "sets": sets}))

    assert multiclass_page(0.2, 0.1).count("**holds**") == 2
    assert "ten classes against two, **does not hold**" in multiclass_page(0.1, 0.2)
    assert "random labels **does not hold**" in multiclass_page(0.1, -0.2)


@pytest.mark.parametrize("module", [ceal, multiclass])
def test_a_command_runs_and_resumes(
    module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run_here(work: Any, tasks: Any, jobs: int) -> None:
        done.append([work(task) for task in tasks])

    def draw(file: Path, runs: Any, title: str) -> None:
        drawn[file.name] = {label: np.shape(curve) for label, curve in runs.items()}

    done: list[Any] = []
    drawn: dict[str, Any] = {}
    monkeypatch.setattr(module, "plot_curves", draw)
    monkeypatch.setattr(grid, "run_all", run_here)  # processes of their own are slow to start
    monkeypatch.setattr(module, "SETS", ("mnist",))
    monkeypatch.setitem(EXTENTS, "small", Extent(1500, 120, 40, 20, 1))
    keep(made_set(), kept_file("mnist", tmp_path, EXTENTS["small"].items))
    name = module.__name__.rpartition(".")[2]
    given = ["--work", str(tmp_path)]
    assert module.main(given) == 0
    assert [len(first) for first in done] == [1 if module is ceal else 2]
    assert "no-training kNN" in capsys.readouterr().out
    found = json.loads((tmp_path / "results" / f"{name}.json").read_text(encoding="utf-8"))
    part = found["sets"]["mnist"]
    assert (part["pool"], part["held_out"]) == (120, 40)
    cell = Cell(name, "mnist", False, 0, tuple(part["contenders"]), EXTENTS["small"], tmp_path)
    for contender, of in part["contenders"].items():
        (stored,) = grid.results([cell], contender)
        curve = stored["accuracy"] if name == "multiclass" else stored["alone"]
        assert of["mean" if name == "multiclass" else "alone"] == round(float(np.mean(curve)), 4)
    assert all(shape == (1, 20) for curves in drawn.values() for shape in curves.values())
    pictures = re.findall(r"results/(\S+\.png)", page.section(name, "t", found))
    assert sorted(pictures) == sorted(drawn)
    assert module.main(given) == 0
    assert done[1] == []
    again = json.loads((tmp_path / "results" / f"{name}.json").read_text(encoding="utf-8"))
    assert again["sets"] == found["sets"]


def test_pairs_are_compared_with_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    some = (pairs.DEFAULT, "article+knn", "product+graph")
    monkeypatch.setattr(pairs, "PAIRS", some)
    monkeypatch.setattr(pairs, "DATA_SETS", {"mnist": DATA_SETS["mnist"]})
    monkeypatch.setattr(pairs, "EXTENTS", {"small": Extent(1500, 120, 40, 12, 2)})
    monkeypatch.setattr(grid, "run_all", lambda work, tasks, jobs: [work(task) for task in tasks])
    keep(made_set(), kept_file("mnist", tmp_path, 1500))
    assert pairs.main(["--work", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    found = json.loads((tmp_path / "results" / "pairs.json").read_text(encoding="utf-8"))
    of = [grid.setting_of(cell) for cell in cells_of(tmp_path, some)]
    top = np.mean([grid.with_every_label(setting, "combined") for setting in of])
    areas = {}
    for name in some:
        strategy, _, classifier = name.partition("+")
        areas[name] = [curve_of(setting, strategy, classifier).mean() for setting in of]
        told = found["pairs"][name]
        assert told["area"]["mnist"] == pytest.approx(np.mean(areas[name]), abs=1e-4)
        assert told["normalized"] == pytest.approx(np.mean(areas[name]) / top, abs=1e-4)
        assert f"`{name}`" in printed
    gain = np.mean(np.subtract(areas["article+knn"], areas[pairs.DEFAULT])) / top
    assert found["pairs"]["article+knn"]["gain"][0] == pytest.approx(gain, abs=1e-4)
    assert found["pairs"][pairs.DEFAULT]["gain"] is None
    best = max(some, key=lambda name: np.mean(areas[name]))
    assert f"The best is `{best}`" in printed


def cells_of(folder: Path, contenders: tuple[str, ...]) -> list[Cell]:
    extent = pairs.EXTENTS["small"]
    return [Cell("pairs", "mnist", False, seed, contenders, extent, folder) for seed in (0, 1)]


def curve_of(of: Setting, strategy: str, classifier: str) -> Any:
    live = of.geometry.live
    names = [str(c) for c in of.classes]
    split = Experiment(
        of.geometry.X[live], [n for n, there in zip(names, live, strict=True) if there],
        of.geometry.X[~live], [n for n, there in zip(names, live, strict=True) if not there],
    )  # fmt: skip
    return split.run(strategy, of.labels, seed=of.seed, classifier=classifier).accuracy
