"""A pool: the folder that holds embeddings, catalogue and log, or the same in memory.

.knnal/
  manifest.json      the embedder's identity, dimension, modality and the schema version
  embeddings.npy     float32, unit-norm rows; row r belongs to the item of row r
  labels.sqlite      items, sources, and the append-only log of events
  graph.npz          the neighbour graph, made anew from the embeddings where it is missing
  reduced.npz        a small copy of the embeddings, made anew likewise
  neighbours.npz     of large pools, the labelled neighbours, made anew from the log likewise
  views.npy          views of the items, if any were wanted, with views.json and views-made.npy
  layout.npz         where each item lies on the map, made anew likewise
  graph.partial      what is done of a graph whose making was interrupted
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from knnal.errors import InputError, PoolBusyError, PoolError, PoolNotFoundError
from knnal.linalg import unit_rows, usable_rows
from knnal.store.catalogue import Catalogue, NewRecord
from knnal.store.connection import Connection
from knnal.store.database import connect
from knnal.store.embeddings import EmbeddingFile
from knnal.store.log import LabelLog
from knnal.store.manifest import GraphFacts, Manifest, require_same_embedder
from knnal.store.migrations import SCHEMA_VERSION, require_known
from knnal.store.views import StoredViews, ViewFacts, ViewFiles
from knnal.types import BoolArray, EmbedderIdentity, Float32Array, FloatArray, Modality

MANIFEST = "manifest.json"
EMBEDDINGS = "embeddings.npy"
DATABASE = "labels.sqlite"
GRAPH = "graph.npz"
REDUCED = "reduced.npz"
NEIGHBOURS = "neighbours.npz"
LAYOUT = "layout.npz"


class Pool:
    """Items, their vectors and their labels. Made by ``create``, ``open`` or ``in_memory``."""

    def __init__(
        self, folder: Path | None, manifest: Manifest, db: Connection, vectors: Float32Array
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.catalogue = Catalogue(db, (folder or Path.cwd()).absolute().parent)
        self.log = LabelLog(db)
        self._db = db
        self._closing = contextlib.ExitStack()
        self._closing.callback(db.close)
        self._vectors = vectors
        self._views_in_memory: StoredViews | None = None

    @classmethod
    def create(cls, folder: Path) -> Pool:
        """Open the pool in the folder, or make an empty one there."""
        if not (folder / MANIFEST).exists():
            if (folder / DATABASE).exists():
                Manifest.read(folder / MANIFEST)
            try:
                folder.mkdir(parents=True, exist_ok=True)
                Manifest(SCHEMA_VERSION).write(folder / MANIFEST)
            except OSError as error:
                raise PoolError(
                    f"Expected a folder for the pool, but {folder} cannot be made "
                    f"({error.strerror or error}). Name another with --pool DIR."
                ) from error
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path) -> Pool:
        """Open an existing pool.

        Raises PoolNotFoundError where there is none, SchemaTooNewError for one that a newer knnal
        wrote, PoolError for one that is damaged.
        """
        if not (folder / MANIFEST).exists():
            raise PoolNotFoundError(
                f"No pool in {folder}. Make one with 'knnal embed SOURCE', run the command where "
                "the pool's folder lies, or name it with --pool DIR or KNNAL_POOL."
            )
        manifest = Manifest.read(folder / MANIFEST)
        require_known(manifest.schema_version)
        if manifest.embedder is not None and not (folder / DATABASE).exists():
            raise PoolError(
                f"Expected knnal's database in {folder / DATABASE}, but nothing lies there. "
                "Restore it from a copy of the pool."
            )
        db = connect(folder / DATABASE)
        if manifest.schema_version < SCHEMA_VERSION:
            manifest = dataclasses.replace(manifest, schema_version=SCHEMA_VERSION)
            manifest.write(folder / MANIFEST)
        pool = cls(folder, manifest, db, np.empty((0, 0), dtype=np.float32))
        try:
            pool.reload()
        except PoolError:
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

        ``ids`` are "0" to "n - 1" unless given, ``views`` ``(n, m, d)`` are of each item's views.
        Raises InputError for rows without a direction and for ids or views that do not fit.
        """
        X = np.asarray(embeddings)
        _require_usable(X, "embeddings of shape (n, d)", X.ndim == 2)
        names = [str(i) for i in range(len(X))] if ids is None else [str(i) for i in ids]
        if len(names) != len(X) or len(set(names)) != len(names):
            raise InputError(f"Expected {len(X)} different ids, came {len(set(names))}.")
        pool = cls(None, Manifest(SCHEMA_VERSION), connect(None), unit_rows(X))
        records = [
            NewRecord(name, "", "", text=texts[i] if texts else None)
            for i, name in enumerate(names)
        ]
        with pool.transaction():
            pool.catalogue.add(pool.catalogue.source(Path("memory")), records)
        if views is not None:
            pool._views_in_memory = _ready_views(pool.embeddings, np.asarray(views))
        return pool

    @property
    def embeddings(self) -> Float32Array:
        """All rows, superseded ones too, ``(rows, d)``, read-only; mapped from disk, not read."""
        return self._vectors

    @property
    def graph_file(self) -> Path | None:
        return None if self.folder is None else self.folder / GRAPH

    @property
    def reduced_file(self) -> Path | None:
        return None if self.folder is None else self.folder / REDUCED

    @property
    def neighbours_file(self) -> Path | None:
        return None if self.folder is None else self.folder / NEIGHBOURS

    @property
    def layout_file(self) -> Path | None:
        return None if self.folder is None else self.folder / LAYOUT

    @property
    def view_files(self) -> ViewFiles | None:
        """Where views are kept; None in memory, and before anything is embedded."""
        embedder = self.manifest.embedder
        if self.folder is None or embedder is None:
            return None
        return ViewFiles(self.folder, embedder.dimension)

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
        """Which rows hold an item that is there, ``(rows,)``."""
        return self.catalogue.live_mask()

    def reload(self) -> None:
        """Take in rows that were stored since the pool was opened."""
        embedder = self.manifest.embedder
        if self.folder is not None and embedder is not None:
            file = EmbeddingFile(self.folder / EMBEDDINGS, embedder.dimension)
            self._vectors = file.rows(self.catalogue.row_count())

    def adopt(self, embedder: EmbedderIdentity, modality: Modality) -> None:
        """Make the embedder the pool's own, or check that it is.

        Raises EmbedderMismatchError for another one.
        """
        if self.manifest.embedder is not None:
            require_same_embedder(self.manifest.embedder, embedder)
            return
        manifest = Manifest(SCHEMA_VERSION, modality, embedder)
        if self.folder is not None:
            manifest.write(self.folder / MANIFEST)
        self.manifest = manifest

    def record_graph(self, facts: GraphFacts) -> None:
        """Note in the manifest how the stored neighbour graph was found."""
        if self.folder is not None and self.manifest.graph != facts:
            stored = Manifest.read(self.folder / MANIFEST)
            self.manifest = dataclasses.replace(stored, graph=facts)
            self.manifest.write(self.folder / MANIFEST)

    def store(self, source: int, records: Sequence[NewRecord], vectors: Float32Array) -> None:
        """Append a chunk: unit-norm ``(n, d)`` vectors first, then the records that name them.

        Call it inside ``transaction``; both are durable when that ends.
        """
        assert self.folder is not None
        assert self.manifest.embedder is not None
        file = EmbeddingFile(self.folder / EMBEDDINGS, self.manifest.embedder.dimension)
        file.append(self.catalogue.row_count(), vectors)
        self.catalogue.add(source, records)

    def transaction(self) -> contextlib.AbstractContextManager[None]:
        """All that is written inside is stored at once, or not at all."""
        return self._db.transaction()

    @contextlib.contextmanager
    def embedding_alone(self) -> Iterator[None]:
        """Hold the right to add items, for the length of a block.

        Raises PoolBusyError while another process holds it. Labeling goes on beside it.
        """
        from filelock import FileLock, Timeout

        assert self.folder is not None
        lock = FileLock(self.folder / "embed.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise PoolBusyError(
                f"Another 'knnal embed' is adding to {self.folder}. Wait until it is done; "
                "nothing was changed."
            ) from error
        try:
            yield
        finally:
            lock.release()

    def before_closing(self, act: Callable[[], object]) -> None:
        """Have something done first when the pool is closed, such as to end a thread."""
        self._closing.callback(act)

    def close(self) -> None:
        self._closing.close()


def _require_usable(X: FloatArray, expected: str, fits: bool) -> None:
    numeric = np.issubdtype(X.dtype, np.number) and not np.iscomplexobj(X)
    if not fits or not numeric or not usable_rows(X.reshape(-1, X.shape[-1])).all():
        raise InputError(
            f"Expected {expected}, finite and none of them all zeros; came {X.dtype} of shape "
            f"{X.shape}. Drop the rows that have no direction."
        )


def _ready_views(X: Float32Array, views: FloatArray) -> StoredViews:
    n, d = X.shape
    _require_usable(
        views, f"views of shape ({n}, m, {d})", views.ndim == 3 and views.shape[::2] == (n, d)
    )
    unit = unit_rows(views.reshape(-1, d)).reshape(views.shape)
    vectors = np.concatenate([X[:, None], unit], axis=1)
    facts = ViewFacts(views.shape[1], ("ready",))
    return StoredViews(facts, vectors, np.ones(n, dtype=np.bool_))
