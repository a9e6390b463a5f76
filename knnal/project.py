"""Opens a pool's folder and wires what works on it. The only place that wires."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from knnal import defaults
from knnal.embedders.base import Embedder, create_embedder
from knnal.embedding import Embedded, embed_stream
from knnal.errors import EmbedderMismatchError, ItemError, PoolError
from knnal.evaluation.advice import Advice, advise
from knnal.evaluation.audit import (
    AccuracyEstimate,
    Audited,
    CurvePoint,
    audit_curve,
    audited_items,
    latest_estimate,
)
from knnal.evaluation.random_labels import RandomEstimate, RandomLabels, located
from knnal.evaluation.results import write_results
from knnal.evaluation.settings import Settings
from knnal.evaluation.simulation import simulate
from knnal.evaluation.summary import summarise
from knnal.exchange.exporting import export
from knnal.exchange.importing import ImportReport, import_labels
from knnal.exchange.truth import Truth, known_items
from knnal.ingest import IngestReport, ingest
from knnal.items.base import Item, Skip, Source
from knnal.items.detect import open_source
from knnal.items.text import text_item
from knnal.neighbors.graph import stored_graph
from knnal.neighbors.reduced_file import stored_reduction
from knnal.session import Session, default_annotator, stored_geometry
from knnal.store.catalogue import ItemState
from knnal.store.ledger import Ledger
from knnal.store.pool import Pool
from knnal.strategies.base import STRATEGIES, create_strategy
from knnal.strategies.ceal import Ceal
from knnal.types import LogNarrator, Modality, Narrator, Prediction

DEFAULT_EMBEDDERS = {
    Modality.IMAGE: "mobilenet-v2",
    Modality.TEXT: "use",
    Modality.VECTOR: "precomputed",
}


@dataclass(frozen=True, slots=True)
class Status:
    """What a pool holds. ``labels`` counts by class, ``skipped`` are set aside by hand.

    ``curve`` is the estimated accuracy over labels, and ``random`` what random labels would have
    reached; None unless it was asked for, or while too few items are audited. ``pseudo`` is None
    unless a ``ceal-`` strategy asked for the latest label that a strategy asked for.
    """

    folder: str
    sources: tuple[str, ...]
    modality: str | None
    embedder: str | None
    graph: str | None
    schema_version: int
    items: int
    vanished: int
    labelled: int
    skipped: int
    labels: dict[str, int]
    accuracy: AccuracyEstimate | None
    curve: tuple[CurvePoint, ...]
    random: RandomEstimate | None
    pseudo: PseudoStanding | None
    advice: Advice

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        values = dataclasses.asdict(self)
        if self.accuracy is not None:
            values["accuracy"]["estimate"] = self.accuracy.accuracy
        return values


@dataclass(frozen=True, slots=True)
class PseudoStanding:
    """So many items have a pseudo-label in the next question of a strategy, by the default
    classifier: those below an entropy of ``threshold``, in nats.
    """

    strategy: str
    items: int
    threshold: float


class Project:
    """A pool's folder: embed into it, label it, predict from it.

    ``narrator`` is told how far long work is; the library itself prints nothing.
    """

    def __init__(self, pool: Pool, narrator: Narrator | None = None) -> None:
        self.pool = pool
        self._narrator = narrator or LogNarrator()

    @classmethod
    def open(cls, folder: Path | str = defaults.POOL, narrator: Narrator | None = None) -> Project:
        """Open an existing pool. Raises as ``Pool.open`` does."""
        return cls(Pool.open(Path(folder)), narrator)

    @classmethod
    def create(
        cls, folder: Path | str = defaults.POOL, narrator: Narrator | None = None
    ) -> Project:
        """Open the pool in the folder, or make an empty one there."""
        return cls(Pool.create(Path(folder)), narrator)

    def embed(
        self,
        source: Source | Path | str,
        *,
        embedder: str | None = None,
        annotator: str | None = None,
        **options: Any,
    ) -> IngestReport:
        """Embed what is new or changed in a source, and update the neighbour graph.

        A path is opened by ``knnal.items.detect.open_source``, which ``options`` are for. The
        embedder is the pool's own unless named, or the default for the kind of items in a new
        pool.

        Raises InputError for a source that cannot be read, EmbedderMismatchError for another
        embedder than the pool's, ModelUnavailableError where its weights are not to be had.
        """
        if isinstance(source, str | Path):
            source = open_source(source, **options)
        report = ingest(
            self.pool,
            source,
            self._embedder(embedder, source.modality),
            annotator=annotator or default_annotator(),
            narrator=self._narrator,
        )
        if self.pool.catalogue.counts()[ItemState.LIVE]:
            live = self.pool.live
            stored_reduction(self.pool, live, self._narrator)
            stored_graph(self.pool, live, self._narrator)
        return report

    def session(self, **options: Any) -> Session:
        """A labeling session; ``options`` are those of ``Session``.

        Raises PoolError for a pool without items.
        """
        if not self.pool.catalogue.counts()[ItemState.LIVE]:
            raise PoolError(
                f"The pool in {self.pool.folder} has no items to label. Add some with "
                "'knnal embed SOURCE'."
            )
        return Session(self.pool, narrator=self._narrator, **options)

    def predict(self, contents: Sequence[str], **options: Any) -> list[Prediction | Skip]:
        """What the classifier says of items from outside the pool, in order.

        ``contents`` are texts for a pool of texts, else paths of images, folders, or vectors;
        ``options`` are those of ``Session``. Raises as ``session`` and ``embed`` do.
        """
        session = self.session(**options)
        items: list[Item | Skip] = []
        for content in contents:
            if self.pool.manifest.modality is Modality.TEXT:
                try:
                    items.append(text_item(content, name=content))
                except ItemError as error:
                    items.append(Skip(repr(content), error.reason))
            else:
                items.extend(open_source(content))
        embedded = self._embed([item for item in items if isinstance(item, Item)])
        found = [result for result in embedded if isinstance(result, Embedded)]
        skipped = [i for i in (*items, *embedded) if isinstance(i, Skip)]
        if not found:
            return list(skipped)
        names = [str(e.item.path or e.item.id) for e in found]
        vectors = np.stack([e.vector for e in found])
        return [*session.predict_vectors(names, vectors), *skipped]

    def status(self, *, target: float | None = None, compare: bool = False) -> Status:
        """Counts, classes, the estimated accuracy, and whether one could stop.

        It is read from the log alone, unless it is to ``compare`` with random labels, which takes
        the neighbour graph, or there are pseudo-labels to count, which takes a session. Raises
        InputError for a target that is no accuracy.
        """
        ledger = Ledger()
        for event in self.pool.log.events():
            ledger.apply(event)
        audited = audited_items(ledger)
        counts = self.pool.catalogue.counts()
        manifest = self.pool.manifest
        return Status(
            folder=str(self.pool.folder),
            sources=tuple(map(str, self.pool.catalogue.sources())),
            modality=manifest.modality,
            embedder=str(manifest.embedder) if manifest.embedder else None,
            graph=str(manifest.graph) if manifest.graph else None,
            schema_version=manifest.schema_version,
            items=counts[ItemState.LIVE],
            vanished=counts[ItemState.VANISHED],
            labelled=ledger.label_count,
            skipped=len(ledger.skipped()),
            labels=ledger.class_counts(),
            accuracy=latest_estimate(audited),
            curve=audit_curve(audited),
            random=self._random(audited, ledger.label_count) if compare else None,
            pseudo=self._pseudo(ledger) if counts[ItemState.LIVE] else None,
            advice=advise(ledger, audited, target),
        )

    def _pseudo(self, ledger: Ledger) -> PseudoStanding | None:
        asked = (event.strategy for event in ledger.labelled_latest_first())
        name = next(filter(None, asked), "")
        if not name.startswith("ceal-") or name not in STRATEGIES.names():
            return None
        strategy = create_strategy(name)
        if not isinstance(strategy, Ceal):
            return None
        found = strategy.pseudo_labels(self.session(strategy=name).state)
        return PseudoStanding(name, len(found), found.threshold)

    def _random(self, audited: Sequence[Audited], labels: int) -> RandomEstimate | None:
        there, rows = located(self.pool, audited, len(self.pool.embeddings))
        random = RandomLabels(lambda: stored_geometry(self.pool, self._narrator))
        return random.estimate(there, rows, labels)

    def import_labels(self, file: Path, **options: Any) -> ImportReport:
        """Labels from a table; ``options`` are those of ``knnal.exchange.importing``."""
        options.setdefault("annotator", default_annotator())
        return import_labels(self.pool, Path(file), **options)

    def export(self, file: Path, *, labelled_only: bool = False, **options: Any) -> int:
        """Items, labels and predictions to a table; how many rows. ``options``: of ``Session``."""
        return export(self.session(**options), Path(file), labelled_only=labelled_only)

    def simulate(
        self, out: Path, settings: Settings | None = None, truth: Truth | None = None
    ) -> dict[str, Any]:
        """What active labeling would save on the items whose class is known; ``summarise``'s.

        The results are written into the folder ``out``, as docs/simulation.md describes them, and
        nothing into the pool. Raises as ``known_items`` and ``simulate`` do.
        """
        known = known_items(self.pool, truth or Truth(), self._narrator)
        simulated = simulate(known, settings or Settings(), Path(out), self._narrator)
        summary = summarise(simulated)
        write_results(simulated, summary, Path(out))
        return summary

    def close(self) -> None:
        self.pool.close()

    def _embed(self, items: Sequence[Item]) -> list[Embedded | Skip]:
        embedder = self._embedder(None, self.pool.manifest.modality or Modality.VECTOR)
        embedder.load(self._narrator)
        return list(embed_stream(items, embedder))

    def _embedder(self, name: str | None, modality: Modality) -> Embedder:
        stored = self.pool.manifest.embedder
        if stored is not None and name is not None and name != stored.name:
            raise EmbedderMismatchError(
                f"This pool holds vectors of {stored}, and '{name}' was asked for. Vectors of "
                f"different embedders cannot be compared: leave out --embedder to go on with "
                f"{stored.name}, or give '{name}' a pool of its own with --pool DIR."
            )
        if name is None:
            name = stored.name if stored is not None else DEFAULT_EMBEDDERS[modality]
        return create_embedder(name)
