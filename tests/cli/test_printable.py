"""Whatever items, classes and people are called, it moves no cursor: no command prints controls."""

from __future__ import annotations

import ast
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import knnal_cli
from knnal.pool.labels.ledger import EventKind
from knnal.pool.pool import Pool

CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
HOSTILE = st.text(
    st.sampled_from("\x1b\x07\x00\x08\r\n\t\x7f\x9b\x9d\u202e[]0;2Jmé-'\" a"),
    min_size=1,
    max_size=8,
).filter(lambda text: bool(text.strip()))

COMMANDS: tuple[tuple[str, ...], ...] = (
    ("status",), ("status", "--json"), ("next",), ("next", "--json"), ("next", "-n", "2"),
    ("rank",), ("predict", "--pool-all"), ("predict", "--pool-all", "--neighbors", "--json"),
    ("predict", "HOSTILE"), ("inspect",), ("inspect", "--json"),
    ("review", "--mode", "voting"), ("review", "--json"), ("next", "--seek", "CLASS"),
    ("tell", "ITEM", "other"), ("tell", "HOSTILE", "x"), ("tell", "OTHER", "HOSTILE"),
    ("tell", "OTHER", "x", "--annotator", "HOSTILE"), ("tell", "OTHER", "CLASS", "--known-only"),
    ("relabel", "HOSTILE", "x"), ("relabel", "ITEM", "HOSTILE"), ("skip", "ITEM"),
    ("note", "ITEM", "HOSTILE"), ("rename", "HOSTILE", "x"), ("rename", "CLASS", "CLASS"),
    ("import", "t.csv"), ("import", "t.csv", "--json"), ("import", "HOSTILE"),
    ("simulate", "--truth", "t.csv", "--seek", "HOSTILE"), ("simulate", "--seek", "CLASS"),
    ("export", "HOSTILE.csv"), ("embed", "HOSTILE"), ("strategies", "HOSTILE"),
    ("next", "--strategy", "HOSTILE"), ("next", "--schedule", "HOSTILE"),
    ("next", "--k", "HOSTILE"),
    ("status", "HOSTILE"), ("HOSTILE",), ("--HOSTILE",), ("tell", "--HOSTILE"),
    ("status", "--pool", "HOSTILE"), ("undo", "--json"), ("undo",), ("redo",),
)  # fmt: skip


def made(folder: Path, ids: list[str], name: str, annotator: str) -> None:
    """A pool as an earlier version may have left it, which checked no names."""
    pool = Pool.open(folder / ".knnal")
    with pool.transaction():
        for item, label in ((ids[0], name), (ids[1], "plain")):
            log = {"annotator": annotator, "label": label}
            event = pool.log.append(EventKind.LABEL, item=item, origin="named", **log)
            pool.log.append(EventKind.CLASS, origin="label", target=event.seq, **log)
    pool.close()


@pytest.mark.slow
@settings(
    max_examples=3,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # each example takes seconds
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(HOSTILE, min_size=4, max_size=4, unique=True), HOSTILE)
def test_no_command_prints_control_characters(knnal: Any, hostile: list[str], name: str) -> None:
    shutil.rmtree(knnal.folder)
    knnal.folder.mkdir()
    X = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    ids = [*(f"{text}." for text in hostile), "p", "q", "r", "s"]
    np.savez(knnal.folder / "v.npz", embeddings=X, ids=np.array(ids))
    knnal("embed", "v.npz")
    made(knnal.folder, ids, name, hostile[3])
    rows = "".join(
        f'"{one.replace(chr(34), "")}",{label}\n'
        for one, label in zip([*ids, *ids], "abcdabcdabcdabcd", strict=True)
    )
    (knnal.folder / "t.csv").write_text("id,label\n" + rows, encoding="utf-8", newline="")
    for command in COMMANDS:
        words = {
            "HOSTILE": hostile[2].replace("\x00", ""),
            "CLASS": name,
            "ITEM": ids[0],
            "OTHER": ids[4],
        }
        arguments = [_filled(word, words) for word in command]
        done = knnal.run(*arguments)
        for stream in (done.out, done.err):
            assert not CONTROLS.search(stream), (arguments, stream)


def _filled(word: str, words: dict[str, str]) -> str:
    for place, text in words.items():
        word = word.replace(place, text)
    return word


def test_commands_print_by_one_function_alone() -> None:
    """Another way to stdout or stderr would have to make foreign text printable by itself."""
    found = []
    for file in Path(knnal_cli.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                if called in ("print", "typer.echo", "typer.secho", "click.echo", "typer.prompt"):
                    found.append(file.name)
    assert set(found) == {"printable.py"}


@pytest.mark.parametrize("code", [0x7F, 0x9B])
def test_json_escapes_what_its_module_leaves(knnal: Any, code: int) -> None:
    item = f"a{chr(code)}b"
    np.savez(
        knnal.folder / "v.npz", embeddings=np.eye(2, dtype=np.float32), ids=np.array([item, "c"])
    )
    knnal("embed", "v.npz")
    knnal("tell", "c", "x")
    done = knnal("next", "--json")
    assert done.data["id"] == item
    assert f"\\u{code:04x}" in done.out
