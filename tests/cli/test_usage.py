"""What all commands share: streams, exit codes, wrong usage, completion."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import knnal as library
from knnal_cli.main import app
from knnal_cli.options import ADVANCED
from knnal_cli.remedies import in_commands

from ..patience import PATIENCE_S

COMMANDS = (
    *("embed", "label", "next", "rank", "strategies", "tell", "relabel", "skip", "undo"),
    *("status", "predict", "import", "export", "simulate", "demo", "models"),
)


def test_every_command_has_help(knnal: Any) -> None:
    done = knnal.process("--help")
    assert done.err == ""
    for name in COMMANDS:
        assert name in done.out
    assert knnal("-h").out == done.out


@pytest.mark.parametrize("command", ["embed", "next", "models fetch"])
def test_the_help_of_a_command_says_what_it_does(knnal: Any, command: str) -> None:
    done = knnal(*command.split(), "--help")
    assert f"Usage: knnal {command}" in done.out
    assert done.err == ""


@pytest.mark.parametrize(
    ("arguments", "saying"),
    [
        (["next", "--k", "0"], ["--k", "greater than or equal to 1"]),
        (["next", "-n", "0"], ["--limit", "greater than or equal to 1"]),
        (["next", "-n", "2", "--schedule", "doubling"], ["--limit and --schedule exclude"]),
        (["next", "--audit", "1.5"], ["--audit", "0.9"]),
        (["next", "--seed", "-1"], ["--seed"]),
        (["embed"], ["Missing argument", "source"]),
        (["frobnicate"], ["frobnicate"]),
        (["status", "--frobnicate"], ["--frobnicate"]),
        (["status", "-o", "curve.png"], ["--output draws a PNG of --plot", "curve.png"]),
        (["status", "--plot", "-o", "curve.svg"], ["--output draws a PNG", "curve.svg"]),
        (["status", "--plot", "--json"], ["needs --output"]),
        (["simulate", "--split", "even"], ["stratified", "random"]),
        (["status", "--target", "95"], ["--target", "less than or equal to 1"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage(knnal: Any, arguments: list[str], saying: list[str]) -> None:
    done = knnal(*arguments, code=2)
    assert done.out == ""
    for phrase in saying:
        assert phrase in done.err


@pytest.mark.parametrize(
    ("arguments", "saying"),
    [
        (["next", "--strategy", "entropi"], ["no strategy named", "mean 'entropy'", "random"]),
        (["next", "--classifier", "svm"], ["no classifier named 'svm'", "combined, graph, knn"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_unknown_names(vectors: Any, arguments: list[str], saying: list[str]) -> None:
    vectors.fails(*arguments, saying=saying)


def test_no_terminal_to_label_in(vectors: Any) -> None:
    saying = ["needs a terminal", "knnal next --json", "knnal tell ID LABEL"]
    vectors.fails("label", saying=saying)


def options() -> Iterator[tuple[str, Any]]:
    """Every option with the name of its command, groups and their callbacks included."""
    waiting = [("knnal", get_command(app))]
    while waiting:
        name, command = waiting.pop()
        yield from ((name, one) for one in command.params if one.param_type_name == "option")
        waiting += [(f"{name} {n}", c) for n, c in getattr(command, "commands", {}).items()]


def test_few_options_come_first_and_the_rest_are_advanced() -> None:
    first: dict[str, list[str]] = {}
    for command, option in options():
        panel = option.rich_help_panel
        assert panel in (None, ADVANCED)
        if panel is None and not option.hidden:
            first.setdefault(command, []).append(option.name)
    assert {name: found for name, found in first.items() if len(found) > 6} == {}


def test_one_name_for_one_thing() -> None:
    spellings: dict[str, set[tuple[str, ...]]] = {}
    shorts: dict[str, set[str]] = {}
    types: dict[str, set[tuple[bool, bool]]] = {}
    for _, option in options():
        (long,) = [name for name in option.opts if name.startswith("--")]
        spellings.setdefault(long, set()).add(tuple(sorted(option.opts)))
        types.setdefault(long, set()).add((option.is_flag, option.multiple))
        for short in set(option.opts) - {long}:
            shorts.setdefault(short, set()).add(long)
    assert {name: found for name, found in spellings.items() if len(found) > 1} == {}
    assert {name: found for name, found in types.items() if len(found) > 1} == {}
    assert {name: found for name, found in shorts.items() if len(found) > 1} == {}
    assert shorts["-n"] == {"--limit"}
    assert shorts["-o"] == {"--output"}


def test_every_option_has_a_help_of_one_or_two_lines() -> None:
    for command, option in options():
        assert option.help, f"{command} {option.name}"
        assert option.help.endswith("."), f"{command} {option.name}"
        assert len(option.help) <= 170, f"{command} {option.name}"


def test_the_library_names_arguments_and_the_command_line_flags() -> None:
    message = "Embed them with `views=8`, name `text_column`, or `no_such=1`; not `truth`."
    flags = "Embed them with --views 8, name --text-column, or no_such 1; not --truth."
    assert in_commands(message) == flags
    naming = re.compile(r"""["'( ]--[a-z]|'knnal [a-z]""")
    found = [
        f"{file}: {line.strip()}"
        for file in Path(library.__file__).parent.rglob("*.py")
        for line in file.read_text(encoding="utf-8").splitlines()
        if file.name != "assets.py" and file.parent.name != "pages"  # which has CSS variables
        if "pip" not in line and naming.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script(knnal: Any, shell: str) -> None:
    done = knnal(_KNNAL_COMPLETE=f"source_{shell}")
    assert f"_KNNAL_COMPLETE=complete_{shell}" in done.out
    assert done.err == ""


def test_completion_of_a_command(knnal: Any) -> None:
    words = {"_KNNAL_COMPLETE": "complete_bash", "COMP_WORDS": "knnal rel", "COMP_CWORD": "1"}
    assert knnal(**words).out.split() == ["relabel"]


@pytest.mark.skipif(os.name == "nt", reason="pipes end otherwise on Windows")
def test_a_reader_that_leaves_early_is_no_error(vectors: Any) -> None:
    running = subprocess.Popen(
        [vectors.script, "rank"],
        cwd=vectors.folder,
        env=vectors.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert running.stdout is not None
    assert running.stderr is not None
    running.stdout.close()
    with running.stderr:
        assert running.stderr.read() == b""
    running.wait(timeout=PATIENCE_S)
