"""Copies of a pool in one file: a zip of its manifest, its database, and on request its vectors."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from knnal.files import atomic_writer, storing
from knnal.store.connection import Connection

DATABASE, MANIFEST, KEYS = "labels.sqlite", "manifest.json", "keys.json"
FOLDER = "backups"
"""Where a pool keeps the copies that knnal makes by itself."""

_BLOCK = 1 << 22


def write_backup(db: Connection, folder: Path, file: Path, large: Iterable[Path] = ()) -> None:
    """Copy a pool's database, as of one moment, and its small files; then the ``large`` files.

    Labeling goes on meanwhile. The file takes its place when it is complete. Raises
    PoolUnwritableError where it cannot be written.
    """
    snapshot = file.with_name(f".{file.name}.sqlite")
    with storing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with closing(Connection(snapshot)) as copy:
                db.copy_to(copy)
            with atomic_writer(file) as stream, zipfile.ZipFile(stream, "w") as archive:
                archive.write(snapshot, DATABASE, zipfile.ZIP_DEFLATED)
                small = [folder / name for name in (MANIFEST, KEYS) if (folder / name).exists()]
                for path in (*small, *large):
                    _add(archive, path)
        finally:
            snapshot.unlink(missing_ok=True)


def save_before_migration(db: Connection, version: int) -> None:
    """Keep a copy of a database that is about to get another schema; nothing for one in memory."""
    if db.path is not None:
        folder = db.path.parent
        write_backup(db, folder, folder / FOLDER / f"schema-{version}.zip")


def _add(archive: zipfile.ZipFile, path: Path) -> None:
    with path.open("rb") as source, archive.open(path.name, "w", force_zip64=True) as target:
        shutil.copyfileobj(source, target, _BLOCK)
