"""Standard streams: any text on any code page, readers that leave, disks that are full."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ..patience import PATIENCE_S

CODE_PAGE = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "cp1252"}
"""As on Windows, where output is redirected."""

IDS = ("日本", "e😀", "plain")


@pytest.fixture
def named(knnal: Any) -> Any:
    rows = [("日本", "とても良い"), ("e😀", "nice 😀 day"), ("plain", "plain words here")]
    table = "id,text\n" + "".join(f"{item},{text}\n" for item, text in rows)
    (knnal.folder / "t.csv").write_text(table, encoding="utf-8")
    knnal("embed", "t.csv", "--id-column", "id")
    knnal("tell", "日本", "良い")
    return knnal


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_output_is_utf8_on_every_code_page(named: Any, encoding: str) -> None:
    environment = {**CODE_PAGE, "PYTHONIOENCODING": encoding}
    ids = [
        line.split("\t")[0]
        for line in named("predict", "--pool-all", **environment).out.splitlines()
    ]
    assert ids == list(IDS)
    assert "良い" in named("status", **environment).out
    assert named("next", "--json", **environment).data["id"] in IDS
    assert "日本" in named("undo", **environment).out
    assert "'無い'" in named("tell", "無い", "a", code=1, **environment).err


def test_a_process_writes_utf8_on_every_code_page(named: Any) -> None:
    done = named.process("predict", "--pool-all", "--json", **CODE_PAGE)
    assert [record["id"] for record in done.data] == list(IDS)
    assert "'無い'" in named.process("tell", "無い", "a", code=1, **CODE_PAGE).err


def test_input_is_utf8_on_every_code_page(named: Any, log: Any) -> None:
    line = json.dumps({"id": "e😀", "label": "素敵"}, ensure_ascii=False)
    named("tell", stdin="\ufeff" + line, **CODE_PAGE)
    assert [event["label"] for event in log(named.folder)] == ["良い", "素敵"]
    latin = '{"id": "plain", "label": "Über"}'.encode("cp1252")
    done = named("tell", code=1, stdin=latin, **CODE_PAGE)
    assert "Line 1 must be" in done.err
    assert len(log(named.folder)) == 2


posix = pytest.mark.skipif(os.name == "nt", reason="pipes and devices are others on Windows")


def run(knnal: Any, *arguments: str, **streams: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [knnal.script, *arguments],
        cwd=knnal.folder,
        env=knnal.environment,
        timeout=PATIENCE_S,
        check=False,
        **streams,
    )


@posix
@pytest.mark.parametrize(
    "arguments", [["rank"], ["rank", "--json"], ["tell", "3", "a"], ["--help"]]
)
def test_a_reader_that_left_changes_nothing_of_what_a_command_does(
    vectors: Any, log: Any, arguments: list[str]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = run(vectors, *arguments, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert done.returncode == 0
    assert done.stderr in (b"", b"New class 'a'.\n")
    assert len(log(vectors.folder)) == (arguments[0] == "tell")


@posix
def test_nobody_reads_the_errors(vectors: Any) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = run(vectors, "tell", "nobody", "a", stdout=subprocess.PIPE, stderr=writing)
    os.close(writing)
    assert (done.returncode, done.stdout) == (1, b"")


@posix
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
@pytest.mark.parametrize("arguments", [["tell", "3", "a"], ["rank", "--json"]])
def test_output_that_cannot_be_written_is_told(
    vectors: Any, log: Any, arguments: list[str]
) -> None:
    with Path("/dev/full").open("wb") as full:
        done = run(vectors, *arguments, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert (
        b"Error: Cannot write the output: No space left on device. What the command" in done.stderr
    )
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr
    assert len(log(vectors.folder)) == (arguments[0] == "tell")
