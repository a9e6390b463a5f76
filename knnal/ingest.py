"""From a source to a pool: read, embed and store what is new or changed, and only that."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from knnal.embedders.base import Embedder
from knnal.embedding import Embedded, content_digest, embed_stream
from knnal.errors import InputError, InvalidNameError
from knnal.items.base import Item, Skip, Source
from knnal.names import checked_name
from knnal.store.catalogue import NewRecord, Record
from knnal.store.log import Imported
from knnal.store.pool import Pool
from knnal.types import LogNarrator, Modality, Narrator

_CHUNK_ITEMS = 1024
_CHUNK_SECONDS = 2.0
_EXAMPLES = 5
_TAKEN = "id of an item from another source: use other ids or another pool"


@dataclass(slots=True)
class IngestReport:
    """What one run did to the pool; ``viewed`` items got views. ``skips`` counts reasons, as
    ``refused`` does those why items went without the labels that came with them; ``examples`` names
    some of each.
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    vanished: int = 0
    returned: int = 0
    labels: int = 0
    labels_kept: int = 0
    viewed: int = 0
    seconds: float = 0.0
    skips: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def skip(self, skip: Skip) -> None:
        self.skips[skip.reason] += 1
        self._note(skip.reason, skip.where)

    def refuse(self, item: str, reason: str) -> None:
        """Count an item that goes without the label that came with it."""
        self.refused[reason] += 1
        self._note(reason, item)

    def _note(self, reason: str, example: str) -> None:
        examples = self.examples.setdefault(reason, [])
        if len(examples) < _EXAMPLES:
            examples.append(example)

    @property
    def embedded(self) -> int:
        return self.added + self.changed

    @property
    def seen(self) -> int:
        return self.embedded + self.unchanged + self.skips.total()

    @property
    def found_nothing(self) -> bool:
        """Not one item of the source is in the pool."""
        return self.embedded + self.unchanged == 0


