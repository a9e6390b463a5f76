"""The views of a pool's items: made once, for those that have none yet."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from knnal.embedders.base import Embedder
from knnal.embedders.pipeline import content_digest, in_order, read_content
from knnal.embedders.views import Recipe
from knnal.errors import InputError, ItemError
from knnal.index.linalg import unit_rows, usable_rows
from knnal.pool.pool import Pool
from knnal.pool.storage import ItemState, Record
from knnal.pool.views import ViewFacts, ViewFiles
from knnal.sources.base import Item, Skip
from knnal.types import Float32Array, Narrator

STEP = "Views"

_CHUNK_ROWS = 256
_CHUNK_SECONDS = 2.0
_CHANGED = "no views: changed since it was embedded"


@dataclass(frozen=True, slots=True)
class _Made:
    """What came of a row: vectors ``(views, d)``, or why there are none; None is not wanted."""

    row: int
    item: str
    vectors: Float32Array | Skip | None


@dataclass(slots=True)
class ViewReport:
    """How many items got views in one run, and which could not."""

    made: int
    skips: list[Skip]


def wanted_recipe(
    pool: Pool, count: int | None, augmentations: Sequence[str] | None
) -> Recipe | None:
    """What is asked for, or else what the pool's views were made by; None for no views.

    Raises InputError as ``Recipe.of`` does.
    """
    if count == 0:
        return None
    files = pool.view_files
    facts = None if files is None else files.facts()
    if count is None and facts is None and augmentations is None:
        return None
    assert pool.manifest.modality is not None
    if facts is None and count is None:
        raise InputError(
            "The pool has no views yet, so `augmentations` need a number of them. Pass `views=8`."
        )
    if facts is not None:
        count = facts.views if count is None else count
        augmentations = facts.augmentations if augmentations is None else augmentations
    return Recipe.of(pool.manifest.modality, count or 0, augmentations)


def make_views(pool: Pool, embedder: Embedder, recipe: Recipe, narrator: Narrator) -> ViewReport:
    """Make the views of all live items that have none.

    Views of another recipe are replaced. What is stored stays stored, however this ends. Raises
    PoolBusyError while another process adds to the pool, ModelUnavailableError where the weights
    are unavailable.
    """
    files = pool.view_files
    assert files is not None
    with pool.embedding_alone():
        embedder.load(narrator)
        facts, stored = ViewFacts(recipe.count, recipe.augmentations), files.facts()
        if stored != facts:
            if stored is not None:
                narrator.say(f"The pool's views ({stored}) are replaced by {facts}.")
            files.begin(facts)
        return _Making(pool, files, embedder, recipe, narrator).run()


class _Making:
    """One run over the rows that lack views: the holes first, then those never come to."""

    def __init__(
        self, pool: Pool, files: ViewFiles, embedder: Embedder, recipe: Recipe, narrator: Narrator
    ) -> None:
        self._pool, self._files, self._narrator = pool, files, narrator
        self._embedder, self._recipe = embedder, recipe
        self._chunk: list[_Made] = []
        self.report = ViewReport(0, [])

    def run(self) -> ViewReport:
        made, live = self._files.made(), self._pool.live
        holes = np.flatnonzero(~made[: len(live)] & live[: len(made)])
        rows = [*holes.tolist(), *range(len(made), len(live))]
        # A task is as many items as give the network a batch of views.
        size = max(1, self._embedder.batch_size // self._recipe.count)
        tasks = (rows[start : start + size] for start in range(0, len(rows), size))
        read = (self._records(task) for task in tasks)
        last_stored = time.monotonic()
        with closing(in_order(read, self._make, self._embedder.lanes)) as stream:
            try:
                for done, result in enumerate(stream, start=1):
                    self._chunk.append(result)
                    full = len(self._chunk) >= _CHUNK_ROWS
                    if full or time.monotonic() - last_stored >= _CHUNK_SECONDS:
                        self._store()
                        last_stored = time.monotonic()
                    self._narrator.progress(STEP, done, len(rows))
            finally:
                self._store()
        return self.report

    def _records(self, rows: Sequence[int]) -> list[Record]:
        return [self._pool.catalog.at(row) for row in rows]

    def _make(self, records: Sequence[Record]) -> list[_Made]:
        """Views of some items; called from many threads."""
        found = [self._prepared(record) for record in records]
        batch = [view for views in found if isinstance(views, list) for view in views]
        vectors = iter(self._embed(batch))
        return [
            _Made(record.row, record.id, self._checked(record, next(vectors)))
            if isinstance(views, list)
            else _Made(record.row, record.id, views)
            for record, views in zip(records, found, strict=True)
        ]

    def _prepared(self, record: Record) -> list[object] | Skip | None:
        """The network's inputs for the views of an item."""
        if record.state is not ItemState.LIVE:
            return None
        try:
            item = Item(record.id, record.stamp, record.path, record.text)
            content = read_content(item)
            if content_digest(content) != record.digest:
                return Skip(record.id, _CHANGED)
            views = self._recipe.views(content, record.digest)
            return [self._embedder.prepare(view) for view in views]
        except ItemError as error:
            return Skip(record.id, f"no views: {error.reason}")

    def _embed(self, batch: Sequence[object]) -> Iterator[Float32Array]:
        """The vectors of each item's views, ``(views, d)`` each."""
        size, count = self._embedder.batch_size, self._recipe.count
        parts = [
            np.asarray(self._embedder.embed(batch[start : start + size]))
            for start in range(0, len(batch), size)
        ]
        vectors = np.concatenate(parts) if parts else np.empty((0, 1), dtype=np.float32)
        return (vectors[start : start + count] for start in range(0, len(vectors), count))

    @staticmethod
    def _checked(record: Record, vectors: Float32Array) -> Float32Array | Skip:
        if not usable_rows(vectors).all():
            return Skip(record.id, "no views: vector without a direction")
        return unit_rows(vectors)

    def _store(self) -> None:
        """Make what is gathered durable; taken over first, so that nothing is stored twice."""
        chunk, self._chunk = self._chunk, []
        count = self._files.count()
        new = [one for one in chunk if one.row >= count]
        for one in chunk:
            if one.row < count and isinstance(one.vectors, np.ndarray):
                own = self._pool.embeddings[one.row][None]
                self._files.fill(one.row, np.concatenate([own, one.vectors]))
        if new:
            made = np.array([isinstance(one.vectors, np.ndarray) for one in new])
            vectors = np.zeros(
                (len(new), 1 + self._recipe.count, self._pool.embeddings.shape[1]), np.float32
            )
            vectors[:, 0] = self._pool.embeddings[[one.row for one in new]]
            for at, one in enumerate(new):
                if isinstance(one.vectors, np.ndarray):
                    vectors[at, 1:] = one.vectors
            self._files.append(vectors, made)
        self.report.made += sum(isinstance(one.vectors, np.ndarray) for one in chunk)
        self.report.skips += [one.vectors for one in chunk if isinstance(one.vectors, Skip)]
