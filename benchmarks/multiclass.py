"""The experiments of "Active Learning for Multi-class Image Classification" with a kNN.

Least confidence, smallest margin, largest margin and entropy against random labels, one label at a
time from none, on MNIST and on Fruits-360 in ten classes; and on two classes of each, the two that
are most alike. Of two classes the four measures rank alike but for rounding. Pictures of Fruits-360
are frames of turning fruits, split at random: near-copies judge each other.

    python -m benchmarks.multiclass --data DIR --size full
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np

from benchmarks import grid, page
from benchmarks.about import about
from benchmarks.grid import Cell, Extent, Setting, curves, difference, results
from benchmarks.options import command_of, parser_of
from benchmarks.sets.catalog import DATA_SETS, embedded_set
from knnal.pages.figures import plot_curves
from knnal.simulation.holdout import Holdout
from knnal.simulation.measures import accuracy, class_accuracy
from knnal.types import Float64Array

SETS = ("mnist", "fruits360")
MEASURES = ("least-confidence", "smallest-margin", "largest-margin", "entropy")
RANDOM = "random"
CONTENDERS = (*MEASURES, RANDOM)
AT = (10, 20, 50, 100, 200, 300)


def simulate(setting: Setting, name: str) -> dict[str, Any]:
    """Accuracy after each label, ``(labels,)``, and of each class, ``(labels, C)``."""
    holdout = Holdout(setting.geometry, setting.classes, setting.class_count)
    run = holdout.run(name, setting.labels, seed=setting.seed, classifier="knn")
    return {
        "accuracy": accuracy(run.hits, holdout.support).tolist(),
        "by_class": class_accuracy(run.hits, holdout.support).tolist(),
        "asked": run.asked.tolist(),
    }


def summed_up(cells: list[Cell], names: list[str]) -> dict[str, Any]:
    """Of each contender its accuracies, its lead over random, and its accuracies by class."""
    found = {}
    random = curves(results(cells, RANDOM), "accuracy")
    for contender in CONTENDERS:
        stored = results(cells, contender)
        runs = curves(stored, "accuracy")
        by_class = class_curves(stored)
        at = [n for n in AT if n <= runs.shape[1]]
        found[contender] = {
            "accuracy": {str(n): round(float(runs[:, n - 1].mean()), 4) for n in at},
            "mean": round(float(runs.mean()), 4),
            "gain": None if contender == RANDOM else difference(runs, random),
            "by_class": {
                str(n): dict(zip(names, by_class[n - 1].round(4).tolist(), strict=True)) for n in at
            },
        }
    asked = [curves(results(cells, measure), "asked") for measure in MEASURES]
    same = all(np.array_equal(asked[0], other) for other in asked[1:])
    return {"classes": names, "same_questions": same, "contenders": found}


def class_curves(stored: list[dict[str, Any]]) -> Float64Array:
    """The mean accuracy of each class over the splits in which it is held out, ``(labels, C)``."""
    means: Float64Array = np.nanmean(
        np.array([result["by_class"] for result in stored], dtype=np.float64), axis=0
    )
    return means


def main(arguments: list[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    options = parser_of("multiclass", __doc__).parse_args(given)
    started = time.perf_counter()
    extent: Extent = grid.EXTENTS[options.size]
    seeds = list(range(options.seeds or extent.seeds))
    for name in SETS:
        embedded_set(name, options.data, options.work, extent.items)
    cells = [
        Cell("multiclass", name, two_classes, seed, CONTENDERS, extent, options.work)
        for name in SETS
        for two_classes in (False, True)
        for seed in seeds
    ]
    grid.run(simulate, cells, options.jobs)
    sections: dict[str, Any] = {}
    for name in dict.fromkeys(cell.name for cell in cells):
        own = [cell for cell in cells if cell.name == name]
        first = own[0]
        found = grid.set_of(first.data_set, options.work, extent, two_classes=first.two_classes)
        title = DATA_SETS[first.data_set].title
        sections[name] = {
            "title": f"{title}, {' and '.join(found.names)}" if first.two_classes else title,
            **grid.described(found, first),
            **summed_up(own, found.names),
        }
        _draw(options, name, own, found.names)
    wall = time.perf_counter() - started
    page.finish(
        options,
        "multiclass",
        {
            "about": about(command_of("multiclass", given), options.size, seeds, wall),
            "labels": extent.labels,
            "sets": sections,
        },
    )
    return 0


def _draw(options: Any, name: str, cells: list[Cell], classes: list[str]) -> None:
    runs = {c: curves(results(cells, c), "accuracy") for c in CONTENDERS}
    plot_curves(page.picture_file(options, f"multiclass-{name}"), runs, name)
    by_class = class_curves(results(cells, "smallest-margin"))
    each = {c: by_class[None, :, i] for i, c in enumerate(classes)}
    picture = page.picture_file(options, f"multiclass-{name}-by-class")
    plot_curves(picture, each, f"{name}, each class, by smallest margin")


if __name__ == "__main__":
    sys.exit(main())