class Ingest:
    """One run of ``embed`` over one source."""

    def __init__(
        self, pool: Pool, source: Source, embedder: Embedder, annotator: str, narrator: Narrator
    ) -> None:
        self._pool = pool
        self._source = source
        self._embedder = embedder
        self._annotator = annotator
        self._narrator = narrator
        self.report = IngestReport()
        self._number = pool.catalogue.source(source.location)
        self._replaces: set[str] = set()
        self._chunk: list[Embedded] = []
        self._labels: list[tuple[str, str]] = []
        self._stamps: list[tuple[int, str]] = []

    def run(self) -> IngestReport:
        """Bring the pool up to date with the source.

        What is stored stays stored, however this ends: an interrupted run is finished by the next.
        """
        started = time.monotonic()
        total = self._source.count()
        self._pool.catalogue.begin_scan()
        last_stored = time.monotonic()
        with closing(embed_stream(self._to_embed(), self._embedder)) as stream:
            try:
                for result in stream:
                    if isinstance(result, Skip):
                        self.report.skip(result)
                        continue
                    self._chunk.append(result)
                    self._label(result.item)
                    full = len(self._chunk) >= _CHUNK_ITEMS
                    if full or time.monotonic() - last_stored >= _CHUNK_SECONDS:
                        self._store()
                        last_stored = time.monotonic()
                    done = self.report.seen + len(self._chunk)
                    self._narrator.progress("Embedding", done, total)
            finally:
                self._store()
        if not self.report.found_nothing:
            with self._pool.transaction():
                vanished, returned = self._pool.catalogue.end_scan(self._number)
            self.report.vanished, self.report.returned = vanished, returned
        self.report.seconds = time.monotonic() - started
        self._pool.reload()
        return self.report

    def _to_embed(self) -> Iterator[Item]:
        """The items that need a vector; the others are counted on the way."""
        catalogue = self._pool.catalogue
        for item in self._source:
            if isinstance(item, Skip):
                self.report.skip(item)
                continue
            if not catalogue.see(item.id):
                self.report.skip(Skip(item.id, "duplicate id"))
                continue
            record = catalogue.find(item.id)
            if record is not None and record.source != self._number:
                self.report.skip(Skip(item.id, _TAKEN))
            elif record is not None and self._is_unchanged(item, record):
                self.report.unchanged += 1
                self._label(item)
            else:
                if record is not None:
                    self._replaces.add(item.id)
                yield item

    def _label(self, item: Item) -> None:
        """Take in the label that comes with an item, if it has one that can name a class."""
        if item.label is not None:
            try:
                self._labels.append((item.id, checked_name(item.label)))
            except InvalidNameError as error:
                self.report.refuse(item.id, f"label has {error.reason}")

    def _is_unchanged(self, item: Item, record: Record) -> bool:
        if item.stamp == record.stamp:
            return True
        if item.path is None:
            return False
        try:
            unchanged = content_digest(item.path.read_bytes()) == record.digest
        except OSError:
            return False  # embedding it will fail the same way, and say so
        if unchanged:
            self._stamps.append((record.row, item.stamp))
        return unchanged

    def _store(self) -> None:
        """Make what is gathered durable: vectors, records, and the labels that came with them.

        It is taken over first, so that an interrupt right after the commit, which leads here
        again, finds nothing to store twice.
        """
        chunk, self._chunk = self._chunk, []
        labels, self._labels = self._labels, []
        stamps, self._stamps = self._stamps, []
        if not (chunk or labels or stamps):
            return
        if chunk:
            self._pool.adopt(self._embedder.identity, self._embedder.modality)
        with self._pool.transaction():
            if chunk:
                records = [self._record(embedded) for embedded in chunk]
                vectors = np.stack([embedded.vector for embedded in chunk])
                self._pool.store(self._number, records, vectors)
            for row, stamp in stamps:
                self._pool.catalogue.touch(row, stamp)
            imported = Counter(
                self._pool.log.import_label(item, label, self._annotator) for item, label in labels
            )
        replaced = sum(embedded.item.id in self._replaces for embedded in chunk)
        self.report.changed += replaced
        self.report.added += len(chunk) - replaced
        self.report.labels += imported[Imported.ADDED]
        self.report.labels_kept += imported[Imported.KEPT]

    def _record(self, embedded: Embedded) -> NewRecord:
        item = embedded.item
        path = None
        if item.path is not None:
            # A source that is itself a file is at no path below itself.
            relative = os.path.relpath(item.path, self._source.location.absolute())
            path = "" if relative == os.curdir else Path(relative).as_posix()
        return NewRecord(item.id, item.stamp, embedded.digest, path, item.text)


def ingest(
    pool: Pool,
    source: Source,
    embedder: Embedder,
    *,
    annotator: str,
    narrator: Narrator | None = None,
) -> IngestReport:
    """Embed what is new or changed in a source into a pool on disk.

    Raises EmbedderMismatchError for a pool of another embedder, InputError for a source that the
    embedder cannot read, PoolBusyError while another process adds to the pool,
    ModelUnavailableError where the weights are not to be had.
    """
    narrator = narrator or LogNarrator()
    _require_fitting(pool, source, embedder)
    with pool.embedding_alone():
        embedder.load(narrator)
        if pool.manifest.embedder is not None and embedder.modality is not Modality.VECTOR:
            pool.adopt(embedder.identity, embedder.modality)
        return Ingest(pool, source, embedder, annotator, narrator).run()


def _require_fitting(pool: Pool, source: Source, embedder: Embedder) -> None:
    if pool.manifest.modality not in (None, source.modality):
        raise InputError(
            f"This pool holds {pool.manifest.modality}s, but {source.location} holds "
            f"{source.modality}s. Give them a pool of their own with --pool DIR."
        )
    if source.modality is not embedder.modality:
        raise InputError(
            f"Expected {embedder.modality}s for this embedder, but {source.location} holds "
            f"{source.modality}s. Choose another with --embedder; 'knnal models' lists them."
        )
