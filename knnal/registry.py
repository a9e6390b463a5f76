"""Names to factories. Built-ins and plugins enter by the same door: package entry points."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from knnal.errors import InputError, UnknownNameError


class Registry:
    """The factories of one kind, each loaded when it is first asked for.

    ``group`` is the entry-point group, ``kind`` the word for it in messages.
    """

    def __init__(self, group: str, kind: str) -> None:
        self.group = group
        self.kind = kind

    @cached_property
    def _entries(self) -> dict[str, EntryPoint]:
        return {entry.name: entry for entry in entry_points(group=self.group)}

    def names(self) -> list[str]:
        return sorted(self._entries)

    def load(self, name: str) -> Any:
        """The factory registered under ``name``.

        Raises UnknownNameError that lists the names there are, InputError for a plugin that does
        not import.
        """
        entry = self._entries.get(name)
        if entry is None:
            raise unknown_name(self.kind, name, self.names())
        try:
            return entry.load()
        except Exception as error:
            raise InputError(
                f"The {self.kind} '{name}' does not load ({error}). Reinstall or remove the "
                "package that provides it."
            ) from error


def unknown_name(kind: str, name: str, known: Sequence[str]) -> UnknownNameError:
    """What to raise for a name of a kind of thing that is none of those known."""
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    return UnknownNameError(f"There is no {kind} named '{name}'.{hint} Known: {', '.join(known)}.")
