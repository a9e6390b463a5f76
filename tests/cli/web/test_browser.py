"""The page in a real browser, by its keys. Screenshots are kept in the test's folder."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from knnal.pool.labels.importing import LabelImport
from knnal.pool.pool import Pool
from knnal_cli.class_keys import ClassKeys

from .browser import By, Keys, Page, Server, log_of, needs_a_browser, webdriver
from .conftest import TOKEN, PoolMaker

pytestmark = needs_a_browser

TEXTS = [f"This is text number {number}." for number in range(80)]


def test_fifty_items_by_keys_with_second_thoughts(
    make_texts: PoolMaker,
    start: Callable[..., Server],
    windows: list[Page],
    tmp_path: Path,
) -> None:
    folder = make_texts(TEXTS)
    server = start(folder, "good", "bad")
    page = windows[0]
    page.open(server)
    expected: list[tuple[str, str | None, str | None]] = []
    for number in range(50):
        label = ("good", "bad")[number % 2]
        expected.append(("label", page.answer(str(1 + number % 2)), label))
    assert TOKEN not in page.driver.current_url
    page.until(lambda: "50 labeled" in page.text("counts"), "the count is drawn")

    last = expected[-1][1]
    page.press("u")
    page.until(lambda: page.item == last and page.idle(), "the item is back")
    expected.append(("undo", last, None))
    expected.append(("label", page.answer("1"), "good"))
    expected.append(("skip", page.answer("s"), None))

    asked = page.item
    page.press(Keys.ARROW_LEFT)
    page.press(Keys.ARROW_LEFT)
    page.until(lambda: "Past item" in page.text("mode"), "an earlier item is shown")
    page.until(lambda: page.item == last, "it is the one labeled before")
    page.press("2")
    page.until(lambda: page.item == asked and page.idle(), "the question is back")
    expected.append(("relabel", last, "bad"))

    page.press("n")
    page.until(lambda: page.focused() == "typed", "n")
    page.press("<i>ugly</i>", Keys.ENTER)
    page.until(lambda: page.item != asked and page.idle(), "the next item is there")
    expected.append(("label", asked, "<i>ugly</i>"))
    assert log_of(folder) == expected

    page.until(lambda: "<i>ugly</i>" in page.text("classes"), "the class has a key, and no markup")
    page.shoot(tmp_path / "labeled.png")
    assert page.errors() == []


def test_two_browsers_get_no_item_twice(
    make_texts: PoolMaker, start: Callable[..., Server], windows: list[Page]
) -> None:
    folder = make_texts(TEXTS[:20])
    server = start(folder, "good", "bad")
    for page in windows:
        page.open(server)
    answered = [page.answer("12"[number % 2]) for number in range(6) for page in windows]
    assert max(Counter(answered).values()) == 1
    assert sorted(answered) == sorted(str(item) for _, item, _ in log_of(folder))
    held, left = windows[0].item, len(TEXTS[:20]) - len(answered)
    windows[0].driver.get("about:blank")
    others = {windows[1].answer("1") for _ in range(left - 1)}
    assert held in {*others, windows[1].item}, "what the first one left comes back"
    windows[1].press("1")
    windows[1].until(lambda: "All items are labeled" in windows[1].text("item"), "nothing is left")


def test_a_lost_server_is_told_and_no_answer_is_lost(
    make_texts: PoolMaker,
    start: Callable[..., Server],
    windows: list[Page],
    tmp_path: Path,
) -> None:
    folder = make_texts(TEXTS)
    server = start(folder, "good", "bad")
    page = windows[0]
    page.open(server)
    first = page.answer("1")
    page.until(page.idle, "something is asked")
    item = page.item
    server.stop()
    page.press("2")
    page.until(lambda: "'bad' is saved here" in page.text("banner"), "the page says that it waits")
    page.shoot(tmp_path / "lost.png")
    start(folder, "good", "bad", port=server.port)
    page.until(lambda: not page.text("banner"), "the server is back")
    page.until(lambda: page.item != item and page.idle(), "the answer has arrived")
    third = page.answer("1")
    assert log_of(folder) == [
        ("label", first, "good"),
        ("label", item, "bad"),
        ("label", third, "good"),
    ]


def test_a_picture_is_shown_and_enlarged(
    pictures: Path,
    start: Callable[..., Server],
    windows: list[Page],
    tmp_path: Path,
) -> None:
    server = start(pictures, "red", "blue")
    page = windows[1]
    page.open(server)
    for _ in range(4):
        page.until(page.idle, "something is asked")
        page.answer("1" if page.item.startswith("red") else "2")
    width = "return document.querySelector('#item img').naturalWidth"
    assert page.run(width) == 60
    assert page.overflow() <= 0, "nothing is beyond the edge of a phone"
    thumbs = "return [...document.querySelectorAll('#neighbors img')].map(i => i.naturalWidth)"
    page.until(lambda: all(page.run(thumbs)), "thumbnails are there")
    page.press(" ")
    page.until(lambda: page.shows("zoomed"), "it is large")
    page.shoot(tmp_path / "large.png")
    item = page.item
    page.press("1")
    page.until(lambda: page.item != item and page.idle(), "keys work there too")
    assert not page.shows("zoomed")
    page.shoot(tmp_path / "phone.png")


def test_a_region_of_the_map_is_labeled_after_a_confirmation(
    mapped: Path, start: Callable[..., Server], windows: list[Page], tmp_path: Path
) -> None:
    page = windows[0]
    page.open(start(mapped, "red", "blue"))
    for _ in range(4):
        page.answer("1" if page.item.startswith("red") else "2")
    page.until(lambda: "4 labeled" in page.text("counts"), "the count is drawn")
    before = log_of(mapped)
    page.press("m")
    page.until(lambda: "24 items, 4 labeled" in page.text("map-count"), "the map is there")
    page.press("+", Keys.ARROW_LEFT, "0", "e")
    page.until(lambda: "4 of them labeled" in page.text("map-bar"), "all are chosen")
    assert page.text("map-bar").count("red") == 1, "it says what they are predicted to be"
    page.press("2")
    page.until(lambda: page.shows("region"), "it asks")
    assert "Label 20 items as\nblue" in page.text("region-words").replace(" \n", "\n")
    assert "4 items already labeled" in page.text("region-left")
    page.shoot(tmp_path / "region.png")
    assert log_of(mapped) == before, "nothing is labeled before it is meant"
    page.press(Keys.ENTER)
    page.until(lambda: "Labeled 20" in page.text("map-bar"), "they are labeled")
    page.shoot(tmp_path / "map.png")
    labeled = log_of(mapped)[4:]
    assert {(kind, label) for kind, _, label in labeled} == {("label", "blue")}
    assert len({item for _, item, _ in labeled}) == 20
    page.driver.find_element(By.CSS_SELECTOR, "#map-bar button").click()
    page.until(lambda: "Undid all 20" in page.text("map-bar"), "all are taken back")
    assert log_of(mapped)[24:] == [("undo", None, None)]

    page.press("l")
    canvas = page.driver.find_element(By.ID, "map-canvas")
    across, down = canvas.size["width"] - 8, canvas.size["height"] - 8
    drag = webdriver.ActionChains(page.driver)
    drag.move_to_element_with_offset(canvas, -across // 2, -down // 2).click_and_hold()
    for step in ((across, 0), (0, down), (-across, 0)):
        drag.move_by_offset(*step)
    drag.release().perform()
    page.until(lambda: "24 items" in page.text("map-bar"), "a line was drawn around all")
    page.press(Keys.ESCAPE)
    page.until(lambda: not page.shows("map-bar"), "let go")
    page.press(Keys.ARROW_UP)
    spoken = page.driver.find_element(By.ID, "map-spoken")
    shown = page.until(lambda: spoken.get_attribute("textContent"), "a key points at an item")
    page.press(Keys.ENTER)
    page.until(lambda: "Past item" in page.text("mode"), "it is looked at")
    page.until(lambda: shown.partition(",")[0] == page.item, "it is the one")
    page.press(Keys.ESCAPE)


def test_the_way_back_of_an_import_a_label_and_a_class(
    pictures: Path, start: Callable[..., Server], windows: list[Page], tmp_path: Path
) -> None:
    with closing(Pool.open(pictures)) as pool, pool.transaction():
        labels = [(f"red/{n:02}.png", "wrong") for n in range(6)]
        LabelImport(pool, "ann", "wrong.csv").add(labels)
    page = windows[0]
    page.open(start(pictures, "red", "slip"))
    item = page.answer("2")
    page.press(Keys.ARROW_LEFT)
    page.until(lambda: "Past item" in page.text("mode") and page.idle(), "it is looked at")
    page.press("X")
    page.until(lambda: "Removed the label" in page.text("note") and page.idle(), "it has none")
    assert log_of(pictures)[-1] == ("unlabel", item, None)
    for what in ("the removal of the label of", "Here is the item again"):
        page.press("u")
        page.until(lambda what=what: what in page.text("note") and page.idle(), "it is undone")

    for answer in (Keys.ESCAPE, Keys.ENTER):  # of which the focus is on Back
        page.press("u")
        page.until(lambda: page.shows("confirm"), "it asks")
        words = page.text("confirm-words")
        assert words == "Undo the import of 6 labels from wrong.csv?"
        page.shoot(tmp_path / "confirm.png")
        page.press("u", answer)
        page.until(lambda: not page.shows("confirm") and page.idle(), "it is left alone")
    before = log_of(pictures)
    page.press("u")
    page.until(lambda: page.shows("confirm"), "it asks")
    page.driver.find_element(By.ID, "confirm-yes").click()
    page.until(lambda: "Undid the import of 6" in page.text("note"), "all are taken back")
    assert log_of(pictures) == [*before, ("undo", None, None)]

    page.press("P")
    page.until(lambda: page.shows("progress"), "the classes are shown")
    remove = '[aria-label="Remove slip"]'
    page.until(lambda: page.driver.find_elements(By.CSS_SELECTOR, remove), "it is empty")
    page.driver.find_element(By.CSS_SELECTOR, remove).click()
    page.until(lambda: "slip" not in page.text("class-table"), "the class is gone")
    assert log_of(pictures)[-1] == ("remove-class", None, "slip")


def test_review_notes_and_renames_by_keys(
    pictures: Path, start: Callable[..., Server], windows: list[Page], tmp_path: Path
) -> None:
    page = windows[0]
    page.open(start(pictures, "red", "blue"))
    wrong = ""
    for number in range(12):
        page.until(page.idle, "something is asked")
        key = "1" if page.item.startswith("red") else "2"
        if number == 8:
            wrong = page.answer("2" if key == "1" else "1")
        else:
            page.answer(key)
    page.press("v")
    page.until(lambda: "Review" in page.text("mode"), "a suspicious label is shown")
    page.until(lambda: page.item == wrong, "it is the wrong one")
    assert page.text("h-neighbors").casefold() == "labeled neighbors that disagree"
    page.shoot(tmp_path / "review.png")
    page.press("s")
    page.until(lambda: "Skipped" in page.text("note"), "not sure")
    page.until(lambda: "No label is left" in page.text("note"), "it was the only one")
    assert log_of(pictures)[-1] == ("skip", wrong, None)

    page.press("u")
    page.until(lambda: "Undid" in page.text("note") and page.idle(), "it is back")
    page.press("U")
    page.until(lambda: "Redid" in page.text("note") and page.idle(), "it is aside again")

    item = page.item
    page.press("N")
    page.until(lambda: page.focused() == "note-text", "N")
    page.press("<b>odd</b>", Keys.ENTER)
    page.until(lambda: page.text("item-note") == "Note: <b>odd</b>", "the note is shown")
    page.press("R")
    page.until(lambda: page.shows("rename"), "R")
    page.press(Keys.TAB, "blue")
    page.until(lambda: page.text("rename-yes") == "Merge", "it says what that would mean")
    page.shoot(tmp_path / "merge.png")
    page.press(Keys.BACKSPACE * 4, "rouge", Keys.ENTER)
    page.until(lambda: "rouge" in page.text("classes"), "the class has another name")
    assert page.item == item
    assert [entry for entry in log_of(pictures)[13:] if entry[0] != "class"] == [
        ("undo", wrong, None),
        ("redo", wrong, None),
        ("note", item, None),
        ("rename", None, "rouge"),
    ]
    assert page.errors() == []


def test_keys_are_chosen_and_go_with_a_class_that_is_renamed(
    pictures: Path, start: Callable[..., Server], windows: list[Page], tmp_path: Path
) -> None:
    page = windows[0]
    page.open(start(pictures, "red", "blue", "green"))
    page.press("K")
    chosen = "return document.activeElement.getAttribute('aria-label')"
    page.until(lambda: page.run(chosen) == "Key of red", "the first key is to be chosen")
    keys = "return [...document.querySelectorAll('#class-table select')].map((s) => s.value)"
    assert page.run(keys) == ["1", "2", "3"]
    page.press("2")
    page.until(lambda: page.run(keys) == ["2", "1", "3"], "two classes have changed their keys")
    assert page.run(chosen) == "Key of red", "the focus stays where it was"
    page.shoot(tmp_path / "keys.png")
    page.press(Keys.ESCAPE)
    page.until(lambda: page.text("classes").startswith("2\nred"), "they stand at the classes")
    item = page.answer("2")
    assert log_of(pictures)[-1] == ("label", item, "red")

    page.press("R")
    page.until(lambda: page.shows("rename"), "R")
    page.press(Keys.TAB, "rouge", Keys.ENTER)
    page.until(lambda: page.text("classes").startswith("2\nrouge"), "it keeps its key")
    assert ClassKeys(pictures).of(["rouge", "blue", "green"]) == {
        "2": "rouge", "1": "blue", "3": "green",
    }  # fmt: skip
    assert page.errors() == []


def test_what_two_people_disagree_on_is_reviewed_first(
    pictures: Path, start: Callable[..., Server], windows: list[Page], tmp_path: Path
) -> None:
    ann, bob = windows
    server = start(pictures, "red", "blue", overlap=1.0)
    ann.open(server)
    item = ann.asked()
    given, other = ("red", "blue") if item.startswith("red") else ("blue", "red")
    ann.answer("1" if given == "red" else "2")
    bob.open(server)
    bob.panel("name")
    bob.press(Keys.BACKSPACE * 9, "bob", Keys.ENTER)
    bob.until(lambda: bob.text("me") == "bob" and bob.idle(), "it is somebody else")
    bob.answer("1" if bob.asked().startswith("red") else "2")
    assert bob.asked() == item
    assert "Second opinion" in bob.text("mode")
    bob.press("2" if given == "red" else "1")
    ann.until(lambda: ann.text("conflict-count") == "1", "a conflict is told of")
    ann.panel("errors")
    ann.until(lambda: "ann says" in ann.text("conflicts"), "the conflict is there")
    assert ann.text("suspects") == "None."
    ann.press(Keys.ESCAPE, "v")
    ann.until(lambda: "Review, 1 left" in ann.text("mode"), "it is reviewed")
    said = ann.text("mode").split()
    assert " ".join(said).startswith(f"Review, 1 left: ann says {given} bob says {other}")
    assert ann.item == item
    ann.until(lambda: ann.inner("spoken").startswith("Review, ann says"), "and read out")
    ann.shoot(tmp_path / "conflict.png")
    ann.press("1" if other == "red" else "2")
    ann.until(lambda: "No label is left" in ann.text("note"), "it was the only one")
    assert log_of(pictures)[-1] == ("relabel", item, other)
    ann.until(lambda: not ann.shows("conflict-count"), "no conflict is left")


def test_the_past_is_found_changed_and_exported(
    pictures: Path, start: Callable[..., Server], windows: list[Page], tmp_path: Path
) -> None:
    page = windows[0]
    page.open(start(pictures, "red", "blue", audit=0.7))
    labeled = {}
    for _ in range(9):
        item = page.asked()
        labeled[item] = item.partition("/")[0]
        page.answer("1" if labeled[item] == "red" else "2")
    page.press("r")
    page.until(lambda: page.shows("history"), "r")
    first = next(iter(labeled))
    page.driver.find_element(By.ID, "history-search").send_keys(first)
    entries = "return document.querySelectorAll('#history-list .entry').length"
    page.until(lambda: page.run(entries) == 1, "it is found")
    page.run("document.querySelector('#history-list .entry').click()")
    page.until(lambda: page.item == first and "Past item" in page.text("mode"), "it is shown")
    other = {"red": "blue", "blue": "red"}[labeled[first]]
    page.press("1" if other == "red" else "2")
    page.until(lambda: "Changed to" in page.text("note") and page.idle(), "it is changed")
    labeled[first] = other

    page.panel("progress")
    page.until(lambda: page.run("return document.querySelector('.chart .line')"), "a curve")
    assert "95% interval" in page.text("accuracy-words")
    assert "audited item" in page.text("random-words")
    page.shoot(tmp_path / "progress.png")
    page.cdp("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.run("document.querySelector('#progress a[download]').click()")
    file = tmp_path / "labels.csv"
    page.until(file.exists, "the table has come")
    with file.open(encoding="utf-8", newline="") as stream:
        assert {row["id"]: row["label"] for row in csv.DictReader(stream)} == labeled
