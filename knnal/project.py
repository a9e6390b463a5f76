"""Opens a pool's folder and wires what works on it. The only place that wires."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from knnal import defaults
from knnal.errors import EmbedderMismatchError, InputError, ItemError, PoolError
from knnal.names import checked_name
from knnal.pool.labels.writer import checked_annotator
from knnal.pool.pool import Pool
from knnal.pool.storage import ItemState
from knnal.session.decisions import Decisions
from knnal.session.settings import PoolSettings
from knnal.types import LogNarrator, Modality, Narrator, Prediction

if TYPE_CHECKING:  # each method loads what it wires, so that none waits for the others
    from knnal.embedders.base import Embedder
    from knnal.embedders.pipeline import Embedded
    from knnal.exchange.importing import ImportReport
    from knnal.exchange.truth import Truth
    from knnal.pool.ingest import IngestReport
    from knnal.quality.inspection.map import ColorBy
    from knnal.quality.inspection.report import Inspection, InspectionOptions
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

    Parameters
    ----------
    pool : Pool
        The open pool. ``Project.open`` and ``Project.create`` open one by its folder.
    narrator : Narrator, optional
        Receives the progress of long work; the library itself prints nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from knnal import Pool, Project
    >>> X = np.array([[0.0, 1.0], [0.1, 1.0], [1.0, 0.0], [1.0, 0.1]])
    >>> project = Project(Pool.in_memory(X))
    >>> session = project.session()
    >>> for item, label in [("0", "up"), ("2", "right")]:
    ...     _ = session.tell(item, label)
    >>> [prediction.label for prediction in session.predict(["1", "3"])]
    ['up', 'right']
    """

    def __init__(self, pool: Pool, narrator: Narrator | None = None) -> None:
        self.pool = pool
        self.settings = PoolSettings(pool)
        """Options that the pool keeps, used where a method is not given any."""
        self._narrator = narrator or LogNarrator()

    @classmethod
    def open(cls, folder: Path | str = defaults.POOL, narrator: Narrator | None = None) -> Project:
        """Open an existing pool. Raises as ``Pool.open`` does."""
        return cls(Pool.open(Path(folder), narrator), narrator)

    @classmethod
    def create(
        cls, folder: Path | str = defaults.POOL, narrator: Narrator | None = None
    ) -> Project:
        """Open the pool in a folder, or create an empty one there."""
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

        Parameters
        ----------
        source : Source, path or str
            A path is opened by ``knnal.sources.detect.open_source`` with ``options``.
        embedder : str, optional
            A registered name; by default the pool's, or for a new pool the default of its kind of
            items.
        annotator : str, optional
            Who the labels that come with the items are from.
        views : int, optional
            Augmented views of every item. 0 removes them; by default the pool's are completed.
        augmentations : sequence of str, optional
            The changes that views are made by; by default all of them.
        options
            Those of ``open_source``.

        Returns
        -------
        IngestReport
            Numbers of items by what became of them, and what was skipped.

        Raises
        ------
        InputError
            For a source that cannot be read, or views that cannot be made.
        EmbedderMismatchError
            For another embedder than the pool's.
        ModelUnavailableError
            If the embedder's weights are unavailable.
        """
        from knnal.embedders.views import require_possible
        from knnal.pool.graph_file import stored_graph
        from knnal.pool.index_files import stored_reduction
        from knnal.pool.ingest import ingest
        from knnal.sources.detect import open_source
        from knnal.sources.images import ImageFolder

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
            annotator=self.annotator(annotator),
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
        from knnal.pool.view_making import make_views, wanted_recipe

        recipe = wanted_recipe(self.pool, views, augmentations)
        if recipe is not None:
            found = make_views(self.pool, embedder, recipe, self._narrator)
            report.viewed = found.made
            for skip in found.skips:
                report.skip(skip)
        elif views == 0:
            with self.pool.embedding_alone():
                files.remove()

    def annotator(self, name: str | None = None) -> str:
        """Who labels: the given name, the pool's, or that of whoever is logged in."""
        return checked_annotator(self.settings.get("annotator", name))

    def session(self, *, calibrated: bool = False, **options: Any) -> Session:
        """Open a labeling session.

        Parameters
        ----------
        calibrated : bool
            Whether to predict with a temperature fitted on the audited items.
        options
            Those of ``Session``; missing ones, and those that are None, are the pool's settings.

        Raises
        ------
        PoolError
            For a pool without items.
        InputError
            For too few audited items to calibrate on, and as ``Session`` does.
        """
        from knnal.session.session import Session

        if not self.pool.catalog.counts()[ItemState.LIVE]:
            raise PoolError(
                f"The pool in {self.pool.folder} has no items to label. Add some with "
                "`Project.embed`."
            )
        kept = ("strategy", "classifier", "audit", "annotator")
        options = self.settings.complete(options, *kept)
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
        """Predict the classes of items from outside the pool.

        Parameters
        ----------
        contents : sequence of str
            Texts for a pool of texts, else paths of images, folders or files of vectors.
        options
            Those of ``session``.

        Returns
        -------
        list
            Predictions in order, then a Skip for everything that could not be read.

        Raises
        ------
        InputError, PoolError, ModelUnavailableError
            As ``session`` and ``embed`` do.
        """
        import numpy as np

        from knnal.embedders.pipeline import Embedded
        from knnal.sources.base import Item, Skip
        from knnal.sources.detect import open_source
        from knnal.sources.text import text_item

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
        """Read counts, classes, the estimated accuracy, and the advice on stopping.

        Read from the log alone, unless an option or pseudo-labels require a session.

        Parameters
        ----------
        target : float, optional
            The accuracy to reach, in (0, 1]; by default the pool's setting.
        compare : bool
            Whether to compare with random labels, which takes the neighbor graph.
        calibrate : mapping, optional
            Options of a session whose calibration is measured on the audited items.
        per_group : float, optional
            Similarity, in (0, 1), from which on near-duplicates are counted as one.

        Raises
        ------
        InputError
            For a target or a similarity out of range.
        """
        from knnal.quality.status import read_status

        if calibrate is not None:
            calibrate = self.settings.complete(calibrate, "classifier")
        return read_status(
            self.pool,
            target=self.settings.get("target", target),
            compare=compare,
            calibrate=calibrate,
            per_group=per_group,
            narrator=self._narrator,
        )

    def import_labels(self, file: Path, **options: Any) -> ImportReport:
        """Import labels from a table; ``options`` are those of ``exchange.importing``."""
        from knnal.exchange.importing import import_labels

        annotator = self.annotator(options.pop("annotator", None))
        return import_labels(self.pool, Path(file), annotator=annotator, **options)

    def export(self, file: Path, *, labeled_only: bool = False, **options: Any) -> int:
        """Export items, labels and predictions to a table, with the ``options`` of ``session``.

        Returns the number of rows.
        """
        from knnal.exchange.exporting import export

        return export(self.session(**options), Path(file), labeled_only=labeled_only)

    def simulate(
        self, output: Path, settings: Settings | None = None, truth: Truth | None = None
    ) -> dict[str, Any]:
        """Simulate what active labeling saves on the items whose class is known.

        Nothing is written into the pool.

        Parameters
        ----------
        output : path
            A folder for the results; finished runs in it are reused.
        settings : Settings, optional
            Strategies, classifiers, labels and splits.
        truth : Truth, optional
            Where the known classes come from; by default the labels in force.

        Returns
        -------
        dict
            The summary that is also written as JSON.

        Raises
        ------
        InputError
            For fewer than two known classes, or a folder that holds something else.
        """
        from knnal.exchange.truth import Truth, known_items
        from knnal.simulation.results import write_results
        from knnal.simulation.settings import Settings
        from knnal.simulation.simulation import simulate
        from knnal.simulation.summary import summarize

        known = known_items(self.pool, truth or Truth(), self._narrator)
        simulated = simulate(known, settings or Settings(), Path(output), self._narrator)
        summary = summarize(simulated)
        write_results(simulated, summary, Path(output))
        return summary

    def inspect(
        self,
        output: Path | None = None,
        inspection_options: InspectionOptions | None = None,
        *,
        color: ColorBy | None = None,
        strategy: str | None = None,
        truth: Truth | None = None,
        **options: Any,
    ) -> Inspection:
        """Inspect the pool: classes, clusters, near-duplicates, outliers, confusing items.

        Parameters
        ----------
        output : path, optional
            A folder for contact sheets, a map of the pool, and the findings as JSON.
        inspection_options : InspectionOptions, optional
            Numbers of items, the measure of uncertainty, and the like.
        color : ColorBy, optional
            What the colors of the map mean; by default the predictions, or without labels the
            scores of ``strategy``.
        strategy : str, optional
            The strategy whose scores the map has.
        truth : Truth, optional
            Known classes to judge clusters on, instead of the labels.
        options
            Those of ``Session``.

        Raises
        ------
        PoolError
            For a pool without items.
        InputError
            For a folder that cannot be written to.
        """
        from knnal.exchange.truth import known_items
        from knnal.pool.index_files import stored_layout
        from knnal.quality.inspection.files import made_folder, write_inspection
        from knnal.quality.inspection.map import ColorBy, map_points
        from knnal.quality.inspection.report import (
            InspectionOptions,
            has_labels,
            inspect_pool,
            predict_rows,
        )

        wanted = inspection_options or InspectionOptions()
        strategy = self.settings.get("strategy", strategy, defaults.STRATEGY)
        folder = None if output is None else made_folder(Path(output))
        session = self.session(strategy=strategy, **options)
        predicted = predict_rows(session)
        known = None if truth is None else known_items(self.pool, truth, self._narrator)
        inspection = inspect_pool(session, predicted, wanted, self._narrator, known)
        if folder is not None:
            live = session.geometry.live
            layout = stored_layout(self.pool, live, self._narrator, seed=wanted.seed)
            points = map_points(session, layout, predicted, strategy=strategy, seed=wanted.seed)
            if color not in (None, ColorBy.SCORE) and not has_labels(session):
                self._narrator.say(f"No item is labeled yet, so no point of the map has a {color}.")
            write_inspection(inspection, points, color or points.default_color, folder)
        return inspection

    def set_classes(self, names: Sequence[str], annotator: str | None = None) -> None:
        """Declare classes, in this order, and remove those that are not among them.

        Raises InputError if one to remove has labels; nothing is changed then.
        """
        decisions = Decisions(self.pool, self.annotator(annotator))
        wanted = [checked_name(name) for name in names]
        counts = decisions.ledger.class_counts()
        surplus = [name for name in counts if name not in wanted]
        if labeled := [name for name in surplus if counts[name]]:
            raise InputError(
                f"'{labeled[0]}' has labels, so the classes must include it. Rename it to another "
                "class to merge the two."
            )
        for name in surplus:
            decisions.remove_class(name)
        for name in wanted:
            decisions.add_class(name)

    def close(self) -> None:
        """Release the pool's files."""
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
