"""Putting a backup in the place of a pool's labels and catalog."""

from __future__ import annotations

import contextlib
import shutil
import zipfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from knnal.errors import Damage, InputError, PoolDamagedError, Repair
from knnal.files import DAMAGED_ARCHIVE, brief, storing
from knnal.pool.backup import DATABASE, FOLDER, KEYS, MANIFEST, write_backup
from knnal.pool.connection import Connection
from knnal.pool.database import connect
from knnal.pool.manifest import recorded_manifest
from knnal.pool.migrations import POOL_ID_VERSION, schema_version
from knnal.pool.pool import VECTOR_FILES, Pool, mend_manifest, nobody_embeds
from knnal.pool.storage import ItemState
from knnal.pool.upkeep import check_pool
from knnal.pool.vectors import EMBEDDINGS, EmbeddingFile, VectorSums
from knnal.pool.verification import database_findings
from knnal.types import LogNarrator, Narrator

_UNPACKED = ".restoring"


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What a backup had, where the old pool is ``saved``, and what is ``left`` to be repaired."""

    items: int
    events: int
    saved: Path | None
    left: list[Damage]


def restore_pool(file: Path, folder: Path, narrator: Narrator | None = None) -> RestoreReport:
    """Put a backup in the place of a pool's labels and catalog, and of vectors that do not fit.

    What was there is saved before. Other processes that have the pool open see what was restored.

    Raises InputError for a file that is no backup, or one of another pool than that in the folder;
    PoolBusyError while another process adds items.
    """
    narrator = narrator or LogNarrator()
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with nobody_embeds(folder):
        unpacked = folder / _UNPACKED
        shutil.rmtree(unpacked, ignore_errors=True)  # of one that was killed
        try:
            _unpack(file, unpacked)
            saved = _put_in_place(file, unpacked, folder, narrator)
        finally:
            shutil.rmtree(unpacked, ignore_errors=True)
    with closing(Pool.open(folder, narrator, verified=False)) as pool:
        mend_manifest(pool)
        items = pool.catalog.counts()[ItemState.LIVE]
        events = sum(1 for _ in pool.log.events())
    left = [found for found in check_pool(folder, narrator) if found.repair is not Repair.REMAKE]
    return RestoreReport(items, events, saved, left)


def _unpack(file: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            if DATABASE not in names or not set(names) <= {DATABASE, MANIFEST, KEYS, *VECTOR_FILES}:
                raise InputError(f"{file} is not a backup of a pool.")
            with storing(folder):
                archive.extractall(folder)
    except (OSError, *DAMAGED_ARCHIVE) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{file} cannot be read as a backup of a pool ({brief(error)})."
        ) from error


def _put_in_place(file: Path, unpacked: Path, folder: Path, narrator: Narrator) -> Path | None:
    """Replace the folder's database, and vectors that do not fit; where the old one is saved."""
    brought = {path.name for path in unpacked.iterdir()}
    with closing(Connection(unpacked / DATABASE)) as old:
        has_id = schema_version(old) >= POOL_ID_VERSION
    with contextlib.ExitStack() as stack:
        db = connect(unpacked / DATABASE, narrator, new=False, has_vectors=EMBEDDINGS in brought)
        stack.enter_context(closing(db))
        if problems := list(database_findings(db, narrator)):
            raise InputError(f"{file} holds a damaged database: {problems[0].problem}.")
        now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
        saved: Path | None = folder / FOLDER / f"before-restore-{now}.zip"
        target = _present_database(folder)
        if target is not None:
            stack.enter_context(closing(target))
            if not has_id:
                _take_identity(file, db, target)
            _require_same_pool(file, db, target)
            assert saved is not None
            write_backup(target, folder, saved)
        else:
            saved = _set_aside(folder, now)
            target = stack.enter_context(closing(Connection(folder / DATABASE)))
        with storing(folder):
            if not _has_vectors_of(db, folder):
                for name in VECTOR_FILES & brought:
                    (unpacked / name).replace(folder / name)
            if KEYS in brought:
                (unpacked / KEYS).replace(folder / KEYS)
        db.copy_to(target)
    return saved


def _present_database(folder: Path) -> Connection | None:
    """The folder's own database; None where there is none that can be read."""
    try:
        return connect(folder / DATABASE, new=False)
    except PoolDamagedError:
        return None


def _take_identity(file: Path, backup: Connection, present: Connection) -> None:
    """Give a backup of before pools had an id that of the pool that it is of, and its checksums.

    It is of the pool that has all its items in the same rows. Raises InputError for another one.
    """
    rows = backup.rows("SELECT row, id, digest FROM items ORDER BY row")
    if rows != present.rows("SELECT row, id, digest FROM items ORDER BY row LIMIT ?", (len(rows),)):
        raise _of_another_pool(file, present)
    ((pool,),) = present.rows("SELECT id FROM pool")
    sums = VectorSums(present).read(len(rows)).astype("<u8").tobytes()
    with backup.transaction():
        backup.run("UPDATE pool SET id = ?", (pool,))
        backup.run("DELETE FROM vector_sums")
        if rows:
            backup.run("INSERT INTO vector_sums VALUES (0, ?)", (sums,))


def _require_same_pool(file: Path, backup: Connection, present: Connection) -> None:
    ids: Sequence[object] = [db.rows("SELECT id FROM pool") for db in (backup, present)]
    if ids[0] != ids[1]:
        raise _of_another_pool(file, present)


def _of_another_pool(file: Path, present: Connection) -> InputError:
    return InputError(
        f"{file} is a backup of another pool than the one in {present.path}. Restore it into a "
        "folder of its own."
    )


def _set_aside(folder: Path, now: str) -> Path | None:
    """Move a database that cannot be read out of the way; where it is."""
    names = [f"{DATABASE}{suffix}" for suffix in ("", "-wal", "-shm")]
    found = [folder / name for name in names if (folder / name).exists()]
    if not found:
        return None
    aside = folder / FOLDER / f"damaged-{now}"
    with storing(aside):
        aside.mkdir(parents=True, exist_ok=True)
        for path in found:
            path.replace(aside / path.name)
    return aside


def _has_vectors_of(db: Connection, folder: Path) -> bool:
    """Whether the folder holds the vectors that a database has the checksums of."""
    manifest = recorded_manifest(db)
    if manifest.embedder is None:
        return True
    sums = VectorSums(db)
    try:
        X = EmbeddingFile(folder / EMBEDDINGS, manifest.embedder.dimension).rows(sums.count())
    except PoolDamagedError:
        return False
    return not any(len(rows) for rows in sums.damaged(X))
