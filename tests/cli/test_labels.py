"""``knnal next``, ``tell``, ``relabel``, ``skip``, ``undo`` and ``rank``."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest


def answers(*pairs: tuple[Any, Any]) -> str:
    return "".join(json.dumps({"id": item, "label": label}) + "\n" for item, label in pairs)


# next and rank


def test_the_same_item_until_it_is_answered(vectors: Any) -> None:
    first = vectors("next", "--json").data
    assert vectors("next", "--json").data == first
    assert first["origin"] == "asked"
    assert first["prediction"] == {"label": None, "probability": 0.0, "probabilities": {}}
    assert first["neighbors"] == []
    assert vectors.process("next").out == f"{first['id']}\n"
    vectors("tell", first["id"], "left")
    second = vectors("next", "--json").data
    assert second["id"] != first["id"]
    assert second["prediction"]["label"] == "left"
    assert [n["id"] for n in second["neighbors"]] == [first["id"]]


def test_several_items_begin_with_the_top_of_the_ranking(vectors: Any) -> None:
    vectors("tell", 0, "left")
    several = vectors("next", "-n", "3", "--json").data
    ranked = vectors("rank", "--limit", "39", "--json").data
    assert several[0] == ranked[0]
    assert len({record["id"] for record in several}) == 3
    assert several == vectors("next", "-n", "3", "--json").data
    values = [record["score"]["value"] for record in ranked]
    assert values == sorted(values, reverse=True)
    (one,) = vectors("next", "-n", "1", "--json").data
    assert one == several[0]


def test_the_ranking_as_a_table(vectors: Any) -> None:
    vectors("tell", 0, "left")
    rows = [line.split("\t") for line in vectors("rank", "--limit", "50").out.splitlines()]
    assert len(rows) == 39
    assert {row[1] for row in rows} == {str(n) for n in range(1, 40)}
    assert {row[2] for row in rows} == {"left"}
    assert [float(row[0]) for row in rows] == sorted((float(row[0]) for row in rows), reverse=True)


def test_a_text_comes_with_the_question(texts: Any) -> None:
    texts("tell", "r1", "bad")
    question = texts("next", "--json").data
    assert question["text"]
    assert "path" not in question
    printed = texts("next").out.splitlines()
    assert printed == [question["id"], f"  {question['text']}", "  prediction: bad (100%)"]


def test_nothing_left_to_ask(knnal: Any) -> None:
    np.save(knnal.folder / "two.npy", np.eye(2, dtype=np.float32))
    knnal("embed", "two.npy")
    knnal("tell", 0, "a")
    knnal("skip", 1)
    done = knnal("next", code=4)
    assert done.out == ""
    assert "every item is labeled or skipped" in done.err
    assert knnal("next", "--json", code=4).data is None
    assert knnal("next", "-n", "2", "--json", code=4).data == []
    assert "every item is labeled or skipped" in knnal("rank", code=4).err


# Provenance


@pytest.mark.parametrize("strategy", ["cdf-product", "random"])
def test_what_chose_the_item_is_logged_with_its_label(
    labeled: Any, log: Any, strategy: str
) -> None:
    question = labeled("next", "--strategy", strategy, "--seed", "5", "--json").data
    assert question["score"]["strategy"] == strategy
    labeled("tell", question["id"], "left", "--annotator", "bob")
    event = log(labeled.folder)[-1]
    assert (event["kind"], event["item"], event["label"]) == ("label", question["id"], "left")
    assert (event["origin"], event["strategy"], event["annotator"]) == ("asked", strategy, "bob")
    factors = {name: event["scores"][name] for name in question["score"]["factors"]}
    assert factors == question["score"]["factors"]
    assert event["scores"]["value"] == question["score"]["value"]
    assert event["scores"]["prediction"] == question["prediction"]["label"]
    assert event["scores"]["probability"] == question["prediction"]["probability"]


def test_an_item_named_by_hand_has_no_strategy(vectors: Any, log: Any) -> None:
    vectors("tell", 7, "left")
    (event,) = log(vectors.folder)
    assert (event["origin"], event["strategy"], event["annotator"]) == ("named", None, "ann")


def test_the_audit_share_draws_at_random_and_gives_the_accuracy(labeled: Any, log: Any) -> None:
    origins = []
    for _ in range(2):
        question = labeled("next", "--audit", "0.9", "--json").data
        origins.append(question["origin"])
        labeled("tell", question["id"], "left" if int(question["id"]) < 20 else "right")
    assert "audit" in origins
    decided = [event for event in log(labeled.folder)[2:] if event["kind"] == "label"]
    assert [event["origin"] for event in decided] == origins
    accuracy = labeled("status", "--json").data["accuracy"]
    assert accuracy["audited"] == origins.count("audit")
    assert 0 <= accuracy["low"] <= accuracy["estimate"] <= accuracy["high"] <= 1
    assert f"of {accuracy['audited']} audited" in labeled("status").out


# tell


def test_one_label_and_many(vectors: Any, log: Any) -> None:
    assert vectors("tell", 3, " left ").out == "Labeled 1.\n"
    many = answers((4, "left"), (25, "rechts, über")) + "\n" + answers((26, "right"))
    assert vectors("tell", "--json", stdin=many).data == {
        "labeled": 3,
        "new_classes": {"rechts, über": None, "right": None},
    }
    assert [(e["item"], e["label"]) for e in log(vectors.folder)] == [
        ("3", "left"),
        ("4", "left"),
        ("25", "rechts, über"),
        ("26", "right"),
    ]
    assert vectors("tell", stdin="").out == "Labeled 0.\n"


@pytest.mark.parametrize(
    "line",
    ["nonsense", "[1, 2]", '{"id": "5"}', '{"id": "5", "label": null}'],
)
def test_a_bad_line_ends_it_and_the_lines_before_are_stored(
    vectors: Any, log: Any, line: str
) -> None:
    stdin = answers((1, "a"), (2, "a")) + line + "\n" + answers((3, "a"))
    done = vectors("tell", "--json", code=1, stdin=stdin)
    assert done.out == ""
    assert "2 labeled before this" in done.err
    for phrase in ("Line 3 must be an object", repr(line), "lines before it are stored"):
        assert phrase in done.err
    assert [event["item"] for event in log(vectors.folder)] == ["1", "2"]


def test_an_unknown_item_in_the_stream(vectors: Any) -> None:
    done = vectors("tell", code=1, stdin=answers((1, "a"), ("nobody", "a")))
    assert "1 labeled before this" in done.err
    assert "No item 'nobody' in this pool" in done.err


@pytest.mark.parametrize(
    ("arguments", "saying"),
    [
        (["tell", "nobody", "a"], ["No item 'nobody'", "'knnal export FILE' lists them"]),
        (["tell", "1", "  "], ["Cannot use '  ' as a class name", "no visible character"]),
        (["tell", "1", "a\x1b[2J"], ["control characters", r"\x1b[2J"]),
        (["tell", "0", "right"], ["'0' was labeled 'left' by ann", "relabel"]),
        (["skip", "0"], ["'0' was labeled 'left' by ann"]),
        (["skip", "nobody"], ["No item 'nobody'"]),
        (["relabel", "1", "a"], ["has no label to change", "Use tell"]),
        (["relabel", "nobody", "a"], ["No item 'nobody'"]),
        (["relabel", "0", ""], ["Cannot use '' as a class name"]),
    ],
    ids=lambda value: ascii(" ".join(value)) if isinstance(value, list) else "",
)
def test_refused_answers_change_nothing(
    vectors: Any, log: Any, told: str, arguments: list[str], saying: list[str]
) -> None:
    done = vectors.fails(*arguments, "--pool", told, saying=saying)
    assert "\x1b" not in done.err
    assert len(log(vectors.folder, told)) == 1


def test_half_an_answer_is_wrong_usage(vectors: Any) -> None:
    done = vectors("tell", 5, code=2)
    assert "both an ID and a LABEL" in done.err
    assert done.out == ""


# Second thoughts


def test_relabel_skip_and_undo(vectors: Any, log: Any) -> None:
    vectors("tell", 0, "left")
    assert vectors("relabel", 0, "right").out == "Relabeled.\n"
    assert vectors("status", "--json").data["labels"] == {"left": 0, "right": 1}
    assert vectors("skip", 1).out == "Skipped.\n"
    assert vectors("undo").out == "Took back the skip of 1.\n"
    assert vectors("undo", "--json").data == {
        "undone": "relabel", "id": "0", "label": "right", "event": 3, "count": 1,
        "changed_since": 0, "text": None,
    }  # fmt: skip
    assert vectors("status", "--json").data["labels"] == {"left": 1}
    assert vectors("undo").out == "Took back the label 'left' of 0.\n"
    done = vectors("undo", code=4)
    assert done.out == ""
    assert "ann has nothing left to undo" in done.err
    kinds = [event["kind"] for event in log(vectors.folder)]
    assert kinds == ["label", "relabel", "skip", "undo", "undo", "undo"]


def test_what_was_taken_back_is_printed_harmlessly(knnal: Any) -> None:
    odd = "odd \x1b[31;7m\nid"
    np.savez(knnal.folder / "odd.npz", embeddings=np.eye(1, 3), ids=np.array([odd]))
    knnal("embed", "odd.npz")
    knnal("tell", odd, "a")
    assert knnal("undo").out == "Took back the label 'a' of odd \ufffd[31;7m id.\n"


def test_undo_takes_back_only_ones_own(vectors: Any) -> None:
    vectors("tell", 0, "left")
    vectors("tell", 1, "right", LOGNAME="bob")
    assert vectors("undo").out == "Took back the label 'left' of 0.\n"
    vectors("undo", code=4)
    assert vectors("status", "--json").data["labels"] == {"right": 1}


def test_a_skipped_item_is_not_asked_about_but_can_be_told(vectors: Any) -> None:
    first = vectors("next", "--json").data["id"]
    vectors("skip", first)
    assert vectors("next", "--json").data["id"] != first
    vectors("tell", first, "left")
    status = vectors("status", "--json").data
    assert (status["labeled"], status["skipped"]) == (1, 0)


def test_classes_are_renamed_items_noted_and_all_of_it_undone_and_redone(labeled: Any) -> None:
    assert labeled("rename", "left", "west").out == "Renamed.\n"
    assert labeled("note", 0, "odd one").out == "Noted.\n"
    assert labeled("status", "--json").data["labels"] == {"west": 1, "right": 1}
    labeled("export", "out.jsonl", "--labeled")
    rows = [json.loads(line) for line in (labeled.folder / "out.jsonl").read_text().splitlines()]
    assert [(row["label"], row["note"]) for row in rows] == [("west", "odd one"), ("right", None)]
    assert labeled("undo").out == "Took back the note of 0.\n"
    assert labeled("undo").out == "Took back the rename of 'left' to 'west'.\n"
    redone = labeled("redo", "--json").data
    assert (redone["redone"], redone["label"], redone["text"]) == ("rename", "west", "left")
    assert labeled("redo").out == "Brought back the note of 0.\n"
    assert "nothing to redo" in labeled("redo", code=4).err
    assert labeled("note", 0, "").out == "Note removed.\n"
    labeled.fails("rename", "north", "south", saying=["'west', 'right'", "'north'"])


def import_wrong(vectors: Any) -> None:
    rows = "".join(f"{number},{'ab'[number % 2]}\n" for number in range(12))
    (vectors.folder / "wrong.csv").write_text(f"id,label\n{rows}")
    vectors("import", "wrong.csv")


def test_an_import_is_undone_as_one(vectors: Any, log: Any) -> None:
    vectors("tell", 30, "left")
    import_wrong(vectors)
    would = "Would take back the import of 12 labels from wrong.csv.\n"
    assert vectors("undo", "--dry-run").out == would
    preview = vectors("undo", "--dry-run", "--json").data
    assert (preview["would_undo"], preview["count"], preview["text"]) == ("label", 12, "wrong.csv")
    assert [event["kind"] for event in log(vectors.folder)] == 13 * ["label"]
    vectors("relabel", 3, "c", LOGNAME="bob")
    assert vectors("undo").out == (
        "Took back the import of 12 labels from wrong.csv.\n"
        "1 of the items have been decided on since, which stays.\n"
    )
    assert vectors("status", "--json").data["labels"] == {"left": 1, "c": 1}
    assert vectors("redo", "--json").data["count"] == 12
    labels = {"left": 1, "a": 6, "b": 5, "c": 1}
    assert vectors("status", "--json").data["labels"] == labels
    vectors("undo")
    assert vectors("undo").out == "Took back the label 'left' of 30.\n"
    assert "nothing left" in vectors("undo", "--dry-run", code=4).err


def test_labels_that_came_with_embed_are_undone_as_one(knnal: Any) -> None:
    np.savez(
        knnal.folder / "rows.npz",
        embeddings=np.random.default_rng(0).normal(size=(5, 3)),
        labels=np.array(list("ababa")),
    )
    knnal("embed", "rows.npz")
    assert knnal("undo").out == "Took back the import of 5 labels from rows.npz.\n"
    assert knnal("status", "--json").data["labels"] == {}


def test_items_are_unlabeled(vectors: Any, log: Any) -> None:
    for item in (1, 2, 3):
        vectors("tell", item, "left")
    vectors("skip", 4)
    vectors.fails("unlabel", 1, 5, saying=["'5' has no label"])
    vectors.fails("unlabel", 1, "nobody", saying=["No item 'nobody'"])
    assert vectors("unlabel", 1, 4).out == "Unlabeled 2.\n"
    status = vectors("status", "--json").data
    assert (status["labels"], status["skipped"]) == ({"left": 2}, 0)
    assert vectors("unlabel", "--json", stdin="2\n\n3\r\n").data == {"unlabeled": 2}
    assert vectors("status", "--json").data["labels"] == {"left": 0}
    assert vectors("undo").out == "Took back the removal of 2 labels.\n"
    assert vectors("undo").out == "Took back the removal of 2 labels.\n"
    assert vectors("status", "--json").data["labels"] == {"left": 3}
    vectors("unlabel", 1)
    assert vectors("undo").out == "Took back the removal of the label of 1.\n"
    kinds = [event["kind"] for event in log(vectors.folder)]
    assert kinds[4:] == 4 * ["unlabel"] + ["undo", "undo", "unlabel", "undo"]


def test_an_empty_class_is_removed(labeled: Any) -> None:
    labeled.fails("remove-class", "left", saying=["'left' has 1 label", "unlabel its items"])
    labeled.fails("remove-class", "north", saying=["'left', 'right'"])
    labeled("relabel", 0, "right")
    assert labeled("remove-class", "left").out == "Removed.\n"
    assert labeled("status", "--json").data["labels"] == {"right": 2}
    assert labeled("undo").out == "Took back the removal of the class 'left'.\n"
    assert labeled("status", "--json").data["labels"] == {"left": 0, "right": 2}
