"""Files derived from others: arrays in an npz that records what it was computed from.

Such a file is never a source. One that is damaged or outdated is reported and rebuilt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from knnal.errors import PoolUnwritableError
from knnal.files import DAMAGED_ARCHIVE, atomic_writer, brief, storing
from knnal.pool.checksums import arrays_checksum
from knnal.types import LogNarrator, Narrator

Arrays = Mapping[str, NDArray[Any]]
Made = TypeVar("Made")

_OF, _CHECK = "made_of", "check"


@dataclass(frozen=True, slots=True)
class Stored:
    """Arrays from a file, and the key of what they were ``made_of``."""

    arrays: Arrays
    made_of: str


class NoChecksumError(ValueError):
    """A file of arrays that ``write_arrays`` did not write."""


class DerivedFile:
    """One file of arrays in a pool's folder; ``problem`` says why what it holds is not used."""

    def __init__(self, path: Path, narrator: Narrator | None = None) -> None:
        self.path = path
        self.problem: str | None = None
        self._narrator = narrator or LogNarrator()

    def load(self) -> Stored | None:
        """The file's content; None if there is no file, or it is damaged, which is reported."""
        try:
            return read_arrays(self.path)
        except FileNotFoundError:
            return None
        except NoChecksumError:
            self.reject("it has no checksum, as an older version wrote it")
            return None
        except DAMAGED_ARCHIVE as error:
            self.reject(f"it is damaged ({brief(error)})")
            return None

    def read(self, make: Callable[[Arrays], Made], made_of: Callable[[Made], str]) -> Made | None:
        """What ``make`` makes of the file's arrays.

        None where there is no file; and, which is said, where that raises one of DAMAGED_ARCHIVE,
        or the file was made of something else than ``made_of`` names.
        """
        stored = self.load()
        if stored is None:
            return None
        try:
            made = make(stored.arrays)
        except DAMAGED_ARCHIVE as error:
            self.reject(f"it is damaged ({brief(error)})")
            return None
        if stored.made_of != made_of(made):
            self.reject("it was made of other vectors than those of this pool")
            return None
        return made

    def reject(self, why: str) -> None:
        """Report that the file is not used."""
        self.problem = why
        self._narrator.say(f"{self.path.name} is not used: {why}. It is rebuilt.")

    def save(self, made_of: str, arrays: Arrays) -> bool:
        """Replace the file; False if it cannot be written, which is reported."""
        try:
            with storing(self.path):
                write_arrays(self.path, made_of, arrays)
        except PoolUnwritableError as error:
            self._narrator.say(f"{self.path.name} is kept in memory for this command. {error}")
            return False
        return True


def write_arrays(path: Path, made_of: str, arrays: Arrays) -> None:
    """Write arrays with their checksum; a reader finds the old file or the new one, whole."""
    named: dict[str, Any] = {**arrays, _OF: np.array(made_of)}
    named[_CHECK] = np.array(arrays_checksum(named))
    with atomic_writer(path) as stream:
        np.savez(stream, **named)


def read_arrays(path: Path) -> Stored:
    """Arrays that ``write_arrays`` wrote.

    Raises FileNotFoundError where there is no file, one of DAMAGED_ARCHIVE for another one.
    """
    # Opened here, since numpy leaves a damaged file open that it opened itself.
    with path.open("rb") as stream, np.load(stream) as archive:
        arrays = {name: archive[name] for name in archive.files}
    if _CHECK not in arrays:
        raise NoChecksumError("it has no checksum")
    check = str(arrays.pop(_CHECK))
    if check != arrays_checksum(arrays):
        raise ValueError("its checksum does not match")
    return Stored(arrays, str(arrays.pop(_OF)))
