"""Folders, files and tables that were moved, copied or linked, and others that only look so."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knnal.pool.ingest import IngestReport, ingest
from knnal.pool.pool import Pool
from knnal.pool.storage import ItemState
from knnal.session.session import Session
from knnal.sources.images import ImageFolder
from knnal.sources.tables import TextTable
from knnal.types import EmbedderIdentity, Modality

from ..letters import LetterCounts


class Digests:
    """An embedder of files that looks at no more than their digest; remembers what it embeds."""

    summary = "digests"
    assets = ()
    modality = Modality.IMAGE
    identity = EmbedderIdentity("digests", "0" * 64, 32, "as is")
    batch_size, lanes = 4, 1

    def __init__(self) -> None:
        self.embedded: list[bytes] = []

    def load(self, narrator: Any) -> None:
        pass

    def prepare(self, content: Any) -> bytes:
        return bytes(content)

    def embed(self, batch: Sequence[bytes]) -> Any:
        self.embedded.extend(batch)
        return np.array([list(hashlib.sha256(one).digest()) for one in batch], dtype=np.float32)


class Room:
    """A folder with a pool; what lies beside it is embedded by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.embedder = Digests()
        self.pool = Pool.create(folder / "pool")

    def write(self, folder: str, **contents: str) -> None:
        for name, content in contents.items():
            file = self.folder / folder / f"{name.replace('__', '/')}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)

    def embed(self, source: str) -> IngestReport:
        self.embedder.embedded.clear()
        folder = ImageFolder(self.folder / source)
        return ingest(self.pool, folder, self.embedder, annotator="ann")

    def tell(self, **labels: str) -> None:
        session = Session(self.pool, annotator="ann")
        for name, label in labels.items():
            session.tell(f"{name.replace('__', '/')}.png", label)

    @property
    def labels(self) -> dict[str, str]:
        """The labels of items that are there, by where their files lie."""
        ledger = Session(self.pool).ledger
        return {
            record.path.relative_to(self.folder).as_posix(): label
            for record in self.pool.catalog.records()
            if record.path is not None
            and record.state is ItemState.LIVE
            and (label := ledger.label(record.id)) is not None
        }

    @property
    def ids(self) -> list[str]:
        records = self.pool.catalog.records()
        return [record.id for record in records if record.state is ItemState.LIVE]


@pytest.fixture
def room(tmp_path: Path) -> Any:
    room = Room(tmp_path)
    room.write("photos", a="content a", b="content b", c="content c", d="content d")
    room.embed("photos")
    room.tell(a="cat", b="dog")
    yield room
    room.pool.close()


def move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)


def copy_and_remove(source: Path, target: Path) -> None:
    """As a move to another disk does: the times of the files change."""
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    shutil.rmtree(source)


@pytest.mark.parametrize("how", [move, copy_and_remove])
def test_a_moved_folder_keeps_its_items(room: Room, how: Callable[[Path, Path], None]) -> None:
    ids, photos = room.ids, room.folder / "photos"
    how(photos, room.folder / "holiday")
    report = room.embed("holiday")
    assert report.moved_from == [photos]
    assert (report.unchanged, report.embedded, report.skips.total()) == (4, 0, 0)
    assert room.embedder.embedded == []
    assert room.ids == ids
    assert room.labels == {"holiday/a.png": "cat", "holiday/b.png": "dog"}
    assert room.pool.catalog.sources() == [room.folder / "holiday"]
    again = room.embed("holiday")
    assert (again.unchanged, again.moved_from, again.moved) == (4, [], 0)


def test_a_moved_folder_may_have_changed_a_little(room: Room) -> None:
    move(room.folder / "photos", room.folder / "holiday")
    room.write("holiday", a="edited", e="content e")
    (room.folder / "holiday" / "d.png").unlink()
    report = room.embed("holiday")
    assert len(report.moved_from) == 1
    assert (report.unchanged, report.changed, report.added, report.vanished) == (2, 1, 1, 1)
    assert report.outdated == ["a.png"]
    assert room.labels == {"holiday/a.png": "cat", "holiday/b.png": "dog"}


def test_other_content_under_known_names_is_refused(room: Room) -> None:
    room.write("card2", a="A", b="B", c="C", d="D", e="E")
    report = room.embed("card2")
    ((reason, count),) = report.skips.items()
    assert count == 4
    assert str(room.folder / "photos") in reason
    assert "other content" in reason
    assert "embed the folder above both" in reason
    assert (report.added, report.moved, report.copies) == (1, 0, {})
    assert room.labels == {"photos/a.png": "cat", "photos/b.png": "dog"}
    shutil.rmtree(room.folder / "photos")
    assert room.embed("card2").skips == report.skips
    assert room.embed("card2").moved_from == []


