"""Checking a pool's files, repairing them, and putting a backup in their place."""

from __future__ import annotations

import contextlib
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from knnal.augmentation.recipe import Recipe
from knnal.embedders.base import create_embedder
from knnal.embedding import Embedded, content_digest, embed_stream, read_content
from knnal.errors import Damage, InputError, PoolDamagedError, PoolNotFoundError, Repair
from knnal.files import DAMAGED_ARCHIVE, storing
from knnal.items.base import Item, Skip
from knnal.items.detect import open_source
from knnal.neighbors.graph import load_graph, stored_graph
from knnal.neighbors.reduced_file import load_pool_reduction, stored_reduction
from knnal.store.backup import DATABASE, FOLDER, KEYS, MANIFEST, write_backup
from knnal.store.catalogue import ItemState, Record
from knnal.store.connection import Connection
from knnal.store.database import checksum_sql, connect
from knnal.store.derived import DerivedFile
from knnal.store.embeddings import EmbeddingFile
from knnal.store.manifest import require_same_embedder
from knnal.store.migrations import POOL_ID_VERSION, schema_version
from knnal.store.pool import (
    EMBEDDINGS,
    VECTOR_FILES,
    Pool,
    manifest_findings,
    recorded_manifest,
)
from knnal.store.vectors import VectorSums
from knnal.store.verification import database_findings
from knnal.types import LogNarrator, Modality, Narrator, SilentNarrator
from knnal.viewing import make_views

_CHUNK = 1024


