"""From a source to a pool: read, embed and store what is new or changed, and only that."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from knnal.embedders.base import Embedder
from knnal.embedders.pipeline import Embedded, embed_stream
from knnal.errors import InputError, InvalidNameError
from knnal.names import checked_name
from knnal.pool.labels.importing import Imported, LabelImport
from knnal.pool.pool import Pool
from knnal.pool.recognition import Known, Place, Recognizer, is_same_content
from knnal.pool.storage import NewRecord, Record
from knnal.sources.base import FileSource, Item, Reading, Skip, Source
from knnal.types import LogNarrator, Modality, Narrator

_CHUNK_ITEMS = 1024
_CHUNK_SECONDS = 2.0
_EXAMPLES = 5
_MOVED_AWAY = "its path is the id of an item whose file was moved: rename the file"


@dataclass(slots=True)
class IngestReport:
    """What one run did to the pool; ``viewed`` items got views. ``skips`` counts reasons, as
    ``refused`` does those why items went without the labels that came with them; ``examples`` names
    some of each.

    ``moved`` of the unchanged items were found at another place than before, by their content:
    ``moves`` are some of them, as the id and the path now. ``moved_from`` are the locations of
    whole sources that are this one now, ``linked_to`` another path to the same source that the pool
    knows it by. ``ambiguous`` new files have the content of several vanished items. ``copies`` and
    ``shared`` count items of other sources that were met here and stay what they are, by the
    location of their source: equal content, and the very same files; ``shared_ids`` are some of
    the latter. ``outdated`` are labeled items whose content changed in this run while their label
    did not. ``classes`` counts the labels that the source gives, taken in or not.
    ``rows`` counts what the source has: each is added, changed, unchanged, one of the copies or
    shared, or among the ``skipped_rows``, which leave out the skips of views. ``reading`` is how a
    file was read.
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    vanished: int = 0
    returned: int = 0
    moved: int = 0
    moved_from: list[Path] = field(default_factory=list)
    moves: list[tuple[str, str]] = field(default_factory=list)
    ambiguous: int = 0
    copies: Counter[Path] = field(default_factory=Counter)
    shared: Counter[Path] = field(default_factory=Counter)
    shared_ids: list[str] = field(default_factory=list)
    linked_to: Path | None = None
    outdated: list[str] = field(default_factory=list)
    classes: Counter[str] = field(default_factory=Counter)
    labels: int = 0
    labels_kept: int = 0
    viewed: int = 0
    seconds: float = 0.0
    rows: int = 0
    skipped_rows: int = 0
    reading: Reading | None = None
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
        return self.found + self.skips.total()

    @property
    def found(self) -> int:
        """How many items of the source are in the pool."""
        elsewhere = self.copies.total() + self.shared.total()
        return self.embedded + self.unchanged + elsewhere

    @property
    def found_nothing(self) -> bool:
        """Not one item of the source is in the pool."""
        return self.found == 0


