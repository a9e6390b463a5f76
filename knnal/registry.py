"""Names to factories. Built-ins and plugins enter by the same door: package entry points."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from knnal.errors import InputError, UnknownNameError


class Registry:
    """What installed packages register of one kind, each loaded when it is first asked for.

    Parameters
    ----------
    group : str
        The entry-point group, such as ``knnal.strategies``.
    kind : str
        The word for one of them in messages.
    """

    def __init__(self, group: str, kind: str) -> None:
        self.group = group
        self.kind = kind

    def names(self) -> list[str]:
        return sorted(_entries(self.group))

    def load(self, name: str) -> Any:
        """What is registered under ``name``.

        Raises
        ------
        UnknownNameError
            For a name that is not registered; it lists those that are.
        InputError
            For a plugin that does not import.
        """
        entry = _entries(self.group).get(name)
        if entry is None:
            raise unknown_name(self.kind, name, self.names())
        try:
            return _load(entry)
        except Exception as error:
            raise InputError(
                f"The {self.kind} '{name}' does not load ({error}). Reinstall or remove the "
                "package that provides it."
            ) from error

    def loadable(self, report: Callable[[str], object]) -> dict[str, Any]:
        """All that load, by name; ``report`` is called with the reason of each that does not."""
        found = {}
        for name in self.names():
            try:
                found[name] = self.load(name)
            except InputError as error:
                report(str(error))
        return found


def refresh() -> None:
    """Read the installed packages again, after one was installed or removed in this process."""
    for cached in (_installed, _entries, _load):
        cached.cache_clear()


@cache
def _installed() -> Any:  # of a type that differs between Pythons
    return entry_points()


@cache
def _entries(group: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in _installed().select(group=group)}


@cache
def _load(entry: EntryPoint) -> Any:
    return entry.load()


def unknown_name(kind: str, name: str, known: Sequence[str]) -> UnknownNameError:
    """What to raise for a name of a kind of thing that is none of those known."""
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    return UnknownNameError(f"There is no {kind} named '{name}'.{hint} Known: {', '.join(known)}.")
