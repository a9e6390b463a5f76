"""The catalog: which item is in which row, what it holds, and whether it is still there."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from knnal.errors import InputError
from knnal.names import is_unicode
from knnal.pool.checksums import CHECKED, values_checksum
from knnal.pool.connection import Connection, Row
from knnal.pool.storage import ItemState, NewRecord, Record
from knnal.types import BoolArray

_COLUMNS = ", ".join(f"items.{name}" for name in CHECKED["items"])
_SELECT = (
    f"SELECT {_COLUMNS}, items.checksum, location "  # noqa: S608
    "FROM items JOIN sources ON sources.id = source WHERE "
)

# As the index items_by_content has them: the stamp of a file begins with its size.
_FILE_SIZE = "CAST(stamp AS INTEGER)"
_DIGEST_START = "substr(digest, 1, 16)"
_IS_FILE = "path IS NOT NULL AND state != 'superseded'"
_DIGEST_LENGTH = 16


class Catalog:
    """The ``ItemCatalog`` in SQLite. ``home`` is the folder that relative locations start from."""

    def __init__(self, db: Connection, home: Path) -> None:
        self._db = db
        self._home = home
        self.is_verified = False
        """Whether all records were verified together; else each is when it is read."""
        self._folders: dict[str, Path] = {}

    def source(self, location: Path) -> int:
        """The number of a source, registered if it is new."""
        self._db.run("INSERT OR IGNORE INTO sources (location) VALUES (?)", (self._key(location),))
        number = self.find_source(location)
        assert number is not None
        return number

    def find_source(self, location: Path) -> int | None:
        """The number of a source, or None for one that no item came from."""
        key = (self._key(location),)
        row = self._db.first("SELECT id FROM sources WHERE location = ?", key)
        return None if row is None else int(row[0])

    def sources(self) -> list[Path]:
        return list(self.locations().values())

    def locations(self) -> dict[int, Path]:
        """Where each source lies, by its number."""
        rows = self._db.rows("SELECT id, location FROM sources ORDER BY id")
        return {int(number): self._home / location for number, location in rows}

    def move_source(self, source: int, location: Path) -> None:
        """A source lies elsewhere now, where no other source does; its items go with it."""
        self._db.run("UPDATE sources SET location = ? WHERE id = ?", (self._key(location), source))

    def join_sources(self, source: int, into: int) -> None:
        """All items of a source, at the same paths below it, are of another one."""
        self._db.run("UPDATE items SET source = ? WHERE source = ?", (into, source))
        self._db.run("DELETE FROM sources WHERE id = ?", (source,))

    def _folder(self, location: str) -> Path:
        """Where a stored location is; remembered, as joining paths is slow."""
        if location not in self._folders:
            self._folders[location] = self._home / location
        return self._folders[location]

    def _key(self, location: Path) -> str:
        location = location.absolute()
        try:
            return location.relative_to(self._home).as_posix()
        except ValueError:
            return str(location)

    def row_count(self) -> int:
        """Rows in use or superseded: the number of rows of the embedding file that count."""
        ((last,),) = self._db.rows("SELECT MAX(row) FROM items")
        return 0 if last is None else int(last) + 1

    def live_mask(self) -> BoolArray:
        """Which rows hold an item that is still there, ``(rows,)``."""
        mask = np.ones(self.row_count(), dtype=np.bool_)
        # Every row has its record, and few of a large pool are out of use.
        others = self._db.rows("SELECT row FROM items WHERE state != 'live'")
        mask[np.fromiter((row for (row,) in others), dtype=np.int64)] = False
        return mask

    def counts(self) -> dict[ItemState, int]:
        found: dict[str, int] = dict(
            self._db.rows("SELECT state, COUNT(*) FROM items GROUP BY state")
        )
        return {state: found.get(state.value, 0) for state in ItemState}

    def vanished(self) -> list[str]:
        """The ids of vanished items, by row."""
        rows = self._db.rows("SELECT id FROM items WHERE state = 'vanished' ORDER BY row")
        return [item for (item,) in rows]

    def find(self, item: str) -> Record | None:
        """The item of that id, or None."""
        return self._one("items.id = ? AND items.state != 'superseded'", (item,))

    def get(self, item: str) -> Record:
        """The item that a person means by the id: of exactly that id, else of one that is the same
        in Unicode's composed form (NFC), as macOS writes file names otherwise than most.

        Raises InputError for an id that the pool does not hold, and one that fits several items.
        """
        exact = self.find(item) if is_unicode(item) else None
        found = [exact] if exact is not None else self._same_in_nfc(item)
        if len(found) > 1:
            ids = " and ".join(ascii(record.id) for record in found)
            raise InputError(
                f"The id '{item}' fits several items, which differ only in their Unicode form: "
                f"{ids}. Write one of these exactly."
            )
        if not found:
            raise InputError(
                f"No item '{item}' in this pool. Ids are paths relative to the source, values of "
                "the id column, or content hashes; `Project.export` lists them."
            )
        return found[0]

    def _same_in_nfc(self, item: str) -> list[Record]:
        """The items whose ids differ from this one only in their Unicode form."""
        if item.isascii() or not is_unicode(item):
            return []
        forms = {unicodedata.normalize(form, item) for form in ("NFC", "NFD")}
        found = [record for form in sorted(forms) if (record := self.find(form)) is not None]
        if found:
            return found
        # Rarely an id is in neither form. Telling so takes a look at all of them.
        composed = unicodedata.normalize("NFC", item)
        ids = self._db.stream("SELECT id FROM items WHERE state != 'superseded'")
        same = [i for (i,) in ids if unicodedata.normalize("NFC", i) == composed]
        return [record for i in same if (record := self.find(i)) is not None]

    def at(self, row: int) -> Record:
        """The item in that row."""
        record = self._one("items.row = ?", (row,))
        if record is None:
            raise IndexError(row)
        return record

    def records(self) -> Iterator[Record]:
        """Every live and vanished item, by row."""
        rows = self._db.stream(f"{_SELECT}items.state != 'superseded' ORDER BY items.row")
        return map(self._record, rows)

    def rows_of(self, items: Iterable[str]) -> dict[str, int]:
        """The rows of those of the ids that the pool holds."""
        find = "SELECT row FROM items WHERE id = ? AND state != 'superseded'"
        found = ((item, self._db.first(find, (item,))) for item in items)
        return {item: int(row[0]) for item, row in found if row is not None}

    def add(self, source: int, records: Sequence[NewRecord]) -> int:
        """Give each record the next row, and supersede what carried its id; the first new row."""
        start = self.row_count()
        self._db.run_for_each(
            "UPDATE items SET state = 'superseded' WHERE id = ? AND state != 'superseded'",
            [(record.id,) for record in records],
        )
        self._db.run_for_each(
            "INSERT INTO items (row, id, source, state, stamp, digest, path, text) "
            "VALUES (?, ?, ?, 'live', ?, ?, ?, ?)",
            [
                (
                    start + i,
                    record.id,
                    source,
                    record.stamp,
                    record.digest,
                    record.path,
                    record.text,
                )
                for i, record in enumerate(records)
            ],
        )
        return start

    def touch(self, row: int, stamp: str) -> None:
        """The content was read again and is the same: remember its new stamp."""
        self._db.run("UPDATE items SET stamp = ? WHERE row = ?", (stamp, row))

    def relocate(self, row: int, source: int, path: str | None, stamp: str) -> None:
        """An item's file was found elsewhere: at a path below a source. It keeps its id."""
        self._db.run(
            "UPDATE items SET source = ?, path = ?, stamp = ? WHERE row = ?",
            (source, path, stamp, row),
        )

    def relocated(self, source: int) -> dict[str, str]:
        """The ids of a source's items that are not at the path that their id says, by path."""
        rows = self._db.rows(
            "SELECT path, id FROM items WHERE source = ? AND state != 'superseded' "
            "AND path NOT IN (id, '')",
            (source,),
        )
        return dict(rows)

    def has_file_of(self, size: int) -> bool:
        """Whether a file of this size, in bytes, is an item in use."""
        query = f"SELECT 1 FROM items WHERE {_FILE_SIZE} = ? AND {_IS_FILE} LIMIT 1"  # noqa: S608
        return self._db.first(query, (size,)) is not None

    def files_with(self, size: int, digest: str) -> list[Record]:
        """The items in use whose file had this content and size, in bytes, by row."""
        rows = self._db.rows(
            f"{_SELECT}{_FILE_SIZE} = ? AND {_DIGEST_START} = ? AND digest = ? AND {_IS_FILE} "
            "ORDER BY items.row",
            (size, digest[:_DIGEST_LENGTH], digest),
        )
        return list(map(self._record, rows))

    def begin_scan(self) -> None:
        """Forget what an earlier scan has seen. What is seen is kept on disk, not in memory."""
        self._db.run("CREATE TEMP TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY)")
        self._db.run("DELETE FROM seen")

    def see(self, item: str) -> bool:
        """Note an id of the running scan; False if the scan has met it before."""
        return self._db.run("INSERT OR IGNORE INTO seen (id) VALUES (?)", (item,)) == 1

    def end_scan(self, source: int) -> tuple[int, int]:
        """Mark the source's items that the scan did not meet; the numbers of vanished, returned."""
        vanished = self._db.run(
            "UPDATE items SET state = 'vanished' WHERE source = ? AND state = 'live' "
            "AND id NOT IN (SELECT id FROM seen)",
            (source,),
        )
        returned = self._db.run(
            "UPDATE items SET state = 'live' WHERE source = ? AND state = 'vanished' "
            "AND id IN (SELECT id FROM seen)",
            (source,),
        )
        return vanished, returned

    def _one(self, where: str, values: tuple[object, ...]) -> Record | None:
        row = self._db.first(_SELECT + where, values)
        return None if row is None else self._record(row)

    def _record(self, row: Row) -> Record:
        *values, checksum, location = row
        if not self.is_verified and checksum != values_checksum(*values):
            raise self._db.damaged(f"the record of row {values[0]} is not what was written")
        number, item, source, state, stamp, digest, path, text = values
        return Record(
            row=number,
            id=item,
            source=source,
            state=ItemState(state),
            stamp=stamp,
            digest=digest,
            path=None if path is None else self._folder(location) / path,
            text=text,
        )