class Ingest:
    """One run of ``embed`` over one source."""

    def __init__(
        self, pool: Pool, source: Source, embedder: Embedder, annotator: str, narrator: Narrator
    ) -> None:
        self._pool = pool
        self._source = source
        self._embedder = embedder
        name = source.location.absolute().name or str(source.location)
        self._import = LabelImport(pool, annotator, name)
        self._narrator = narrator
        self.report = IngestReport()
        self._recognizer = Recognizer(pool, source)
        self._replaces: dict[str, str] = {}
        self._chunk: list[Embedded] = []
        self._labels: list[tuple[str, str]] = []
        self._stamps: list[tuple[int, str]] = []
        self._moves: list[tuple[int, str | None, str]] = []

    def run(self) -> IngestReport:
        """Bring the pool up to date with the source.

        What is stored stays stored, however this ends: an interrupted run is finished by the next.
        """
        started = time.monotonic()
        total = self._source.count()
        self._pool.catalog.begin_scan()
        last_stored = time.monotonic()
        with closing(embed_stream(self._to_embed(), self._embedder)) as stream:
            try:
                for result in stream:
                    if isinstance(result, Skip):
                        self.report.skip(result)
                        continue
                    self._chunk.append(result)
                    full = len(self._chunk) >= _CHUNK_ITEMS
                    if full or time.monotonic() - last_stored >= _CHUNK_SECONDS:
                        self._store()
                        last_stored = time.monotonic()
                    done = self.report.seen + len(self._chunk)
                    self._narrator.progress("Embedding", done, total)
            finally:
                self._store()
        self._end_scan()
        self.report.skipped_rows = self.report.skips.total()
        if isinstance(self._source, FileSource):
            self.report.reading = self._source.reading()
        self.report.seconds = time.monotonic() - started
        self._pool.reload()
        return self.report

    def _end_scan(self) -> None:
        """Note what has vanished and returned; a source in which nothing was found tells nothing.

        What is left of a source that is gone, and whose files turned up here, has vanished.
        """
        report, found = self.report, self._recognizer
        report.moved_from, report.linked_to = found.moved_from, found.linked_to
        report.ambiguous = found.ambiguous
        if report.found_nothing:
            return
        scanned = found.left | ({found.number} if found.number is not None else set())
        with self._pool.transaction():
            for number in scanned:
                vanished, returned = self._pool.catalog.end_scan(number)
                report.vanished += vanished
                report.returned += returned

    def _to_embed(self) -> Iterator[Item]:
        """The items that need a vector; the others are counted on the way."""
        for found in self._source:
            self.report.rows += 1
            if isinstance(found, Skip):
                self.report.skip(found)
                continue
            item = self._recognizer.named(found)
            known = self._recognizer.recognize(item)
            if known is not None:
                if item.id != known.record.id:
                    item = replace(item, id=known.record.id)
                if known.place is Place.FOREIGN:
                    self.report.skip(Skip(item.id, self._foreign(known.record)))
                    continue
            if not self._pool.catalog.see(item.id):
                self.report.skip(Skip(item.id, "duplicate id"))
                continue
            item = self._with_class(item)
            if known is None or not self._is_taken_in(item, known):
                yield item

    def _with_class(self, item: Item) -> Item:
        """The item with its label as a class name, or without one that cannot name a class."""
        if item.label is None:
            return item
        try:
            label = checked_name(item.label)
        except InvalidNameError as error:
            self.report.refuse(item.id, f"label has {error.reason}")
            return replace(item, label=None)
        self.report.classes[label] += 1
        return item if label == item.label else replace(item, label=label)

    def _is_taken_in(self, item: Item, known: Known) -> bool:
        """Count an item that needs no new vector; False for one whose content changed."""
        record, place = known.record, known.place
        if place is Place.HERE and not self._is_unchanged(item, record):
            self._replaces[item.id] = record.digest
            return False
        if place in (Place.COPY, Place.SHARED):
            location = self._recognizer.locate(record.source)
            if not is_same_content(item, record):
                reason = f"changed since it was embedded from {location}: embed that again"
                self.report.skip(Skip(item.id, reason))
                return True
            counter = self.report.copies if place is Place.COPY else self.report.shared
            counter[location] += 1
            if place is Place.SHARED and len(self.report.shared_ids) < _EXAMPLES:
                self.report.shared_ids.append(item.id)
        else:
            self.report.unchanged += 1
        if place is Place.MOVED:
            self._moves.append((record.row, self._path(item), item.stamp))
            self.report.moved += 1
            if len(self.report.moves) < _EXAMPLES:
                self.report.moves.append((item.id, str(item.path or self._source.location)))
        if item.label is not None:
            self._labels.append((item.id, item.label))
        return True

    def _foreign(self, record: Record) -> str:
        """Why an id is not taken for that of the item that has it, and what to do."""
        if record.source == self._recognizer.number:
            return _MOVED_AWAY
        location = self._recognizer.locate(record.source)
        remedy = "use other ids or another pool"
        if record.path is not None:
            remedy = "embed the folder above both, or use another pool"
        return f"other content than the item of that id from {location}: {remedy}"

    def _is_unchanged(self, item: Item, record: Record) -> bool:
        if item.stamp == record.stamp:
            return True
        unchanged = is_same_content(item, record)
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
        moves, self._moves = self._moves, []
        if not (chunk or labels or stamps or moves):
            return
        if chunk:
            self._pool.adopt(self._embedder.identity, self._embedder.modality)
        catalog = self._pool.catalog
        number = self._recognizer.number
        with self._pool.transaction():
            if number is None and (chunk or moves):
                number = catalog.source(self._source.location)
            if chunk:
                assert number is not None
                records = [self._record(embedded) for embedded in chunk]
                vectors = np.stack([embedded.vector for embedded in chunk])
                self._pool.store(number, records, vectors)
            for row, path, stamp in moves:
                assert number is not None
                catalog.relocate(row, number, path, stamp)
            for row, stamp in stamps:
                catalog.touch(row, stamp)
            outdated, imported = self._log(chunk, labels)
        self._recognizer.number = number
        self.report.outdated += outdated
        replaced = sum(embedded.item.id in self._replaces for embedded in chunk)
        self.report.changed += replaced
        self.report.added += len(chunk) - replaced
        self.report.labels += imported[Imported.ADDED]
        self.report.labels_kept += imported[Imported.KEPT]

    def _log(
        self, chunk: Sequence[Embedded], labels: list[tuple[str, str]]
    ) -> tuple[list[str], Counter[Imported]]:
        """Log changes of content, and labels that came with the data; inside a transaction.

        Returns the items whose label is now older than their content, and what became of labels.
        """
        changes = {
            embedded.item.id: (self._replaces[embedded.item.id], embedded.digest)
            for embedded in chunk
            if embedded.item.id in self._replaces
        }
        labels += [(e.item.id, e.item.label) for e in chunk if e.item.label is not None]
        if changes:
            self._import.note_changes(changes)
        imported: Counter[Imported] = self._import.add(labels) if labels else Counter()
        return self._import.outdated(changes), imported

    def _record(self, embedded: Embedded) -> NewRecord:
        item = embedded.item
        return NewRecord(item.id, item.stamp, embedded.digest, self._path(item), item.text)

    def _path(self, item: Item) -> str | None:
        """Where the item's file lies below the source; a source that is itself a file, at ""."""
        if item.path is None:
            return None
        relative = os.path.relpath(item.path, self._source.location.absolute())
        return "" if relative == os.curdir else Path(relative).as_posix()


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
    ModelUnavailableError if the weights are unavailable.
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
            f"{source.modality}s. Give them a pool of their own (`Project.create`)."
        )
    if source.modality is not embedder.modality:
        raise InputError(
            f"This embedder reads {embedder.modality}s, and {source.location} holds "
            f"{source.modality}s. Pass another `embedder`."
        )
