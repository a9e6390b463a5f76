"""Every command and every piece of Python in the README runs as printed."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from knnal.embedders.base import create_embedder
from knnal.errors import ModelUnavailableError
from knnal.types import LogNarrator

from .patience import PATIENCE_S

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
IMAGES, TEXTS = "Five minutes with images", "Five minutes with texts"
SIMULATION = "See what it would save on your data"

posix_shell = pytest.mark.skipif(os.name == "nt", reason="the tour is printed for a POSIX shell")


def blocks(language: str, heading: str = "") -> list[str]:
    """The fenced blocks of a language, below one heading or all."""
    text = README
    if heading:
        text = text.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def commands(heading: str = "") -> list[str]:
    return [line for block in blocks("sh", heading) for line in block.splitlines() if line]


class Tour:
    """A shell session: a working folder, and the variables that commands export."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "TERM": "xterm-256color"}

    def run(self, line: str) -> str:
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").partition("=")
            self.environment[name] = value
            return ""
        if line.startswith("knnal label"):
            return self._label(line)
        done = subprocess.run(
            line,
            shell=True,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _label(self, line: str) -> str:
        """Answer two questions with the first and the second class, and quit."""
        import pexpect

        program, *arguments = shlex.split(line)
        child = pexpect.spawn(
            program, arguments, cwd=str(self.folder), env=self.environment, dimensions=(24, 80)
        )
        for number, key in enumerate("12q"):
            child.expect(f"{number} labeled", timeout=PATIENCE_S)
            child.expect("help", timeout=PATIENCE_S)
            child.send(key)
        child.expect("Everything is stored", timeout=PATIENCE_S)
        child.expect(pexpect.EOF, timeout=PATIENCE_S)
        child.close()
        assert child.exitstatus == 0
        return ""


@pytest.fixture(scope="module")
def weights() -> None:
    try:
        create_embedder("mobilenet-v2").load(LogNarrator())
    except ModelUnavailableError as error:
        pytest.skip(f"MobileNet-v2 is not to be had: {error}")


def draw_photo(file: Path, rng: np.random.Generator) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((160, 120)).save(file)


@posix_shell
@pytest.mark.model
@pytest.mark.slow
@pytest.mark.usefixtures("weights")
def test_the_tour_for_images(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(6):
        draw_photo(tmp_path / "images" / "fresh" / f"{number}.jpg", rng)
        draw_photo(tmp_path / "images" / "rotten" / f"{number}.png", rng)
    draw_photo(tmp_path / "new-photo.jpg", rng)
    tour = Tour(tmp_path)
    outputs = {line: tour.run(line) for line in commands(IMAGES)}
    assert "12 unchanged" in outputs["knnal embed images"]  # the second time
    with (tmp_path / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert sum(bool(row["label"]) for row in rows) == 2
    assert "10 labels taken in" in outputs["knnal embed images --labels-from-folders"]


@posix_shell
@pytest.mark.slow
def test_the_tour_for_texts(tmp_path: Path) -> None:
    words = ["great value", "broke at once", "love it", "never again", "works well", "too loud"]
    with (tmp_path / "reviews.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["id", "review"])
        table.writerows([f"r{n}", f"{text}, number {n}"] for n, text in enumerate(words * 3))
    (tmp_path / "more-labels.csv").write_text("id,label\nr4,good\nr5,bad\n", encoding="utf-8")
    vectors = np.random.default_rng(0).normal(size=(20, 8))
    np.save(tmp_path / "vectors.npy", vectors.astype(np.float32))
    tour = Tour(tmp_path)
    for line in commands(TEXTS):
        output = tour.run(line)
        if line.startswith("knnal label"):  # may have taken an item that a later line labels
            tour.run("knnal undo --pool reviews")
            tour.run("knnal undo --pool reviews")
        if line == "knnal status --json":
            assert json.loads(output)["labels"] == {"good": 1, "bad": 0}
        if line == "knnal rank --top 5":
            assert len(output.splitlines()) == 5


@posix_shell
@pytest.mark.slow
def test_the_simulations(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.save(tmp_path / "vectors.npy", rng.normal(size=(24, 4)).astype(np.float32))
    with (tmp_path / "verdicts.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["id", "label"])
        table.writerows([i, "good" if rng.random() < 0.5 else "bad"] for i in range(24))
    tour = Tour(tmp_path)
    tour.environment["KNNAL_THREADS"] = "1"  # starting more processes takes longer than the work
    tour.run("knnal embed vectors.npy --pool reviews")
    for line in commands(SIMULATION):
        assert "24 items of 2 classes" in tour.run(line)
    assert (tmp_path / "eight-folds" / "report.html").exists()


def test_the_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, object] = {}
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), namespace)  # the documentation is the test
    printed = capsys.readouterr().out.split()
    assert printed[0] in ("left", "right")
    assert float(printed[-1]) > 0.6


def test_ci_runs_every_command_that_makes_an_environment() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    installing = [line for line in commands() if line.startswith("python3 -m venv")]
    endings = re.findall(r"command_of '([^']+)'", ci)
    assert len(installing) == len(endings) == 3
    for line in installing:
        assert sum(line.endswith(ending) for ending in endings) == 1


def test_no_command_is_left_out() -> None:
    toured = {*commands(IMAGES), *commands(TEXTS), *commands(SIMULATION)}
    rest = [line for line in commands() if line not in toured]
    assert all(line.startswith("python3 -m venv") for line in rest)


def test_every_option_in_prose_exists() -> None:
    from typer.testing import CliRunner

    from knnal_cli.main import app

    runner = CliRunner()
    helped = [
        "",
        "embed",
        "label",
        "serve",
        "next",
        "models fetch",
        "export",
        "rank",
        "predict",
        "status",
        "inspect",
        "simulate",
        "review",
    ]
    help_texts = "".join(
        runner.invoke(app, [*command.split(), "--help"], terminal_width=200).output
        for command in helped
    )
    of_pools = "--audit --from --pool --neighbors --pool-all --top --plot --target --out --color"
    of_choices = "--per-group --near --seek"
    of_votes = "--k --temperature --votes --class-weights --bootstrap --beta --calibration"
    of_simulations = "--truth --truth-from-folders --groups"
    of_rounds = "--views --augment --schedule --batch-size"
    of_reviews = "--mode --limit --oracle --apply --calibrated"
    of_serving = "--overlap --allow-remote"
    parts = (of_pools, of_choices, of_votes, of_simulations, of_rounds, of_reviews, of_serving)
    for option in " ".join(parts).split():
        assert option in README
        assert option in help_texts
