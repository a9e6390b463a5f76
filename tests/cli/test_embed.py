"""``knnal embed``: what it takes in, what it leaves alone, and what it refuses."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ..patience import PATIENCE_S

NOTHING = {"added": 0, "changed": 0, "unchanged": 0, "vanished": 0, "returned": 0, "labels": 0}


def counts(report: dict[str, Any]) -> dict[str, int]:
    return {name: report[name] for name in NOTHING}


def test_the_report_and_what_to_do_next(knnal: Any) -> None:
    (knnal.folder / "lines.txt").write_text("one line\nanother line\n", encoding="utf-8")
    done = knnal("embed", "lines.txt", "--pool", "lines")
    assert done.out.startswith("2 added, 0 changed, 0 unchanged in ")
    assert done.out.endswith("\nNext: knnal label --pool lines\n")
    again = knnal("embed", "lines.txt", "--pool", "lines", "--json")
    assert counts(again.data) == {**NOTHING, "unchanged": 2}
    assert again.err == ""


def test_only_what_is_new_or_changed_is_embedded_again(texts: Any) -> None:
    table = texts.folder / "reviews.csv"
    lines = table.read_text(encoding="utf-8").splitlines()
    lines[1] = 'r0,"a cold and sad film",good'
    table.write_text("\n".join([*lines[:-1], "r8,brand new,"]) + "\n", encoding="utf-8")
    report = texts("embed", table, "--id-column", "id", "--json").data
    expected = {**NOTHING, "added": 1, "changed": 1, "unchanged": 6, "vanished": 1}
    assert counts(report) == expected
    status = texts("status", "--json").data
    assert (status["items"], status["vanished"]) == (8, 1)


def test_vanished_items_keep_their_labels_and_may_return(vectors: Any) -> None:
    vectors("tell", 39, "late")
    file = vectors.folder / "vectors.npy"
    whole = np.load(file)
    np.save(file, whole[:30])
    done = vectors("embed", file)
    assert "10 vanished from the source: they keep their labels." in done.out
    status = vectors("status", "--json").data
    assert (status["items"], status["vanished"], status["labels"]) == (30, 10, {"late": 1})
    np.save(file, whole)
    assert "10 that had vanished are back." in vectors("embed", file).out


def test_labels_from_a_column_spare_what_is_labeled(texts: Any, log: Any) -> None:
    texts("tell", "r0", "excellent")
    done = texts("embed", "reviews.csv", "--id-column", "id", "--label-column", "verdict")
    assert "2 labels taken in; 1 item keeps another label." in done.out
    assert texts("status", "--json").data["labels"] == {"excellent": 1, "bad": 1, "good": 1}
    assert [e["origin"] for e in log(texts.folder)] == ["named", "imported", "imported"]


def test_rows_without_use_are_counted_by_reason(knnal: Any) -> None:
    rows = [{"text": "fine"}, {"text": " "}, {"text": ""}, {"text": ["no", "string"]}]
    content = "\n".join(map(json.dumps, rows)) + "\nnot json\n"
    (knnal.folder / "rows.jsonl").write_text(content, encoding="utf-8")
    done = knnal("embed", "rows.jsonl", code=3)
    assert "1 added" in done.out
    assert done.err.splitlines() == [
        "Skipped 2: empty text (row 2, row 3)",
        "Skipped 1: text is neither a string nor a number (row 4)",
        "Skipped 1: line is not a JSON object (row 5)",
    ]
    report = knnal("embed", "rows.jsonl", "--json", code=3).data
    assert report["skipped"]["empty text"] == 2
    assert report["examples"]["empty text"] == ["row 2", "row 3"]
    assert counts(report) == {**NOTHING, "unchanged": 1}


def test_ready_embeddings_with_ids(knnal: Any) -> None:
    np.save(knnal.folder / "v.npy", np.eye(3, dtype=np.float32))
    (knnal.folder / "ids.txt").write_text("x\ny\nz\n", encoding="utf-8")
    knnal("embed", "v.npy", "--ids", "ids.txt")
    assert {record["id"] for record in knnal("rank", "--json").data} == {"x", "y", "z"}


@pytest.mark.parametrize("make", ["empty folder", "blank lines", "skips alone"])
def test_nothing_to_embed(knnal: Any, make: str) -> None:
    source = knnal.folder / "source"
    if make == "empty folder":
        source.mkdir()
    elif make == "blank lines":
        source.write_text("\n \n\n", encoding="utf-8")
    else:
        source = source.with_suffix(".jsonl")
        source.write_text('{"text": ""}\n', encoding="utf-8")
    done = knnal("embed", source, code=4)
    assert "Nothing embedded." in done.err
    assert "Next:" not in done.out


@pytest.mark.parametrize(
    ("arguments", "saying"),
    [
        (["missing.csv"], ["nothing at missing.csv", "Check the path"]),
        (["reviews.csv", "--text-column", "prose"], ["'prose'", "no column", "'verdict'"]),
        (["reviews.csv", "--label-column", "mark"], ["'mark'", "--label-column"]),
        (["reviews.csv", "--labels-from-folders"], ["takes no --labels-from-folders"]),
        (["reviews.csv", "--embedder", "used"], ["no embedder named 'used'", "mean 'use'"]),
        (["reviews.csv", "--embedder", "use:large"], ["use", "large"]),
        (["book.pdf"], ["book.pdf", "is not supported", "Convert"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_refused_sources(
    knnal: Any, made_texts: Path, arguments: list[str], saying: list[str]
) -> None:
    shutil.copy(made_texts / "reviews.csv", knnal.folder)
    (knnal.folder / "book.pdf").write_bytes(b"%PDF-1.7\n")
    knnal.fails("embed", *arguments, saying=saying)


def test_another_embedder_is_refused_with_both_names_and_the_remedy(texts: Any) -> None:
    stored = texts("status", "--json").data["embedder"]
    assert stored.startswith("use (512-d")
    saying = [stored, "'use-lite' was asked for", "leave out --embedder", "--pool DIR"]
    texts.fails("embed", "reviews.csv", "--embedder", "use-lite", saying=saying)


def test_vectors_of_another_length_are_refused_with_both_identities(vectors: Any) -> None:
    np.save(vectors.folder / "long.npy", np.eye(5, dtype=np.float32))
    (vectors.folder / "ids.txt").write_text("a\nb\nc\nd\ne\n", encoding="utf-8")
    saying = ["precomputed (4-d", "precomputed (5-d", "cannot be compared", "--pool DIR"]
    vectors.fails("embed", "long.npy", "--ids", "ids.txt", saying=saying)
    assert vectors("status", "--json").data["items"] == 40


def test_items_of_another_kind_get_a_remedy_that_works(texts: Any) -> None:
    """The pool's embedder is settled, so that naming another one would be refused as well."""
    np.save(texts.folder / "v.npy", np.eye(3, dtype=np.float32))
    texts.fails("embed", "v.npy", saying=["vectors", "texts", "--pool DIR"])


