"""How long a simulation takes: fresh and rotten fruits, 16 folds by photograph, 5 strategies.

    python -m benchmarks.simulation --data DIR

The processor time of a label includes predicting the held-out items, and its part of what is done
once for each fold and process.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.data import add_data_option
from benchmarks.options import default_work
from benchmarks.sets.catalog import FRUITS, embedded_set
from knnal.index.parallel import thread_count
from knnal.pool.pool import Pool
from knnal.simulation.known import KnownItems
from knnal.simulation.results import write_results
from knnal.simulation.settings import Settings
from knnal.simulation.simulation import simulate
from knnal.simulation.splits import SplitPlan
from knnal.simulation.summary import summarize
from knnal.simulation.tables import cells, head

STRATEGIES = ("cdf-product", "product", "article", "smallest-margin")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--work", type=Path, default=default_work(), help="keeps embeddings")
    parser.add_argument("--folds", type=int, default=16)
    parser.add_argument("--labels", type=int, default=500)
    options = parser.parse_args()
    found = embedded_set(FRUITS, options.data, options.work)
    assert found.groups is not None
    items = [str(item) for item in range(len(found.X))]
    known = KnownItems.of(
        Pool.in_memory(found.X, items),
        dict(zip(items, (found.names[c] for c in found.classes), strict=True)),
        dict(zip(items, map(str, found.groups), strict=True)),
    )
    plan = SplitPlan(folds=options.folds, seeds=1)
    settings = Settings(STRATEGIES, labels=options.labels, splits=plan)
    with TemporaryDirectory() as temporary:
        wall, processor = time.perf_counter(), _processor_time()
        simulated = simulate(known, settings, Path(temporary) / "out")
        wall, processor = time.perf_counter() - wall, _processor_time() - processor
        summary = summarize(simulated)
        write_results(simulated, summary, Path(temporary))
    steps = options.folds * len(settings.contenders) * options.labels
    print(f"{steps} labels in {wall:.1f} s on {thread_count()} processes: ", end="")
    print(f"{1000 * processor / steps:.2f} ms of processor time each")
    for row in cells(summary):
        for name, cell in zip(head(summary), row, strict=True):
            print(f"{name:<24}{cell.value}{f' ({cell.interval})' if cell.interval else ''}")


def _processor_time() -> float:
    """Of this process and those that it started and that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


if __name__ == "__main__":
    main()
