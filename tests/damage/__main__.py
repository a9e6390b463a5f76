"""``python -m tests.damage``: damages pools, and counts what commands do about it."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from .cases import Cases, Outcome, Result
from .commands import serving


def main() -> int:
    """Run the cases asked for; 1 if any failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.damage", description=__doc__)
    parser.add_argument("--cases", type=int, default=500, help="how many (default: 500)")
    parser.add_argument("--seed", type=int, default=0, help="of all that is drawn (default: 0)")
    parser.add_argument("--case", type=int, action="append", help="run this one alone, in full")
    parser.add_argument("--file", default="", help="only those of files whose names begin so")
    asked = parser.parse_args()
    begin = time.perf_counter()
    memory = Path("/dev/shm")  # a folder in memory: durable writes need not wait for a disk
    results = []
    with (
        tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as root,
        serving(Path(root)) as knnal,
    ):
        cases = Cases(Path(root), knnal, asked.seed)
        for number in asked.case or cases.numbers(asked.cases, asked.file):
            result = cases.run(number)
            results.append(result)
            if asked.case:
                print(f"{result}\n", flush=True)
            elif not result.outcome.allowed:
                print(f"{result.short()}\n    alone: {repeat(asked.seed, number)}\n", flush=True)
    print(report(results))
    print(f"{len(results)} cases in {time.perf_counter() - begin:.0f} s")
    return int(any(not result.outcome.allowed for result in results))


def repeat(seed: int, number: int) -> str:
    """The command that runs a case alone."""
    return f"python -m tests.damage --seed {seed} --case {number}"


def report(results: list[Result]) -> str:
    """Counts by outcome, and by file and kind of damage."""
    total = Counter(result.outcome for result in results)
    lines = [f"{total[outcome]:5}  {outcome}" for outcome in Outcome if total[outcome]]
    lines += ["", "by file and kind: unhurt, said, refused, failed"]
    places = {(result.target.files, result.target.kind) for result in results}
    for files, kind in sorted(places):
        counts = Counter(
            result.outcome if result.outcome.allowed else "failed"
            for result in results
            if (result.target.files, result.target.kind) == (files, kind)
        )
        columns = (Outcome.UNHURT, Outcome.SAID, Outcome.REFUSED, "failed")
        numbers = "".join(f"{counts[column] or '·':>4}" for column in columns)
        lines.append(f"{' + '.join(files):30} {kind:14}{numbers}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
