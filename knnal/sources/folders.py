"""Folders that name classes: which folder on a path does, where data sets come in parts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from knnal.errors import InputError

SPLITS = frozenset(
    {"train", "training", "val", "valid", "validation", "dev", "eval", "test", "testing"}
)
"""Names of the parts of a data set, in lower case."""


class AmbiguousFoldersError(InputError):
    """It cannot be told which folders name classes."""


@dataclass(frozen=True, slots=True)
class ClassFolders:
    """Which folder on a path names the class: 1 is the first one. ``splits`` are the parts of a
    data set that lie above the classes; ``doubtful`` are classes that are named like such parts.
    """

    level: int
    splits: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()

    def remark(self) -> str | None:
        """What to tell about the choice; None where there was none."""
        if self.splits:
            one = len(self.splits) == 1
            return (
                f"{_joined(self.splits)} {'is' if one else 'are'} taken for "
                f"{'a part' if one else 'parts'} of a data set: the classes are the folders below."
            )
        if self.doubtful:
            return f"{_joined(self.doubtful)} counted as a class, like the folders beside it."
        return None


def folder_at(path: str, level: int) -> str | None:
    """A folder on a path with forward slashes, counted from 1; None if the file lies above it."""
    *folders, _ = path.split("/")
    return folders[level - 1] if len(folders) >= level else None


def find_class_folders(paths: Iterable[str], level: int | None = None) -> ClassFolders:
    """Which folders name the classes of files, whose paths have forward slashes.

    Unless a ``level`` is given, it is the first one, or the second one where all first ones are
    named like parts of a data set (train, val, test) and contain folders.

    Raises InputError for a level below 1, AmbiguousFoldersError where parts of a data set contain
    no folders, or lie beside folders of other names.
    """
    if level is not None:
        if level < 1:
            raise InputError(f"The folder level must be at least 1, got {level}.")
        return ClassFolders(level)
    has_folders: dict[str, bool] = {}
    for path in paths:
        first, *below = path.split("/")
        if below:
            has_folders[first] = has_folders.get(first, False) or len(below) > 1
    splits = tuple(sorted(name for name in has_folders if name.lower() in SPLITS))
    deep = any(has_folders[name] for name in splits)
    if not splits:
        return ClassFolders(1)
    if len(splits) == len(has_folders) and deep:
        return ClassFolders(2, splits=splits)
    if not deep and len(splits) < len(has_folders):
        return ClassFolders(1, doubtful=splits)
    others = sorted(has_folders.keys() - set(splits))
    problem = (
        f"lie beside {_joined(others[:5])}" if others else "contain no folders that name classes"
    )
    raise AmbiguousFoldersError(
        f"The folders {_joined(splits)} look like parts of a data set, but {problem}. Set the "
        f"folder level to 1 to take {_joined(sorted(has_folders)[:5])} as the classes, or to 2 to "
        "take the folders below them."
    )


def _joined(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
