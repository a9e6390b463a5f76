"""The exception tree. Each message says what was expected, what came, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class KnnalError(Exception):
    """Base of every error that knnal raises on purpose."""


class InputError(KnnalError, ValueError):
    """An argument, a file or a value given by the user cannot be used."""


class InvalidNameError(InputError):
    """A text cannot name a class or a person.

    ``reason`` is a short phrase that groups equal failures ("control characters").
    """

    def __init__(self, text: str, what: str, reason: str) -> None:
        super().__init__(f"Cannot use {text!r} as a {what}: it has {reason}.")
        self.reason = reason


class UnknownNameError(InputError):
    """No embedder, strategy or classifier is registered under that name."""


class ItemError(KnnalError):
    """One item cannot be read or embedded; the rest can.

    ``reason`` is a short phrase that groups equal failures ("truncated image", "empty text").
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MissingExtraError(KnnalError, ImportError):
    """A feature needs packages that come with an extra of knnal."""

    def __init__(self, name: str, feature: str, reason: str) -> None:
        super().__init__(
            f"{feature} needs the extra '{name}' ({reason}). Install it with: "
            f"pip install 'knnal[{name}]'"
        )


class ModelUnavailableError(KnnalError):
    """A model's weights, or a package that runs it, cannot be obtained or loaded."""


class DigestMismatchError(ModelUnavailableError):
    """Fetched or cached data is not the data that was pinned."""


class PoolError(KnnalError):
    """The pool on disk is missing, unreadable, or does not fit what was asked of it."""


class PoolNotFoundError(PoolError):
    """No pool lies in the given folder."""


class SchemaTooNewError(PoolError):
    """The pool was written by a newer knnal."""


class EmbedderMismatchError(PoolError):
    """The pool holds the vectors of another embedder."""


class PoolBusyError(PoolError):
    """Another process is writing to the pool."""


class Repair(StrEnum):
    """What mends a damaged file of a pool."""

    REMAKE = "remake"
    """It is derived from the vectors or the log, and is rebuilt."""
    EMBED = "embed"
    """The items are embedded again from their source."""
    REWRITE = "rewrite"
    """The database has what belongs there."""
    RESTORE = "restore"
    """Only a backup has what was lost."""


_REMEDIES = {
    Repair.REMAKE: "Repair the pool, which makes it again.",
    Repair.EMBED: "Repair the pool, which embeds the items again, or restore it from a backup.",
    Repair.REWRITE: "Repair the pool, which writes it again, or restore it from a backup.",
    Repair.RESTORE: "Restore it from a backup of the pool.",
}


@dataclass(frozen=True, slots=True)
class Damage:
    """A file that is not what knnal wrote; ``rows`` are the damaged ones, where that is known."""

    file: str
    problem: str
    repair: Repair
    rows: tuple[int, ...] = ()


class PoolDamagedError(PoolError):
    """A file of the pool is not what knnal wrote there. Nothing was answered from it."""

    def __init__(self, file: Path, problem: str, repair: Repair = Repair.RESTORE) -> None:
        super().__init__(f"{file} is damaged: {problem}. {_REMEDIES[repair]}")
        self.damage = Damage(file.name, problem, repair)

    @classmethod
    def of(cls, damage: Damage, folder: Path) -> PoolDamagedError:
        """The error that says what was found in a pool's folder."""
        return cls(folder / damage.file, damage.problem, damage.repair)


class PoolUnwritableError(PoolError):
    """The pool cannot be written to, such as on a full or read-only disk. It can still be read."""


class LabelConflictError(KnnalError):
    """The item already carries a decision that this one would silently replace."""


class NothingToUndoError(KnnalError):
    """The log holds no event that this annotator could take back."""


class NothingToRedoError(KnnalError):
    """The annotator has taken nothing back, or has decided on something since."""
