"""``python -m benchmarks.engine``: it runs, and its arithmetic and its checks are sound."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.engine import peers
from benchmarks.engine.__main__ import main
from benchmarks.engine.bars import Bar, exponents
from benchmarks.engine.check import Checker
from benchmarks.engine.contenders import KNNAL
from benchmarks.engine.loop import LoopFigures, Step, Window
from benchmarks.engine.pools import BenchmarkPool, make_pool, mixed, pool_of
from benchmarks.engine.process import Memory, MemoryPeak
from benchmarks.engine.seeds import made_seeds
from benchmarks.engine.stages import REST, Stages
from knnal.project import Project

from ..patience import PATIENCE_S

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "KNNAL_DATA"}
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.engine", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def steps(seconds: list[float], first: int = 0, new: int = 0) -> list[Step]:
    """Steps of so many seconds; the ``new`` first ones bring a class."""
    return [Step(first + n, s, {REST: s}, n < new, prepared_s=1.0) for n, s in enumerate(seconds)]


def window(p50: float, baseline: float = 1.0) -> Window:
    return Window(100, 109, steps([p50] * 10), [baseline] * 5, [])


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> BenchmarkPool:
    pool = pool_of(tmp_path_factory.mktemp("work"), "made", 400, 16, 0)
    make_pool(pool, made_seeds(16, 0), 400, 16, 0)
    return pool


@pytest.mark.slow
def test_a_small_run_prints_every_table_and_writes_the_figures(tmp_path: Path) -> None:
    picture, found = tmp_path / "engine.png", tmp_path / "engine.json"
    sizes = ["--sizes", "600,1200", "--dims", "32", "--labels", "10,50", "--steps", "3"]
    less = ["--opening-labels", "100", "--check-items", "600", "--operations", "40"]
    files = ["--work", str(tmp_path / "work"), "--out", str(picture), "--json", str(found)]
    done = run("--seeds", "made", *sizes, *less, "--skip-peers", *files)
    assert done.returncode == 0, done.stderr
    for title in ("next question", "by stage", "peak memory", "Growth", "reference", "Bars"):
        assert title in done.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
    figures = json.loads(found.read_text(encoding="utf-8"))
    assert [loop["items"] for loop in figures["loops"]] == [600, 1200]
    for loop in figures["loops"]:
        assert [len(w["steps"]) for w in loop["windows"]] == [3, 3]
        assert [len(w["anticipated"]) for w in loop["windows"]] == [3, 3]
        assert all(len(w["baselines_s"]) >= 3 for w in loop["windows"])
    assert figures["check"]["disagreements"] == {}
    assert sum(figures["check"]["operations"].values()) == 40
    assert len(figures["bars"]) == 10


@pytest.mark.slow
def test_other_libraries_that_are_missing_are_named_with_their_extra(
    pool: BenchmarkPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Processes of their own are for their memory, which is not looked at here.
    monkeypatch.setattr(peers, "in_a_process", lambda work, *arguments: work(*arguments))
    figures = {f.name: f for f in peers.measure_peers(pool, queries=2, budget_s=20.0, seed=0)}
    for name in (KNNAL, "numpy + scikit-learn by hand"):
        assert figures[name].failure is None
        assert len(figures[name].seconds) == 2
    for module, name in (("modAL", "modAL, margin"), ("skactiveml", "scikit-activeml, CoreSet")):
        if find_spec(module) is None:
            assert "pip install 'knnal[bench]'" in (figures[name].failure or "")


def test_without_data_the_public_source_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KNNAL_DATA", raising=False)
    with pytest.raises(SystemExit, match="sriramr/fruits-fresh-and-rotten-for-classification"):
        main(["--work", str(tmp_path), "--sizes", "20000"])


def test_a_pool_is_the_beginning_of_a_larger_one_and_follows_the_recipe() -> None:
    seeds = made_seeds(16, 0)
    small, large = ([part[0] for part in mixed(seeds, n, 3)] for n in (50, 10_100))
    X, classes = next(mixed(seeds, 50, 3))
    assert np.array_equal(small[0], large[0][:50])
    assert [len(part) for part in large] == [10_000, 100]
    assert np.allclose(np.linalg.norm(X, axis=1), 1.0, atol=1e-6)
    # The seed that a row is mostly of, at least half, is as a rule the one nearest to it.
    nearest = seeds.classes[(X @ seeds.vectors.T).argmax(axis=1)]
    assert (nearest == classes).mean() > 0.9
    assert not np.array_equal(next(mixed(seeds, 50, 4))[0], X)


def test_a_made_pool_is_one_of_knnal_with_a_log_for_each_use(pool: BenchmarkPool) -> None:
    assert (pool.made.items, pool.made.dimension, pool.made.recall) == (400, 16, 1.0)
    assert len(pool.truth()) == 400
    for _ in range(2):
        with pool.copied() as folder:
            project = Project.open(folder)
            assert project.status().labeled == 0
            question = project.session().ask()
            assert question is not None
            project.session().tell(question.item, "any")
            project.close()
        assert not folder.exists()


def test_figures_of_a_window() -> None:
    late = Window(
        100, 104, steps([0.2, 0.4, 0.6]), [0.1, 0.2, 0.9], steps([9.0, 0.001, 0.003], new=1)
    )
    assert late.baseline_s == pytest.approx(0.2)
    assert late.ratio(50) == pytest.approx(2.0)
    assert late.perceived_s(50) == pytest.approx(0.002)  # without what nobody could anticipate
    assert late.prepared_s() == 1.0


def test_the_exponent_is_that_of_the_power_law() -> None:
    none = Memory(None, None)
    loops = [
        LoopFigures(n, 8, window(1.0), [window(n**1.1 / 1e6)], True, none)
        for n in (1000, 3000, 10_000)
    ]
    assert exponents(loops) == {(8, 100): pytest.approx(1.1)}
    assert exponents(loops[:1]) == {}


def test_a_bar_holds_up_to_its_limit() -> None:
    assert Bar("", 5.0, 5.0).held
    assert not Bar("", 5.0, 5.1).held
    assert Bar("", 0.95, 0.95, at_least=True).held
    assert not Bar("", 0.95, 0.94, at_least=True).held
    assert not Bar("", 5.0, None).held
    assert not Bar("", 5.0, float("nan")).held


def test_a_stage_counts_its_own_time_only(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("benchmarks.engine.stages.perf_counter", lambda: now)

    class Work:
        def outer(self) -> None:
            nonlocal now
            now += 2.0
            self.inner()
            now += 1.0

        def inner(self) -> None:
            nonlocal now
            now += 5.0

    watched = ((Work, "outer", "outside"), (Work, "inner", "inside"))
    monkeypatch.setattr("benchmarks.engine.stages.WATCHED", watched)
    monkeypatch.setattr("benchmarks.engine.stages.STAGES", ("outside", "inside", REST))
    stages = Stages()
    Work().outer()
    assert stages.taken(9.0) == {"outside": 3.0, "inside": 5.0, REST: 1.0}
    assert stages.taken(1.0)[REST] == 1.0


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks are read from /proc")
def test_a_peak_that_is_over_is_remembered() -> None:
    size = 200_000_000
    with MemoryPeak() as peak:
        held = np.ones(size, dtype=np.uint8)
        deadline = time.monotonic() + PATIENCE_S
        while (peak.memory.anonymous or 0) < size and time.monotonic() < deadline:
            time.sleep(0.01)
        del held
    assert peak.memory.anonymous is not None
    assert peak.memory.anonymous > size


@pytest.mark.parametrize("damage", ["none", "neighbors", "uncovered", "uncertainty"])
def test_the_check_finds_what_is_wrong(pool: BenchmarkPool, damage: str) -> None:
    with pool.copied() as folder:
        project = Project.open(folder)
        checker = Checker(project, pool.truth(), seed=0)
        for _ in range(30):
            checker.operate()
        state: Any = checker._session.state
        if damage == "neighbors":
            state.labeling.neighbors.similarities[7, 0] -= 0.01
        elif damage == "uncovered":
            state.uncovered()[:] = 1.0 - state.uncovered()
        elif damage == "uncertainty":
            state.uncertainty("smallest-margin")[::2] *= 0.5
        checker.compare_state()
        checker.compare_pick()
        project.close()
    found = {name for name, count in checker.found.items() if count}
    expected = {
        "none": set(),
        "neighbors": {"rebuilt similarities", "brute-force similarities"},
        "uncovered": {"rebuilt uncovered share", "uncovered share"},
        "uncertainty": {"rebuilt uncertainty", "margin"},
    }
    assert expected[damage] <= found
    assert found or damage == "none"
    assert not (found and damage == "none")
