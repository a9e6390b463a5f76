"""The wheel that users install: what it holds, and that it works without the source tree."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from email import message_from_bytes
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("hatchling") is None, reason="hatchling, which builds the wheel, is not installed"
    ),
    pytest.mark.skipif(
        find_spec("pip") is None, reason="pip, which asks for the wheel, is not installed"
    ),
]


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from this source tree, with nothing fetched."""
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w", str(folder), str(ROOT))
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the wheel, and it alone, is installed into."""
    folder = tmp_path_factory.mktemp("site")
    pip("install", "--no-deps", "--no-index", "--no-compile", "--target", str(folder), str(wheel))
    return folder


def run(installed: Path, *command: str) -> str:
    done = subprocess.run(
        command,
        cwd=installed.parent,
        env={**os.environ, "PYTHONPATH": str(installed), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def members(wheel: Path) -> list[PurePosixPath]:
    with zipfile.ZipFile(wheel) as archive:
        return [PurePosixPath(name) for name in archive.namelist()]


def test_it_holds_both_packages_whole(wheel: Path) -> None:
    sources = {"knnal": ROOT / "knnal", "knnal_cli": ROOT / "cli" / "knnal_cli"}
    expected = {
        (name / file.relative_to(folder)).as_posix()
        for name, folder in ((PurePosixPath(n), f) for n, f in sources.items())
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    held = {str(path) for path in members(wheel) if not path.parts[0].endswith(".dist-info")}
    assert {"knnal/py.typed", "knnal_cli/py.typed"} <= held
    assert held == expected


def test_its_metadata(wheel: Path) -> None:
    held = members(wheel)
    (folder,) = {path.parts[0] for path in held if path.parts[0].endswith(".dist-info")}
    names = {str(path.relative_to(folder)) for path in held if path.parts[0] == folder}
    assert names == {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
    with zipfile.ZipFile(wheel) as archive:
        metadata = message_from_bytes(archive.read(f"{folder}/METADATA"))
        entry_points = archive.read(f"{folder}/entry_points.txt").decode()
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == "<3.14,>=3.11"
    assert "knnal = knnal_cli.main:app" in entry_points
    for group in (
        "console_scripts",
        "knnal.embedders",
        "knnal.strategies",
        "knnal.classifiers",
    ):
        assert f"[{group}]" in entry_points


def test_it_runs_without_the_source_tree_and_finds_its_names(installed: Path) -> None:
    program = """
import knnal, knnal_cli.main
from knnal.classifiers.base import CLASSIFIERS
from knnal.embedders.base import EMBEDDERS
from knnal.acquisition.strategies.base import STRATEGIES
print(knnal.__file__)
print(knnal_cli.main.__file__)
for registry in (CLASSIFIERS, EMBEDDERS, STRATEGIES):
    for name in registry.names():
        print(registry.load(name).__module__)
"""
    *files, modules = run(installed, sys.executable, "-c", program).split(maxsplit=2)
    assert all(Path(file).is_relative_to(installed) for file in files)
    assert len(modules.split()) >= 15
    assert {module.split(".")[0] for module in modules.split()} == {"knnal"}


def test_its_script_runs(installed: Path) -> None:
    (script,) = (installed / "bin").glob("knnal*")
    assert "(default)" in run(installed, str(script), "strategies")
