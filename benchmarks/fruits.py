"""Labels needed on fresh and rotten fruits, one at a time from none, by strategy and classifier.

Each photograph comes in up to nine variants, so held-out photos are split off by photograph: no
variant of a test photo is in the pool. New splits per seed; every contender has the same ones.

    python -m benchmarks.fruits --data DIR
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.data import Photo, add_data_option, fruit_photos
from knnal.evaluation.learning_curve import Experiment, LearningCurve
from knnal.project import Project
from knnal.types import Float32Array, IntArray

TARGETS = (0.80, 0.85, 0.90)
HELD_OUT = 0.25


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--labels", type=int, default=300)
    parser.add_argument("--pool-size", type=int, default=3000)
    parser.add_argument(
        "--contenders",
        default="cdf-product+combined,cdf-product+knn,article+knn,random+combined,random+knn",
        help="pairs of strategy and classifier; the classifier is also the judge",
    )
    parser.add_argument("--json", type=Path, help="write every curve here")
    options = parser.parse_args()
    folder, photos = fruit_photos(options.data)
    X = embed(folder, photos)
    contenders = options.contenders.split(",")
    curves: dict[str, list[LearningCurve]] = {name: [] for name in contenders}
    for seed in range(options.seeds):
        pool, test = split(photos, seed, options.pool_size)
        labels = np.array([photo.label for photo in photos])
        experiment = Experiment(X[pool], labels[pool].tolist(), X[test], labels[test].tolist())
        for name in contenders:
            strategy, _, classifier = name.partition("+")
            started = time.perf_counter()
            curve = experiment.run(strategy, options.labels, seed=seed, classifier=classifier)
            curves[name].append(curve)
            cost = (time.perf_counter() - started) / options.labels
            reached = [curve.labels_to(target) for target in TARGETS]
            print(f"seed {seed}  {name:<21} {reached}  {1000 * cost:.1f} ms/label", file=sys.stderr)
    print_table(curves, options.labels)
    if options.json:
        found = {name: [c.accuracy.tolist() for c in runs] for name, runs in curves.items()}
        options.json.write_text(json.dumps(found))


def embed(folder: Path, photos: list[Photo]) -> Float32Array:
    """The photos' vectors in their order, ``(n, 1280)``, by ``knnal embed``'s own path."""
    with TemporaryDirectory() as temporary:
        project = Project.create(Path(temporary) / "pool")
        report = project.embed(folder)
        print(f"{report.added} photos in {report.seconds:.1f} s", file=sys.stderr)
        rows = project.pool.catalogue.rows_of(photo.path for photo in photos)
        vectors = np.array(project.pool.embeddings[[rows[photo.path] for photo in photos]])
        project.close()
    return vectors


def split(photos: list[Photo], seed: int, pool_size: int) -> tuple[IntArray, IntArray]:
    """Pool and held-out indices; all variants of a photograph are on the same side."""
    rng = np.random.default_rng(seed)
    groups = np.array([photo.group for photo in photos])
    names = rng.permutation(np.unique(groups))
    held_out = np.isin(groups, names[: int(HELD_OUT * len(names))])
    pool = rng.permutation(np.flatnonzero(~held_out))[:pool_size]
    return pool, np.flatnonzero(held_out)


def print_table(curves: dict[str, list[LearningCurve]], labels: int) -> None:
    """Where the mean curve over the seeds reaches each target, and its mean."""
    heads = "".join(f"{f'to {target:.0%}':>9}" for target in TARGETS)
    print(f"{'strategy+classifier':<21}{heads}{'mean accuracy':>16}{'labels to 90% by seed':>26}")
    for name, runs in curves.items():
        mean = np.mean([curve.accuracy for curve in runs], axis=0)
        cells = [_first(mean, target, labels) for target in TARGETS]
        seeds = " ".join(_text(curve.labels_to(TARGETS[-1]), labels) for curve in runs)
        print(f"{name:<21}" + "".join(f"{c:>9}" for c in cells) + f"{mean.mean():>16.3f}   {seeds}")


def _first(mean: np.ndarray, target: float, labels: int) -> str:
    reached = np.flatnonzero(mean >= target)
    return _text(int(reached[0]) + 1 if len(reached) else None, labels)


def _text(count: int | None, labels: int) -> str:
    return f">{labels}" if count is None else str(count)


if __name__ == "__main__":
    main()
