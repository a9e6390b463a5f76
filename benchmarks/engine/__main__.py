"""From an answer to the next question, in pools of up to a million items.

Pools are mixed from embeddings of real photos (1280 dimensions) and texts (512) by a seeded
recipe, and kept in the folder --work. On each, the real session labels from none: a step is an
answer and the next question, with the answer on disk. The yardstick is one numpy pass X @ q over
the same pool in the same minutes. Opening, making the neighbor graph, memory, other libraries
and the equality with brute force are measured beside it; the bars that are claimed come last.

    python -m benchmarks.engine --data DIR
    python -m benchmarks.engine --seeds made --sizes 2000 --labels 10,50 --steps 5 --skip-peers
    python -m benchmarks.engine --data DIR --check
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

from benchmarks.data import add_data_option
from benchmarks.engine.bars import Figures, bars, exponents
from benchmarks.engine.check import check
from benchmarks.engine.loop import measure_loop
from benchmarks.engine.opening import measure_opening
from benchmarks.engine.peers import measure_peers
from benchmarks.engine.plot import plot
from benchmarks.engine.pools import RECIPE, BenchmarkPool, make_pool, pool_of, require_room
from benchmarks.engine.process import in_a_process, machine
from benchmarks.engine.report import report
from benchmarks.engine.seeds import load_seeds

_REMADE: set[BenchmarkPool] = set()


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    if options.threads:
        os.environ["KNNAL_THREADS"] = str(options.threads)  # for the processes that measure
    print(f"Recipe, seed {options.seed}: {RECIPE}.\nPools are kept in {options.work}.", flush=True)
    figures = Figures()
    if not options.check:
        for dimension in options.dims:
            for items in options.sizes:
                _measure(figures, options, items, dimension)
        if not options.skip_peers:
            for items in options.peer_sizes:
                pool = _pool(options, items, options.dims[0])
                _say(f"other libraries on {items:,}")
                figures.peers += measure_peers(
                    pool, options.steps, options.peer_seconds, options.seed
                )
    if options.check or not options.skip_check:
        pool = _pool(options, options.check_items, options.dims[0])
        _say(f"{options.operations} random operations on {options.check_items:,}")
        figures.check = in_a_process(check, pool, options.operations, options.seed)
    print(report(figures))
    if figures.loops and options.out:
        plot(options.out, figures.loops)
        print(f"\nThe picture is in {options.out}.")
    if options.json:
        options.json.write_text(json.dumps(_record(figures, options), indent=2), encoding="utf-8")
    return 1 if figures.check is not None and figures.check.disagreements else 0


def _measure(figures: Figures, options: argparse.Namespace, items: int, dimension: int) -> None:
    pool = _pool(options, items, dimension)
    figures.made.append(pool.made)
    _say(f"labeling {items:,} x {dimension}")
    figures.loops.append(
        in_a_process(measure_loop, pool, options.labels, options.steps, options.perceived_steps)
    )
    _say(f"opening {items:,} x {dimension}")
    figures.openings.append(measure_opening(pool, options.opening_labels, options.seed))


def _pool(options: argparse.Namespace, items: int, dimension: int) -> BenchmarkPool:
    """The pool of that size, made if it is not there."""
    pool = pool_of(options.work, options.seeds, items, dimension, options.seed)
    if options.remake and pool not in _REMADE:
        shutil.rmtree(pool.folder, ignore_errors=True)
        _REMADE.add(pool)
    if not pool.finished:
        require_room(options.work, items, dimension)
        seeds = load_seeds(options.seeds, dimension, options.data, options.work, options.seed)
        _say(f"making {items:,} x {dimension} of {seeds.origin}")
        in_a_process(make_pool, pool, seeds, items, dimension, options.seed)
    return pool


def _record(figures: Figures, options: argparse.Namespace) -> dict[str, object]:
    """All figures and what they were measured with, as plain values."""
    growth = exponents(figures.loops).items()
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "recipe": RECIPE,
        "options": {name: _plain(value) for name, value in vars(options).items()},
        **asdict(figures),
        "exponents": [{"dimension": d, "labels": n, "exponent": slope} for (d, n), slope in growth],
        "bars": [asdict(bar) | {"held": bar.held} for bar in bars(figures)],
    }


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def _numbers(text: str) -> tuple[int, ...]:
    numbers = tuple(int(part) for part in text.split(","))
    if not numbers or min(numbers) < 1 or sorted(set(numbers)) != sorted(numbers):
        raise argparse.ArgumentTypeError(f"Expected different positive numbers, came {text}.")
    return numbers


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.engine",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_data_option(parser)
    work = platformdirs.user_cache_path("knnal") / "benchmarks"
    number = _numbers
    add = parser.add_argument
    add("--work", type=Path, default=work, help="where pools are kept (%(default)s)")
    add("--remake", action="store_true", help="make pools anew that are there, and time it")
    add("--seeds", choices=("data", "made"), default="data", help="real, or gaussian clusters")
    add("--seed", type=int, default=0, help="of every random draw")
    add("--sizes", type=number, default=(100_000, 300_000, 1_000_000), help="items of the pools")
    add("--dims", type=number, default=(1280, 512), help="the bars are about the first")
    add("--labels", type=number, default=(10, 100, 1000, 3000), help="where steps are measured")
    add("--steps", type=int, default=30, help="measured at each point")
    add("--perceived-steps", type=int, help="the same with anticipated answers (as --steps)")
    add("--opening-labels", type=int, default=5000, help="labels in the pool that is opened")
    add("--threads", type=int, help="of knnal; every core unless given")
    add("--skip-peers", action="store_true", help="leave out other libraries (extra 'bench')")
    add("--peer-sizes", type=number, default=(3000, 10_000, 30_000))
    add("--peer-seconds", type=float, default=60.0, help="for each of them at each size")
    add("--check", action="store_true", help="only compare with brute force")
    add("--skip-check", action="store_true", help="leave that comparison out")
    add("--check-items", type=int, default=20_000)
    add("--operations", type=int, default=500, help="random answers in the comparison")
    add("--out", type=Path, default=Path("engine.png"), help="the picture (%(default)s)")
    add("--json", type=Path, help="write every figure here")
    options = parser.parse_args(arguments)
    options.work = options.work.absolute()
    options.perceived_steps = options.perceived_steps or options.steps
    if list(options.labels) != sorted(options.labels):
        parser.error("Expected --labels in rising order.")
    per_point = options.steps + options.perceived_steps
    most = options.labels[-1] + per_point * len(options.labels)
    if not options.check and min(options.sizes) < 2 * most:
        parser.error(f"Expected --sizes of {2 * most:,} items or more for so many labels.")
    return options


if __name__ == "__main__":
    sys.exit(main())
