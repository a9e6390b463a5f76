"""One key per class, and the keys that do something else."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

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

_ESCAPE = "\x1b"
_ENTER = "\r\n"


class Keyboard:
    """Single keys without Enter, and lines; what is typed ``ahead`` is kept, not lost."""

    def __init__(self, ahead: str = "") -> None:
        self._ahead = deque(ahead)

    def key(self) -> str:
        """Wait for one key. Raises EOFError for Ctrl-D and KeyboardInterrupt for Ctrl-C."""
        if not self._ahead:
            import click

            typed = click.getchar()
            # An arrow or function key comes as several characters that belong together.
            self._ahead.extend([typed] if typed.startswith(_ESCAPE) else typed)
        return self._ahead.popleft()

    def line(self, ask: Callable[[], str]) -> str:
        """A line: what was typed ahead up to Enter, and otherwise what ``ask`` reads."""
        typed = ""
        while self._ahead:
            key = self._ahead.popleft()
            if key in _ENTER:
                return typed
            typed += key
        return typed + ask()
