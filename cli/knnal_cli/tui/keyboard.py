"""Keys that are typed in a plain terminal."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable

_ESCAPE = "\x1b"
_ENTER = "\r\n"
_CTRL_C, _CTRL_D = "\x03", "\x04"
_NAMES = {"\r": "enter", "\n": "enter", "\x1b": "escape", " ": "space"}
"""Keys by their names in the keymap."""
_AT_ONCE = 1024
"""Bytes."""


class Keyboard:
    """Single keys without Enter, and lines; what is typed ``ahead`` is kept, not lost."""

    def __init__(self, ahead: str = "") -> None:
        self._ahead = deque(ahead)

    def key(self) -> str:
        """Wait for one key. Raises EOFError for Ctrl-D and KeyboardInterrupt for Ctrl-C."""
        if not self._ahead:
            typed = _typed()
            # An arrow or function key comes as several characters that belong together.
            self._ahead.extend([typed] if typed.startswith(_ESCAPE) else typed)
        key = self._ahead.popleft()
        if key == _CTRL_C:
            raise KeyboardInterrupt
        if key == _CTRL_D:
            raise EOFError
        return _NAMES.get(key, key)

    def line(self, ask: Callable[[], str]) -> str:
        """A line: what was typed ahead up to Enter, and otherwise what ``ask`` reads."""
        typed = ""
        while self._ahead:
            key = self._ahead.popleft()
            if key in _ENTER:
                return typed
            typed += key
        return typed + ask()


def _typed() -> str:
    """Wait for keys, and take those that were typed before, which ``click.getchar`` throws away."""
    try:
        import termios
        import tty
    except ImportError:  # Windows, where it does not
        import click

        return click.getchar()
    terminal = sys.stdin.fileno()
    settings = termios.tcgetattr(terminal)
    try:
        tty.setraw(terminal, termios.TCSADRAIN)
        return os.read(terminal, _AT_ONCE).decode(sys.stdin.encoding, "replace") or _CTRL_D
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, settings)
