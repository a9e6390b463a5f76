"""A pool: the folder that holds embeddings, catalog and log, or the same in memory.

.knnal/
  manifest.json      the pool's id, the embedder's identity, dimension, modality, schema version
  labels.sqlite      items, sources, the append-only log of events, and checksums of all
  embeddings.npy     float32, unit-norm rows; row r belongs to the item of row r
  graph.npz          the neighbor graph, rebuilt from the embeddings if missing
  reduced.npz        a small copy of the embeddings, likewise
  neighbours.npz     labeled neighbors of large pools, rebuilt from the log if missing
  views.npy          views of the items, if any, with views.json and views-sums.npy
  layout.npz         positions on the map, rebuilt if missing
  graph.partial      finished blocks of an interrupted graph build
  backups/           copies made before migrations and restores
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import chain
from pathlib import Path

import numpy as np

from knnal.errors import (
    Damage,
    InputError,
    PoolBusyError,
    PoolDamagedError,
    PoolUnwritableError,
)
from knnal.index.graph_facts import GraphFacts
from knnal.index.linalg import unit_rows, usable_rows
from knnal.pool.backup import DATABASE, MANIFEST, require_backup_name, write_backup
from knnal.pool.catalog import Catalog
from knnal.pool.connection import Connection
from knnal.pool.database import connect
from knnal.pool.labels.log import LabelLog
from knnal.pool.manifest import (
    Manifest,
    agreed_manifest,
    read_manifest,
    recorded_manifest,
    require_no_remains,
    require_same_embedder,
)
from knnal.pool.storage import EventLog, ItemCatalog, NewRecord
from knnal.pool.vectors import EMBEDDINGS, EmbeddingFile, VectorSums
from knnal.pool.verification import (
    VERIFIED_AT_ONCE,
    Background,
    database_findings,
    page_findings,
    row_findings,
    vector_findings,
    view_findings,
)
from knnal.pool.views import FACTS as VIEW_FACTS
from knnal.pool.views import SUMS as VIEW_SUMS
from knnal.pool.views import VECTORS as VIEWS
from knnal.pool.views import StoredViews, ViewFacts, ViewFiles
from knnal.types import (
    BoolArray,
    EmbedderIdentity,
    Float32Array,
    FloatArray,
    IntArray,
    Modality,
    Narrator,
    SilentNarrator,
)

GRAPH = "graph.npz"
REDUCED = "reduced.npz"
NEIGHBORS = "neighbours.npz"
LAYOUT = "layout.npz"
VECTOR_FILES = frozenset((EMBEDDINGS, VIEWS, VIEW_FACTS, VIEW_SUMS))
"""The files that hold what a network made of the items."""


class Pool:
    """Items, their vectors and their labels. Made by ``create``, ``open`` or ``in_memory``."""

    def __init__(
        self, folder: Path | None, manifest: Manifest, db: Connection, vectors: Float32Array
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self._items = Catalog(db, (folder or Path.cwd()).absolute().parent)
        self.catalog: ItemCatalog = self._items
        self.log: EventLog = LabelLog(db)
        self.sums = VectorSums(db)
        self._db = db
        self._closing = contextlib.ExitStack()
        self._closing.callback(db.close)
        self._vectors = vectors
        self._views_in_memory: StoredViews | None = None
        self._verification: Background | None = None

    @classmethod
    def create(cls, folder: Path, narrator: Narrator | None = None) -> Pool:
        """Open the pool in the folder, or make an empty one there."""
        if not (folder / MANIFEST).exists():
            require_no_remains(folder)
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise PoolUnwritableError(
                    f"{folder} cannot be made ({error.strerror or error}). Choose another folder "
                    "for the pool."
                ) from error
            with closing(connect(folder / DATABASE, narrator)) as db:
                recorded_manifest(db).write(folder / MANIFEST)
        return cls.open(folder, narrator)

    @classmethod
    def open(cls, folder: Path, narrator: Narrator | None = None, *, verified: bool = True) -> Pool:
        """Open an existing pool.

        Its files are verified: whole for a small pool, else in the background while the pool is
        used, see ``require_sound``. Only a repair opens one that is not ``verified``: it goes by
        the database alone, without the manifest's file, and without vectors until ``reload``.

        Raises PoolNotFoundError where there is none, SchemaTooNewError for one that a newer knnal
        wrote, PoolDamagedError for one whose files are not those that knnal wrote.
        """
        manifest = read_manifest(folder) if verified else None
        migrates = manifest is None or not manifest.pool
        db = connect(folder / DATABASE, narrator, new=False, migrates=migrates)
        try:
            agreed = recorded_manifest(db)
            if manifest is not None:
                agreed = agreed_manifest(folder, manifest, agreed)
                if agreed != manifest and not db.read_only:
                    agreed.write(folder / MANIFEST)
            pool = cls(folder, agreed, db, np.empty((0, 0), dtype=np.float32))
        except BaseException:
            db.close()
            raise
        try:
            if verified:
                pool.reload()
                pool._verify()
        except BaseException:
            pool.close()
            raise
        return pool

    @classmethod
    def in_memory(
        cls,
        embeddings: FloatArray,
        ids: Sequence[str] | None = None,
        texts: Sequence[str] = (),
        views: FloatArray | None = None,
    ) -> Pool:
        """A pool of ready embeddings ``(n, d)`` that leaves nothing on disk.

        ``ids`` are "0" to "n - 1" by default, ``views`` ``(n, m, d)`` are of each item's views.
        Raises InputError for rows without a direction and for ids or views that do not fit.
        """
        X = np.asarray(embeddings)
        _require_usable(X, "Embeddings must have shape (n, d)", X.ndim == 2)
        names = [str(i) for i in range(len(X))] if ids is None else [str(i) for i in ids]
        if len(names) != len(X) or len(set(names)) != len(names):
            raise InputError(f"There must be {len(X)} different ids, got {len(set(names))}.")
        db = connect(None)
        pool = cls(None, recorded_manifest(db), db, unit_rows(X))
        records = [
            NewRecord(name, "", "", text=texts[i] if texts else None)
            for i, name in enumerate(names)
        ]
        with pool.transaction():
            pool.catalog.add(pool.catalog.source(Path("memory")), records)
        if views is not None:
            pool._views_in_memory = _ready_views(pool.embeddings, np.asarray(views))
        return pool

    @property
    def embeddings(self) -> Float32Array:
        """All rows, superseded ones too, ``(rows, d)``, read-only; mapped from disk, not read."""
        return self._vectors

    @property
    def db(self) -> Connection:
        """The database that catalog and log are in."""
        return self._db

    @property
    def graph_file(self) -> Path | None:
        return self.derived_files.get(GRAPH)

    @property
    def reduced_file(self) -> Path | None:
        return self.derived_files.get(REDUCED)

    @property
    def neighbors_file(self) -> Path | None:
        return self.derived_files.get(NEIGHBORS)

    @property
    def layout_file(self) -> Path | None:
        return self.derived_files.get(LAYOUT)

    @property
    def derived_files(self) -> dict[str, Path]:
        """By name, the files that follow from vectors and log; none for a pool in memory."""
        names = (GRAPH, REDUCED, NEIGHBORS, LAYOUT)
        return {} if self.folder is None else {name: self.folder / name for name in names}

    @property
    def view_files(self) -> ViewFiles | None:
        """Where views are kept; None in memory, and before anything is embedded."""
        embedder = self.manifest.embedder
        if self.folder is None or embedder is None:
            return None
        return ViewFiles(self.folder, embedder.dimension, self.manifest.pool)

    @property
    def has_views(self) -> bool:
        """Whether views of the items were wanted."""
        files = self.view_files
        return self._views_in_memory is not None if files is None else files.facts() is not None

    def views(self) -> StoredViews | None:
        """The views of the items, or None where none were wanted."""
        files = self.view_files
        return self._views_in_memory if files is None else files.read()

    @property
    def live(self) -> BoolArray:
        """Which rows of ``embeddings`` hold an item that is there, ``(rows,)``."""
        # Another process may have stored more rows since these were mapped.
        return self.catalog.live_mask()[: len(self._vectors)]

    def reload(self) -> None:
        """Take in rows that were stored since the pool was opened."""
        rows = self.catalog.row_count()
        if self.folder is None or (self.manifest.embedder is None and not rows):
            return
        if self.manifest.embedder is None:
            raise PoolDamagedError(
                self.folder / DATABASE, f"it holds {rows} items and names no embedder"
            )
        self._vectors = self.embedding_file.rows(rows)

    def vectors_key(self, rows: int) -> str:
        """What names the first rows by their vectors, for files that are made of them."""
        return self.sums.key(rows)

    def findings(self, narrator: Narrator) -> Iterator[Damage]:
        """What is not as it was written in the database, the vectors and the views."""
        yield from database_findings(self._db, narrator)
        yield from self._vector_findings(self._db, narrator)

    def _vector_findings(
        self, db: Connection, narrator: Narrator, start: int = 0
    ) -> Iterator[Damage]:
        assert self.folder is not None
        X, file = self._vectors, self.folder / EMBEDDINGS
        yield from vector_findings(VectorSums(db), X, file, narrator, start)
        yield from view_findings(self.view_files, X, narrator)

    def require_sound(self) -> None:
        """Raise PoolDamagedError if the verification in the background has found damage."""
        if self._verification is not None:
            self._verification.require_sound()

    def _verify(self) -> None:
        """Verify a small pool whole, now, and begin to verify a large one."""
        assert self.folder is not None
        files = [self.folder / name for name in (DATABASE, EMBEDDINGS, VIEWS)]
        size = sum(file.stat().st_size for file in files if file.exists())
        if size < VERIFIED_AT_ONCE:
            self._verify_now()
            return
        db = self._another_connection()
        self.before_closing(db.close)
        find = functools.partial(self._background_findings, db)
        self._verification = Background(find, self.folder, db.interrupt)
        self.before_closing(self._verification.stop)

    def _verify_now(self) -> None:
        assert self.folder is not None
        quiet = SilentNarrator()
        with ThreadPoolExecutor(1) as executor, closing(self._another_connection()) as db:
            pages = executor.submit(page_findings, db)  # SQLite runs while Python works
            rows = chain(row_findings(self._db, quiet), self._vector_findings(self._db, quiet))
            found = next(rows, None) or next(iter(pages.result()), None)
        if found is not None:
            raise PoolDamagedError.of(found, self.folder)
        self._items.is_verified = True

    def _background_findings(self, db: Connection, narrator: Narrator) -> Iterator[Damage]:
        """The findings through a connection of their own, from a random row on: several short
        commands verify different parts.
        """
        start = random.randrange(max(len(self._vectors), 1))  # noqa: S311
        yield from self._vector_findings(db, narrator, start)
        yield from database_findings(db, narrator)

    def _another_connection(self) -> Connection:
        return Connection(self._db.path, read_only=self._db.read_only)

    def adopt(self, embedder: EmbedderIdentity, modality: Modality) -> None:
        """Make the embedder the pool's own, or check that it is.

        Raises EmbedderMismatchError for another one.
        """
        if self.manifest.embedder is not None:
            require_same_embedder(self.manifest.embedder, embedder)
            return
        manifest = dataclasses.replace(self.manifest, modality=modality, embedder=embedder)
        with self.transaction():
            self._db.run("UPDATE pool SET manifest = ?", (manifest.content,))
        if self.folder is not None:
            manifest.write(self.folder / MANIFEST)
        self.manifest = manifest

    def record_graph(self, facts: GraphFacts) -> None:
        """Note in the manifest how the stored neighbor graph was found.

        Raises PoolUnwritableError where that cannot be written.
        """
        if self.folder is not None and self.manifest.graph != facts:
            self.manifest = dataclasses.replace(self.manifest, graph=facts)
            self.manifest.write(self.folder / MANIFEST)

    def store(self, source: int, records: Sequence[NewRecord], vectors: Float32Array) -> None:
        """Append a chunk: unit-norm ``(n, d)`` vectors first, then the records that name them.

        Call it inside ``transaction``; both are durable when that ends. Raises PoolUnwritableError
        where there is no room for them.
        """
        start = self.catalog.row_count()
        self.embedding_file.append(start, vectors)
        self.sums.append(start, vectors)
        self.catalog.add(source, records)

    @property
    def embedding_file(self) -> EmbeddingFile:
        """Where the vectors are, once something is embedded."""
        assert self.folder is not None
        assert self.manifest.embedder is not None
        return EmbeddingFile(self.folder / EMBEDDINGS, self.manifest.embedder.dimension)

    def replace_vectors(self, rows: IntArray, vectors: Float32Array) -> None:
        """Write unit-norm ``(n, d)`` in the place of rows ``(n,)``, rising, that were damaged."""
        for run in np.split(np.arange(len(rows)), 1 + np.flatnonzero(np.diff(rows) != 1)):
            self.embedding_file.replace(int(rows[run[0]]), vectors[run])
        with self._db.transaction():
            self.sums.replace(rows, vectors)

    def back_up(self, file: Path, *, vectors: bool = False) -> None:
        """Copy labels and catalog, as of one moment, and on request the vectors, into a file.

        Labeling goes on meanwhile. Raises PoolBusyError for vectors while another process adds
        some, PoolUnwritableError where the file cannot be written, InputError for the name of a
        file that is no backup.
        """
        assert self.folder is not None
        require_backup_name(file, self.folder)
        with contextlib.ExitStack() as stack:
            large = []
            if vectors:
                stack.enter_context(self.embedding_alone())
                paths = [self.folder / name for name in sorted(VECTOR_FILES)]
                large = [path for path in paths if path.exists()]
            write_backup(self._db, self.folder, file, large)

    def transaction(self) -> contextlib.AbstractContextManager[None]:
        """All that is written inside is stored at once, or not at all."""
        self.require_sound()
        return self._db.transaction()

    @contextlib.contextmanager
    def embedding_alone(self) -> Iterator[None]:
        """Hold the right to add items, for the length of a block.

        Raises PoolBusyError while another process holds it. Labeling goes on meanwhile.
        """
        assert self.folder is not None
        with nobody_embeds(self.folder):
            yield

    def before_closing(self, act: Callable[[], object]) -> None:
        """Have something done first when the pool is closed, such as to end a thread."""
        self._closing.callback(act)

    def close(self) -> None:
        self._closing.close()


@contextlib.contextmanager
def nobody_embeds(folder: Path) -> Iterator[None]:
    """Hold the right to add items to the pool in a folder. Raises PoolBusyError."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / "embed.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise PoolBusyError(
            f"Another process is embedding into {folder}. Wait until it is done; nothing was "
            "changed."
        ) from error
    try:
        yield
    finally:
        lock.release()


