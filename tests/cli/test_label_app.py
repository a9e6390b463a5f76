"""The full-screen application, driven by Textual's pilot: what keys do, and what is on screen."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
from rich.text import Text
from textual.pilot import Pilot
from textual.widgets import Label, OptionList, Static

from knnal.errors import InputError
from knnal.pool.labels.importing import LabelImport
from knnal.pool.pool import Pool
from knnal.quality.review import Review
from knnal.session.session import Session
from knnal.session.similar_items import find_similar
from knnal_cli.class_keys import ClassKeys
from knnal_cli.keymap import CLASS_KEYS, Front, KeyMode
from knnal_cli.tui import drawing
from knnal_cli.tui.application import LabelApp
from knnal_cli.tui.batch_screen import BatchScreen, ItemCell
from knnal_cli.tui.dialogs import matches
from knnal_cli.tui.item_view import ItemView
from knnal_cli.tui.label_screen import LabelScreen
from knnal_cli.tui.pictures import open_file
from knnal_cli.tui.review_screen import ReviewScreen
from knnal_cli.tui.start import shows_applications

from ..patience import PATIENCE_S

pytestmark = pytest.mark.filterwarnings(
    "ignore:'asyncio.iscoroutinefunction' is deprecated:DeprecationWarning"
)


_ROUNDS = 4
"""A key opens a window, that is laid out, asks the session, and draws what came."""


@pytest.fixture
def session(tmp_path: Any) -> Session:
    """Two clusters of 10, nothing labeled."""
    rng = np.random.default_rng(0)
    X = np.repeat(np.eye(2, 4) * 3, 10, axis=0) + rng.normal(size=(20, 4))
    return Session(Pool.in_memory(X), annotator="ann")


def run(
    session: Session, script: Callable[[LabelApp, Pilot[Any]], Awaitable[None]], *size: int
) -> LabelApp:
    """The application on a screen of that size, after a script."""
    app = LabelApp(session, session.ask())

    async def act() -> None:
        async with app.run_test(size=size or (80, 24)) as pilot:
            await settled(app, pilot)
            await script(app, pilot)

    asyncio.run(act())
    assert app.failure is None
    return app


async def settled(app: LabelApp, pilot: Pilot[Any]) -> None:
    """Wait until nothing waits, and what has come of it is drawn."""
    for _ in range(_ROUNDS):  # pilot.pause would wait for the threads of the session as well
        await pilot._wait_for_screen()
        while app.is_busy:
            await asyncio.sleep(0.002)


async def press(app: LabelApp, pilot: Pilot[Any], *keys: str) -> None:
    """Press one key after the other, each when what the one before came to is drawn."""
    for key in keys:
        app.simulate_key(key)
        await settled(app, pilot)


def text_of(app: LabelApp, place: str) -> str:
    return str(app.screen_stack[0].query_one(place, Static).content)


def labels_of(session: Session) -> dict[str, int]:
    return {name: count for name, count in session.ledger.class_counts().items() if count}


def test_keys_label_undo_redo_and_set_aside(session: Session) -> None:
    session.add_class("left")
    session.add_class("right")

    async def script(app: LabelApp, pilot: Pilot[Any]) -> None:
        await press(app, pilot, "1", "2", "2")
        assert labels_of(session) == {"left": 1, "right": 2}
        await press(app, pilot, "u", "u")
        assert labels_of(session) == {"left": 1}
        await press(app, pilot, "U", "s")
        assert labels_of(session) == {"left": 1, "right": 1}
        assert len(session.ledger.skipped()) == 1
        await press(app, pilot, "U")
        assert "nothing to redo" in text_of(app, "#remark")
        assert text_of(app, "#top").startswith("2 labeled, 17 to go")

    run(session, script)


def test_a_class_is_typed_by_some_of_its_letters_or_anew(session: Session) -> None:
    async def script(app: LabelApp, pilot: Pilot[Any]) -> None:
        await press(app, pilot, "n", *"golden", "enter")
        await press(app, pilot, "n", *"gde", "enter")  # a new one: none begins so
        await press(app, pilot, "n", *"gol", "enter")
        await press(app, pilot, "n", *"gol", "down", "enter")
        assert labels_of(session) == {"golden": 2, "gde": 1, "gol": 1}
        await press(app, pilot, "n", "escape")
        assert session.ledger.label_count == 4

    run(session, script)


def test_what_is_typed_ahead_is_for_the_window_that_it_opens(session: Session) -> None:
    session.add_class("left")

    async def script(app: LabelApp, pilot: Pilot[Any]) -> None:
        for key in ("1", "n", *"new", "enter"):  # the first of them takes the session
            app.simulate_key(key)
        async with asyncio.timeout(PATIENCE_S):
            while session.ledger.label_count < 2:
                await pilot.pause()
        assert labels_of(session) == {"left": 1, "new": 1}

    run(session, script)


def test_a_class_is_renamed_and_another_merged_into_it(session: Session) -> None:
    for item, name in (("0", "good"), ("1", "fine"), ("2", "bad")):
        session.tell(item, name)

    async def script(app: LabelApp, pilot: Pilot[Any]) -> None:
        await press(app, pilot, "R", *"fine", "enter")
        await press(app, pilot, *["backspace"] * 4, *"good", "enter")
        assert labels_of(session) == {"good": 2, "bad": 1}
        assert "Merged 'fine' into 'good'." in text_of(app, "#remark")
        await press(app, pilot, "u")
        assert labels_of(session) == {"good": 1, "fine": 1, "bad": 1}

    run(session, script)


def test_back_to_a_past_item_its_note_and_its_label(session: Session) -> None:
    for item, name in (("3", "left"), ("14", "right")):
        session.tell(item, name)

    async def script(app: LabelApp, pilot: Pilot[Any]) -> None:
        await press(app, pilot, "r")
        assert app.screen.query_one(OptionList).option_count == 2
        await press(app, pilot, "down", "enter")
        assert app.screen.query_one("#frame").border_title == "3"
        await press(app, pilot, "N", *"odd", "enter")
        assert "Note: odd" in text_of(app, "#remark")
        await press(app, pilot, "2")
        assert session.ledger.labels() == {"3": "right", "14": "right"}
        assert session.ledger.note("3") == "odd"
        await press(app, pilot, "r", "enter", "escape")
        assert session.ledger.label(str(app.screen.query_one("#frame").border_title)) is None

    run(session, script)


def test_any_past_item_is_found_by_letters_of_it_or_of_its_class(session: Session) -> None:
    for number in range(12):
        session.tell(str(number), "left" if number < 10 else "right")
    session.skip("13")

    async def script(app: LabelApp, pilot: Pilot[Any]) -> None:
        await press(app, pilot, "r", *"rig 1")
        options = app.screen.query_one(OptionList)
        listed = [str(options.get_option_at_index(n).prompt) for n in range(options.option_count)]
        assert listed == ["right  11", "right  10"]
        await press(app, pilot, "down", "enter")
        assert app.screen.query_one("#frame").border_title == "10"
        await press(app, pilot, "r", *"aside", "enter")
        assert app.screen.query_one("#frame").border_title == "13"
        await press(app, pilot, "1")
        assert session.ledger.label("13") == "left"
        await press(app, pilot, "r", *"nothing", "enter")
        assert session.ledger.label_count == 13

    run(session, script)


@pytest.mark.skipif(sys.platform == "win32", reason="the viewer is a program by its name elsewhere")
def test_a_file_is_opened_in_the_viewer_of_the_system(
    make_pool: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = tmp_path / "opened"
    for name in ("xdg-open", "open"):
        viewer = tmp_path / "bin" / name
        viewer.parent.mkdir(exist_ok=True)
        viewer.write_text(f'#!/bin/sh\necho "$1" > {opened}.part; mv {opened}.part {opened}\n')
        viewer.chmod(0o755)
    monkeypatch.setenv("PATH", f"{viewer.parent}:/bin:/usr/bin")
    monkeypatch.setenv("DISPLAY", ":7")
    file = tmp_path / "photo.jpg"
    assert "not there any more" in open_file(file)
    file.write_bytes(b"")
    assert open_file(file) == f"Opened {file}."
    deadline = time.monotonic() + PATIENCE_S
    while not opened.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert opened.read_text().strip() == str(file)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "to open it with" in open_file(file)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert sys.platform == "darwin" or "no display" in open_file(file)
    texts = Session(make_pool(np.eye(2), texts=["one", "two"]))

    async def script(app: LabelApp, pilot: Pilot[Any]) -> None:
        await press(app, pilot, "O")
        assert text_of(app, "#remark") == "There is no file to open."

    run(texts, script)


def test_a_key_is_assigned_and_known_to_the_next_session(make_pool: Any) -> None:
    pool = make_pool(np.random.default_rng(0).normal(size=(9, 4)))
    session = Session(pool)
    session.add_class("left")
    session.add_class("right")

    async def script(app: LabelApp, pilot: Pilot[Any]) -> None:
        await press(app, pilot, "K", *"right", "enter")
        await press(app, pilot, "j")
        assert " j  right 0" in text_of(app, "#classes")
        await press(app, pilot, "j")
        assert labels_of(session) == {"right": 1}

    run(session, script)
    assert ClassKeys(pool.folder).of(["left", "right"]) == {"1": "left", "j": "right"}
    stored = json.loads((pool.folder / "keys.json").read_bytes())
    assert stored == {"pool": pool.manifest.pool, "keys": {"right": "j"}}


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (50, 16), (20, 6), (10, 3)])
def test_it_fits_any_screen(make_pool: Any, size: tuple[int, int]) -> None:
    session = Session(make_pool(np.eye(4), texts=["[b]one", "two\n" * 50, "three", "x" * 900]))
    session.tell("item-0", "[red]a class[/]")

    async def script(app: LabelApp, pilot: Pilot[Any]) -> None:
        await press(app, pilot, "1", "?")
        await press(app, pilot, "x")
        await pilot.resize_terminal(*reversed(size))
        await press(app, pilot, "n", "escape")
        await pilot.resize_terminal(*size)
        await settled(app, pilot)
        widgets = [app.screen.query_one(name) for name in ("#top", "#frame", "#foot")]
        assert all(widget.region.right <= size[0] for widget in widgets)
        if size[1] >= 16:
            assert all(widget.region.bottom <= size[1] for widget in widgets)
            assert "? help" in text_of(app, "#foot")

    run(session, script, *size)
    assert session.ledger.label_count == 2


def test_a_smaller_screen_has_no_lines_that_the_larger_one_needed(session: Session) -> None:
    for number, name in enumerate(("left", "right", "neither of them")):
        session.tell(str(number), name)

    async def script(app: LabelApp, pilot: Pilot[Any]) -> None:
        for size in ((120, 40), (60, 20), (100, 30), (48, 18)):
            await pilot.resize_terminal(*size)
            await settled(app, pilot)
            board = app.screen.query_one(ItemView)
            for name in ("#top", "#remark", "#classes", "#foot"):
                shown = board.query_one(name, Static)
                assert shown.region.height == str(shown.content).count("\n") + 1
            assert board.query_one("#foot").region.bottom == size[1]

    run(session, script, 120, 40)


# Batches


@pytest.fixture
def told(session: Session) -> Session:
    """The same with the first two items of either cluster labeled."""
    for item, name in (("0", "left"), ("1", "left"), ("10", "right"), ("11", "right")):
        session.tell(item, name)
    return session


def cells_of(app: LabelApp) -> list[ItemCell]:
    return [cell for cell in app.screen.query(ItemCell) if cell.display]


async def open_batch(app: LabelApp, pilot: Pilot[Any]) -> tuple[str, list[str]]:
    """The class that a batch is predicted to be of, and its items."""
    await press(app, pilot, "B")
    assert isinstance(app.screen, BatchScreen)
    title = str(app.screen.query_one("#title", Static).content)
    found = re.match(r"(\d+) similar items, predicted (\w+)", title)
    assert found is not None, title
    items = [str(cell.border_title) for cell in cells_of(app)]
    assert len(items) == int(found[1])
    return found[2], items


def test_a_batch_is_accepted_but_for_its_exceptions_and_undone_as_a_whole(told: Session) -> None:
    other = {"left": "right", "right": "left"}
    asked = told.ask()
    assert asked is not None

    async def script(app: LabelApp, pilot: Pilot[Any]) -> None:
        label, items = await open_batch(app, pilot)
        alike = find_similar(told, asked.item, len(items))
        assert alike is not None
        assert (label, items) == (alike.label, [m.item for m in alike.members])
        assert len(items) >= 5
        key = {"left": "1", "right": "2"}
        await press(app, pilot, "right", "space", "right", key[other[label]], "right", "space")
        await press(app, pilot, "space")  # no exception after all
        marks = [str(cell.border_title)[0] for cell in cells_of(app)]
        assert "".join(marks[1:4]) == f"✗→{items[3][0]}"
        await press(app, pilot, "enter")
        given = dict.fromkeys(items, label) | {items[2]: other[label]}
        del given[items[1]]
        assert {i: told.ledger.label(i) for i in items if told.ledger.label(i)} == given
        assert f"Labeled a batch of {len(given)} item" in str(
            app.screen.query_one("#remark", Static).content
        )
        origins = {str(e.item): e.origin for e in told.ledger.decisions() if e.item in given}
        assert origins == {item: "asked" if item == asked.item else "named" for item in given}
        assert items[0] not in [str(cell.border_title) for cell in cells_of(app)]
        await press(app, pilot, "escape", "u", "y")
        assert told.ledger.label_count == 4
        assert f"Took back {len(given)} labels given together" in text_of(app, "#remark")
        await press(app, pilot, "U")
        assert {i: told.ledger.label(i) for i in items if told.ledger.label(i)} == given
        await press(app, pilot, "u", "y", "u")
        assert told.ledger.label_count == 3, "what was before it goes one by one"

    run(told, script)


def test_an_undo_of_many_labels_waits_for_a_yes(told: Session) -> None:
    with told.pool.transaction():
        LabelImport(told.pool, "ann", "wrong.csv").add([(str(n), "left") for n in range(3, 8)])

    async def script(app: LabelApp, pilot: Pilot[Any]) -> None:
        for answers in (["n"], ["escape"], ["u", "u", "enter", "1", "n"]):
            await press(app, pilot, "u")
            dialog = app.screen.query_one(Label)
            assert "Take back the import of 5 labels from wrong.csv?" in str(dialog.content)
            await press(app, pilot, *answers)
            assert isinstance(app.screen, LabelScreen)
            assert told.ledger.label_count == 9
        for key in "uuu":  # faster than the window opens
            app.simulate_key(key)
        await settled(app, pilot)
        assert told.ledger.label_count == 9
        await press(app, pilot, "y")
        assert told.ledger.label_count == 4
        assert "Took back the import of 5 labels from wrong.csv." in text_of(app, "#remark")
        await press(app, pilot, "u")
        assert told.ledger.label_count == 3, "a single one is not asked about"

    run(told, script)


def test_a_past_label_is_taken_away(told: Session) -> None:
    async def script(app: LabelApp, pilot: Pilot[Any]) -> None:
        await press(app, pilot, "X")
        assert "has no label to take away" in text_of(app, "#remark")
        await press(app, pilot, "r", "enter", "X")
        assert "Removed the label of 11." in text_of(app, "#remark")
        assert told.ledger.labels() == {"0": "left", "1": "left", "10": "right"}
        await press(app, pilot, "u")
        assert "Took back the removal of the label." in text_of(app, "#remark")
        assert told.ledger.label("11") == "right"

    run(told, script)


def test_an_empty_class_is_removed_by_no_name(told: Session) -> None:
    told.add_class("slip")

    async def script(app: LabelApp, pilot: Pilot[Any]) -> None:
        backspaces = ["backspace"] * len("right")
        await press(app, pilot, "R", *"right", "enter", *backspaces, "enter")
        assert "'right' has 2 labels" in text_of(app, "#remark")
        await press(app, pilot, "R", *"slip", "enter", *backspaces, "enter")
        assert "Removed the class 'slip'." in text_of(app, "#remark")
        assert told.classes == ["left", "right"]
        await press(app, pilot, "u")
        assert told.classes == ["left", "right", "slip"]

    run(told, script)


def test_a_batch_whose_first_item_is_an_exception_goes_back_to_it(told: Session) -> None:
    async def script(app: LabelApp, pilot: Pilot[Any]) -> None:
        _, items = await open_batch(app, pilot)
        await pilot.pause()
        await pilot.click(cells_of(app)[0])
        await press(app, pilot, "enter")
        assert isinstance(app.screen, LabelScreen)
        assert told.ledger.label(items[0]) is None
        assert told.ledger.label_count == 3 + len(items)
        assert f"Labeled a batch of {len(items) - 1} item" in text_of(app, "#remark")

    run(told, script)


def test_a_batch_follows_the_size_of_the_screen(told: Session) -> None:
    async def script(app: LabelApp, pilot: Pilot[Any]) -> None:
        _, items = await open_batch(app, pilot)
        await press(app, pilot, "right", "space")
        await pilot.resize_terminal(40, 16)
        await settled(app, pilot)
        fewer = [str(cell.border_title) for cell in cells_of(app)]
        assert fewer == [items[0], f"✗ {items[1]}"]
        assert all(cell.region.bottom <= 16 for cell in cells_of(app))
        await press(app, pilot, "u")
        assert told.ledger.label_count == 3
        await press(app, pilot, "?", "x", "B")
        assert isinstance(app.screen, LabelScreen)

    run(told, script)


def test_there_is_no_batch_before_the_first_label_and_of_a_labeled_item(session: Session) -> None:
    async def script(app: LabelApp, pilot: Pilot[Any]) -> None:
        await press(app, pilot, "B")
        assert "There is no batch" in text_of(app, "#remark")
        await press(app, pilot, "n", "a", "enter")
        await press(app, pilot, "r", "enter", "B")
        assert "There is no batch" in text_of(app, "#remark")

    run(session, script)


# Review


def test_a_review_within_the_application_and_back(session: Session) -> None:
    wrong = {"3": "right", "14": "left"}
    for number in range(18):
        item = str(number)
        session.tell(item, wrong.get(item) or ("left" if number < 10 else "right"))
    first, second = (suspect.item for suspect in Review(session).suspects(2))
    assert {first, second} == set(wrong)
    right = {"3": "left", "14": "right"}

    async def script(app: LabelApp, pilot: Pilot[Any]) -> None:
        await press(app, pilot, "V")
        assert isinstance(app.screen, ReviewScreen)
        board = app.screen.query_one(ItemView)
        assert board.query_one("#frame").border_title == first
        assert board.query_one("#frame").border_subtitle == wrong[first]
        side = str(board.query_one("#side", Static).content)
        assert f"Label  {wrong[first]}" in side
        assert "Neighbors that disagree" in side
        assert side.split("disagree")[1].count(right[first]) >= 1
        assert wrong[first] not in side.split("disagree")[1]
        await press(app, pilot, {"left": "1", "right": "2"}[right[first]])
        assert session.ledger.label(first) == right[first]
        assert board.query_one("#frame").border_title == second
        await press(app, pilot, "u")
        assert session.ledger.label(first) == wrong[first]
        await press(app, pilot, "enter")
        assert session.ledger.is_reviewed(first)
        await press(app, pilot, "s")
        assert session.ledger.label(second) is None
        await press(app, pilot, "?", "x", "u", "n", *"upward", "enter")
        assert session.ledger.label(second) == "upward"
        assert session.ledger.is_reviewed(second)
        await press(app, pilot, "escape")
        assert isinstance(app.screen, LabelScreen)
        assert "Reviewed 2 labels" in text_of(app, "#remark")
        assert text_of(app, "#top").startswith("18 labeled, 2 to go")
        await press(app, pilot, "1")
        assert session.ledger.label_count == 19

    run(session, script)


def test_a_review_of_nothing_and_no_further_back_than_reviews(told: Session) -> None:
    async def script(app: LabelApp, pilot: Pilot[Any]) -> None:
        await press(app, pilot, "V", "u", "1", "enter")
        board = app.screen.query_one(ItemView)
        assert "No answer of a review is left" in str(board.query_one("#remark", Static).content)
        assert "No label is left to review" in str(board.query_one("#item", Static).content)
        assert told.ledger.label_count == 4
        await press(app, pilot, "V")
        assert isinstance(app.screen, LabelScreen)
        await press(app, pilot, "V", "q")

    app = run(told, script)
    assert app.return_value is True


def test_an_error_of_the_session_ends_the_application_and_is_told(session: Session) -> None:
    app = LabelApp(session, session.ask())

    async def act() -> None:
        async with app.run_test() as pilot:
            await settled(app, pilot)
            app._worker.do(session.pool.close)  # in the thread that reads it
            await pilot.press("n", "a", "enter")
            await settled(app, pilot)

    asyncio.run(act())
    assert app.failure is not None


def test_names_are_found_by_what_is_typed_of_them() -> None:
    names = ["red apple", "green apple", "grape", "pear", "Grapefruit"]
    assert matches("gr", names) == ["green apple", "grape", "Grapefruit"]
    assert matches("grape", names) == ["grape", "Grapefruit", "green apple"]
    assert matches("app", names) == ["red apple", "green apple"]
    assert matches("gap", names) == ["green apple", "grape", "Grapefruit"]
    assert matches("zebra", names) == []
    assert matches("", names) == names


def test_keys_that_cannot_be_are_refused(tmp_path: Any) -> None:
    keys = ClassKeys(tmp_path)
    with pytest.raises(InputError, match="one of the keys"):
        keys.assign("a", "q")
    keys.assign("a", "7")
    keys.assign("b", "7")
    assert keys.of(["a", "b", "cc"]) == {"a": "a", "7": "b", "3": "cc"}
    keys.rename("b", "d")
    elsewhere = ClassKeys(tmp_path)
    assert elsewhere.of(["aa", "d"]) == {"1": "aa", "7": "d"}
    elsewhere.assign("d", "1")
    assert keys.of(["aa", "d", "ee"]) == {"2": "aa", "1": "d", "3": "ee"}, "at once, everywhere"
    many = [f"class {number}" for number in range(31)]
    assert list(keys.of(many).values()) == many[: len(CLASS_KEYS)]
    (tmp_path / "keys.json").write_text('["7"]')
    with pytest.raises(InputError, match=r"keys\.json"):
        ClassKeys(tmp_path)


def test_keys_of_another_pool_are_refused(tmp_path: Any) -> None:
    ClassKeys(tmp_path, "one").assign("a", "7")
    assert ClassKeys(tmp_path, "one").of(["a"]) == {"7": "a"}
    with pytest.raises(InputError, match=r"keys\.json belongs to another pool"):
        ClassKeys(tmp_path, "two")
    (tmp_path / "keys.json").write_text('{"a": "5"}')  # of before pools had an id
    assert ClassKeys(tmp_path, "two").of(["a"]) == {"5": "a"}


@pytest.mark.parametrize(("share", "length"), [(0.0, 8), (1.0, 8), (0.5, 7), (0.33, 20)])
def test_a_bar_is_as_long_as_its_share(share: float, length: int) -> None:
    drawn = drawing.bar(share, length)
    eighths = sum(8 if c == "█" else " ▏▎▍▌▋▊▉".index(c) for c in drawn)
    assert len(drawn) == length
    assert abs(eighths / 8 / length - share) <= 1 / 16 / length + 1e-9


def test_texts_begin_where_their_script_does() -> None:
    assert [drawing.runs_left(t) for t in ("abc", "123 שלום", "«مرحبا»", "123", "")] == [
        False, True, True, False, False,
    ]  # fmt: skip
    assert "\x1b" not in drawing.item_text("a\x1b[2Jb").plain


def test_the_last_key_is_always_shown() -> None:
    wide = drawing.footer(KeyMode.LABEL, Front.APP, 80).plain
    assert wide.startswith("n type a class  s not sure  u undo  q quit  B batch  V review")
    assert wide.endswith("  ? help")
    assert drawing.footer(KeyMode.LABEL, Front.APP, 18).plain == "s not sure  ? help"
    assert isinstance(drawing.footer(KeyMode.LABEL, Front.APP, 1), Text)


def test_dumb_terminals_get_the_plain_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", open(1, "w", encoding="utf-8", closefd=False))  # noqa: SIM115
    assert shows_applications({"TERM": "xterm-256color"})
    assert not shows_applications({"TERM": "dumb"})
    assert not shows_applications({})