@pytest.mark.parametrize("pool", ["occupied", "occupied/below"])
def test_a_pool_that_cannot_be_made(knnal: Any, made_vectors: Path, pool: str) -> None:
    (knnal.folder / "occupied").write_text("a file", encoding="utf-8")
    source = made_vectors / "vectors.npy"
    knnal.fails("embed", source, "--pool", pool, saying=["occupied", "Choose another folder"])


def start_with_interrupts(knnal: Any, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a command that heeds SIGINT, which a job in the background would inherit ignored."""
    program = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL);"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program, knnal.script, *arguments],
        cwd=knnal.folder,
        env=knnal.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def stored_items(pool: Path) -> int:
    if not (pool / "labels.sqlite").exists():
        return 0
    with closing(sqlite3.connect(pool / "labels.sqlite", timeout=5)) as db:
        try:
            return int(db.execute("SELECT COUNT(*) FROM items").fetchone()[0])
        except sqlite3.OperationalError:  # no table yet
            return 0


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGINT cannot be sent to one process on Windows")
def test_ctrl_c_keeps_finished_chunks_and_the_next_embed_finishes(knnal: Any) -> None:
    total = 2000
    rng = np.random.default_rng(0)
    words = np.array(["film", "plot", "cast", "music", "light", "sound", "story", "scene"])
    lines = [f"{n} " + " ".join(rng.choice(words, size=30)) for n in range(total)]
    (knnal.folder / "lines.txt").write_text("\n".join(lines), encoding="utf-8")
    running = start_with_interrupts(knnal, "embed", "lines.txt")
    deadline = time.monotonic() + PATIENCE_S
    while not stored_items(knnal.folder / ".knnal") and time.monotonic() < deadline:
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 130
    assert out == b""
    assert err == b"Interrupted. What was stored before is stored.\n"
    kept = stored_items(knnal.folder / ".knnal")
    assert 0 < kept < total
    report = knnal("embed", "lines.txt", "--json").data
    assert counts(report) == {**NOTHING, "added": total - kept, "unchanged": kept}
    assert knnal("status", "--json").data["items"] == total


def test_a_table_that_was_moved_and_one_that_only_looks_so(texts: Any) -> None:
    texts("tell", "r4", "superb")
    table, moved = texts.folder / "reviews.csv", texts.folder / "moved.csv"
    lines = table.read_text(encoding="utf-8").splitlines()
    lines[5] = "r4,a silent film,"
    table.unlink()
    moved.write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = texts("embed", "moved.csv", "--id-column", "id")
    assert f"moved.csv is {table}, moved: its items keep their ids and labels." in done.out
    assert "1 labeled item changed content: review them with 'knnal review'" in done.out
    status = texts("status", "--json").data
    assert (status["sources"], status["outdated"]) == ([str(moved)], 1)
    assert texts("review", "--json").data[0]["id"] == "r4"
    other = texts.folder / "other.csv"
    other.write_text("id,text\nr1,something else\n", encoding="utf-8")
    done = texts("embed", "other.csv", "--id-column", "id", code=4)
    assert f"Skipped 1: other content than the item of that id from {moved}" in done.err
    assert texts("status", "--json").data["sources"] == [str(moved)]
    report = texts("embed", "moved.csv", "--id-column", "id", "--json").data
    names = ("moved", "moved_from", "copies", "shared", "changed_labeled", "classes")
    assert [report[name] for name in names] == [0, [], 0, 0, 0, {}]


def test_the_classes_that_a_source_gives_are_named(texts: Any) -> None:
    done = texts("embed", "reviews.csv", "--id-column", "id", "--label-column", "verdict")
    assert "Classes found: good 2, bad 1." in done.out
    report = texts(
        "embed", "reviews.csv", "--id-column", "id", "--label-column", "verdict", "--json"
    ).data
    assert report["classes"] == {"good": 2, "bad": 1}


def test_folders_that_may_be_classes_are_asked_about(knnal: Any) -> None:
    for part in ("train", "test"):
        (knnal.folder / "data" / part).mkdir(parents=True)
        (knnal.folder / "data" / part / "1.png").touch()
    knnal.fails(
        "embed", "data", "--labels-from-folders", saying=["test and train", "folder level to 1"]
    )
    assert not (knnal.folder / ".knnal").exists()
    knnal.fails("embed", "data", "--embedder", "used", "--folder-level", 1, saying=["'used'"])
