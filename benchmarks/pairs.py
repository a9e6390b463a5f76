"""Pairs of a strategy and a classifier: what the default is chosen by.

The strategies that multiply uncertainty by density and diversity, each with every classifier, on
the six data sets: one label at a time from none, asked and judged with the pair's own classifier.

    python -m benchmarks.pairs --data DIR --size full
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np

from benchmarks import grid, page
from benchmarks.about import about
from benchmarks.bootstrap import bootstrap_mean
from benchmarks.grid import Cell, Extent, Setting, curves, results
from benchmarks.options import command_of, parser_of
from benchmarks.sets.catalog import DATA_SETS, embedded_set
from knnal import defaults
from knnal.simulation.holdout import Holdout
from knnal.simulation.measures import accuracy
from knnal.types import Float64Array

STRATEGIES = ("cdf-product", "product", "uherding", "article")
CLASSIFIERS = ("combined", "knn", "graph", "means", "ridge")
EVERY_LABEL = "every label"
_NAME = "pairs"
_JOINT = "+"

EXTENTS = {
    "small": Extent(1500, 600, 400, 60, 2),
    "full": Extent(None, 1500, 2000, 300, 5),
}


def name_of(strategy: str, classifier: str) -> str:
    return f"{strategy}{_JOINT}{classifier}"


DEFAULT = name_of(defaults.STRATEGY, defaults.CLASSIFIER)
PAIRS = tuple(name_of(s, c) for c in CLASSIFIERS for s in STRATEGIES)


def simulate(setting: Setting, name: str) -> dict[str, Any]:
    """Accuracy after each label, ``(labels,)``; of ``EVERY_LABEL`` the default classifier's."""
    if name == EVERY_LABEL:
        return {"accuracy": [grid.with_every_label(setting, defaults.CLASSIFIER)]}
    strategy, _, classifier = name.partition(_JOINT)
    holdout = Holdout(setting.geometry, setting.classes, setting.class_count)
    run = holdout.run(strategy, setting.labels, seed=setting.seed, classifier=classifier)
    return {"accuracy": accuracy(run.hits, holdout.support).tolist()}


def normalized(cells: list[Cell], name: str) -> Float64Array:
    """A pair's area on the splits of a data set, as a share of the mean accuracy with every label,
    ``(seeds,)``.
    """
    every_label = curves(results(cells, EVERY_LABEL), "accuracy").mean()
    areas: Float64Array = curves(results(cells, name), "accuracy").mean(axis=1) / every_label
    return areas


def summed_up(cells: dict[str, list[Cell]]) -> dict[str, Any]:
    """Of each pair: its area by data set, the mean of the normalized ones, and how far that is
    above the default pair's, seed by seed, with its interval.
    """
    shares = {
        pair: np.mean([normalized(own, pair) for own in cells.values()], axis=0) for pair in PAIRS
    }
    found = {}
    for pair in PAIRS:
        gain = bootstrap_mean((shares[pair] - shares[DEFAULT]).tolist())
        found[pair] = {
            "area": {
                name: round(float(curves(results(own, pair), "accuracy").mean()), 4)
                for name, own in cells.items()
            },
            "normalized": round(float(shares[pair].mean()), 4),
            "gain": None
            if pair == DEFAULT
            else [round(value, 4) for value in (gain.mean, gain.low, gain.high)],
        }
    return found


def main(arguments: list[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    options = parser_of(_NAME, __doc__).parse_args(given)
    started = time.perf_counter()
    extent = EXTENTS[options.size]
    seeds = list(range(options.seeds or extent.seeds))
    for name in DATA_SETS:
        embedded_set(name, options.data, options.work, extent.items)
    contenders = (EVERY_LABEL, *PAIRS)
    cells = {
        name: [Cell(_NAME, name, False, seed, contenders, extent, options.work) for seed in seeds]
        for name in DATA_SETS
    }
    grid.run(
        simulate, [own[at] for at in range(len(seeds)) for own in cells.values()], options.jobs
    )
    wall = time.perf_counter() - started
    page.finish(
        options,
        _NAME,
        {
            "about": about(command_of(_NAME, given), options.size, seeds, wall),
            "labels": extent.labels,
            "pool": extent.pool,
            "default": DEFAULT,
            "titles": {name: DATA_SETS[name].title for name in cells},
            "pairs": summed_up(cells),
        },
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
