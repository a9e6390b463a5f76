"""The full-screen application, driven by Textual's pilot: what keys do, and what is on screen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
from rich.text import Text
from textual.pilot import Pilot
from textual.widgets import OptionList, Static

from knnal.errors import InputError
from knnal.session import Session
from knnal.store.pool import Pool
from knnal_cli.class_keys import ClassKeys
from knnal_cli.terminal.app import drawing
from knnal_cli.terminal.app.application import LabelApp
from knnal_cli.terminal.app.matching import matches
from knnal_cli.terminal.keys import CLASS_KEYS
from knnal_cli.terminal.starting import shows_applications

pytestmark = pytest.mark.filterwarnings(
    "ignore:'asyncio.iscoroutinefunction' is deprecated:DeprecationWarning"
)


@pytest.fixture
def session(tmp_path: Any) -> Session:
    """Two clusters of 10, nothing labelled."""
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
    await pilot.pause()
    while app.is_busy:
        await pilot.pause(0.01)
    await pilot.pause()


async def press(app: LabelApp, pilot: Pilot[Any], *keys: str) -> None:
    await pilot.press(*keys)
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
        assert text_of(app, "#top").startswith("2 labelled, 17 to go")

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


def test_a_class_is_renamed_and_another_merged_into_it(session: Session) -> None:
    for item, name in (("0", "good"), ("1", "fine"), ("2", "bad")):
        session.tell(item, name)

    async def script(app: LabelApp, pilot: Pilot[Any]) -> None:
        await press(app, pilot, "R", *"fine", "enter")
        await press(app, pilot, *["backspace"] * 4, *"good", "enter")
        assert labels_of(session) == {"good": 2, "bad": 1}
        assert "'fine' is now one with 'good'" in text_of(app, "#remark")
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


def test_a_key_is_assigned_and_known_to_the_next_session(make_pool: Any) -> None:
    pool = make_pool(np.random.default_rng(0).normal(size=(9, 4)))
    session = Session(pool)
    session.add_class("left")
    session.add_class("right")

    async def script(app: LabelApp, pilot: Pilot[Any]) -> None:
        await press(app, pilot, "K", *"right", "enter")
        await press(app, pilot, "j")
        await press(app, pilot, "j")
        assert labels_of(session) == {"right": 1}

    run(session, script)
    assert ClassKeys(pool.folder).of(["left", "right"]) == {"1": "left", "j": "right"}
    stored = json.loads((pool.folder / "keys.json").read_bytes())
    assert stored == {"right": "j"}


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


def test_an_error_of_the_session_ends_the_application_and_is_told(session: Session) -> None:
    app = LabelApp(session, session.ask())

    async def act() -> None:
        async with app.run_test() as pilot:
            await settled(app, pilot)
            session.pool.close()
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
    with pytest.raises(InputError, match="Expected one of the keys"):
        keys.assign("a", "q")
    keys.assign("a", "7")
    keys.assign("b", "7")
    assert keys.of(["a", "b", "c"]) == {"1": "a", "7": "b", "3": "c"}
    keys.rename("b", "d")
    elsewhere = ClassKeys(tmp_path)
    assert elsewhere.of(["a", "d"]) == {"1": "a", "7": "d"}
    elsewhere.assign("d", "1")
    assert keys.of(["a", "d", "e"]) == {"2": "a", "1": "d", "3": "e"}, "at once, everywhere"
    many = [f"class {number}" for number in range(31)]
    assert list(keys.of(many).values()) == many[: len(CLASS_KEYS)]
    (tmp_path / "keys.json").write_text('["7"]')
    with pytest.raises(InputError, match=r"keys\.json"):
        ClassKeys(tmp_path)


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
    commands = (("n", "type a class"), ("s", "not sure"), ("?", "help"))
    assert drawing.footer(commands, 80).plain == "n type a class  s not sure  ? help"
    assert drawing.footer(commands, 20).plain == "s not sure  ? help"
    assert isinstance(drawing.footer(commands, 1), Text)


def test_dumb_terminals_get_the_plain_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", open(1, "w", encoding="utf-8", closefd=False))  # noqa: SIM115
    assert shows_applications({"TERM": "xterm-256color"})
    assert not shows_applications({"TERM": "dumb"})
    assert not shows_applications({})
