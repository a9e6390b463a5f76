"""Tables as people bring them, at every command that reads one; and what is said of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

VECTORS = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)


@pytest.fixture
def numbered(knnal: Any) -> Any:
    """A pool of vectors named 100 to 107."""
    np.save(knnal.folder / "v.npy", VECTORS)
    (knnal.folder / "ids.txt").write_text("".join(f"{n}\n" for n in range(100, 108)))
    knnal("embed", "v.npy", "--ids", "ids.txt")
    return knnal


def write(file: Path, content: str, encoding: str = "utf-8") -> Path:
    file.write_bytes(content.encode(encoding))
    return file


def add_up(report: dict[str, Any]) -> bool:
    done = report["added"] + report["changed"] + report["unchanged"]
    return bool(report["rows"] == done + sum(report["skipped"].values()))


# What embed says


def test_embed_says_how_it_read_the_file(knnal: Any) -> None:
    write(knnal.folder / "r.csv", "key;text;label\n1;fine, really;good\n\n2;;bad\n3;awful;\n")
    arguments = ["embed", "r.csv", "--label-column", "label"]
    done = knnal(*arguments, code=3)
    assert done.out.splitlines()[1:7] == [
        "r.csv (semicolon-separated, UTF-8): 3 rows, 2 became items, 1 skipped.",
        "  text 'text': the only one with such a name",
        "  id: made of the text: no column of ids is named",
        "  label 'label': you named it",
        "Classes found: good 1.",
        "1 labels taken in.",
    ]
    report = knnal(*arguments, "--json", code=3).data
    assert add_up(report)
    assert (report["rows"], report["unchanged"], report["skipped_rows"]) == (3, 2, 1)
    assert report["reading"] == {
        "format": "semicolon-separated, UTF-8",
        "columns": {
            "text": {"name": "text", "why": "the only one with such a name"},
            "id": {"name": None, "why": "made of the text: no column of ids is named"},
            "label": {"name": "label", "why": "you named it"},
        },
        "notes": [],
    }


def test_the_counts_add_up_with_duplicates_and_lines(knnal: Any) -> None:
    write(knnal.folder / "r.tsv", 'id\ttext\n1\t"one\n2\ttwo\n2\tagain\n3\tthree"\n')
    report = knnal("embed", "r.tsv", "--id-column", "id", "--json", code=3).data
    assert add_up(report)
    assert (report["rows"], report["added"]) == (4, 3)
    assert "two ways" in report["reading"]["notes"][0]
    write(knnal.folder / "l.txt", "one\n\ntwo\n \n")
    report = knnal("embed", "l.txt", "--pool", "lines", "--json").data
    assert add_up(report)
    assert report["rows"] == 2


def test_a_folder_has_no_columns(knnal: Any) -> None:
    (knnal.folder / "empty").mkdir()
    report = knnal("embed", "empty", "--json", code=4).data
    assert (report["reading"], report["rows"]) == (None, 0)


def test_prodigys_answers_are_told(knnal: Any) -> None:
    rows = [{"text": f"text {a}", "label": "x", "answer": a} for a in ("accept", "reject")]
    write(knnal.folder / "p.jsonl", "\n".join(map(json.dumps, rows)))
    done = knnal("embed", "p.jsonl", "--label-column", "label")
    assert "Prodigy's records, whose labels count where answer is accept" in done.out
    assert "1 labels taken in." in done.out
    assert done.err == "1 label omitted: its answer is reject.\n"


# Labels inside archives


def test_labels_inside_an_archive_are_announced_or_left(knnal: Any) -> None:
    labels = ["x", "y", "", "x", "y", "x", "y", ""]
    np.savez(knnal.folder / "v.npz", embeddings=VECTORS, labels=labels)
    done = knnal("embed", "v.npz")
    assert done.err == (
        "v.npz has 6 labels inside, which are taken in. Leave them with --ignore-labels.\n"
    )
    assert knnal("status", "--json").data["labels"] == {"x": 3, "y": 3}
    done = knnal("embed", "v.npz", "--ignore-labels", "--pool", "bare")
    assert done.err == ""
    assert "label" not in done.out.replace("knnal label", "")
    assert knnal("status", "--json", "--pool", "bare").data["labeled"] == 0


def test_labels_are_not_ignored_where_there_are_none(numbered: Any) -> None:
    saying = ["v.npy", "--ignore-labels", "Leave it out"]
    numbered.fails("embed", "v.npy", "--ignore-labels", saying=saying)


# Encodings


def test_an_encoding_is_suggested_and_taken_by_every_command(numbered: Any) -> None:
    content = "id,label,group\n" + "".join(
        f"{n},{'größer' if n % 2 else 'schöner'},Gruppe ä{n // 2}\n" for n in range(100, 108)
    )
    file = write(numbered.folder / "l.csv", content, "cp1252")
    done = numbered("import", file, code=4)
    assert "Skipped 8: invalid UTF-8; the file looks like cp1252: set the encoding" in done.err
    labels = {"größer": 4, "schöner": 4}
    encoding = ["--encoding", "cp1252"]
    numbered("inspect", "--truth", file, *encoding)  # which takes two classes at least
    numbered("import", file, *encoding)
    assert numbered("status", "--json").data["labels"] == labels
    assert " kept, 0 changed" in numbered("review", "--oracle", file, *encoding).out
    known = ["--truth", file, "--groups", file, *encoding, "--labels", "3", "--seeds", "1"]
    numbered("simulate", *known, "--held-out", "0.5", "--split", "random", "--json")
    numbered.fails("import", file, "--encoding", "klingon", saying=["no text encoding 'klingon'"])


def test_texts_of_another_encoding(knnal: Any) -> None:
    file = write(knnal.folder / "r.csv", "text\nschöne Größe\nüber alles\n", "cp1252")
    done = knnal("embed", file, code=4)
    assert "looks like cp1252" in done.err
    knnal("embed", file, "--encoding", "cp1252")
    knnal("export", "out.jsonl")
    rows = (knnal.folder / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(row)["text"] for row in rows] == ["schöne Größe", "über alles"]


def test_a_byte_order_mark_on_stdin(numbered: Any) -> None:
    lines = '{"id": "100", "label": "x"}\n{"id": "101", "label": "y"}\n'
    numbered("tell", stdin=b"\xef\xbb\xbf" + lines.encode())
    assert numbered("status", "--json").data["labels"] == {"x": 1, "y": 1}


# Numbers


def test_whole_floats_are_integers_at_every_entrance(numbered: Any) -> None:
    folder = numbered.folder
    numbered("import", write(folder / "a.csv", "id,label\n100,1\n101,0\n"))
    numbered("import", write(folder / "b.csv", "id,label\n102.0,1.0\n103.0,0.0\n"))
    lines = '{"id": 104.0, "label": 1.0}\n{"id": 105, "label": 0.0}\n'
    numbered("import", write(folder / "c.jsonl", lines))
    assert numbered("status", "--json").data["labels"] == {"1": 3, "0": 3}
    truth = "id,label,group\n" + "".join(f"{n}.0,{n % 2}.0,{n // 2}.0\n" for n in range(100, 108))
    file = write(folder / "t.csv", truth)
    known = ["--truth", file, "--groups", file, "--labels", "3", "--seeds", "1"]
    done = numbered("simulate", *known, "--held-out", "0.5", "--split", "random", "--json")
    assert "left out" not in done.err
    assert "Skipped" not in done.err


def test_a_class_and_an_id_that_the_pool_has_as_written_stay(knnal: Any) -> None:
    np.save(knnal.folder / "v.npy", VECTORS[:3])
    write(knnal.folder / "ids.txt", "1.0\n1\n2.5\n")
    knnal("embed", "v.npy", "--ids", "ids.txt")
    knnal("tell", "2.5", "3.0")
    file = write(knnal.folder / "l.csv", "id,label\n1.0,3.0\n1,4.0\n")
    knnal("import", file)
    assert knnal("status", "--json").data["labels"] == {"3.0": 2, "4": 1}
