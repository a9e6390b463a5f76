"""Every strategy: what a label costs it, and the area under its accuracy curve on six data sets.

The data sets, their splits and the pools are those of ``benchmarks.peers``. All strategies that
are registered and two compositions take part, each with the classifier ``combined``. Every result
is kept in the folder --work, and the same command goes on where it was stopped.

    python -m benchmarks.strategies --data DIR
    python -m benchmarks.strategies --data DIR --size full --publish
    python -m benchmarks.strategies --data DIR --strategies 'random,cdf(margin, local)'
"""

from __future__ import annotations

import argparse
import sys
import time

from benchmarks import page
from benchmarks.about import about
from benchmarks.options import command_of, parser_of
from benchmarks.peers.sizes import SIZES, Size
from benchmarks.running import run_all
from benchmarks.sets.catalog import DATA_SETS, FRUITS, embedded_set
from benchmarks.strategies import areas, costs
from knnal.acquisition.strategies.base import STRATEGIES, canonical_name
from knnal.acquisition.strategies.spec import split_names

COMPOSED = ("cdf(smallest-margin, local, uncovered)", "uherding(entropy)")
SEEDS = {"small": 2, "full": 5}
ITEMS = {"small": 3_000, "full": 100_000}
"""Pools that costs are measured on."""


def main(arguments: list[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    options = _parse(given)
    size, started = SIZES[options.size], time.perf_counter()
    seeds = list(range(options.seeds or SEEDS[options.size]))
    names = list(dict.fromkeys(map(canonical_name, options.strategies)))
    for data_set in dict.fromkeys([*options.sets, *([] if options.skip_costs else [FRUITS])]):
        embedded_set(data_set, options.data, options.work, size.items)
    tasks = [
        areas.Task(data_set, seed, tuple(names), _labels(options, size), size, options.work)
        for seed in seeds
        for data_set in options.sets
    ]
    run_all(areas.do, [task for task in tasks if task.missing()], options.jobs)
    if not options.skip_costs:
        costs.measure_costs(names, ITEMS[options.size], size, options.work)
    _finish(options, size, seeds, names, given, tasks, time.perf_counter() - started)
    return 0


def _labels(options: argparse.Namespace, size: Size) -> int:
    return min(options.labels or size.own_labels, size.pool)


def _finish(
    options: argparse.Namespace,
    size: Size,
    seeds: list[int],
    names: list[str],
    given: list[str],
    tasks: list[areas.Task],
    seconds: float,
) -> None:
    items = ITEMS[options.size]
    results = {name: task.stored(name) or {} for task in tasks[-1:] for name in names}
    found = {
        "about": about(command_of("strategies", given), size.name, seeds, seconds),
        "labels": _labels(options, size),
        "items": items,
        "dimension": _dimension(options, size),
        "start": costs.START,
        "batch": costs.BATCH,
        "costs": costs.summed_up(names, items, size, options.work),
        "sets": areas.summed_up(tasks),
        "left_out": {n: of["failure"] for n, of in results.items() if "failure" in of},
    }
    page.finish(options, "strategies", found)


def _dimension(options: argparse.Namespace, size: Size) -> int | None:
    """Of the vectors that costs are measured on."""
    if options.skip_costs:
        return None
    return int(embedded_set(FRUITS, options.data, options.work, size.items).X.shape[1])


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = parser_of("strategies", __doc__)
    add = parser.add_argument
    add("--sets", type=_sets, default=tuple(DATA_SETS), help="parted by commas")
    add(
        "--strategies",
        type=split_names,
        default=(*STRATEGIES.names(), *COMPOSED),
        help="parted by commas; all unless given",
    )
    add("--labels", type=int, help="labels to give (as --size has it)")
    add("--skip-costs", action="store_true", help="leave milliseconds out")
    return parser.parse_args(arguments)


def _sets(text: str) -> tuple[str, ...]:
    names = split_names(text)
    for name in names:
        if name not in DATA_SETS:
            raise argparse.ArgumentTypeError(f"Expected some of {', '.join(DATA_SETS)}: {name}.")
    return names


if __name__ == "__main__":
    sys.exit(main())
