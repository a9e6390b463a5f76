"""Checking a pool's files, and repairing them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from knnal.embedders.base import create_embedder
from knnal.embedders.pipeline import Embedded, content_digest, embed_stream, read_content
from knnal.embedders.views import Recipe
from knnal.errors import Damage, PoolDamagedError, PoolNotFoundError, Repair
from knnal.files import storing
from knnal.pool.backup import DATABASE, MANIFEST
from knnal.pool.checksums import REPLACEABLE
from knnal.pool.database import checksum_sql
from knnal.pool.derived import DerivedFile
from knnal.pool.graph_file import load_pool_graph, stored_graph
from knnal.pool.index_files import load_pool_reduction, stored_reduction
from knnal.pool.manifest import require_same_embedder
from knnal.pool.pool import (
    Pool,
    manifest_findings,
    mend_manifest,
)
from knnal.pool.storage import ItemState, Record
from knnal.pool.verification import database_findings
from knnal.pool.view_making import make_views
from knnal.sources.base import Item, Skip
from knnal.sources.detect import open_source
from knnal.types import LogNarrator, Modality, Narrator, SilentNarrator

_CHUNK = 1024


@dataclass(slots=True)
class RepairReport:
    """``repaired`` files are right again; of those ``left``, only a backup has what was lost.

    ``skips`` are items that could not be embedded again, and why.
    """

    repaired: list[Damage] = field(default_factory=list)
    left: list[Damage] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)


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
    from their source, and derived files are rebuilt. Nothing is lost by it: what is replaced is
    damaged. Raises as ``check_pool`` does, and PoolBusyError while another process adds items,
    ModelUnavailableError if the embedder's weights are unavailable.
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
            mend_manifest(pool)
            with pool.embedding_alone():
                report.skips = _embed_again(pool, narrator)
            report.skips += _view_again(pool, narrator)
            _remake(pool, found, narrator)
    report.left = check_pool(folder, narrator)
    files = {finding.file for finding in report.left}
    report.repaired = [finding for finding in found if finding.file not in files]
    return report


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
            load_pool_graph(pool, file)
        elif path == pool.reduced_file:
            load_pool_reduction(pool, file)
        else:
            file.load()
        if file.problem is not None:
            yield Damage(name, file.problem, Repair.REMAKE)


def _mend_database(pool: Pool) -> None:
    """Rebuild what follows from the tables, and drop damaged offers and settings."""
    pool.db.run("REINDEX")
    with pool.db.transaction():
        for table in REPLACEABLE:
            pool.db.run(f"DELETE FROM {table} WHERE checksum IS NOT {checksum_sql(table)}")  # noqa: S608


def _embed_again(pool: Pool, narrator: Narrator) -> list[Skip]:
    """Embed the items of damaged rows again; those that cannot be."""
    if pool.manifest.embedder is None:
        return []
    try:
        pool.reload()
    except PoolDamagedError:
        pool.embedding_file.restore_header(pool.catalog.row_count())
        pool.reload()
    damaged = np.concatenate([np.empty(0, np.int64), *pool.sums.damaged(pool.embeddings)])
    if not len(damaged):
        return []
    records = [pool.catalog.at(int(row)) for row in damaged]
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
    for location in pool.catalog.sources():
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
    """Give superseded rows a valid vector, since their content is gone."""
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
            path = pool.derived_files[finding.file]
            with storing(path):
                path.unlink(missing_ok=True)
    live = pool.live
    # Nothing follows from vectors that are damaged still.
    if live.any() and not any(len(rows) for rows in pool.sums.damaged(pool.embeddings)):
        stored_reduction(pool, live, narrator)
        stored_graph(pool, live, narrator)
