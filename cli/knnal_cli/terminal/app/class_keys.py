"""Which key stands for which class, kept in the pool's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from knnal.errors import InputError
from knnal.files import atomic_writer
from knnal_cli.terminal.keys import CLASS_KEYS

FILE = "keys.json"


class ClassKeys:
    """Keys by class: those that were assigned, and the free ones in order for the rest."""

    def __init__(self, folder: Path | None) -> None:
        self._file = None if folder is None else folder / FILE
        self._assigned = _read(self._file)

    def of(self, classes: Sequence[str]) -> dict[str, str]:
        """Classes by key, in the order of the classes. Classes beyond the keys have none."""
        assigned = {name: self._assigned[name] for name in classes if name in self._assigned}
        free = (key for key in CLASS_KEYS if key not in assigned.values())
        keys: dict[str, str] = {}
        for name in classes:
            key = assigned.get(name) or next(free, None)
            if key is not None:
                keys[key] = name
        return keys

    def assign(self, name: str, key: str) -> None:
        """Give a class a key, which the class that had it by assignment loses.

        Raises InputError for a key that classes cannot have.
        """
        if len(key) != 1 or key not in CLASS_KEYS:
            raise InputError(f"Expected one of the keys {CLASS_KEYS}, came {key!r}.")
        self._assigned = {n: k for n, k in self._assigned.items() if k != key}
        self._assigned[name] = key
        self._write()

    def rename(self, old: str, new: str) -> None:
        """A class that is named otherwise keeps its key, unless the new name has one."""
        if old in self._assigned:
            key = self._assigned.pop(old)
            self._assigned.setdefault(new, key)
            self._write()

    def _write(self) -> None:
        if self._file is not None:
            with atomic_writer(self._file) as stream:
                stream.write(json.dumps(self._assigned, ensure_ascii=False, indent=2).encode())


def _read(file: Path | None) -> dict[str, str]:
    """What was assigned. Raises InputError for a file of anything else."""
    if file is None or not file.exists():
        return {}
    try:
        stored = json.loads(file.read_bytes())
    except ValueError:
        stored = None
    if not isinstance(stored, Mapping) or not all(
        isinstance(key, str) and len(key) == 1 and key in CLASS_KEYS for key in stored.values()
    ):
        raise InputError(f"Expected an object of classes and keys in {file}. Mend it or delete it.")
    return dict(stored)
