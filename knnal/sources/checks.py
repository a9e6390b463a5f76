"""Checks on what the user gave: paths, column names, options that fit the kind of source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from knnal.errors import InputError


def require_file(location: Path | str) -> Path:
    """The location as a Path. Raises InputError unless a file lies there."""
    path = Path(location)
    if path.is_dir():
        raise InputError(f"Expected a file, but {path} is a folder. Name a file inside it.")
    if not path.exists():
        raise InputError(f"Expected a file, but nothing lies at {path}. Check the path.")
    return path


def require_column(
    location: Path, columns: Sequence[str], name: str, *, option: str | None = None, hint: str = ""
) -> str:
    """The name itself. Raises InputError unless exactly one column is called so.

    ``option`` is how the command line calls the choice, where it can be made there; ``hint`` is a
    sentence on why names may be other than expected.
    """
    found = columns.count(name)
    if found == 1:
        return name
    came = "no such column" if found == 0 else f"{found} columns of that name"
    remedy = f"Name one of these with {option}." if option else "Name one of these."
    raise InputError(
        f"Expected a column {name!r}, but {location} has {came}. "
        f"Its columns are {listed(columns)}.{hint} {remedy}"
    )


def reject_options(location: Path, kind: str, given: Mapping[str, object]) -> None:
    """Raise InputError for any option that is set though the kind of source has no use for it."""
    misfits = [option for option, value in given.items() if value not in (None, False)]
    if misfits:
        raise InputError(
            f"{location} is {kind}, which takes no {' or '.join(misfits)}. Leave that out."
        )


def listed(names: Iterable[str]) -> str:
    """Names for a message. Quoted by repr, so that undecodable ones can be printed as well."""
    return ", ".join(map(repr, names)) or "none"
