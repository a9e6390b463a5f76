"""Folders of images, and which of the folders on a path names the class."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from knnal.errors import InputError
from knnal.sources.base import Item, Skip
from knnal.types import Modality

IMAGE_SUFFIXES = frozenset(
    {
        *(".avif", ".bmp", ".gif", ".heic", ".heif", ".hif", ".jfif", ".jpe", ".jpeg", ".jpg"),
        *(".png", ".tif", ".tiff", ".webp"),
    }
)


@dataclass(frozen=True, slots=True)
class _Node:
    """A file or folder met on the way. ``above`` are the (device, inode) of the folders above."""

    path: str
    relative: str
    is_folder: bool
    above: tuple[tuple[int, int], ...] = ()


class ImageFolder:
    """The image files below a folder, at any depth, or a single image file.

    Items come sorted by their id, the path below the folder with forward slashes. Content is not
    read. The stamp holds size, modification and change time: the last one catches a rewrite that
    restores the modification time. Hidden files and folders are passed over, which includes the
    tool's own ``.knnal``; every other file is yielded as a Skip. Linked folders are followed, but
    not back into a folder that contains the link.

    With ``labels_from_folders``, or a ``folder_level``, an item's label is a folder on its path, as
    ``find_class_folders`` decides; files that lie above these folders have none. ``class_folders``
    is that decision.

    Raises InputError if nothing lies at the location or the file is no image, and as
    ``find_class_folders`` does.
    """

    summary = "a folder of images or one image"
    precedence = 10
    modality: Modality = Modality.IMAGE

    @classmethod
    def reads(cls, location: Path, options: Mapping[str, object]) -> bool:
        del options
        return location.is_dir() or is_image_name(location.name)

    def __init__(
        self,
        location: Path | str,
        *,
        labels_from_folders: bool = False,
        folder_level: int | None = None,
    ) -> None:
        self.location = Path(location)
        self.class_folders: ClassFolders | None = None
        self._count: int | None = None
        if not self.location.exists():
            raise InputError(f"There is no folder or image {self.location}. Check the path.")
        if not self.location.is_dir() and not is_image_name(self.location.name):
            raise InputError(
                f"{self.location} is neither a folder nor an image file. "
                f"Image files end in {', '.join(sorted(IMAGE_SUFFIXES))}."
            )
        if labels_from_folders or folder_level is not None:
            self.class_folders = find_class_folders(self._image_paths(), folder_level)

    def __iter__(self) -> Iterator[Item | Skip]:
        """Every image file as an Item, every other file and unreadable folder as a Skip."""
        for node in self._nodes():
            yield node if isinstance(node, Skip) else self._judged(node)

    def count(self) -> int:
        """The number of files that look like images by their name."""
        return sum(1 for _ in self._image_paths()) if self._count is None else self._count

    def _image_paths(self) -> Iterator[str]:
        """The paths below the folder of all files that look like images by their name; the last
        one having been taken, it is known how many they are.
        """
        count = 0
        for node in self._nodes():
            if isinstance(node, _Node) and is_image_name(node.relative):
                count += 1
                yield node.relative
        self._count = count

    def _nodes(self) -> Iterator[_Node | Skip]:
        root = self.location.absolute()
        is_folder = root.is_dir()
        return _walk(_Node(str(root), "" if is_folder else root.name, is_folder))

    def _judged(self, node: _Node) -> Item | Skip:
        if not _is_unicode(node.relative):
            return _skip(node, "file name is not valid Unicode")
        if not is_image_name(node.relative):
            suffix = PurePosixPath(node.relative).suffix.lower() or "no extension"
            return _skip(node, f"not an image file ({suffix})")
        path = Path(node.path)
        try:
            # Not DirEntry.stat: on Windows it may lag behind the file.
            state = path.stat()
        except OSError as error:
            return _skip(node, f"cannot be read ({type(error).__name__})")
        if not stat.S_ISREG(state.st_mode):
            return _skip(node, "not a regular file")
        stamp = f"{state.st_size}:{state.st_mtime_ns}:{state.st_ctime_ns}"
        return Item(node.relative, stamp, path=path, label=self._label(node.relative))

    def _label(self, relative: str) -> str | None:
        found = self.class_folders
        return None if found is None else folder_at(relative, found.level)


def is_image_name(name: str) -> bool:
    """Whether a file name ends like an image's, in any case."""
    return PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES


def _walk(start: _Node) -> Iterator[_Node | Skip]:
    """The files below a node, depth first; memory grows with the widest path, not with the tree."""
    pending = [start]
    while pending:
        node = pending.pop()
        if not node.is_folder:
            yield node
            continue
        try:
            state = Path(node.path).stat()
            identity = (state.st_dev, state.st_ino)
            if identity in node.above:
                yield _skip(node, "link to a folder above it")
                continue
            pending.extend(_entries(node, (*node.above, identity)))
        except OSError as error:
            yield _skip(node, f"folder cannot be read ({type(error).__name__})")


def _entries(folder: _Node, above: tuple[tuple[int, int], ...]) -> list[_Node]:
    """What lies in a folder, last first, as a stack wants it."""
    prefix = f"{folder.relative}/" if folder.relative else ""
    with os.scandir(folder.path) as entries:
        nodes = [
            _Node(entry.path, prefix + entry.name, _is_folder(entry), above)
            for entry in entries
            if not entry.name.startswith(".")
        ]
    # With its slash a folder sorts where the paths below it belong: "a-b.png" before "a/b.png".
    return sorted(nodes, key=lambda node: node.relative + "/" * node.is_folder, reverse=True)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder or a link to one; what cannot be told is judged as a file."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_unicode(name: str) -> bool:
    """Whether the name can be written as UTF-8; a POSIX file name may be any bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _skip(node: _Node, reason: str) -> Skip:
    where = node.relative or node.path
    return Skip(where.encode(errors="backslashreplace").decode(), reason)


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
