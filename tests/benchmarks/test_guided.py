"""The benchmark of guided labeling: its figures, its pictures, and that it runs."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks import page
from benchmarks.guided import __main__ as command
from benchmarks.guided import runs
from benchmarks.guided.lines import verdict
from benchmarks.guided.pictures import contact_sheet, plot_classes
from benchmarks.guided.runs import CONTENDERS, EXTENTS, Extent, Task

TINY = Extent(items=24, views=2, held_out=6, first=4, last=16, seeds=2)


def finished(work: Path, gain: float) -> list[Task]:
    """Runs of made figures: guided labels are so much better than random ones at every size."""
    tasks = [
        Task("mnist", seed, contender, TINY, work) for seed in range(2) for contender in CONTENDERS
    ]
    for task in tasks:
        better = gain if task.contender.strategy != runs.RANDOM else 0.0
        accuracy = [0.2 + 0.1 * at + better + 0.01 * task.seed for at in range(3)]
        result = {
            "accuracy": accuracy,
            "classes": [[1, 3], [2, 6], [8, 8]],
            "asked": list(range(16)),
        }
        task.store.write(task.key, task.settings, result)
    return tasks


def test_batches_double() -> None:
    assert TINY.sizes == [4, 8, 16]
    assert EXTENTS["full"].sizes == [160, 320, 640, 1280, 2560, 5120]
    for extent in EXTENTS.values():
        assert extent.last <= extent.items - extent.held_out


def test_runs_are_summed_up(tmp_path: Path) -> None:
    found = runs.summary(finished(tmp_path, 0.15))
    guided = found["guided, class weights"]
    assert guided["accuracy"] == pytest.approx([0.355, 0.455, 0.555])
    assert guided["gain"] == pytest.approx([0.15, 0.15, 0.15])
    assert (guided["rarest"], guided["commonest"]) == ([0.25, 0.25, 0.5], [0.75, 0.75, 0.5])
    assert guided["enough"] == 8, "random labels reach .405 with 16"
    assert found["random"]["gain"] is None
    assert found["random"]["enough"] == 16


@pytest.mark.parametrize(
    ("gain", "phrase"), [(0.1, "holds (+0.100"), (-0.1, "does not hold"), (0.0, "is undecided")]
)
def test_a_line_says_whether_the_ordering_holds(tmp_path: Path, gain: float, phrase: str) -> None:
    part = {"title": "MNIST", "contenders": runs.summary(finished(tmp_path, gain))}
    assert f"on MNIST it {phrase}" in verdict({"sets": {"mnist": part}})


def test_results_of_other_settings_do_not_count(tmp_path: Path) -> None:
    (task, *_) = finished(tmp_path, 0.1)
    assert task.result is not None
    assert dataclasses.replace(task, extent=EXTENTS["small"]).result is None


def test_pictures_show_what_they_are_given(tmp_path: Path) -> None:
    pictures = []
    for i in range(12):
        file = tmp_path / f"{i}.png"
        Image.new("RGB", (5, 5), (20 * i, 0, 0)).save(file)
        pictures.append((file, f"{i}"))
    contact_sheet(tmp_path / "sheet.png", {"most": pictures, "least": pictures[:1]})
    with Image.open(tmp_path / "sheet.png") as sheet:
        reds = {color for _, color in sheet.getcolors(1 << 16) if color[1] == color[2] == 0}
    assert reds >= {(20 * i, 0, 0) for i in range(12)}
    found = {"guided": runs.summary(finished(tmp_path, 0.1))["guided"]}
    plot_classes(tmp_path / "classes.png", ["a", "b"], TINY.sizes, found, "classes")
    with Image.open(tmp_path / "classes.png") as plot:
        colors = {color for _, color in plot.convert("RGB").getcolors(1 << 24)}
    assert {(0, 0x72, 0xB2), (0xD5, 0x5E, 0)} <= colors


@pytest.mark.model
@pytest.mark.slow
def test_it_embeds_labels_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from knnal.embedders.base import create_embedder
    from knnal.errors import ModelUnavailableError
    from knnal.types import LogNarrator

    try:
        create_embedder("mobilenet-v2").load(LogNarrator())
    except ModelUnavailableError as error:
        pytest.skip(str(error))
    (tmp_path / "mnist").mkdir()
    rng = np.random.default_rng(0)
    classes = np.arange(30, dtype=np.uint8) % 3
    pictures = (80 * classes[:, None, None] + rng.integers(0, 60, (30, 28, 28))).astype(np.uint8)
    np.savez(tmp_path / "mnist" / "mnist.npz", x_train=pictures, y_train=classes)
    monkeypatch.setitem(EXTENTS, "small", TINY)
    monkeypatch.delitem(command.viewed.VIEWED_SETS, "cifar10")
    done: list[str] = []
    # In this process: starting another takes longer than the work.
    monkeypatch.setattr(runs, "run_all", lambda work, tasks, jobs: done.extend(map(work, tasks)))
    given = ["--data", str(tmp_path), "--work", str(tmp_path / "work"), "--seeds", "1"]
    assert command.main(given) == 0
    first = json.loads((tmp_path / "work" / "results" / "guided.json").read_text())
    part = first["sets"]["mnist"]
    assert (part["items"], part["views"]) == (24, "2 an item (rotate, scale, shear, elastic)")
    assert set(part["contenders"]) == {str(contender) for contender in CONTENDERS}
    for one in part["contenders"].values():
        assert np.sum(one["classes"], axis=1).tolist() == pytest.approx([4, 8, 16], abs=0.2)
    assert (tmp_path / "work" / "results" / "guided-mnist-confusing.png").exists()
    assert "on MNIST it " in capsys.readouterr().out
    assert len(done) == 5
    assert command.main(given) == 0
    again = json.loads((tmp_path / "work" / "results" / "guided.json").read_text())
    assert again["sets"] == first["sets"]
    assert len(done) == 5


def test_its_section_is_on_the_page(tmp_path: Path) -> None:
    part: dict[str, Any] = {
        "title": "MNIST", "items": 24, "held_out": 6, "embedder": "e", "views": "2 views",
        "shown": 20, "shown_at": 8, "contenders": runs.summary(finished(tmp_path, 0.1)),
    }  # fmt: skip
    about = {
        "machine": {"processor": "p", "cores": 2, "memory": None, "python": "3.11"},
        "seeds": [0, 1], "versions": {}, "command": "c", "date": "d", "size": "s",
        "wall_seconds": 1.0,
    }  # fmt: skip
    found = {"about": about, "sizes": TINY.sizes, "sets": {"mnist": part}}
    (tmp_path / "guided.json").write_text(json.dumps(found), encoding="utf-8")
    text = page.page(tmp_path)
    assert "## Guided labeling" in text
    assert (
        "| guided, class weights | 0.305 | 0.405 | 0.505 | +0.100 (+0.100 to +0.100) | 8 |" in text
    )
    assert "| random | 25% to 75% | 25% to 75% | 50% to 50% |" in text
