"""Which stored item something in a source is: by its id, its place, or its content.

Folders are renamed, moved, copied and linked, files are sorted into other folders, and cameras
begin again at IMG_0001. An id alone proves nothing across sources; content does.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import cached_property
from itertools import islice
from pathlib import Path

from knnal.embedders.pipeline import content_digest, read_content
from knnal.errors import ItemError
from knnal.pool.pool import Pool
from knnal.pool.storage import ItemState, Record
from knnal.sources.base import Item, Skip, Source

_SAMPLE = 32
"""How many items are compared to decide whether a whole source was moved."""


class Place(Enum):
    """Where an item of the pool is met. HERE: in its own source. MOVED: its file or table is gone
    from where it was and lies here now. COPY: the same content lies there still. SHARED: it is
    the same file, which belongs to a source that overlaps with this one. FOREIGN: another item
    altogether, which has the id only.
    """

    HERE = auto()
    MOVED = auto()
    COPY = auto()
    SHARED = auto()
    FOREIGN = auto()


@dataclass(frozen=True, slots=True)
class Known:
    """An item of the pool, and where it is met."""

    record: Record
    place: Place


class Recognizer:
    """Tells, for one run over one source, which of its items the pool holds.

    ``number`` is the source's in the catalog, None before any item is of it. ``moved_from`` are
    the locations of sources that were recognized as a whole and are this one now;
    ``linked_to`` is another path to the same folder or file under which it is known. ``left`` are
    the numbers of sources that are gone and gave some of their files to this one. ``ambiguous``
    counts new files with the content of several items whose files are gone.
    """

    def __init__(self, pool: Pool, source: Source) -> None:
        self._pool = pool
        self._catalog = catalog = pool.catalog
        self._source = source
        self.linked_to: Path | None = None
        self._locations = catalog.locations()
        self.number = catalog.find_source(source.location) or self._linked()
        self.moved_from: list[Path] = []
        self.left: set[int] = set()
        self.ambiguous = 0
        self._had_items = catalog.row_count() > 0
        self._claimed: set[int] = set()
        self._verdicts: dict[int, bool] = {}
        self._names_elsewhere: dict[int, dict[str, str]] = {}
        self._learn_names()

    def named(self, item: Item) -> Item:
        """The item under the id that it has in the pool, if its file was moved earlier."""
        name = self._names.get(item.id)
        return item if name is None else replace(item, id=name)

    def recognize(self, item: Item) -> Known | None:
        """The stored item that this one is, or None for a new one."""
        record = self._catalog.find(item.id)
        if record is None:
            return self._found_elsewhere(item) if self._had_items else None
        if record.source == self.number:
            if record.id not in self._displaced or _is_file(item, record):
                return Known(record, Place.HERE)
            # The path names an item whose file was moved to another one.
            if record.path_exists:
                return Known(record, Place.FOREIGN)
            return Known(record, Place.MOVED if is_same_content(item, record) else Place.HERE)
        return self._met_across_sources(item, record)

    def locate(self, source: int) -> Path:
        """Where a source lies."""
        return self._locations[source]

    def _met_across_sources(self, item: Item, record: Record) -> Known:
        if record.state is ItemState.LIVE and _is_file(item, record):
            return Known(record, Place.SHARED)
        if self._is_moved(record.source):
            self._take_over(record.source)
            moved = self._catalog.get(record.id)
            return Known(moved, Place.HERE)
        if not is_same_content(item, record):
            return Known(record, Place.FOREIGN)
        return self._claim(record) if self._is_gone(record) else Known(record, Place.COPY)

    def _found_elsewhere(self, item: Item) -> Known | None:
        """An item that the pool holds under another id."""
        if item.path is None:
            return None
        return self._in_overlap(item.path) or self._moved_file(item.path)

    def _in_overlap(self, path: Path) -> Known | None:
        """The item of a file that lies within another source too."""
        for number, location in self._overlapping.items():
            place = os.path.relpath(path.parent.resolve() / path.name, location)
            for name in filter(None, (self._relocated(number).get(place), place)):
                record = self._catalog.find(Path(name).as_posix())
                if record is not None and record.source == number and _same_file(path, record):
                    gone = record.state is ItemState.VANISHED
                    return self._claim(record) if gone else Known(record, Place.SHARED)
        return None

    def _moved_file(self, path: Path) -> Known | None:
        """The item whose file is gone, and whose content this file has, if that is unambiguous:
        only one, or only one of the same file name.
        """
        try:
            size = path.stat().st_size
            if not self._catalog.has_file_of(size):
                return None
            digest = content_digest(path.read_bytes())
        except OSError:
            return None  # embedding it will fail the same way, and say so
        gone = [
            record
            for record in self._catalog.files_with(size, digest)
            if record.row not in self._claimed and not record.path_exists
        ]
        namesakes = [r for r in gone if r.path is not None and r.path.name == path.name]
        chosen = namesakes if len(namesakes) == 1 else gone
        if len(chosen) > 1:
            self.ambiguous += 1
        return self._claim(chosen[0]) if len(chosen) == 1 else None

    def _claim(self, record: Record) -> Known:
        self._claimed.add(record.row)
        if record.source != self.number and not self.locate(record.source).exists():
            self.left.add(record.source)
        return Known(record, Place.MOVED)

    def _is_gone(self, record: Record) -> bool:
        """Whether an item is no longer where it was: its file, or the table that it came from."""
        if record.state is ItemState.VANISHED:
            return True
        if record.path is not None:
            return not record.path_exists
        return not self.locate(record.source).exists()

    def _is_moved(self, source: int) -> bool:
        """Whether a source that is gone lies here now: of its items that are met here, at least
        half have the content that they had, judging by the first ones.
        """
        if source not in self._verdicts:
            self._verdicts[source] = not self.locate(source).exists() and self._agrees(source)
        return self._verdicts[source]

    def _agrees(self, source: int) -> bool:
        compared = [
            is_same_content(item, record)
            for item, record in islice(self._met_items(source), _SAMPLE)
        ]
        return bool(compared) and 2 * sum(compared) >= len(compared)

    def _met_items(self, source: int) -> Iterator[tuple[Item, Record]]:
        for item in self._source:
            record = None if isinstance(item, Skip) else self._catalog.find(item.id)
            if isinstance(item, Item) and record is not None and record.source == source:
                yield item, record

    def _take_over(self, source: int) -> None:
        """All that came from a source came from this one, as far as the pool is concerned."""
        self.moved_from.append(self.locate(source))
        with self._pool.transaction():
            if self.number is None:
                self._catalog.move_source(source, self._source.location)
                self.number = source
            else:
                self._catalog.join_sources(source, self.number)
        self._locations = self._catalog.locations()
        self._learn_names()

    def _learn_names(self) -> None:
        self._names = {} if self.number is None else self._catalog.relocated(self.number)
        self._displaced = set(self._names.values())

    def _linked(self) -> int | None:
        """The number of the source that is this one by another path, such as a link."""
        for number, location in self._locations.items():
            try:
                if location.samefile(self._source.location):
                    self.linked_to = location
                    return number
            except OSError:  # nothing lies there
                continue
        return None

    @cached_property
    def _overlapping(self) -> dict[int, Path]:
        """Other sources that lie below this one or contain it, links followed."""
        here = self._source.location.resolve()
        others = {
            number: location.resolve()
            for number, location in self._locations.items()
            if number != self.number
        }
        return {
            number: there
            for number, there in others.items()
            if there.is_relative_to(here) or here.is_relative_to(there)
        }

    def _relocated(self, source: int) -> dict[str, str]:
        if source not in self._names_elsewhere:
            self._names_elsewhere[source] = self._catalog.relocated(source)
        return self._names_elsewhere[source]


def is_same_content(item: Item, record: Record) -> bool:
    """Whether an item of a source has the content that is stored; False if it cannot be read."""
    if item.stamp == record.stamp:
        return True
    if item.path is None:
        return False  # the stamp is the digest
    try:
        return content_digest(read_content(item)) == record.digest
    except ItemError:
        return False


def _is_file(item: Item, record: Record) -> bool:
    return item.path is not None and _same_file(item.path, record)


def _same_file(path: Path, record: Record) -> bool:
    try:
        return record.path is not None and path.samefile(record.path)
    except OSError:
        return False
