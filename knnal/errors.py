"""The exception tree. Each message says what was expected, what came, and what to do."""

from __future__ import annotations


class KnnalError(Exception):
    """Base of every error that knnal raises on purpose."""


class InputError(KnnalError, ValueError):
    """An argument, a file or a value given by the user cannot be used."""


class UnknownNameError(InputError):
    """No embedder, strategy or classifier is registered under that name."""


class ItemError(KnnalError):
    """One item cannot be read or embedded; the rest can.

    ``reason`` is a short phrase that groups equal failures ("truncated image", "empty text").
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


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


class LabelConflictError(KnnalError):
    """The item already carries a decision that this one would silently replace."""


class NothingToUndoError(KnnalError):
    """The log holds no event that this annotator could take back."""


class NothingToRedoError(KnnalError):
    """The annotator has taken nothing back, or has decided on something since."""