def test_the_remedy_for_known_names_helps(room: Room) -> None:
    room.write("card2", a="A", b="B")
    assert room.embed("card2").found_nothing
    report = room.embed(".")
    assert (report.added, report.shared.total()) == (2, 4)
    assert room.ids == ["a.png", "b.png", "c.png", "d.png", "card2/a.png", "card2/b.png"]


def test_a_source_that_gave_nothing_is_not_recorded(room: Room) -> None:
    room.write("card2", a="A")
    room.embed("card2")
    (room.folder / "empty").mkdir()
    room.embed("empty")
    assert room.pool.catalog.sources() == [room.folder / "photos"]


def test_copies_stay_what_they_are(room: Room) -> None:
    shutil.copytree(room.folder / "photos", room.folder / "backup")
    room.write("backup", e="content e")
    report = room.embed("backup")
    assert report.copies == {room.folder / "photos": 4}
    assert (report.added, report.unchanged, report.moved_from) == (1, 0, [])
    assert not report.found_nothing
    assert room.labels == {"photos/a.png": "cat", "photos/b.png": "dog"}
    assert room.embed("photos").unchanged == 4


def test_a_link_is_the_same_folder(room: Room) -> None:
    try:
        (room.folder / "pics").symlink_to(room.folder / "photos", target_is_directory=True)
    except OSError:
        pytest.skip("this system grants no links")
    room.write("photos", e="content e")
    report = room.embed("pics")
    assert report.linked_to == room.folder / "photos"
    assert (report.unchanged, report.added) == (4, 1)
    assert room.pool.catalog.sources() == [room.folder / "photos"]


def test_a_folder_within_another_source_holds_the_same_files(room: Room) -> None:
    room.write("data", train__x="content x", train__y="content y", val__z="content z")
    room.embed("data")
    room.write("data", train__y="edited")
    report = room.embed("data/train")
    assert report.shared == {room.folder / "data": 1}
    assert report.shared_ids == ["train/x.png"]
    ((reason, count),) = report.skips.items()
    assert (count, report.added) == (1, 0)
    assert reason == f"changed since it was embedded from {room.folder / 'data'}: embed that again"
    assert room.embed("data").changed == 1
    assert room.embed("data/train").shared_ids == ["train/x.png", "train/y.png"]


def test_renamed_and_moved_files_keep_their_items(room: Room) -> None:
    photos = room.folder / "photos"
    move(photos / "a.png", photos / "best" / "a.png")
    move(photos / "b.png", photos / "renamed.png")
    report = room.embed("photos")
    assert (report.moved, report.unchanged, report.added, report.vanished) == (2, 4, 0, 0)
    assert dict(report.moves) == {
        "a.png": str(photos / "best" / "a.png"),
        "b.png": str(photos / "renamed.png"),
    }
    expected = {"photos/best/a.png": "cat", "photos/renamed.png": "dog"}
    assert room.labels == expected
    assert room.embedder.embedded == []
    again = room.embed("photos")
    assert (again.unchanged, again.moved, again.vanished) == (4, 0, 0)
    room.write("photos", best__a="edited")
    assert room.embed("photos").outdated == ["a.png"]
    move(photos, room.folder / "album" / "photos")
    report = room.embed("album")
    assert (report.moved, report.added, report.vanished) == (4, 0, 0)
    assert room.labels == {f"album/{path}": label for path, label in expected.items()}


def test_a_file_that_moves_back_is_itself_again(room: Room) -> None:
    photos = room.folder / "photos"
    move(photos / "a.png", photos / "z.png")
    room.embed("photos")
    move(photos / "z.png", photos / "a.png")
    report = room.embed("photos")
    assert (report.moved, report.unchanged, report.added) == (1, 4, 0)
    assert room.labels == {"photos/a.png": "cat", "photos/b.png": "dog"}


def test_a_new_file_at_the_path_of_a_moved_one_is_not_taken_for_it(room: Room) -> None:
    photos = room.folder / "photos"
    move(photos / "a.png", photos / "z.png")
    room.embed("photos")
    room.write("photos", a="another")
    report = room.embed("photos")
    assert list(report.skips) == [
        "its path is the id of an item whose file was moved: rename the file"
    ]
    assert room.labels == {"photos/z.png": "cat", "photos/b.png": "dog"}


