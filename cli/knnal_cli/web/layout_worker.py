"""Lays out a pool's map in a process of its own, and writes its progress to stdout.

A process, since a thread of the server would hold up its responses.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from knnal.pool.index_files import stored_layout
from knnal.pool.pool import Pool
from knnal.types import Narrator

_LOW_PRIORITY = 10


class JsonNarrator(Narrator):
    """A line of JSON for each step: its name, what is done of it, and the total."""

    def progress(self, step: str, done: int, total: int | None) -> None:
        sys.stdout.write(json.dumps([step, done, total]) + "\n")
        sys.stdout.flush()

    def say(self, message: str) -> None:
        sys.stderr.write(message + "\n")


def main(folder: Path) -> None:
    """Store the map in the pool's folder, unless it is there."""
    if hasattr(os, "nice"):
        os.nice(_LOW_PRIORITY)
    pool = Pool.open(folder)
    stored_layout(pool, pool.live, JsonNarrator())
    pool.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
