"""Copies of a pool in one file: a zip of its manifest, its database, and on request its vectors."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from knnal.errors import InputError
from knnal.files import DAMAGED_ARCHIVE, atomic_writer, storing
from knnal.pool.connection import Connection

DATABASE, MANIFEST, KEYS = "labels.sqlite", "manifest.json", "keys.json"
FOLDER = "backups"
"""Where a pool keeps the copies that knnal makes by itself."""

_BLOCK = 1 << 22


def require_backup_name(file: Path, folder: Path) -> None:
    """Raise InputError for a file that a backup of the pool in ``folder`` must not replace."""
    if not file.name or file.is_dir():
        raise InputError(f"'{file}' is not the name of a file. Name the file to write.")
    parents = file.absolute().resolve().parents
    if folder.resolve() in parents and (folder / FOLDER).resolve() not in parents:
        raise InputError(f"{file} lies within the pool. Write the backup outside of it.")
    if file.exists() and not is_backup(file):
        raise InputError(f"{file} exists, and is not a backup. Choose another name.")


def is_backup(file: Path) -> bool:
    """Whether a file is a copy that ``write_backup`` made."""
    try:
        with zipfile.ZipFile(file) as archive:
            return DATABASE in archive.namelist()
    except DAMAGED_ARCHIVE:
        return False


def write_backup(db: Connection, folder: Path, file: Path, large: Iterable[Path] = ()) -> None:
    """Copy a pool's database, as of one moment, and its small files; then the ``large`` files.

    Labeling goes on meanwhile. The file takes its place when it is complete. Raises
    PoolUnwritableError where it cannot be written.
    """
    snapshot = file.with_name(f".{file.name}.sqlite")
    with storing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        snapshot.unlink(missing_ok=True)  # of a run that was killed
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
    """Keep a copy of a database that is about to get another schema; nothing for one in memory.

    Call it inside the transaction of the change, and before it: nobody else changes it meanwhile.
    """
    if db.path is not None:
        folder = db.path.parent
        with closing(Connection(db.path)) as reader:  # one in a transaction cannot be copied
            write_backup(reader, folder, folder / FOLDER / f"schema-{version}.zip")


def _add(archive: zipfile.ZipFile, path: Path) -> None:
    with path.open("rb") as source, archive.open(path.name, "w", force_zip64=True) as target:
        shutil.copyfileobj(source, target, _BLOCK)
