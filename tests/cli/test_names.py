"""Names of classes and items on the command line: slips, commas, hyphens, foreign letters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knnal.pool.pool import Pool
from knnal.session.session import Session
from knnal_cli.options import add_classes
from knnal_cli.wording import label_remark


def embed_ids(knnal: Any, *ids: str) -> None:
    X = np.random.default_rng(0).normal(size=(len(ids), 4)).astype(np.float32)
    np.save(knnal.folder / "v.npy", X)
    (knnal.folder / "ids.txt").write_text("\n".join(ids) + "\n", encoding="utf-8")
    knnal("embed", "v.npy", "--ids", "ids.txt")


def labels(folder: Path) -> dict[str, str]:
    pool = Pool.open(folder / ".knnal")
    found = Session(pool).ledger.labels()
    pool.close()
    return found


# Slips in classes


def test_a_new_class_is_said_with_the_one_that_may_be_meant(vectors: Any) -> None:
    done = vectors("tell", 0, "rotten apple")
    assert (done.out, done.err) == ("Labeled 1.\n", "New class 'rotten apple'.\n")
    assert vectors("tell", 1, " rotten apple\t").err == ""
    done = vectors("tell", 2, "rottn apple")
    assert done.out == "Labeled 1.\n"
    assert done.err == "New class 'rottn apple' (did you mean 'rotten apple'?).\n"
    done = vectors("relabel", 2, "Rotten apple")
    assert done.err == "New class 'Rotten apple' (did you mean 'rotten apple'?).\n"
    many = [("3", "rottn apple"), ("4", "banana"), ("5", "banana"), ("6", "bananna")]
    stdin = "".join(json.dumps({"id": i, "label": label}) + "\n" for i, label in many)
    done = vectors("tell", "--json", stdin=stdin)
    assert done.data == {
        "labeled": 4,
        "new_classes": {"banana": None, "bananna": "banana"},
    }


def test_unknown_classes_are_refused_where_only_known_ones_are_wanted(
    labeled: Any, log: Any
) -> None:
    saying = ["no class 'lefft' (did you mean 'left'?)", "'left', 'right'"]
    labeled.fails("tell", 1, "lefft", "--known-only", saying=saying)
    labeled.fails("relabel", 0, "lefft", "--known-only", saying=saying)
    assert len(log(labeled.folder)) == 2
    assert labeled("tell", 1, " left ", "--known-only").err == ""
    labeled("relabel", 1, "right", "--known-only")
    stdin = '{"id": "2", "label": "left"}\n{"id": "3", "label": "lefft"}\n'
    done = labeled("tell", "--known-only", code=1, stdin=stdin)
    assert "1 labeled before this" in done.err
    assert labels(labeled.folder) == {"0": "left", "1": "right", "2": "left", "20": "right"}


def test_an_import_says_new_classes_or_refuses_them(labeled: Any) -> None:
    rows = "id,label\n1,left\n2,lefft\n3,other\n"
    (labeled.folder / "t.csv").write_text(rows, encoding="utf-8")
    done = labeled("import", "t.csv", "--known-only", code=3)
    assert done.out == "1 label added, 0 changed, 0 unchanged.\n"
    assert done.err == (
        "Skipped 2: class that the pool does not have (lefft (did you mean 'left'?), other)\n"
    )
    assert labels(labeled.folder) == {"0": "left", "1": "left", "20": "right"}
    done = labeled("import", "t.csv")
    assert done.err == "New class 'lefft' (did you mean 'left'?).\nNew classes: other.\n"
    assert labeled("import", "t.csv", "--json").data["new_classes"] == {}


def test_old_names_are_found_in_any_form(vectors: Any) -> None:
    vectors("tell", 0, "caf\u00e9")
    assert vectors("tell", 1, "cafe\u0301", "--known-only").err == ""
    vectors("rename", "cafe\u0301", "bar")
    assert labels(vectors.folder) == {"0": "bar", "1": "bar"}
    vectors.fails("rename", "baar", "pub", saying=["no class 'baar' (did you mean 'bar'?)"])


def test_front_ends_say_it_too() -> None:
    classes = ["rotten apple", "pear"]
    assert label_remark("pear ", classes) == "pear"
    assert label_remark("pear", classes, was="plum") == "pear (was plum)"
    assert label_remark("rottn apple", classes, was="pear") == (
        "rottn apple (was pear). New class 'rottn apple' (did you mean 'rotten apple'?); "
        "u takes it back"
    )


# Ids


@pytest.mark.parametrize(
    ("arguments", "right"),
    [
        (["tell", "-gvKd", "cat"], "knnal tell -- -gvKd cat"),
        (["tell", "--Xc3", "a cat"], "knnal tell -- --Xc3 'a cat'"),
        (["tell", "abc", "-1"], "knnal tell -- abc -1"),
        (["tell", "--json", "-5", "cat"], "knnal tell -- -5 ..."),
        (["skip", "-5"], "knnal skip -- -5"),
        (["relabel", "-5", "cat"], "knnal relabel -- -5 cat"),
        (["note", "-5", "blurred"], "knnal note -- -5 blurred"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_id_that_looks_like_an_option_gets_a_hint(
    knnal: Any, arguments: list[str], right: str
) -> None:
    said = " ".join(knnal(*arguments, code=2).err.replace("│", " ").split())
    assert "No such option" in said
    assert said.replace("╰", " ").rstrip("─╯ ").endswith(right)


def test_and_what_the_hint_says_does_it(knnal: Any) -> None:
    embed_ids(knnal, "-gvKd", "--Xc3", "-5", "abc")
    knnal("tell", "--", "-gvKd", "cat")
    knnal("tell", "--", "--Xc3", "-1")
    knnal("skip", "--", "-5")
    assert labels(knnal.folder) == {"-gvKd": "cat", "--Xc3": "-1"}


def test_other_slips_get_no_such_hint(knnal: Any) -> None:
    assert "'--'" not in knnal("embed", "-x", code=2).err
    assert "'--'" not in knnal("status", "--frobnicate", code=2).err


def test_ids_are_found_in_any_unicode_form(knnal: Any) -> None:
    embed_ids(knnal, "cafe\u0301.png", "other")
    knnal("tell", "caf\u00e9.png", "cat")
    knnal("note", "caf\u00e9.png", "seen")
    knnal("relabel", "caf\u00e9.png", "dog")
    assert labels(knnal.folder) == {"cafe\u0301.png": "dog"}
    knnal("undo")
    knnal("undo")
    knnal("undo")
    knnal("skip", "caf\u00e9.png")
    assert knnal("next", "--json").data["id"] == "other"


# Labels that come with a source


def test_a_label_that_is_no_name_leaves_its_item_unlabeled(knnal: Any, log: Any) -> None:
    rows = [{"id": "a", "text": "good food", "label": "two\nlines"},
            {"id": "b", "text": "bad food", "label": "\x1b[31mred"},
            {"id": "c", "text": "a view", "label": " Qualite\u0301\u00a0: bonne "},
            {"id": "d", "text": "more", "label": ""}]  # fmt: skip
    table = knnal.folder / "t.jsonl"
    table.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    arguments = ("embed", "t.jsonl", "--id-column", "id", "--label-column", "label")
    done = knnal(*arguments, code=3)
    assert "4 added" in done.out
    assert "1 labels taken in." in done.out
    assert (
        "2 without the label that came with them: label has control characters (a, b)" in done.err
    )
    assert labels(knnal.folder) == {"c": "Qualit\u00e9\u00a0: bonne"}
    report = knnal(*arguments, "--json", code=3).data
    assert report["labels_refused"] == {"label has control characters": 2}
    assert (report["unchanged"], report["skipped"]) == (4, {})


def test_a_table_of_labels_for_images_says_what_to_do(knnal: Any) -> None:
    (knnal.folder / "df.csv").write_text("filename,label\nx/a.jpg,cat\nb.PNG,dog\n", "utf-8")
    saying = [
        "table of labels for images",
        "'filename'",
        "--id-column filename",
    ]
    knnal.fails("embed", "df.csv", saying=saying)
    (knnal.folder / "df.csv").write_text("filename,label\nx/a.jpg,cat\nb,dog\n", "utf-8")
    knnal.fails("embed", "df.csv", saying=["exactly one column"])


# The annotator


def test_annotators_have_names_too(vectors: Any, log: Any) -> None:
    saying = ["as a name of an annotator", "control characters", r"\x1b]0;own"]
    vectors.fails("tell", 0, "a", "--annotator", "eve\x1b]0;own\x07", saying=saying)
    vectors.fails("tell", 0, "a", "--annotator", " ", saying=["no visible character"])
    vectors("tell", 0, "a", "--annotator", "e\u0301ve")
    assert [event["annotator"] for event in log(vectors.folder)] == ["éve"]


def test_names_of_classes_are_listed_or_given_one_by_one() -> None:
    session = Session(Pool.in_memory(np.eye(3)))
    add_classes(session, 'Toys, "Home, Garden & Tools",Books', ["Rent, with costs"])
    assert session.classes == ["Toys", "Home, Garden & Tools", "Books", "Rent, with costs"]
