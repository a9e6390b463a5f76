"""From a path to the source that reads it."""

from __future__ import annotations

from inspect import signature
from pathlib import Path

from knnal.errors import InputError
from knnal.registry import Registry
from knnal.sources.base import Source, SourceKind, reject_options

SOURCES = Registry("knnal.sources", "source")


def open_source(
    location: Path | str,
    *,
    text_column: str | None = None,
    id_column: str | None = None,
    label_column: str | None = None,
    labels_from_folders: bool = False,
    folder_level: int | None = None,
    ids: Path | str | None = None,
    encoding: str | None = None,
    ignore_labels: bool = False,
) -> Source:
    """The source that reads what lies at a location: the first registered one that says so.

    Parameters
    ----------
    location : path
        A file or folder.
    text_column, id_column, label_column, labels_from_folders, folder_level, ids, encoding, \
ignore_labels
        What the source is made with; see the source's own class.

    Raises
    ------
    InputError
        If nothing lies there, no source reads it, or the source does not take an option.
    """
    path = Path(location)
    if not path.exists():
        raise InputError(
            f"There is nothing at {path}. Check the path; supported are {supported()}."
        )
    options = {
        "text_column": text_column,
        "id_column": id_column,
        "label_column": label_column,
        "labels_from_folders": labels_from_folders,
        "folder_level": folder_level,
        "ids": ids,
        "encoding": encoding,
        "ignore_labels": ignore_labels,
    }
    given = {name: value for name, value in options.items() if value not in (None, False)}
    for kind in _kinds():
        if kind.reads(path, given):
            taken = signature(kind).parameters
            misfits = {name: value for name, value in given.items() if name not in taken}
            reject_options(path, f"read as {kind.summary}", misfits)
            return kind(path, **given)
    raise InputError(f"{path} is not supported. Convert it to one of: {supported()}.")


def supported() -> str:
    """What can be read, in a line."""
    return "; ".join(kind.summary for kind in _kinds())


def _kinds() -> list[SourceKind]:
    """The registered sources in the order in which they are tried."""
    kinds = [SOURCES.load(name) for name in SOURCES.names()]
    return sorted(kinds, key=lambda kind: kind.precedence)