def manifest_findings(pool: Pool) -> Iterator[Damage]:
    """What is wrong with the manifest's file of a pool that was opened without it."""
    assert pool.folder is not None
    try:
        agreed_manifest(pool.folder, read_manifest(pool.folder), pool.manifest)
    except PoolDamagedError as error:
        yield error.damage


def mend_manifest(pool: Pool) -> None:
    """Write the manifest's file again if it is damaged. Raises PoolUnwritableError."""
    if pool.folder is not None and any(manifest_findings(pool)):
        pool.manifest.write(pool.folder / MANIFEST)


def _require_usable(X: FloatArray, expected: str, fits: bool) -> None:
    numeric = np.issubdtype(X.dtype, np.number) and not np.iscomplexobj(X)
    if not fits or not numeric or not usable_rows(X.reshape(-1, X.shape[-1])).all():
        raise InputError(
            f"{expected}, be finite and have no row of zeros, got {X.dtype} of shape "
            f"{X.shape}. Drop the rows that have no direction."
        )


def _ready_views(X: Float32Array, views: FloatArray) -> StoredViews:
    n, d = X.shape
    _require_usable(
        views,
        f"Views must have shape ({n}, m, {d})",
        views.ndim == 3 and views.shape[::2] == (n, d),
    )
    unit = unit_rows(views.reshape(-1, d)).reshape(views.shape)
    vectors = np.concatenate([X[:, None], unit], axis=1)
    facts = ViewFacts(views.shape[1], ("ready",))
    return StoredViews(facts, vectors, np.ones(n, dtype=np.bool_))
