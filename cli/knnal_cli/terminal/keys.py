"""One key per class, and the keys that do something else."""

from __future__ import annotations

from collections.abc import Sequence

SKIP, UNDO, RELABEL, TYPE, QUIT, HELP = "s", "u", "r", "n", "q", "?"

COMMANDS = {
    TYPE: "type a class",
    SKIP: "skip",
    UNDO: "undo",
    RELABEL: "relabel",
    QUIT: "quit",
    HELP: "help",
}

CLASS_KEYS = "1234567890" + "".join(
    letter for letter in "abcdefghijklmnopqrstuvwxyz" if letter not in COMMANDS
)
"""Digits first, then the letters that are free. Classes beyond them are typed."""


def keys_of(classes: Sequence[str]) -> dict[str, str]:
    """Class names by key, in the order in which the classes came up."""
    return dict(zip(CLASS_KEYS, classes, strict=False))


def read_key() -> str:
    """Wait for one key, without Enter. Raises EOFError or KeyboardInterrupt for Ctrl-D, Ctrl-C."""
    import click

    return click.getchar()
