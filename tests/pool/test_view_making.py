"""Views of a pool's items: made once, resumed, added to, made anew, and of nothing that changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knnal.embedders.views import Recipe
from knnal.errors import InputError, PoolError
from knnal.pool import view_making as module
from knnal.pool.ingest import ingest
from knnal.pool.pool import Pool
from knnal.pool.view_making import ViewReport, make_views, wanted_recipe
from knnal.session.session import Session
from knnal.sources.base import Item
from knnal.types import LogNarrator, Modality

from ..letters import LetterCounts, letters

WORDS = "ant bee cat dog eel fox gnu hen ibis jay kiwi lynx mole newt owl pug rat seal tern wasp"


def text(i: int) -> str:
    words = WORDS.split()
    return " ".join(words[(i * step) % len(words)] for step in range(3, 9))


class Texts:
    modality = Modality.TEXT

    def __init__(self, location: Path, entries: dict[str, str]) -> None:
        self.location, self.entries = location, entries

    def __iter__(self) -> Iterator[Item]:
        for name, content in self.entries.items():
            yield Item(name, hashlib.sha256(content.encode()).hexdigest(), text=content)

    def count(self) -> int | None:
        return len(self.entries)


@pytest.fixture
def pool(make_pool: Any) -> Pool:
    return make_pool()


@pytest.fixture
def embedder() -> LetterCounts:
    return LetterCounts(batch_size=7)


@pytest.fixture
def embed(pool: Pool, embedder: LetterCounts, tmp_path: Path) -> Any:
    """Embed texts by their numbers, or as they are given."""

    def embed(*numbers: int, **others: str) -> None:
        entries = {f"t{i}": text(i) for i in numbers} | others
        ingest(pool, Texts(tmp_path / "texts", entries), embedder, annotator="ann")
        embedder.embedded.clear()
        embedder.largest = 0

    return embed


def make(pool: Pool, embedder: LetterCounts, count: int | None = 3, **options: Any) -> ViewReport:
    recipe = wanted_recipe(pool, count, options.get("augmentations"))
    assert recipe is not None
    return make_views(pool, embedder, recipe, LogNarrator())


def assert_views(pool: Pool, count: int, without: Sequence[str] = ()) -> None:
    """Every live item's are those of the recipe, by the definition; zeros where there are none."""
    stored = pool.views()
    assert stored is not None
    assert stored.vectors.shape == (len(pool.embeddings), 1 + count, 26)
    np.testing.assert_array_equal(stored.vectors[:, 0], pool.embeddings)
    recipe = Recipe.of(Modality.TEXT, count, stored.facts.augmentations)
    for row, live in enumerate(pool.live):
        record = pool.catalog.at(row)
        there = bool(live) and record.id not in without
        assert stored.made[row] == there
        if not there:
            assert not stored.vectors[row, 1:].any()
            continue
        views = recipe.views(str(record.text), record.digest)
        expected = np.array([letters(str(view)) for view in views])
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        np.testing.assert_allclose(stored.vectors[row, 1:], expected, atol=1e-6)


@pytest.mark.parametrize(("batch_size", "lanes"), [(1, 1), (7, 3), (500, 2)])
def test_every_item_gets_the_views_of_its_content(
    pool: Pool, embed: Any, embedder: LetterCounts, batch_size: int, lanes: int
) -> None:
    embedder.batch_size, embedder.lanes = batch_size, lanes
    embed(*range(40))
    assert pool.views() is None
    assert make(pool, embedder).made == 40
    assert_views(pool, 3)
    assert len(embedder.embedded) == 120
    assert embedder.largest <= batch_size


def test_only_items_that_lack_views_get_some(
    pool: Pool, embed: Any, embedder: LetterCounts
) -> None:
    embed(*range(12))
    make(pool, embedder)
    embed(*range(15))
    assert make(pool, embedder, None).made == 3
    assert len(embedder.embedded) == 9
    assert_views(pool, 3)
    assert make(pool, embedder, None).made == 0
    embed(*range(14), t14="brand new words")  # changed: it has a row of its own
    assert make(pool, embedder, None).made == 1
    assert pool.views() is not None
    assert pool.views().made.tolist() == [True] * 16


