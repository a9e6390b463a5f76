"""The command line of an experiment of the article: embed, label, sum up, draw, publish."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from benchmarks import article, page
from benchmarks.about import about
from benchmarks.options import command_of, parser_of
from benchmarks.sets.catalog import embedded_set
from knnal.pages.figures import plot_curves


def main(
    name: str,
    description: str | None,
    protocols: Sequence[str],
    targets: Sequence[float],
    at: Sequence[int],
    arguments: list[str] | None,
) -> int:
    """``protocols`` say how items are split, ``targets`` and ``at`` what the tables show."""
    given = sys.argv[1:] if arguments is None else arguments
    parser = parser_of(name, description)
    parser.add_argument("--labels", type=int, help="for each contender (as --size has it)")
    parser.add_argument(
        "--contenders",
        default=",".join(article.CONTENDERS),
        help="pairs of strategy and classifier; the classifier also judges (%(default)s)",
    )
    options = parser.parse_args(given)
    started = time.perf_counter()
    extent = article.EXTENTS[options.size]
    extent = replace(extent, labels=options.labels or extent.labels)
    seeds = list(range(options.seeds or extent.seeds))
    found = embedded_set(name, options.data, options.work, extent.items)
    contenders = tuple(options.contenders.split(","))
    tasks = [
        article.Task(name, protocol, seed, contenders, extent, options.work)
        for protocol in protocols
        for seed in seeds
    ]
    article.run(tasks, options.jobs)
    sections: dict[str, Any] = {}
    for protocol in protocols:
        split = article.split_of(found, protocol, 0, extent)
        runs = article.runs_of([task for task in tasks if task.protocol == protocol])
        every_label = runs.pop(article.EVERY_LABEL)
        sections[protocol] = {
            "pool": len(split.pool),
            "held_out": len(split.held_out),
            "every_label": round(float(every_label.mean()), 4),
            "contenders": article.summary(runs, targets, at),
        }
        picture = page.picture_file(options, f"{name}-{protocol.replace(' ', '-')}")
        plot_curves(picture, runs, f"{name}, split {protocol}, {len(seeds)} splits")
    page.finish(
        options,
        name,
        {
            "about": about(
                command_of(name, given), options.size, seeds, time.perf_counter() - started
            ),
            "embedder": found.embedder,
            "items": len(found.X),
            "classes": len(found.names),
            "labels": extent.labels,
            "protocols": sections,
        },
    )
    return 0