def test_several_files_that_it_could_be_are_left(room: Room) -> None:
    photos = room.folder / "photos"
    room.write("photos", x__one="same", x__two="same")
    room.embed("photos")
    room.tell(x__one="left", x__two="right")
    move(photos / "x" / "one.png", photos / "three.png")
    (photos / "x" / "two.png").unlink()
    report = room.embed("photos")
    assert (report.moved, report.ambiguous, report.added, report.vanished) == (0, 1, 1, 2)
    assert "photos/three.png" not in room.labels
    move(photos / "three.png", photos / "y" / "two.png")
    assert room.embed("photos").moved == 1, "the one of that name"
    assert room.labels["photos/y/two.png"] == "right"


def test_files_that_vanished_are_found_in_another_source(room: Room) -> None:
    photos = room.folder / "photos"
    move(photos / "a.png", room.folder / "best" / "first.png")
    assert room.embed("photos").vanished == 1
    report = room.embed("best")
    assert (report.moved, report.returned, report.added) == (1, 1, 0)
    assert room.labels == {"best/first.png": "cat", "photos/b.png": "dog"}
    assert room.embed("photos").unchanged == 3


def test_what_is_left_of_a_source_that_is_gone_vanishes(room: Room) -> None:
    photos, album = room.folder / "photos", room.folder / "album"
    for name in "abc":
        move(photos / f"{name}.png", album / "x" / f"{name}.png")
    shutil.rmtree(photos)
    report = room.embed("album")
    assert (report.moved, report.vanished) == (3, 1)
    assert room.labels == {"album/x/a.png": "cat", "album/x/b.png": "dog"}


def test_a_moved_table_keeps_its_items(tmp_path: Path) -> None:
    pool, embedder = Pool.create(tmp_path / "pool"), LetterCounts()
    table, other = tmp_path / "january.csv", tmp_path / "february.csv"
    rows = ["id,text", *(f"{i},number {chr(97 + i) * 3}" for i in range(9))]
    table.write_text("\n".join(rows) + "\n")

    def embed(file: Path) -> IngestReport:
        source = TextTable(file, id_column="id")
        return ingest(pool, source, embedder, annotator="ann")

    embed(table)
    Session(pool, annotator="ann").tell("1", "good")
    shutil.copy(table, other)
    assert embed(other).copies == {table: 9}
    table.rename(tmp_path / "old.csv")
    other.write_text("\n".join([*rows[:-1], "8,another text"]) + "\n")
    report = embed(other)
    assert (report.moved_from, report.unchanged, report.changed) == ([table], 8, 1)
    assert pool.catalog.get("1").path is None
    assert pool.catalog.sources() == [other]
    foreign = tmp_path / "march.csv"
    foreign.write_text("id,text\n1,something else\n2,else\n")
    ((reason, count),) = embed(foreign).skips.items()
    assert count == 2
    assert reason.endswith(f"{other}: use other ids or another pool")
    pool.close()


NAMES = [f"{folder}{name}.png" for folder in ("", "x/", "y/") for name in "abc"]


@given(
    before=st.lists(st.sampled_from(NAMES), unique=True, min_size=1),
    after=st.lists(st.sampled_from(NAMES), unique=True, min_size=1),
    renamed=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_labels_follow_their_content(before: list[str], after: list[str], renamed: bool) -> None:
    """Files of different content go to any paths, in the same folder or a renamed one."""
    with tempfile.TemporaryDirectory() as folder:
        room = Room(Path(folder))
        for name in before:
            room.write("photos", **{name.removesuffix(".png").replace("/", "__"): f"at {name}"})
        room.embed("photos")
        room.tell(**{n.removesuffix(".png").replace("/", "__"): f"label {n}" for n in before})
        moves = dict(zip(before, after, strict=False))
        home = "holiday" if renamed else "photos"
        move(room.folder / "photos", room.folder / "aside")
        (room.folder / home).mkdir()
        for old, new in moves.items():
            move(room.folder / "aside" / old, room.folder / home / new)
        shutil.rmtree(room.folder / "aside")
        report = room.embed(home)
        sure = {
            f"{home}/{new}": f"label {old}"
            for old, new in moves.items()
            if new == old or (new not in before and old not in moves.values())
        }
        if not report.skips:  # without names that stand for other content in another folder
            assert sure.items() <= room.labels.items()
        outdated = set(report.outdated)
        for path, label in room.labels.items():
            if not (room.folder / path).exists():
                assert report.found_nothing, "then nothing is taken away"
                continue
            content = (room.folder / path).read_text().removeprefix("at ")
            record = next(r for r in room.pool.catalog.records() if r.path == room.folder / path)
            assert label == f"label {content}" or record.id in outdated
        room.pool.close()
