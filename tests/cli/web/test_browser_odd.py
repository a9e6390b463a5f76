"""The page where something is odd: files that are gone, strange texts, many classes, time out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .browser import Keys, Page, Server, log_of, needs_a_browser
from .conftest import PICTURES, PoolMaker

pytestmark = needs_a_browser


def test_a_picture_that_cannot_be_shown_is_told_and_can_be_set_aside(
    pictures: Path, start: Callable[..., Server], windows: list[Page], tmp_path: Path
) -> None:
    page = windows[0]
    photos = pictures.parent / "photos"
    for number, file in enumerate(sorted(photos.rglob("*.png"))):
        if number % 2:
            file.write_bytes(b"\x89PNG\r\n\x1a\n no picture any more")
        else:
            file.unlink()
    page.open(start(pictures, "red", "blue"))
    for key in ("s", "1"):
        page.until(lambda: "cannot be shown" in page.text("item"), "it is told")
        page.shoot(tmp_path / f"gone-{key}.png")
        page.answer(key)
    assert [kind for kind, *_ in log_of(pictures)] == ["skip", "label"]
    page.press(" ")
    assert not page.shows("zoom"), "there is nothing to enlarge"
    photos.rename(photos.with_name("moved"))
    page.answer("2")
    page.until(lambda: "cannot be shown" in page.text("item"), "nor when all have moved")
    assert len(log_of(pictures)) == 3


def test_at_the_end_there_is_a_way_back(
    pictures: Path, start: Callable[..., Server], windows: list[Page], tmp_path: Path
) -> None:
    page = windows[1]

    def ends(words: str = "All items are labeled") -> bool:
        return words in page.text("item") and not page.busy()

    page.open(start(pictures, "red", "blue"))
    for _ in range(PICTURES - 1):
        page.answer("1" if page.asked().startswith("red") else "2")
    last = page.asked()
    page.press("s")
    page.until(lambda: ends("All items are labeled or skipped"), "the end")
    page.shoot(tmp_path / "end.png")
    page.press("1")
    page.press("v")
    page.until(lambda: "No label is left to review" in page.text("note"), "nothing to review")
    assert "All items are labeled" in page.text("item")
    page.press(Keys.ARROW_LEFT)
    page.until(lambda: "Past item" in page.text("mode") and page.item == last, "a look back")
    page.press(Keys.ESCAPE)
    page.until(ends, "the end again")
    page.press("u")
    page.until(lambda: page.item == last and page.idle(), "the last one is back")
    page.press("2")
    page.until(ends, "and labeled")
    assert [kind for kind, *_ in log_of(pictures)[-3:]] == ["skip", "undo", "label"]
    page.driver.refresh()
    page.until(lambda: "All items are labeled" in page.text("item"), "as after a new beginning")
    assert page.errors() == []


ODD = (
    "<script>document.title = 'run'</script><img src=x onerror=\"document.title='run'\">",
    "مرحبا بالعالم، هذا نص من اليمين إلى اليسار.",
    "x" * 5000,
    "word " * 4000,
    "😀 👩‍👩‍👧‍👦 a\u202eb\u202c",
    "one\n\n\ttwo",
)
NAMES = ("<b>bold</b> &amp;", "مرحبا", "L" + "o" * 198 + "g", "😀", "a b", *map(str, range(72)))


@pytest.mark.parametrize("window", [0, 1], ids=["wide", "phone"])
def test_odd_texts_and_many_classes_stay_what_and_where_they_are(
    make_texts: PoolMaker,
    start: Callable[..., Server],
    windows: list[Page],
    tmp_path: Path,
    window: int,
) -> None:
    page = windows[window]
    folder = make_texts([*ODD, *ODD])
    page.open(start(folder, *NAMES))
    shown = "return document.querySelector('#item .text').textContent"
    for number, name in enumerate((*NAMES[:3], "71")):
        item = page.asked()
        text = page.run(shown)
        assert text == (*ODD, *ODD)[int(item[1:])]
        way = "return getComputedStyle(document.querySelector('#item .text')).direction"
        assert (page.run(way) == "rtl") == text.startswith("م")
        assert page.overflow() <= 0
        sideways = """return ["aside", "footer", "#classes", "#item", "main"].filter((one) => {
          const found = document.querySelector(one);
          return found.scrollWidth > found.clientWidth;
        });"""
        assert page.run(sideways) == []
        page.shoot(tmp_path / f"odd-{number}.png")
        page.press("n")
        page.until(lambda: page.focused() == "typed", "n")
        page.run("document.getElementById('typed').value = arguments[0]", name)
        page.press(Keys.ENTER)
        page.asked(item)
        assert log_of(folder)[-1] == ("label", item, name)
    assert page.driver.title != "run"
    likely = "return [...document.querySelectorAll('#likely button bdi')].map((b) => b.textContent)"
    assert page.until(lambda: len(page.run(likely)) == 4, "the likeliest are at hand")
    name, item = page.run(likely)[0], page.asked()
    page.run("document.querySelector('#likely button').click()")
    page.asked(item)
    assert log_of(folder)[-1] == ("label", item, name)
    assert page.errors() == []


def test_without_a_class_and_with_another_token(
    make_texts: PoolMaker, start: Callable[..., Server], windows: list[Page]
) -> None:
    page = windows[0]
    folder = make_texts([f"text {number}" for number in range(10)])
    server = start(folder)
    page.open(server)
    assert "press n and type the first one" in page.text("classes")
    page.press("1", "R")
    page.until(lambda: "No classes yet" in page.text("note"), "there is nothing to rename")
    item = page.asked()
    page.press("n")
    page.until(lambda: page.focused() == "typed", "n")
    page.press("first", Keys.ENTER)
    page.asked(item)
    assert log_of(folder) == [("label", item, "first")]
    page.until(lambda: "first" in page.text("classes"), "it has a key at once")

    page.driver.delete_all_cookies()
    asked = page.asked()
    page.press("1")
    page.until(lambda: "with another token" in page.text("banner"), "it says what to do")
    assert "'first' is saved here" in page.text("banner")
    page.driver.add_cookie({"name": "knnal-1", "value": "t" * 32})
    page.asked(asked)
    assert log_of(folder)[-1] == ("label", asked, "first")
    page.until(lambda: not page.text("banner"), "all is well again")


def test_two_tabs_of_one_person_and_one_that_slept_too_long(
    make_texts: PoolMaker, start: Callable[..., Server], windows: list[Page]
) -> None:
    now = 0.0
    first, second = windows
    folder = make_texts([f"text {number}" for number in range(30)])
    server = start(folder, "a", "b", clock=lambda: now, lease=60.0)
    for page in windows:
        page.open(server)
    held = first.asked()
    assert held != second.asked(), "no item is in two tabs"
    one, two = first.answer("a"), second.answer("b")
    first.press("u")
    first.until(lambda: first.item in (one, two) and first.idle(), "their latest is taken back")
    assert log_of(folder)[-1][:2] == ("undo", two), "a person's, whichever tab it came from"

    for page in windows:
        page.asked()
    now = 61.0
    first.answer("a")
    second.answer("b")
    labeled = [item for kind, item, _ in log_of(folder)[3:] if kind == "label"]
    assert first.item != second.item
    assert len(labeled) == len(set(labeled)) >= 1, "nothing is labeled twice"
    assert first.errors(refusals=False) + second.errors(refusals=False) == []