def test_vanished_items_keep_views_and_get_none(
    pool: Pool, embed: Any, embedder: LetterCounts
) -> None:
    embed(*range(6))
    embed(*range(4))
    assert make(pool, embedder).made == 4
    assert_views(pool, 3)
    embed(*range(6))  # back, and their views with them
    assert make(pool, embedder, None).made == 2
    assert_views(pool, 3)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_run_keeps_what_was_made_and_the_next_completes(
    pool: Pool,
    embed: Any,
    embedder: LetterCounts,
    monkeypatch: pytest.MonkeyPatch,
    error: type[BaseException],
) -> None:
    monkeypatch.setattr(module, "_CHUNK_ROWS", 4)
    embed(*range(40))

    class Stopping(LogNarrator):
        def progress(self, step: str, done: int, total: int | None) -> None:
            if step == module.STEP and done == 22:
                raise error

    recipe = Recipe.of(Modality.TEXT, 3)
    with pytest.raises(error):
        make_views(pool, embedder, recipe, Stopping())
    stored = pool.views()
    assert stored is not None
    assert len(stored.made) == 22
    with pytest.raises(PoolError, match=r"views of 18 of 40 items are not made"):
        Session(pool, strategy="guided").ask()
    embedder.embedded.clear()
    assert make(pool, embedder, None).made == 18
    assert len(embedder.embedded) == 54
    assert_views(pool, 3)


def test_what_cannot_be_seen_otherwise_is_told_and_tried_again(
    pool: Pool, embed: Any, embedder: LetterCounts, caplog: pytest.LogCaptureFixture
) -> None:
    embed(*range(6), odd="zebra zebra")
    embedder.refused = {"zebra"}
    report = make(pool, embedder)
    assert report.made == 6
    assert [(skip.where, skip.reason) for skip in report.skips] == [("odd", "no views: a bad text")]
    assert_views(pool, 3, without=["odd"])
    Session(pool, strategy="guided").ask()
    assert "1 of 7 items have no views" in caplog.text
    embedder.refused = set()
    assert make(pool, embedder, None).made == 1
    assert_views(pool, 3)


def test_views_of_a_file_that_changed_are_refused(
    pool: Pool, embedder: LetterCounts, tmp_path: Path
) -> None:
    class Letters(LetterCounts):
        def prepare(self, content: Any) -> str:
            return super().prepare(content if isinstance(content, str) else content.decode())

    files = tmp_path / "files"
    files.mkdir()
    for name in "ab":
        (files / name).write_text(f"{name} text")

    class Files(Texts):
        def __iter__(self) -> Iterator[Item]:
            yield from (Item(name, "stamp", path=self.location / name) for name in "ab")

    ingest(pool, Files(files, {}), Letters(), annotator="ann")
    (files / "a").write_text("another text")
    (files / "b").unlink()
    report = make(pool, Letters())
    assert report.made == 0
    assert {skip.where: skip.reason for skip in report.skips} == {
        "a": "no views: changed since it was embedded",
        "b": "no views: cannot be read (No such file or directory)",
    }


def test_another_number_or_recipe_is_made_anew(
    pool: Pool, embed: Any, embedder: LetterCounts, caplog: pytest.LogCaptureFixture
) -> None:
    embed(*range(5))
    make(pool, embedder, 3)
    make(pool, embedder, 2)
    assert "(3 an item (drop, swap)) are replaced by 2 an item" in caplog.text
    assert_views(pool, 2)
    make(pool, embedder, None, augmentations=["drop"])
    assert pool.views() is not None
    assert str(pool.views().facts) == "2 an item (drop)"
    assert_views(pool, 2)


def test_what_is_wanted(pool: Pool, embed: Any, embedder: LetterCounts) -> None:
    embed(1)
    assert wanted_recipe(pool, None, None) is None
    assert wanted_recipe(pool, 0, None) is None
    with pytest.raises(InputError, match="Pass `views=8`"):
        wanted_recipe(pool, None, ["drop"])
    make(pool, embedder, 2, augmentations=["drop"])
    assert wanted_recipe(pool, None, None) == Recipe.of(Modality.TEXT, 2, ["drop"])
    assert wanted_recipe(pool, 5, None) == Recipe.of(Modality.TEXT, 5, ["drop"])
    assert wanted_recipe(pool, 0, None) is None
