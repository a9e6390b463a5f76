"""What a command loads: its own module and what it works with, and no more."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.main import get_command, get_group

from knnal_cli.loading import PlainCommand
from knnal_cli.main import _COMMANDS, app

LISTS_MODULES = """
import json, sys
from knnal_cli.main import app
try:
    app(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
print(json.dumps([name for name in sys.modules]))
"""


def loaded_by(folder: Path, *arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", LISTS_MODULES, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_table_names_what_each_module_registers() -> None:
    for module, names in _COMMANDS.items():
        own = typer.Typer()
        own.callback()(lambda: None)
        import_module(f"knnal_cli.commands.{module}").register(own)
        assert list(get_group(own).commands) == names


@pytest.mark.parametrize(
    "arguments",
    [
        ["tell", "30", "left"],
        ["skip", "31"],
        ["relabel", "0", "right"],
        ["undo", "--annotator", "ann"],
        ["unlabel", "20"],
        ["note", "2", "odd"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_decision_loads_nothing_that_predicts_or_draws(
    labeled: Any, arguments: list[str]
) -> None:
    loaded = loaded_by(labeled.folder, *arguments)
    assert "knnal.session.decisions" in loaded
    heavy = {"numba", "scipy", "sklearn", "faiss", "pyarrow", "rich", "pydantic", "PIL"}
    assert not loaded & {*heavy, "knnal.session.session", "knnal.index.pool_index"}


def test_the_next_question_loads_no_more_than_it_takes(labeled: Any) -> None:
    loaded_by(labeled.folder, "next")  # compiles what is not compiled yet, with SciPy
    loaded = loaded_by(labeled.folder, "next")
    assert "numba" in loaded
    heavy = {"scipy.linalg", "scipy.sparse", "sklearn", "faiss", "pyarrow", "matplotlib"}
    assert not loaded & {*heavy, "rich", "pydantic", "PIL", "knnal.pool.ingest"}


def typed(*given: str) -> dict[str, Any]:
    """What a command makes of what was typed."""
    found: dict[str, Any] = {}
    own = typer.Typer()

    @own.command(cls=PlainCommand)
    def command(
        text: str,
        folder: Path = Path("here"),
        share: Annotated[float, typer.Option(min=0.0, max=1.0)] = 0.5,
        count: int | None = None,
        named: Annotated[list[str] | None, typer.Option()] = None,
        deep: bool = False,
    ) -> None:
        found.update(locals())

    get_command(own)(list(given), standalone_mode=False)
    return {name: found[name] for name in ("text", "folder", "share", "count", "named", "deep")}


def test_values_are_what_typer_makes_of_them() -> None:
    assert typed("é") == {
        "text": "é", "folder": Path("here"), "share": 0.5, "count": None, "named": None,
        "deep": False,
    }  # fmt: skip
    options = ("--share", "1", "--count", "3", "--named", "a", "--named", "b", "--deep")
    assert typed("x", "--folder", "there", *options) == {
        "text": "x", "folder": Path("there"), "share": 1.0, "count": 3, "named": ["a", "b"],
        "deep": True,
    }  # fmt: skip


@pytest.mark.parametrize("given", [("x", "--share", "2"), ("x", "--count", "many"), ()])
def test_values_that_do_not_fit_are_refused(given: tuple[str, ...]) -> None:
    with pytest.raises(typer.BadParameter.__base__):  # type: ignore[arg-type]
        typed(*given)


def test_help_lists_every_command() -> None:
    names = [name for names in _COMMANDS.values() for name in names]
    assert list(get_command(app).commands) == names  # type: ignore[attr-defined]