@dataclass(slots=True)
class RepairReport:
    """``repaired`` files are right again; of those ``left``, only a backup has what was lost.

    ``skips`` are items whose vectors could not be made again, and why.
    """

    repaired: list[Damage] = field(default_factory=list)
    left: list[Damage] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What a backup had, where the old pool is ``saved``, and what is ``left`` to be repaired."""

    items: int
    events: int
    saved: Path | None
    left: list[Damage]


def check_pool(folder: Path, narrator: Narrator | None = None) -> list[Damage]:
    """What is wrong with the files of a pool. Nothing is changed.

    Raises PoolNotFoundError where there is no pool, PoolBusyError as ``Pool.open`` does.
    """
    narrator = narrator or LogNarrator()
    _require_pool(folder)
    try:
        pool = Pool.open(folder, narrator, verified=False)
    except PoolDamagedError as error:
        return [error.damage]
    with closing(pool):
        found = [*manifest_findings(pool), *_source_findings(pool, narrator)]
        if len(pool.embeddings):  # else there is nothing that files could be compared with
            found += _derived_findings(pool)
        return found


def repair_pool(folder: Path, narrator: Narrator | None = None) -> RepairReport:
    """Mend what can be mended of a pool's files.

    The manifest is written again from the database, damaged vectors and views are embedded again
    from their source, and derived files are made again. Nothing is lost by it: what is replaced is
    damaged. Raises as ``check_pool`` does, and PoolBusyError while another process adds items,
    ModelUnavailableError where the embedder's weights are not to be had.
    """
    narrator = narrator or LogNarrator()
    report = RepairReport()
    found = check_pool(folder, narrator)
    if any(finding.repair is Repair.RESTORE for finding in found):
        report.left = found  # nothing is made of a database that may be another pool's
        return report
    if found:
        with closing(Pool.open(folder, narrator, verified=False)) as pool:
            if any(damage.file == DATABASE for damage in found):
                _mend_database(pool)
            if list(manifest_findings(pool)):
                pool.manifest.write(folder / MANIFEST)
            with pool.embedding_alone():
                report.skips = _embed_again(pool, narrator)
            report.skips += _view_again(pool, narrator)
            _remake(pool, found, narrator)
    report.left = check_pool(folder, narrator)
    files = {finding.file for finding in report.left}
    report.repaired = [finding for finding in found if finding.file not in files]
    return report


def restore_pool(file: Path, folder: Path, narrator: Narrator | None = None) -> RestoreReport:
    """Put a backup in the place of a pool's labels and catalogue, and of vectors that do not fit.

    What was there is saved before. Other processes that have the pool open see what was restored.

    Raises InputError for a file that is no backup, or one of another pool than that in the folder;
    PoolBusyError while another process adds items.
    """
    narrator = narrator or LogNarrator()
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    unpacked = folder / f".restoring-{os.getpid()}"
    try:
        _unpack(file, unpacked)
        saved = _put_in_place(file, unpacked, folder, narrator)
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)
    with closing(Pool.open(folder, narrator, verified=False)) as pool:
        if list(manifest_findings(pool)):
            pool.manifest.write(folder / MANIFEST)
        items = pool.catalogue.counts()[ItemState.LIVE]
        events = sum(1 for _ in pool.log.events())
    left = [found for found in check_pool(folder, narrator) if found.repair is not Repair.REMAKE]
    return RestoreReport(items, events, saved, left)


def _require_pool(folder: Path) -> None:
    if not any((folder / name).exists() for name in (MANIFEST, DATABASE)):
        raise PoolNotFoundError(f"No pool in {folder}. Name the folder that the pool is in.")


def _source_findings(pool: Pool, narrator: Narrator) -> Iterator[Damage]:
    try:
        pool.reload()
    except PoolDamagedError as error:
        yield error.damage
        yield from database_findings(pool.db, narrator)
        return
    yield from pool.findings(narrator)


def _derived_findings(pool: Pool) -> Iterator[Damage]:
    """Files that follow from the vectors, and are damaged or of others."""
    for name, path in pool.derived_files.items():
        file = DerivedFile(path, SilentNarrator())
        if path == pool.graph_file:
            load_graph(pool, file)
        elif path == pool.reduced_file:
            load_pool_reduction(pool, file)
        else:
            file.load()
        if file.problem is not None:
            yield Damage(name, file.problem, Repair.REMAKE)


def _mend_database(pool: Pool) -> None:
    """Make again what follows from the tables, and drop offers, which are a convenience."""
    pool.db.run("REINDEX")
    with pool.db.transaction():
        pool.db.run(f"DELETE FROM offers WHERE checksum IS NOT {checksum_sql('offers')}")  # noqa: S608


def _embed_again(pool: Pool, narrator: Narrator) -> list[Skip]:
    """Embed the items of damaged rows again; those that cannot be."""
    if pool.manifest.embedder is None:
        return []
    try:
        pool.reload()
    except PoolDamagedError:
        pool.embedding_file.restore_header(pool.catalogue.row_count())
        pool.reload()
    damaged = np.concatenate([np.empty(0, np.int64), *pool.sums.damaged(pool.embeddings)])
    if not len(damaged):
        return []
    records = [pool.catalogue.at(int(row)) for row in damaged]
    _fill_superseded(pool, records)
    rows: dict[str, list[int]] = {}
    for record in records:
        if record.state is not ItemState.SUPERSEDED:
            rows.setdefault(record.digest, []).append(record.row)
    embedder = create_embedder(pool.manifest.embedder.name)
    embedder.load(narrator)
    if embedder.modality is not Modality.VECTOR:  # whose dimension is that of what it is given
        require_same_embedder(pool.manifest.embedder, embedder.identity)
    found: list[Embedded] = []
    done = 0
    for result in embed_stream(_items_of(pool, records, rows), embedder):
        if isinstance(result, Embedded) and result.digest in rows:
            found.append(result)
        if len(found) >= _CHUNK:
            done += _put_vectors(pool, found, rows)
            narrator.progress("Embedding again", done, len(records))
    _put_vectors(pool, found, rows)
    reason = "its content is gone or has changed since it was embedded"
    return [
        Skip(record.id, reason)
        for record in records
        if record.digest in rows and record.state is not ItemState.SUPERSEDED
    ]


def _items_of(
    pool: Pool, records: Sequence[Record], wanted: Mapping[str, object]
) -> Iterator[Item]:
    """The items of some records, from where their content lies."""
    if pool.manifest.modality is not Modality.VECTOR:
        for record in records:
            if record.state is not ItemState.SUPERSEDED:
                yield Item(record.id, record.stamp, record.path, record.text)
        return
    # Ready vectors are known by their content: which ids the file had is not stored.
    for location in pool.catalogue.sources():
        if location.exists():
            for item in open_source(location):
                if isinstance(item, Item) and content_digest(read_content(item)) in wanted:
                    yield item


def _put_vectors(pool: Pool, found: list[Embedded], rows: dict[str, list[int]]) -> int:
    """Write vectors into the rows of their content, and forget both; how many rows."""
    vectors = {row: e.vector for e in found for row in rows.pop(e.digest, ())}
    found.clear()
    if vectors:
        order = sorted(vectors)
        pool.replace_vectors(np.array(order), np.stack([vectors[row] for row in order]))
    return len(vectors)


def _fill_superseded(pool: Pool, records: Sequence[Record]) -> None:
    """Rows that are out of use get a vector that is sound, since theirs cannot be made again."""
    rows = np.array([r.row for r in records if r.state is ItemState.SUPERSEDED], dtype=np.int64)
    if len(rows):
        vectors = np.zeros((len(rows), pool.embeddings.shape[1]), dtype=np.float32)
        vectors[:, 0] = 1.0
        pool.replace_vectors(rows, vectors)


def _view_again(pool: Pool, narrator: Narrator) -> list[Skip]:
    """Make damaged views again; those that cannot be."""
    files = pool.view_files
    try:
        facts = None if files is None else files.facts()
        if files is None or facts is None:
            return []
        damaged = np.concatenate([np.empty(0, np.int64), *files.damaged(pool.embeddings)])
    except PoolDamagedError as error:
        narrator.say(f"The views cannot be repaired, and are removed: {error}")
        assert files is not None
        files.remove()
        return []
    if not len(damaged):
        return []
    files.forget(damaged, pool.embeddings)
    assert pool.manifest.modality is not None
    assert pool.manifest.embedder is not None
    recipe = Recipe.of(pool.manifest.modality, facts.views, facts.augmentations)
    return make_views(pool, create_embedder(pool.manifest.embedder.name), recipe, narrator).skips


def _remake(pool: Pool, found: Sequence[Damage], narrator: Narrator) -> None:
    for finding in found:
        if finding.file in pool.derived_files:
            pool.derived_files[finding.file].unlink(missing_ok=True)
    live = pool.live
    if live.any():
        stored_reduction(pool, live, narrator)
        stored_graph(pool, live, narrator)


def _unpack(file: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            if DATABASE not in names or not set(names) <= {DATABASE, MANIFEST, KEYS, *VECTOR_FILES}:
                raise InputError(f"{file} is not a backup of a pool.")
            with storing(folder):
                archive.extractall(folder)
    except (OSError, *DAMAGED_ARCHIVE) as error:
        raise InputError(f"{file} cannot be read as a backup of a pool ({error}).") from error


def _put_in_place(file: Path, unpacked: Path, folder: Path, narrator: Narrator) -> Path | None:
    """Replace the folder's database, and vectors that do not fit; where the old one is saved."""
    brought = {path.name for path in unpacked.iterdir()}
    if EMBEDDINGS not in brought and (folder / EMBEDDINGS).exists():
        os.link(folder / EMBEDDINGS, unpacked / EMBEDDINGS)  # a migration reads them
    with closing(Connection(unpacked / DATABASE)) as old:
        has_id = schema_version(old) >= POOL_ID_VERSION
    with closing(connect(unpacked / DATABASE, narrator, new=False)) as db:
        if problems := list(database_findings(db, narrator)):
            raise InputError(f"{file} holds a damaged database: {problems[0].problem}.")
        now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        with contextlib.ExitStack() as stack:
            target = _present_database(folder)
            if target is not None:
                stack.enter_context(closing(target))
                if has_id:
                    _require_same_pool(file, db, target)
                saved: Path | None = folder / FOLDER / f"before-restore-{now}.zip"
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


def _require_same_pool(file: Path, backup: Connection, present: Connection) -> None:
    ids = [db.rows("SELECT id FROM pool") for db in (backup, present)]
    if ids[0] != ids[1]:
        raise InputError(
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
