"""Options that the commands share."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import platformdirs

from benchmarks.data import add_data_option


def parser_of(name: str, description: str | None) -> argparse.ArgumentParser:
    """A parser with where data are, where work is kept, how many processes, and publishing."""
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_data_option(parser)
    add = parser.add_argument
    add(
        "--work",
        type=Path,
        default=default_work(),
        help="keeps embeddings and results (%(default)s)",
    )
    add("--size", choices=("small", "full"), default="small", help="minutes, or what is claimed")
    add("--seeds", type=int, help="new splits (as --size has it)")
    add("--jobs", type=int, default=os.cpu_count() or 1, help="processes (%(default)s)")
    add("--publish", action="store_true", help="write benchmarks/results and RESULTS.md")
    return parser


def default_work() -> Path:
    return platformdirs.user_cache_path("knnal") / "benchmarks"


def command_of(name: str, arguments: list[str]) -> str:
    """The command as it was given, without the folders of this machine."""
    hidden = ("--data", "--work")
    kept: list[str] = []
    skip = False
    for argument in arguments:
        if skip or argument.startswith(tuple(f"{option}=" for option in hidden)):
            skip = False
        elif argument in hidden:
            skip = True
        else:
            kept.append(argument)
    return " ".join([f"python -m benchmarks.{name} --data DIR", *kept])
