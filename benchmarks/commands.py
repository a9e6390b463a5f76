"""What a command costs: processor time against ``python -c "import numpy, sqlite3"``.

    python -m benchmarks.commands

A script that labels starts one process per answer, so that what a command loads is what it costs.
Every command runs several times on one pool, and the best counts; their order is the same in each
round, so that other work on the machine meets all alike.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from knnal import Project

BASELINE = ("-c", "import numpy, sqlite3")
LIMITS = {
    "tell": 2.5, "skip": 2.5, "undo": 2.5, "relabel": 2.5, "unlabel": 2.5, "note": 2.5, "next": 6.0,
}  # fmt: skip
"""Ratios that a release keeps."""

_CLASSES = 10


def make_pool(folder: Path, items: int, dimension: int, labels: int) -> None:
    """A pool of vectors around as many centers as there are classes, some of them labeled."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, _CLASSES, items)
    X = rng.normal(size=(_CLASSES, dimension))[classes] + rng.normal(size=(items, dimension))
    np.save(folder / "vectors.npy", X.astype(np.float32))
    project = Project.create(folder / ".knnal")
    project.embed(folder / "vectors.npy")
    session = project.session(annotator="ann")
    for item, label in enumerate(classes[:labels].tolist()):
        session.tell(str(item), f"class {label}")
    session.ask()
    project.close()


def commands(item: str, other: int) -> dict[str, list[str]]:
    """What a script does in turn: answer the question about ``item``, and ask the next."""
    return {
        "tell": ["tell", item, "class 1"],
        "skip": ["skip", str(other)],
        "undo": ["undo"],
        "relabel": ["relabel", item, "class 2"],
        "unlabel": ["unlabel", item],
        "note": ["note", "0", f"note {other}"],
        "next": ["next"],
    }


def run(arguments: list[str], folder: Path, env: dict[str, str]) -> tuple[float, str]:
    """User and system time of a process in seconds, and the first line that it prints."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=env,
        check=True,
        capture_output=True,
        text=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, done.stdout.partition("\n")[0]


def measure(folder: Path, labels: int, rounds: int) -> dict[str, float]:
    """The least seconds of each command, and of the baseline as ``""``."""
    env = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # as installed: compiled once
    # Numba imports coverage wherever that is installed, which is where knnal is developed.
    without_coverage = "import sys; sys.modules['coverage'] = None"
    knnal = ["-c", f"{without_coverage}; from knnal_cli.main import app; app()"]
    best: dict[str, float] = {}
    _, item = run([*knnal, "next"], folder, env)
    for number in range(rounds + 1):
        times = {"": run(list(BASELINE), folder, env)[0]}
        for name, arguments in commands(item, labels + number).items():
            times[name], said = run([*knnal, *arguments], folder, env)
        item = said
        if number:  # the first round compiles
            best = {name: min(times[name], best.get(name, times[name])) for name in times}
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--items", type=int, default=4000)
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--labels", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_pool(folder, options.items, options.dimension, options.labels)
        best = measure(folder, options.labels, options.rounds)
    baseline = best.pop("")
    print(f"{options.items} items, {options.labels} labels, best of {options.rounds}")
    print(f"{'import numpy, sqlite3':<22} {baseline:6.3f} s")
    for command, seconds in best.items():
        ratio = seconds / baseline
        verdict = "" if ratio <= LIMITS[command] else "  over the limit"
        print(
            f"{command:<22} {seconds:6.3f} s {ratio:5.1f} (at most {LIMITS[command]:.1f}){verdict}"
        )


if __name__ == "__main__":
    main()
