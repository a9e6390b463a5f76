"""knnal beside other libraries: the same embeddings, splits, seeds and judges for all.

Six data sets are embedded once. On each, every contender asks one item after the other from no
label on; what it asked is judged on held-out items by plain kNN, by knnal's default classifier and
by the model that the contender's documentation works with. knnal's questions are judged by all of
these too. Knnal's default and random labels are also compared alone, in larger pools and for more
labels. Then the seconds of a query and the memory it takes are measured at equal pool sizes.
Every result is kept in the folder --work, and the same command goes on where it was stopped.

    python -m benchmarks.peers --data DIR
    python -m benchmarks.peers --data DIR --size full --publish
    python -m benchmarks.peers --data DIR --sets fruits,mnist --contenders knnal,random
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Collection, Sequence

from benchmarks import page
from benchmarks.about import about
from benchmarks.options import command_of, parser_of
from benchmarks.peers import figure, summary
from benchmarks.peers.bars import ALONE, bars
from benchmarks.peers.contenders import CONTENDERS
from benchmarks.peers.costs import measure_costs
from benchmarks.peers.curves import CEILING, Task, do, waiting
from benchmarks.peers.ours import DEFAULT, RANDOM
from benchmarks.peers.sizes import SIZES, Size
from benchmarks.running import run_all
from benchmarks.sets.catalog import DATA_SETS, FRUITS, embedded_set


def main(arguments: list[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    options = _parse(given)
    size = SIZES[options.size]
    seeds = list(range(options.seeds or size.seeds))
    started = time.perf_counter()
    names = [name for name in options.contenders if CONTENDERS[name].here]
    for name in options.contenders:
        if name not in names:
            print(f"{name} is left out: pip install 'knnal[bench]'", file=sys.stderr)
    for data_set in dict.fromkeys([*options.sets, *([] if options.skip_costs else [FRUITS])]):
        embedded_set(data_set, options.data, options.work, size.items)
    alone = _alone(options.sets, names)
    runs = {size: (options.sets, names)} | {size.alone(pool): alone for pool in size.own_pools}
    tasks = [
        Task(data_set, seed, name, of, options.work)
        for of, (sets, contenders) in runs.items()
        for seed in seeds
        for data_set in sets
        for name in (CEILING, *contenders)
    ]
    run_all(do, waiting(tasks), options.jobs)
    if not options.skip_costs:
        measure_costs(names, size, options.work)
    _finish(options, size, seeds, names, tasks, given, time.perf_counter() - started)
    return 0


def _alone(sets: Sequence[str], names: Sequence[str]) -> tuple[list[str], list[str]]:
    """The sets and contenders that are compared without peers."""
    return [s for s in sets if s in ALONE], [n for n in names if n in (DEFAULT, RANDOM)]


def _finish(
    options: argparse.Namespace,
    size: Size,
    seeds: list[int],
    names: list[str],
    tasks: list[Task],
    given: list[str],
    seconds: float,
) -> None:
    found = {
        data_set: summary.load(data_set, seeds, names, size, options.work)
        for data_set in options.sets
    }
    sets_alone, names_alone = _alone(options.sets, names)
    alone = {
        (data_set, pool): summary.load(data_set, seeds, names_alone, size.alone(pool), options.work)
        for pool in size.own_pools
        for data_set in sets_alone
    }
    costs = summary.costs(names, size, options.work)
    figure.draw(page.picture_file(options, "peers"), found, size.labels)
    page.finish(
        options,
        "peers",
        {
            "about": about(command_of("peers", given), size.name, seeds, seconds),
            "pool": size.pool,
            "labels": size.labels,
            "own_pools": size.own_pools,
            "own_labels": size.own_labels,
            "start": size.start,
            "cpu_seconds": round(summary.cpu_seconds(tasks)),
            "left_out": [name for name in options.contenders if name not in names],
            "settings": {
                n: {"judge": CONTENDERS[n].judge, "settings": CONTENDERS[n].settings} for n in names
            },
            "sets": {
                name: summary.summed_up(results, size, options.work)
                for name, results in found.items()
            },
            "costs": costs,
            "bars": bars(found, alone, costs, size),
        },
    )


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = parser_of("peers", __doc__)
    add = parser.add_argument
    add("--sets", type=_some_of(DATA_SETS), default=tuple(DATA_SETS), help="parted by commas")
    add("--contenders", type=_some_of(CONTENDERS), default=tuple(CONTENDERS), help="by semicolons")
    add("--skip-costs", action="store_true", help="leave seconds and memory out")
    return parser.parse_args(arguments)


def _some_of(known: Collection[str]) -> Callable[[str], tuple[str, ...]]:
    """A parser of some of the names, parted by semicolons or, where names have none, commas."""

    def parse(text: str) -> tuple[str, ...]:
        parted = ";" if ";" in text or text in known else ","
        names = tuple(part.strip() for part in text.split(parted))
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(
                    f"Expected some of {'; '.join(known)}: came {name}."
                )
        return names

    return parse


if __name__ == "__main__":
    sys.exit(main())
