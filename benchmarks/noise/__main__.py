"""What wrong labels cost, and what each mode of ``knnal review`` and bootstrapped votes bring back.

Labels are made wrong as in RAD (Z. Zhao et al., arXiv 2103.10824), 0 to 40 % of them, and judged on
held-out items: as they are, reviewed after every batch, with votes against noise, and clean. Every
result is kept in the folder --work, and the same command goes on where it was stopped.

    python -m benchmarks.noise --data DIR
    python -m benchmarks.noise --data DIR --size full --publish
"""

from __future__ import annotations

import sys
import time

from benchmarks import page
from benchmarks.about import about
from benchmarks.noise.cleaning import Task, do
from benchmarks.noise.sizes import SIZES
from benchmarks.noise.summary import summed_up
from benchmarks.options import command_of, parser_of
from benchmarks.running import run_all
from benchmarks.sets.catalog import DATA_SETS, embedded_set

_SETS = "fruits,cifar10,banking77"


def main(arguments: list[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    parser = parser_of("noise", __doc__)
    parser.add_argument("--sets", default=_SETS, help="parted by commas (%(default)s)")
    options = parser.parse_args(given)
    size = SIZES[options.size]
    seeds = list(range(options.seeds or size.seeds))
    names = options.sets.split(",")
    for name in names:
        if name not in DATA_SETS:
            parser.error(f"Expected --sets among {', '.join(DATA_SETS)}, came '{name}'.")
    started = time.perf_counter()
    found = {name: embedded_set(name, options.data, options.work, size.items) for name in names}
    tasks = {name: [Task(name, seed, size, options.work) for seed in seeds] for name in names}
    waiting = [task for of_set in tasks.values() for task in of_set if task.missing()]
    run_all(do, waiting, options.jobs)
    page.finish(
        options,
        "noise",
        {
            "about": about(
                command_of("noise", given), options.size, seeds, time.perf_counter() - started
            ),
            "size": size.settings(),
            "sets": {
                name: {
                    "title": DATA_SETS[name].title,
                    "pool": min(size.pool, len(found[name].X)),
                    **summed_up(tasks[name]),
                }
                for name in names
            },
        },
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
