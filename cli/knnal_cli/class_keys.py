"""Which key stands for which class, kept in the pool's folder for all front ends."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from knnal.errors import InputError
from knnal.files import atomic_writer
from knnal.pool.pool import Pool
from knnal.session.session import Session
from knnal_cli.keymap import CLASS_KEYS, is_class_key

FILE = "keys.json"


def keys_of(session: Session) -> dict[str, str]:
    """A session's classes by key, as they are assigned now. Raises as ``ClassKeys`` does."""
    return ClassKeys.in_pool(session.pool).of(session.classes)


class ClassKeys:
    """Keys by class. A class has the key that was assigned to it; else the one that it is named
    by, such as the class "3"; else the one of its place among the classes; else one that is free.

    What another front end assigns meanwhile holds here too. Raises InputError for a file of
    anything else than classes and keys, and for one of another pool than that of this id.
    """

    def __init__(self, folder: Path | None, pool: str = "") -> None:
        self._pool = pool
        self._file = None if folder is None else folder / FILE
        self._lock = threading.Lock()
        self._assigned: dict[str, str] = {}
        self._take_in()

    @classmethod
    def in_pool(cls, pool: Pool) -> ClassKeys:
        """The keys that are kept in a pool's folder."""
        return cls(pool.folder, pool.manifest.pool)

    def of(self, classes: Sequence[str]) -> dict[str, str]:
        """Classes by key, in the order of the classes. Classes beyond the keys have none."""
        with self._lock:
            self._take_in()
            keys = {name: self._assigned[name] for name in classes if name in self._assigned}

        def take(name: str, key: str) -> None:
            if is_class_key(key) and name not in keys and key not in keys.values():
                keys[name] = key

        for named in (str, str.lower):
            for name in classes:
                take(name, named(name))
        for name, key in zip(classes, CLASS_KEYS, strict=False):
            take(name, key)
        free = [key for key in CLASS_KEYS if key not in keys.values()]
        waiting = [name for name in classes if name not in keys]
        keys |= dict(zip(waiting, free, strict=False))
        return {keys[name]: name for name in classes if name in keys}

    def assign(self, name: str, key: str) -> None:
        """Give a class a key, which the class that had it by assignment loses.

        Raises InputError for a key that classes cannot have.
        """
        if not is_class_key(key):
            raise InputError(f"A class can have one of the keys {CLASS_KEYS}, got {key!r}.")
        with self._lock:
            self._take_in()
            self._assigned = {n: k for n, k in self._assigned.items() if k != key}
            self._assigned[name] = key
            self._write()

    def rename(self, old: str, new: str) -> None:
        """A class that is named otherwise keeps its key, unless the new name has one."""
        with self._lock:
            self._take_in()
            if old in self._assigned:
                key = self._assigned.pop(old)
                self._assigned.setdefault(new, key)
                self._write()

    def _take_in(self) -> None:
        if self._file is not None:
            self._assigned = _read(self._file, self._pool)

    def _write(self) -> None:
        if self._file is not None:
            with atomic_writer(self._file) as stream:
                stored = {"pool": self._pool, "keys": self._assigned}
                stream.write(json.dumps(stored, ensure_ascii=False, indent=2).encode())


def _read(file: Path, pool: str) -> dict[str, str]:
    """What was assigned in a pool. Raises InputError for a file of anything else."""
    try:
        stored = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError):
        stored = None
    if isinstance(stored, Mapping) and isinstance(stored.get("keys"), Mapping):
        if pool and stored.get("pool") not in ("", pool):
            raise InputError(f"{file} belongs to another pool. Put back its own, or delete it.")
        stored = stored["keys"]
    if not isinstance(stored, Mapping) or not all(
        isinstance(key, str) and is_class_key(key) for key in stored.values()
    ):
        raise InputError(f"{file} must hold classes and their keys. Correct it, or delete it.")
    return dict(stored)
