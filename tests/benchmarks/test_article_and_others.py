"""The benchmarks' commands: what they say without data, and that they run with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from benchmarks import (
    duplicates,
    fruits,
    maps,
    seek,
    sentiment140,
    serving,
    simulation,
    stopping,
    terminal,
)
from benchmarks.article import EXTENTS, accuracy_with_every_label, split_of
from benchmarks.engine.seeds import made_seeds
from benchmarks.peers import __main__ as peers
from benchmarks.sets.catalog import EmbeddedSet, keep, kept_file
from knnal.index.duplicates import DuplicateGroups
from knnal.index.parallel import thread_count, use_threads
from knnal.pool.pool import Pool
from knnal.session.session import Session

ROOT = Path(__file__).parents[2]
SMALL = EXTENTS["small"]

Command = Callable[..., str]
PoolMaker = Callable[..., Pool]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """``(module, *arguments)``: what a benchmark prints, where no data are named."""
    monkeypatch.delenv("KNNAL_DATA", raising=False)

    def run(module: ModuleType, *arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", [module.__name__, *arguments])
        module.main()
        return capsys.readouterr().out

    return run


@pytest.fixture
def one_thread() -> Iterator[None]:
    threads = thread_count()
    use_threads(1)
    yield
    use_threads(threads)


def made_set() -> EmbeddedSet:
    """Gaussian clusters in pairs of one group."""
    seeds = made_seeds(16, 0)
    X, classes = seeds.vectors[:200], seeds.classes[:200]
    return EmbeddedSet("fruits", X, classes, seeds.names, np.arange(200) // 2, "made")


def test_without_data_the_public_source_and_the_layout_are_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.fruits", "--work", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "KNNAL_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "sriramr/fruits-fresh-and-rotten-for-classification" in done.stderr
    assert "labels.csv" in done.stderr
    assert "Traceback" not in done.stderr
    for main, source in ((sentiment140.main, "help.sentiment140.com"), (peers.main, "sriramr")):
        with pytest.raises(SystemExit, match=source):
            main(["--work", str(tmp_path), "--data", str(tmp_path)])


def test_a_search_for_a_rare_class_is_counted(tmp_path: Path) -> None:
    found = made_set()
    keep(found, kept_file("fruits", tmp_path, 200))
    extent = seek.Extent(200, 120, 20, 1)
    rows, rare, example = seek.rare_pool(found.classes, extent, 0)
    pool = found.classes[rows]
    assert (len(set(rows.tolist())), np.count_nonzero(pool == rare)) == (120, extent.rare)
    assert pool[example] == rare
    task = seek.Task("fruits", 0, extent, tmp_path)
    assert task.missing() == list(seek.CONTENDERS)
    assert seek.do(task).startswith("fruits, seed 0")
    assert task.missing() == []
    curves = seek.curves_of([task])
    for shares in curves.values():
        assert shares.shape == (1, 20)
        assert (np.diff(shares, axis=1) >= 0).all()
        assert 0 <= shares.min() <= shares.max() <= 1
    X, labeled, nearest = found.X[rows], [example], []
    for _ in range(20):
        sims = (X @ X[[row for row in labeled if pool[row] == rare]].T).max(axis=1)
        sims[labeled] = -np.inf
        labeled.append(int(np.argmax(sims)))
        nearest.append(pool[labeled[-1]] == rare)
    np.testing.assert_allclose(curves["nearest"][0], np.cumsum(nearest) / (extent.rare - 1))
    assert curves["seek"][:, -1].min() == 1  # clusters as clear as these are found


def test_near_duplicates_are_counted(tmp_path: Path, command: Command) -> None:
    groups = DuplicateGroups(np.array([0, 1, 0, 2, 0, 1, 3]))
    found = duplicates.described(groups, np.array([5, 1, 5, 0, 2, 1, 0]))
    assert (found.groups, found.items, found.largest) == (2, 5, 3)
    assert found.alike == 4 / 5
    made = made_set()
    twice = EmbeddedSet(
        "fruits", np.repeat(made.X[:30], 2, axis=0), np.repeat(made.classes[:30], 2), made.names,
        None, "made",
    )  # fmt: skip
    keep(twice, kept_file("fruits", tmp_path, 60))
    out = command(duplicates, "--work", str(tmp_path), "--sets", "fruits", "--items", "60")
    assert "| fruits | 60 | 0.99 | 30 | 60 | 30 | 2 | 1.0000 |" in out


@pytest.mark.slow
def test_an_experiment_of_the_article_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(made_set(), kept_file("fruits", tmp_path, SMALL.items))
    contenders = "cdf-product+combined,article+knn,random+knn"
    some = ["--work", str(tmp_path), "--seeds", "2", "--labels", "8", "--jobs", "1"]
    assert fruits.main([*some, "--contenders", contenders]) == 0
    printed = capsys.readouterr().out
    found = json.loads((tmp_path / "results" / "fruits.json").read_text(encoding="utf-8"))
    assert list(found["protocols"]) == ["at random", "by photo group"]
    for protocol, part in found["protocols"].items():
        assert f"### Split {protocol}" in printed
        assert list(part["contenders"]) == contenders.split(",")
        curves = [
            json.loads(
                (tmp_path / "article" / "fruits" / protocol.replace(" ", "-") / str(seed))
                .joinpath("article+knn.json")
                .read_text(encoding="utf-8")
            )["result"]["accuracy"]
            for seed in (0, 1)
        ]
        assert np.shape(curves) == (2, 8)
        mean = part["contenders"]["article+knn"]["mean"]
        assert mean == pytest.approx(np.mean(curves), abs=1e-4)
        assert f"With every label of the pool, `knn` has {part['every_label']:.3f}" in printed
        picture = tmp_path / "results" / f"fruits-{protocol.replace(' ', '-')}.png"
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_accuracy_with_every_label_is_that_of_the_vote() -> None:
    found = made_set()
    labels = np.array(found.names)[found.classes].tolist()
    parts = found.X[:150], labels[:150], found.X[150:], labels[150:]
    similarity = found.X[150:] @ found.X[:150].T
    nearest = np.argsort(-similarity, axis=1)[:, :5]
    right = 0
    for row, neighbors, label in zip(similarity, nearest, labels[150:], strict=True):
        votes = dict.fromkeys(found.names, 0.0)
        for neighbor in neighbors:
            votes[labels[neighbor]] += np.exp((row[neighbor] - 1) / 0.07)
        right += max(votes, key=lambda name: votes[name]) == label
    assert accuracy_with_every_label(*parts) == pytest.approx(right / 50)


def test_the_article_holds_a_tenth_out_and_groups_stay_together() -> None:
    found = made_set()
    assert found.groups is not None
    plain = split_of(found, "at random", 0, SMALL)
    assert (len(plain.pool), len(plain.held_out)) == (180, 20)
    assert set(found.groups[plain.pool]) & set(found.groups[plain.held_out])
    honest = split_of(found, "by photo group", 0, SMALL)
    assert not set(found.groups[honest.pool]) & set(found.groups[honest.held_out])
    assert EXTENTS["full"].seeds == 16


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_the_stopping_benchmark_runs(tmp_path: Path, command: Command) -> None:
    keep(made_set(), kept_file("banking77", tmp_path, 6000))
    found = tmp_path / "runs.json"
    arguments = ["--work", str(tmp_path), "--sets", "banking77", "--seeds", "1", "--labels", "60"]
    printed = command(stopping, *arguments, "--json", str(found))
    (labeling,) = json.loads(found.read_text(encoding="utf-8"))
    assert [moment["labels"] for moment in labeling["moments"]] == list(range(5, 61, 5))
    assert list(labeling["random"]) == [str(labels) for labels in range(5, 61, 5)]
    assert "banking77: 1 runs" in printed


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_the_simulation_benchmark_runs(tmp_path: Path, command: Command) -> None:
    keep(made_set(), kept_file("fruits", tmp_path, None))
    printed = command(simulation, "--work", str(tmp_path), "--folds", "2", "--labels", "3")
    assert printed.startswith("30 labels in ")
    assert "cdf-product, combined" in printed


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the server is interrupted as on a POSIX system")
def test_the_serving_benchmark_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--items", "300", "--dims", "8", "--people", "3", "--answers", "5", "--think", "0.01"]
    assert serving.main(["--work", str(tmp_path), *small]) == 0
    printed = capsys.readouterr().out
    assert "| 3 | answer | " in printed
    assert "| 3 | all | " in printed
    assert "the log is equal to what they saw" in printed


@pytest.mark.skipif(os.name == "nt", reason="a pseudo-terminal needs a POSIX system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_the_terminal_benchmark_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = [
        "--seeds",
        "made",
        "--items",
        "200",
        "--dimension",
        "8",
        "--steps",
        "2",
        "--pause",
        "0",
        "--pictures",
    ]
    figures = tmp_path / "figures.json"
    assert terminal.main(["--work", str(tmp_path), "--json", str(figures), *small]) == 0
    assert capsys.readouterr().out.startswith("200 pictures, 120 x 40, 2 keys: first item after ")
    found = json.loads(figures.read_bytes())
    assert 0 < found["median_ms"] <= found["most_ms"] < found["first_item_ms"]


def test_the_serving_benchmark_sees_what_is_lost(tmp_path: Path, make_pool: PoolMaker) -> None:
    pool = make_pool(np.eye(4))
    session = Session(pool, annotator="ann")
    session.tell("item-1", "a")
    seen = ("label", "item-1", "a", None)
    serving.check(tmp_path / "pool", [serving.Person("ann", [seen])])
    for decisions in ([], [("label", "item-1", "b", None)], [seen, ("label", "item-2", "a", None)]):
        with pytest.raises(SystemExit):
            serving.check(tmp_path / "pool", [serving.Person("ann", decisions)])


@pytest.mark.slow
def test_the_map_benchmark_runs(tmp_path: Path, command: Command) -> None:
    keep(made_set(), kept_file("fruits", tmp_path, None))
    printed = command(maps, "--work", str(tmp_path), "--items", "500")
    lines = printed.splitlines()[1:]
    names, kept = [line[:24].strip() for line in lines], [float(line[24:40]) for line in lines]
    assert names == ["fruits, plane", "fruits, map", "500 mixed, plane", "500 mixed, map"]
    assert kept[1] > kept[0]
    assert kept[3] > kept[2]
