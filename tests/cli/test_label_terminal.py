"""``knnal label`` and ``review`` in a real terminal: what is on screen, and gets into the log."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

if os.name == "nt":
    pytest.skip("a pseudo-terminal needs a POSIX system", allow_module_level=True)

from ..patience import PATIENCE_S
from .terminal import Terminal, make_pictures, pool_of_pictures, terminals

pytestmark = [
    pytest.mark.slow,
    # Starting a program in a terminal forks, which Python warns of beside NumPy's threads.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]

KEYS_LINE = "n type a class  s not sure  u undo  q quit  r go back  U redo  X unlabel  ? help"


def item_of(text: str) -> str:
    """The id of the item that the screen asks about: the title of its frame."""
    title = re.search(r"^╭─ (.*?) ─+╮$", text, flags=re.MULTILINE)
    assert title is not None, text
    return title[1]


@pytest.fixture
def start_terminal() -> Iterator[Callable[..., Terminal]]:
    """Runs ``knnal`` where another command would run."""
    with terminals() as start:
        yield start


@pytest.fixture
def open_terminal(start_terminal: Any) -> Callable[..., Terminal]:
    """Runs ``knnal label --plain``."""
    options = ("--plain", "--audit", "0")
    return lambda knnal, *arguments: start_terminal(knnal, "label", *options, *arguments)


@pytest.fixture
def open_app(start_terminal: Any) -> Callable[..., Terminal]:
    """Runs ``knnal label``, full-screen."""
    return lambda knnal, *arguments: start_terminal(knnal, "label", "--audit", "0", *arguments)


def test_a_session_from_the_first_class_to_the_last_word(
    vectors: Any, open_terminal: Any, log: Any
) -> None:
    terminal = open_terminal(vectors)
    text = terminal.asks(0, "No classes yet: press n and type the first one.")
    assert "No prediction before the first label." in text
    assert KEYS_LINE in text
    first = item_of(text)
    terminal.type_class("left")
    text = terminal.asks(1, f"{first}: left", "39 to go")
    assert " 1  left 1" in text
    assert "Prediction: left 100%" in text
    assert "100%  left  (similarity" in text
    assert "Why: cdf-product" in text
    second = item_of(text)
    terminal.press("1")
    third = item_of(terminal.asks(2, f"{second}: left"))
    terminal.type_class(" right one ")
    text = terminal.asks(3, f"{third}: right one")
    assert " 2  right one 1" in text
    fourth = item_of(text)
    terminal.press("s")
    terminal.asks(3, f"Set {fourth} aside.", "36 to go")
    terminal.press("q")
    terminal.ends("Stopped. Everything is stored; 'knnal label' goes on from here.")
    events = log(vectors.folder)
    assert [(e["kind"], e["item"], e["label"]) for e in events] == [
        ("label", first, "left"),
        ("label", second, "left"),
        ("label", third, "right one"),
        ("skip", fourth, None),
    ]
    assert {e["strategy"] for e in events} == {"cdf-product"}
    assert {e["annotator"] for e in events} == {"ann"}


def test_a_class_with_a_comma_and_one_that_is_misspelled(vectors: Any, open_terminal: Any) -> None:
    terminal = open_terminal(
        vectors, "--class", "Home, Garden & Tools", "--classes", "toys", "--class", "pets"
    )
    first = item_of(terminal.asks(0, " 1  toys 0", " 2  Home, Garden & Tools 0", " 3  pets 0"))
    terminal.type_class("toy")
    said = f"{first}: toy. New class 'toy' (did you mean 'toys'?); u takes it back"
    terminal.asks(1, said)
    terminal.press("q")
    terminal.ends("Everything is stored")


def test_undo_twice_and_once_too_often(vectors: Any, open_terminal: Any, log: Any) -> None:
    terminal = open_terminal(vectors, "--classes", "left, right")
    first = item_of(terminal.asks(0, " 1  left 0", " 2  right 0"))
    terminal.press("1")
    second = item_of(terminal.asks(1))
    terminal.press("s")
    terminal.asks(1, f"Set {second} aside.")
    terminal.press("u")
    assert item_of(terminal.asks(1, "Took back the skip. Here is the item again.")) == second
    terminal.press("u")
    text = terminal.asks(0, "Took back the label 'left'. Here is the item again.")
    assert item_of(text) == first
    terminal.press("u")
    assert item_of(terminal.asks(0, "ann has nothing left to undo")) == first
    terminal.press("2")
    terminal.asks(1, f"{first}: right")
    terminal.press("q")
    terminal.ends("Everything is stored")
    kinds = [event["kind"] for event in log(vectors.folder)]
    assert kinds == ["label", "skip", "undo", "undo", "label"]


def test_an_import_is_undone_after_a_yes_alone(vectors: Any, open_terminal: Any, log: Any) -> None:
    (vectors.folder / "wrong.csv").write_text("id,label\n0,left\n1,left\n20,right\n")
    vectors("import", "wrong.csv")
    terminal = open_terminal(vectors)
    terminal.asks(3)
    for answer in ("u", "y"):
        terminal.press("u")
        terminal.shows("Take back the import of 3 labels from wrong.csv? y: yes")
        terminal.press(answer)
        terminal.asks(3, "Nothing was taken back.") if answer == "u" else None
    terminal.asks(0, "Took back the import of 3 labels from wrong.csv.")
    terminal.press("q")
    terminal.ends("Everything is stored")
    assert [event["kind"] for event in log(vectors.folder)] == 3 * ["label"] + ["undo"]


def test_the_command_asks_before_it_undoes_many(
    vectors: Any, start_terminal: Any, log: Any
) -> None:
    (vectors.folder / "wrong.csv").write_text("id,label\n0,left\n1,left\n20,right\n")
    vectors("import", "wrong.csv")
    asked = "Take back the import of 3 labels from wrong.csv? [y/N]:"
    terminal = start_terminal(vectors, "undo")
    terminal.shows(asked)
    terminal.press("\r")
    terminal.shows("Nothing was taken back.")
    terminal = start_terminal(vectors, "undo", "--yes")
    terminal.ends("Took back the import of 3 labels from wrong.csv.")
    vectors("redo")
    terminal = start_terminal(vectors, "undo")
    terminal.shows(asked)
    terminal.press("y\r")
    terminal.ends("Took back the import of 3 labels from wrong.csv.")
    assert [event["kind"] for event in log(vectors.folder)] == 3 * ["label"] + [
        "undo", "redo", "undo",
    ]  # fmt: skip


def test_a_label_is_taken_away(labeled: Any, open_terminal: Any, log: Any) -> None:
    terminal = open_terminal(labeled)
    terminal.asks(2)
    terminal.press("r")
    terminal.shows("1  right  20", "2  left  0")
    terminal.press("2")
    terminal.asks(2, "A class's key relabels it; Esc goes on.")
    terminal.press("X")
    terminal.asks(1, "Removed the label of 0.", " 1  left 0")
    terminal.press("q")
    terminal.ends("Everything is stored")
    assert [(e["kind"], e["item"]) for e in log(labeled.folder)[2:]] == [("unlabel", "0")]


def test_relabel_then_take_it_back(labeled: Any, open_terminal: Any, log: Any) -> None:
    terminal = open_terminal(labeled)
    asked = item_of(terminal.asks(2))
    terminal.press("r")
    text = terminal.shows("1  right  20", "2  left  0", "Which one? Any other key goes back.")
    assert "labeled" not in text
    terminal.press("2")
    assert item_of(terminal.asks(2, "A class's key relabels it; Esc goes on.")) == "0"
    terminal.press("2")
    text = terminal.asks(2, "0: right (was left)")
    assert item_of(text) == asked
    assert " 1  left 0" in text
    terminal.press("r")
    terminal.shows("Which one?")
    terminal.press("x")
    terminal.asks(2)
    terminal.press("u")
    terminal.asks(2, "Took back the relabel 'right'.", " 1  left 1")
    terminal.press("q")
    terminal.ends("Everything is stored")
    last = [(e["kind"], e["item"], e["label"]) for e in log(labeled.folder)[2:]]
    assert last == [("relabel", "0", "right"), ("undo", "0", None)]


def test_help_a_slip_of_the_finger_and_a_changed_mind(
    vectors: Any, open_terminal: Any, log: Any
) -> None:
    terminal = open_terminal(vectors)
    asked = item_of(terminal.asks(0))
    terminal.press("?")
    assert "labeled," not in terminal.shows("undo your latest label", "Press any key")
    terminal.press("x")
    assert item_of(terminal.asks(0)) == asked
    terminal.press("7")
    assert item_of(terminal.asks(0)) == asked
    terminal.press("r")
    terminal.asks(0, "Nothing is labeled yet.")
    terminal.type_class("")
    text = terminal.asks(0)
    assert item_of(text) == asked
    assert "Expected" not in text, "to go back, as offered, is no error"
    terminal.press("\x03")
    terminal.ends("Stopped. Everything is stored")
    assert log(vectors.folder) == []


def test_another_process_was_faster(vectors: Any, open_terminal: Any, log: Any) -> None:
    terminal = open_terminal(vectors, "--classes", "left,right")
    asked = item_of(terminal.asks(0))
    vectors("tell", asked, "right", LOGNAME="bob")
    terminal.press("1")
    text = terminal.asks(1, f"'{asked}' was labeled 'right' by bob")
    assert item_of(text) != asked
    terminal.press("q")
    terminal.ends("Everything is stored")
    (event,) = log(vectors.folder)
    assert (event["label"], event["annotator"]) == ("right", "bob")


def test_a_killed_terminal_loses_nothing(vectors: Any, open_terminal: Any, log: Any) -> None:
    terminal = open_terminal(vectors, "--classes", "left,right")
    first = item_of(terminal.asks(0))
    terminal.press("2")
    second = item_of(terminal.asks(1, f"{first}: right"))
    terminal.child.kill(signal.SIGKILL)
    terminal.child.wait()
    again = open_terminal(vectors)
    assert item_of(again.asks(1, " 1  left 0", " 2  right 1")) == second
    again.press("u")
    assert item_of(again.asks(0, "Took back the label 'right'")) == first
    again.press("q")
    again.ends("Everything is stored")
    assert [event["kind"] for event in log(vectors.folder)] == ["label", "undo"]


def test_until_nothing_is_left(knnal: Any, open_terminal: Any) -> None:
    np.save(knnal.folder / "two.npy", np.eye(2, dtype=np.float32))
    knnal("embed", "two.npy")
    terminal = open_terminal(knnal, "--classes", "one")
    terminal.asks(0, "2 to go")
    terminal.press("1")
    terminal.asks(1, "1 to go")
    terminal.press("1")
    terminal.ends("Nothing is left to label: every item is labeled or skipped.")


@pytest.mark.parametrize(("rows", "columns"), [(18, 60), (40, 100)])
def test_a_resized_terminal(vectors: Any, open_terminal: Any, rows: int, columns: int) -> None:
    vectors("tell", 0, "left")
    terminal = open_terminal(vectors)
    terminal.asks(1)
    terminal.resize(rows, columns)
    terminal.press("?")
    terminal.shows("Press any key to go back.")
    terminal.press(" ")
    frame = next(line for line in terminal.asks(1).splitlines() if line.startswith("╭"))
    assert len(frame) == columns


def test_a_quiet_line_says_what_more_labels_would_bring(studied: Any, open_terminal: Any) -> None:
    terminal = open_terminal(studied, "--target", "0.7")
    text = terminal.asks(70, "100 more labels: about +")
    assert "You could stop: the accuracy is at least" in text
    assert "(target 70%)" in text
    terminal.press("1")
    text = terminal.asks(71)
    deadline = time.monotonic() + PATIENCE_S
    while "Random labels: " not in text:  # worked out meanwhile, and not written into what is there
        assert time.monotonic() < deadline, text
        terminal.press("?")
        terminal.shows("Press any key to go back.")
        terminal.press(" ")
        text = terminal.asks(71)
    random = studied("status", "--json").data["random"]
    assert re.search(r"Random labels: \d+% \(\d+%-\d+%\) · 100 more labels", text)
    assert f"Random labels: {random['accuracy']:.0%} (" in text
    terminal.press("u")
    terminal.asks(70, "You could stop")
    terminal.press("q")
    terminal.ends("Everything is stored")


def test_a_search_and_near_duplicates_have_a_line(knnal: Any, open_terminal: Any) -> None:
    X = np.repeat(np.eye(5, 6, dtype=np.float32), 3, axis=0)
    np.save(knnal.folder / "copies.npy", X)
    knnal("embed", "copies.npy")
    terminal = open_terminal(knnal, "--classes", "one,two", "--per-group", "--seek", "one")
    terminal.asks(
        0, "5 to go", "Stands for 2 near-duplicates · Seeking 'one': it takes one example"
    )
    for labeled, key in enumerate("1222", start=1):
        terminal.press(key)
        terminal.asks(labeled, f"{5 - labeled} to go")
    assert "Seeking 'one': 0 found of 0 asked" in terminal.text
    terminal.press("1")
    terminal.ends("or a near-duplicate", "of one that is.")


def test_many_classes_and_long_names_fit(vectors: Any, open_terminal: Any) -> None:
    names = [f"class of number {number}" for number in range(40)]
    rows = [{"id": str(n), "label": names[n % 40]} for n in range(39)]
    vectors("tell", stdin="".join(json.dumps(row) + "\n" for row in rows))
    terminal = open_terminal(vectors, "--k", "20", "--classes", ",".join(names))
    text = terminal.asks(39, "1 to go")
    assert " 1  class of number 0 1" in text
    assert re.search(r"and \d+ by n", text)


ODD_TEXTS = {
    "markup": "[bold]loud[/bold] [/nope] [red]x[/red] [link=file:///etc]y[/link] :smile:",
    "escape sequences": "before \x1b[31;7mred \x1b]0;owned\x07 \x1b[8;1;1t\x1b[5A after",
    "C1 controls": "before \x9b5A\x9d0;owned\x9c after",
    "other controls": "tab\there\rback\x08\x08\x0b\x0cfeed \x00 nul \x7f after",
    "line breaks": "first\nsecond\r\nthird" + "\nmore" * 100,
    "right to left": "مرحبا بالعالم \u202eoverride\u202c שלום after",
    "very long": "a long story without an end " * 400,
    "one long word": "w" * 5000,
    "wide": "漢字かな交じり文 🙂👩‍👩‍👧 " * 100,
}
VISIBLE = {
    "markup": ODD_TEXTS["markup"],
    "escape sequences": "before",
    "C1 controls": "before",
    "other controls": "tab",
    "line breaks": "second",
    "right to left": "after",
    "very long": "a long story without an end a long story",
    "one long word": "w" * 60,
    "wide": "漢",
}


def control_codes(received: str) -> set[str]:
    """What came that a terminal acts upon, but for the codes that drawing a screen takes.

    The last one may have come in part so far.
    """
    drawing = r"\x1b\[[0-9;]*[mHJK]|\x1b\[\?(?:25|2004|1049)[hl]|[\r\n]|\x1b(?:\[[0-9;?]*)?$"
    return set(re.findall(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e]", re.sub(drawing, "", received)))


def test_odd_texts_are_shown_harmlessly(knnal: Any, open_terminal: Any) -> None:
    rows = [{"id": name, "text": text} for name, text in ODD_TEXTS.items()]
    rows.append({"id": "[bold]id[/bold] \x1b[31;7m\\", "text": "an odd id"})
    content = "".join(json.dumps(row) + "\n" for row in rows)
    (knnal.folder / "odd.jsonl").write_text(content, encoding="utf-8")
    knnal("embed", "odd.jsonl", "--id-column", "id")
    terminal = open_terminal(knnal, "--classes", "[red]a,b[/nope]")
    wrong = []
    for labeled in range(len(rows)):
        received = terminal.receives(f"{labeled} labeled", "help")
        shown = re.search("╭─ (.*?) ─", received)
        name = shown[1] if shown else "?"
        if codes := control_codes(received):
            wrong.append(f"raw control codes of {name!r}: {', '.join(sorted(map(ascii, codes)))}")
            terminal.wipe()
        else:
            text = terminal.asks(labeled, f"{len(rows) - labeled} to go", " 1  [red]a")
            if VISIBLE.get(name, "an odd id") not in text.replace(" │\n│ ", " "):
                wrong.append(f"{name!r} is not to be seen\n{text}")
        terminal.press("1")
    terminal.ends("Nothing is left")
    assert not wrong, "\n".join(wrong)


# The full-screen application

APP_KEYS = "? help"


def frame_of(text: str) -> str:
    """The id of the item on the full screen: the title of its frame."""
    title = re.search(r"╭─ ?(.*?) ?─+╮", text)
    assert title is not None, text
    return title[1]


def test_fifty_pictures_with_undo_a_new_class_a_resize_and_a_killed_terminal(
    knnal: Any, open_app: Any, log: Any
) -> None:
    make_pictures(knnal.folder / "pictures", 60)
    pool_of_pictures(knnal.folder)
    expected: list[tuple[str, str, str | None]] = []
    terminal = open_app(knnal, "--classes", "disc")
    for labeled in range(50):
        text = terminal.shows(f"{labeled} labeled, {60 - labeled} to go", APP_KEYS)
        item = frame_of(text)
        name = "disc" if int(item[:3]) % 2 else "square"
        if name == "square" and ("label", "square") not in {(e[0], e[2]) for e in expected}:
            terminal.press("n")
            terminal.shows("a new one:")
            terminal.press("square\r")
        else:
            terminal.press("1" if name == "disc" else "2")
        expected.append(("label", item, name))
        if labeled == 10:
            terminal.shows(f"{labeled + 1} labeled")
            terminal.press("u")
            again = terminal.shows(f"{labeled} labeled", f"Took back the label '{name}'")
            assert frame_of(again) == item
            terminal.press("U")
            terminal.shows(f"{labeled + 1} labeled", f"Brought back the label '{name}'")
            expected += [("undo", item, None), ("redo", item, None)]
        if labeled == 20:
            terminal.shows(f"{labeled + 1} labeled")
            terminal.resize(40, 120)
            wide = terminal.shows(
                f"{labeled + 1} labeled", "Why this one", "N note"
            )  # now there is room
            assert max(map(len, wide.splitlines())) > 100
        if labeled == 30:
            terminal.shows(f"{labeled + 1} labeled", APP_KEYS)
            terminal.child.kill(signal.SIGKILL)
            terminal.child.wait()
            terminal = open_app(knnal)
    terminal.shows("50 labeled, 10 to go")
    terminal.press("q")
    terminal.ends("Stopped. Everything is stored; 'knnal label' goes on from here.")
    events = [(e["kind"], e["item"], e["label"]) for e in log(knnal.folder)]
    assert events == expected


# Review

REVIEW_KEYS = "Enter keep  n type a class  s not sure  u undo  q quit  ? help"


@pytest.fixture
def mislabeled(vectors: Any) -> Any:
    """Two clusters of 20, labeled all but the last of each; three labels are those of the other
    cluster, which the nine neighbors of each contradict.
    """
    wrong = {"3": "right", "7": "right", "25": "left"}
    right = {str(i): "left" if i < 20 else "right" for i in range(40) if i not in (19, 39)}
    lines = [json.dumps({"id": i, "label": wrong.get(i, label)}) for i, label in right.items()]
    vectors("tell", stdin="\n".join(lines))
    return vectors


def reviews(terminal: Terminal, *phrases: str) -> str:
    """Wait for a whole label to review, which must fit the screen; the screen."""
    text: str = terminal.shows("to review", "? help", *phrases)
    assert " to review" in text.splitlines()[0], f"its top is out of sight:\n{text}"
    return text


def test_a_review_keeps_changes_sets_aside_and_takes_back(
    mislabeled: Any, start_terminal: Any, log: Any
) -> None:
    terminal = start_terminal(mislabeled, "review")
    text = reviews(terminal, REVIEW_KEYS, "1  left", "2  right")
    first = item_of(text)
    assert first in ("3", "7", "25")
    given, other = ("left", "right") if first == "25" else ("right", "left")
    assert f"Label: {given} · without it: {other} " in text
    assert f"%  {other}  (similarity" in text
    assert f"%  {given}  (similarity" not in text
    terminal.press("1" if first != "25" else "2")
    text = reviews(terminal, f"{first}: ")
    second = item_of(text)
    assert second != first
    terminal.press("\r")
    third = item_of(reviews(terminal, f"{second}: kept "))
    assert third not in (first, second)
    terminal.press("u")
    assert item_of(reviews(terminal, "Taken back. Here is the label again.")) == second
    terminal.press("s")
    reviews(terminal, f"{second}: set aside")
    terminal.press("?")
    terminal.shows("the label is right; it is not asked about again", "Press any key")
    terminal.press("x")
    reviews(terminal)
    terminal.press("q")
    terminal.ends("Stopped. Everything is stored; 'knnal review' goes on from here.")
    events = [(e["kind"], e["item"], e["origin"]) for e in log(mislabeled.folder)[38:]]
    assert events == [
        ("relabel", first, "review"), ("keep", second, "review"), ("undo", second, "named"),
        ("skip", second, "review"),
    ]  # fmt: skip


def test_a_review_of_so_many_and_no_further_back_than_reviews(
    mislabeled: Any, start_terminal: Any
) -> None:
    terminal = start_terminal(mislabeled, "review", "--mode", "slim", "--limit", "1")
    asked = item_of(reviews(terminal))
    terminal.press("u")
    assert item_of(reviews(terminal, "No answer of a review is left to take back.")) == asked
    terminal.press("n")
    terminal.shows("Class (Enter alone goes back):")
    terminal.press("upward\r")
    terminal.ends("Reviewed 1 label. 'knnal review' goes on from here.")
    assert mislabeled("status", "--json").data["labels"]["upward"] == 1
