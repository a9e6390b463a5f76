"""Exit codes, the same for every command."""

from contextlib import ExitStack
from enum import IntEnum


class Exit(IntEnum):
    """2 is Click's own, for wrong usage."""

    OK = 0
    FAILED = 1
    DONE_WITH_SKIPS = 3
    NOTHING_DONE = 4
    INTERRUPTED = 130


AT_EXIT = ExitStack()
"""What a command leaves open, closed when it ends."""
