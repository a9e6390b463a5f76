"""Opens a pool's folder and wires what works on it. The only place that wires."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from knnal import defaults
from knnal.errors import EmbedderMismatchError, ItemError, PoolError
from knnal.exchange.exporting import export
from knnal.exchange.importing import ImportReport, import_labels
from knnal.exchange.truth import Truth, known_items
from knnal.pool.graph_file import stored_graph
from knnal.pool.index_files import stored_layout, stored_reduction
from knnal.pool.ingest import IngestReport, ingest
from knnal.pool.labels.writer import checked_annotator
from knnal.pool.pool import Pool
from knnal.pool.storage import ItemState
from knnal.pool.view_making import make_views, wanted_recipe
from knnal.quality.status import Status, read_status
from knnal.session.session import Session
from knnal.sources.base import Item, Skip, Source
from knnal.sources.detect import open_source
from knnal.sources.images import ImageFolder
from knnal.sources.text import text_item
from knnal.types import LogNarrator, Modality, Narrator, Prediction

if TYPE_CHECKING:  # each method loads what it wires, so that none waits for the others
    from knnal.embedders.base import Embedder
    from knnal.embedders.pipeline import Embedded
    from knnal.exchange.importing import ImportReport
    from knnal.exchange.truth import Truth
    from knnal.pool.ingest import IngestReport
    from knnal.quality.inspection.inspecting import Inspection, InspectionOptions
    from knnal.quality.inspection.points import Color
    from knnal.quality.status import Status
    from knnal.session.session import Session
    from knnal.simulation.settings import Settings
    from knnal.sources.base import Item, Skip, Source

DEFAULT_EMBEDDERS = {
    Modality.IMAGE: "mobilenet-v2",
    Modality.TEXT: "use",
    Modality.VECTOR: "precomputed",
}


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
        return cls(Pool.open(Path(folder), narrator), narrator)

    @classmethod
    def create(
        cls, folder: Path | str = defaults.POOL, narrator: Narrator | None = None
    ) -> Project:
        """Open the pool in the folder, or make an empty one there."""
        return cls(Pool.create(Path(folder), narrator), narrator)

    def embed(
        self,
        source: Source | Path | str,
        *,
        embedder: str | None = None,
        annotator: str | None = None,
        views: int | None = None,
        augmentations: Sequence[str] | None = None,
        **options: Any,
    ) -> IngestReport:
        """Embed what is new or changed in a source, and update the neighbor graph.

        A path is opened by ``knnal.sources.detect.open_source``, which ``options`` are for. The
        embedder is the pool's own unless named, or the default for the kind of items in a new
        pool. With ``views``, every item of the pool gets so many, by ``augmentations`` or all that
        there are; 0 removes them, and None goes on with those that the pool has.

        Raises InputError for a source that cannot be read and views that cannot be made,
        EmbedderMismatchError for another embedder than the pool's, ModelUnavailableError where its
        weights are not to be had.
        """
        from knnal.embedders.views import require_possible
        from knnal.sources.detect import open_source

        if isinstance(source, str | Path):
            source = open_source(source, **options)
        require_possible(source.modality, views, augmentations)
        folders = source.class_folders if isinstance(source, ImageFolder) else None
        if folders is not None and (remark := folders.remark()):
            self._narrator.say(remark)
        network = self._embedder(embedder, source.modality)
        report = ingest(
            self.pool,
            source,
            network,
            annotator=checked_annotator(annotator),
            narrator=self._narrator,
        )
        self._view(network, views, augmentations, report)
        if self.pool.catalog.counts()[ItemState.LIVE]:
            live = self.pool.live
            stored_reduction(self.pool, live, self._narrator)
            stored_graph(self.pool, live, self._narrator)
        return report

    def _view(
        self,
        embedder: Embedder,
        views: int | None,
        augmentations: Sequence[str] | None,
        report: IngestReport,
    ) -> None:
        """Bring the views up to date with the items, and add to the report."""

        files = self.pool.view_files
        if files is None:
            return
        recipe = wanted_recipe(self.pool, views, augmentations)
        if recipe is not None:
            found = make_views(self.pool, embedder, recipe, self._narrator)
            report.viewed = found.made
            for skip in found.skips:
                report.skip(skip)
        elif views == 0:
            with self.pool.embedding_alone():
                files.remove()

    def session(self, *, calibrated: bool = False, **options: Any) -> Session:
        """A labeling session; ``options`` are those of ``Session``.

        With ``calibrated``, it predicts with a temperature fitted on the audited items. Raises
        PoolError for a pool without items, InputError for too few audited items.
        """
        from knnal.session.session import Session

        if not self.pool.catalog.counts()[ItemState.LIVE]:
            raise PoolError(
                f"The pool in {self.pool.folder} has no items to label. Add some with "
                "`Project.embed`."
            )
        session = Session(self.pool, narrator=self._narrator, **options)
        if calibrated:
            from knnal.quality.audit import audited_items
            from knnal.quality.calibration import required_temperature

            found = required_temperature(session, audited_items(session.ledger))
            session.temperature = found.value
            self._narrator.say(
                f"Calibrated by a temperature of {found.value:.2f}, fitted on {found.audited} "
                "audited items."
            )
        return session

    def predict(self, contents: Sequence[str], **options: Any) -> list[Prediction | Skip]:
        """What the classifier says of items from outside the pool, in order.

        ``contents`` are texts for a pool of texts, else paths of images, folders, or vectors;
        ``options`` are those of ``Session``. Raises as ``session`` and ``embed`` do.
        """
        import numpy as np

        from knnal.embedders.pipeline import Embedded
        from knnal.sources.base import Item, Skip

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

    def status(
        self,
        *,
        target: float | None = None,
        compare: bool = False,
        calibrate: Mapping[str, Any] | None = None,
        per_group: float | None = None,
    ) -> Status:
        """Counts, classes, the estimated accuracy, and whether one could stop.

        It is read from the log alone, unless it is to ``compare`` with random labels or to count
        the near-duplicates of a similarity ``per_group``, which take the neighbor graph, or to
        ``calibrate`` what a session of these options predicts, or there are pseudo-labels to count,
        which take a session. Raises InputError for a target that is no accuracy, and a similarity
        outside (0, 1).
        """

        return read_status(
            self.pool,
            target=target,
            compare=compare,
            calibrate=calibrate,
            per_group=per_group,
            narrator=self._narrator,
        )

    def import_labels(self, file: Path, **options: Any) -> ImportReport:
        """Labels from a table; ``options`` are those of ``knnal.exchange.importing``."""

        annotator = checked_annotator(options.pop("annotator", None))
        return import_labels(self.pool, Path(file), annotator=annotator, **options)

    def export(self, file: Path, *, labeled_only: bool = False, **options: Any) -> int:
        """Items, labels and predictions to a table; how many rows. ``options``: of ``Session``."""

        return export(self.session(**options), Path(file), labeled_only=labeled_only)

    def simulate(
        self, out: Path, settings: Settings | None = None, truth: Truth | None = None
    ) -> dict[str, Any]:
        """What active labeling would save on the items whose class is known; ``summarize``'s.

        The results are written into the folder ``out``, as docs/simulation.md describes them, and
        nothing into the pool. Raises as ``known_items`` and ``simulate`` do.
        """
        from knnal.exchange.truth import Truth
        from knnal.simulation.results import write_results
        from knnal.simulation.settings import Settings
        from knnal.simulation.simulation import simulate
        from knnal.simulation.summary import summarize

        known = known_items(self.pool, truth or Truth(), self._narrator)
        simulated = simulate(known, settings or Settings(), Path(out), self._narrator)
        summary = summarize(simulated)
        write_results(simulated, summary, Path(out))
        return summary

    def inspect(
        self,
        out: Path | None = None,
        looking: InspectionOptions | None = None,
        *,
        color: Color | None = None,
        strategy: str = defaults.STRATEGY,
        truth: Truth | None = None,
        **options: Any,
    ) -> Inspection:
        """Classes, clusters, near-duplicates, outliers, the most and the least confusing items.

        With ``out``, a folder, also contact sheets and a map of the pool, as files there. The map's
        ``color`` is the predictions, if there are any, or else the ``strategy``'s score, unless
        it is named. ``options`` are those of ``Session``. Raises PoolError for a pool without
        items, InputError for a folder that cannot be written to.
        """
        from knnal.quality.inspection.inspecting import (
            InspectionOptions,
            has_labels,
            inspect_pool,
            predict_rows,
        )
        from knnal.quality.inspection.points import Color, default_color, map_points
        from knnal.quality.inspection.writing import made_folder, write_inspection

        looking = looking or InspectionOptions()
        folder = None if out is None else made_folder(Path(out))
        session = self.session(strategy=strategy, **options)
        predicted = predict_rows(session)
        known = None if truth is None else known_items(self.pool, truth, self._narrator)
        inspection = inspect_pool(session, predicted, looking, self._narrator, known)
        if folder is not None:
            layout = stored_layout(
                self.pool, session.geometry.live, self._narrator, seed=looking.seed
            )
            points = map_points(session, layout, predicted, strategy=strategy, seed=looking.seed)
            if color not in (None, Color.SCORE) and not has_labels(session):
                self._narrator.say(f"Nothing is labeled yet, so no point of the map has a {color}.")
            write_inspection(inspection, points, color or default_color(points), folder)
        return inspection

    def close(self) -> None:
        self.pool.close()

    def _embed(self, items: Sequence[Item]) -> list[Embedded | Skip]:
        from knnal.embedders.pipeline import embed_stream

        embedder = self._embedder(None, self.pool.manifest.modality or Modality.VECTOR)
        embedder.load(self._narrator)
        return list(embed_stream(items, embedder))

    def _embedder(self, name: str | None, modality: Modality) -> Embedder:
        from knnal.embedders.base import create_embedder

        stored = self.pool.manifest.embedder
        if stored is not None and name is not None and name != stored.name:
            raise EmbedderMismatchError(
                f"This pool holds vectors of {stored}, and '{name}' was asked for. Vectors of "
                f"different embedders cannot be compared: leave out `embedder` to use "
                f"{stored.name}, or give '{name}' a pool of its own (`Project.create`)."
            )
        if name is None:
            name = stored.name if stored is not None else DEFAULT_EMBEDDERS[modality]
        return create_embedder(name)
