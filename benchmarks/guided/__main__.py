"""Guided labeling (arXiv 1712.02154) on MNIST and CIFAR-10: embed with views, label, publish.

python -m benchmarks.guided --data DIR --size full
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import numpy as np

from benchmarks import page
from benchmarks.about import about
from benchmarks.guided import runs, viewed
from benchmarks.guided.pictures import SHOWN, contact_sheet, plot_classes
from benchmarks.options import command_of, parser_of

_NAME = "guided"
_PLOTTED = tuple(str(runs.Contender(name, weights=True)) for name in (runs.GUIDED, runs.RANDOM))


def main(arguments: list[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    options = parser_of(_NAME, __doc__).parse_args(given)
    started = time.perf_counter()
    extent = runs.EXTENTS[options.size]
    seeds = list(range(options.seeds or extent.seeds))
    tasks = [
        runs.Task(name, seed, contender, extent, options.work)
        for name in viewed.VIEWED_SETS
        for seed in seeds
        for contender in runs.CONTENDERS
    ]
    for name in viewed.VIEWED_SETS:
        viewed.make(name, options.data, options.work, extent.items, extent.views)
    runs.run(tasks, options.jobs)
    sets = {
        name: _section(name, [task for task in tasks if task.data_set == name], options)
        for name in viewed.VIEWED_SETS
    }
    wall = time.perf_counter() - started
    found = {
        "about": about(command_of(_NAME, given), options.size, seeds, wall),
        "sizes": extent.sizes,
        "sets": sets,
    }
    page.finish(options, _NAME, found)
    return 0


def _section(name: str, tasks: list[runs.Task], options: argparse.Namespace) -> dict[str, Any]:
    """The figures of a set, its pictures drawn."""
    extent = tasks[0].extent
    items = viewed.load(name, options.work, extent.items, extent.views)
    title = viewed.VIEWED_SETS[name].title
    contenders = runs.summary(tasks)
    plotted = {contender: contenders[contender] for contender in _PLOTTED}
    file = page.picture_file(options, f"{_NAME}-{name}-classes")
    plot_classes(file, items.names, extent.sizes, plotted, f"{title}, classes among the labels")
    shown_at = extent.sizes[len(extent.sizes) // 2]
    _draw_confusion(items, tasks[0], shown_at, options)
    return {
        "title": title,
        "items": len(items.classes),
        "held_out": extent.held_out,
        "embedder": items.embedder,
        "views": items.views,
        "shown": SHOWN,
        "shown_at": shown_at,
        "contenders": contenders,
    }


def _draw_confusion(
    items: viewed.ViewedItems, task: runs.Task, labels: int, options: argparse.Namespace
) -> None:
    rows, entropy = runs.confusion(items, task, labels)
    order = np.lexsort((rows, -entropy))
    chosen = {"most confusing": order[:SHOWN], "least confusing": order[::-1][:SHOWN]}
    blocks = {
        title: [
            (items.paths[rows[at]], f"{items.names[items.classes[rows[at]]]}\n{entropy[at]:.2f}")
            for at in places
        ]
        for title, places in chosen.items()
    }
    file = page.work_folder(options) / f"{_NAME}-{task.data_set}-confusing.png"
    contact_sheet(file, blocks)
    print(f"The most and the least confusing pictures are in {file}.", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
