"""What all commands share: streams, exit codes, wrong usage, completion."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest

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
        (["next", "-n", "0"], ["-n", "greater than or equal to 1"]),
        (["next", "--audit", "1.5"], ["--audit", "0.9"]),
        (["next", "--seed", "-1"], ["--seed"]),
        (["embed"], ["Missing argument", "source"]),
        (["frobnicate"], ["frobnicate"]),
        (["status", "--frobnicate"], ["--frobnicate"]),
        (["status", "curve.png"], ["--plot FILE.png", "curve.png"]),
        (["status", "--plot", "curve.svg"], ["--plot FILE.png", "curve.svg"]),
        (["status", "--plot", "--json"], ["a file for --plot"]),
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
    saying = ["Expected a terminal", "knnal next --json", "knnal tell ID LABEL"]
    vectors.fails("label", saying=saying)


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
