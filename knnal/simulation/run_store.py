"""Finished runs in a folder, one file each, so that an interrupted simulation resumes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from knnal.errors import InputError
from knnal.files import DAMAGED_ARCHIVE, atomic_writer
from knnal.simulation.holdout import Outcome

MANIFEST = "simulation.json"
RUNS = "runs"
LOCK = "simulation.lock"
_FIELDS = ("asked", "hits", "predicted")


class RunStore:
    """The runs of one simulation. ``identity`` is what all of them have in common."""

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.folder = folder
        self._identity = identity

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Create the folder if needed, and lock it for the length of a block.

        Raises InputError for a folder that has another simulation or other files, that another
        process has locked, or that cannot be written to.
        """
        from filelock import FileLock, Timeout

        lock = FileLock(self.folder / LOCK)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._require_own()
            lock.acquire(timeout=0)
        except Timeout as error:
            raise InputError(
                f"Another simulation is writing to {self.folder}. Wait until it is done, or "
                "choose another folder with `output`."
            ) from error
        except OSError as error:
            raise InputError(
                f"Cannot write to {self.folder} ({error.strerror or error}). Choose another "
                "folder with `output`."
            ) from error
        try:
            self._prepare()
            yield
        finally:
            lock.release()

    def load(self, run: Mapping[str, Any]) -> Outcome | None:
        """A finished run, or None if there is none or its file is damaged."""
        try:
            with self._file(run).open("rb") as stream, np.load(stream) as stored:
                return Outcome(*(stored[field].astype(np.int64) for field in _FIELDS))
        except DAMAGED_ARCHIVE:
            return None

    def save(self, run: Mapping[str, Any], outcome: Outcome) -> None:
        """Store a run. It is on disk when this returns."""
        arrays = {field: getattr(outcome, field).astype(np.int32) for field in _FIELDS}
        with atomic_writer(self._file(run)) as stream:
            np.savez_compressed(stream, **arrays)

    def _file(self, run: Mapping[str, Any]) -> Path:
        key = json.dumps([self._identity, run], sort_keys=True)
        return self.folder / RUNS / f"{sha256(key.encode()).hexdigest()[:24]}.npz"

    def _prepare(self) -> None:
        runs = self.folder / RUNS
        runs.mkdir(exist_ok=True)
        for partial in runs.glob(".*.tmp"):  # of a process that was killed while writing
            partial.unlink()
        if not (self.folder / MANIFEST).exists():
            with atomic_writer(self.folder / MANIFEST) as stream:
                stream.write(json.dumps(self._identity, indent=2).encode())

    def _require_own(self) -> None:
        manifest = self.folder / MANIFEST
        if not manifest.exists():
            if any(file.name != LOCK for file in self.folder.iterdir()):
                raise InputError(
                    f"{self.folder} contains other files. Choose an empty folder, or that of an "
                    "earlier simulation, with `output`."
                )
            return
        stored = _read(manifest)
        names = {*stored, *self._identity}
        others = sorted(n for n in names if stored.get(n) != self._identity.get(n))
        if others:
            raise InputError(
                f"{self.folder} contains another simulation: it differs in {', '.join(others)}. "
                "Choose another folder with `output`, or remove this one."
            )


def _read(manifest: Path) -> dict[str, Any]:
    try:
        stored = json.loads(manifest.read_bytes())
    except (OSError, ValueError):
        stored = None
    if not isinstance(stored, dict):
        raise InputError(
            f"{manifest} cannot be read as the settings of a simulation. Choose another folder "
            "with `output`, or remove this one."
        )
    return stored
