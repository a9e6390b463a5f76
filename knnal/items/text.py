"""Reading text: files to lines, cells to strings, strings to items."""

from __future__ import annotations

import codecs
import gzip
import io
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TextIO

from knnal.errors import InputError, ItemError
from knnal.items.base import Item
from knnal.names import ASCII_SPACE

_BLOCK = 1 << 20


def is_gzipped(location: Path) -> bool:
    """Whether the file's name says that it is compressed."""
    return location.suffix.lower() == ".gz"


def suffix_of(location: Path) -> str:
    """The extension in lower case, seen through a trailing ``.gz``: ``.csv`` for ``A.CSV.gz``."""
    inner = location.with_suffix("") if is_gzipped(location) else location
    return inner.suffix.lower()


@contextmanager
def reading(location: Path, *also: type[Exception]) -> Iterator[None]:
    """Turn the errors of reading a file, and those of ``also``, into InputError."""
    expected: tuple[type[Exception], ...] = (OSError, EOFError, zlib.error, *also)
    try:
        yield
    except expected as error:
        raise InputError(
            f"Expected to read {location} to its end, but: {error}. "
            "Check its permissions and that it is complete."
        ) from error


def open_bytes(location: Path) -> io.BufferedReader | gzip.GzipFile:
    """The file's content as bytes, decompressed if its name ends in ``.gz``."""
    return gzip.open(location, "rb") if is_gzipped(location) else location.open("rb")


def is_utf16(start: bytes) -> bool:
    """Whether a file's first bytes mark it as UTF-16."""
    return start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


@contextmanager
def open_text(location: Path, *, newline: str) -> Iterator[TextIO]:
    """The file as UTF-8 text, a byte-order mark removed; ``newline`` as in ``open``.

    Bytes that are not UTF-8 arrive as lone surrogates, so that one broken line does not end the
    reading; ``cell_text`` finds them. Raises InputError for UTF-16 and for a file that cannot be
    read to its end.
    """
    with reading(location), open_bytes(location) as raw:
        if is_utf16(raw.peek(2)):
            raise InputError(f"Expected UTF-8, but {location} is UTF-16. Save it as UTF-8.")
        with io.TextIOWrapper(
            raw, encoding="utf-8-sig", errors="surrogateescape", newline=newline
        ) as stream:
            yield stream


def read_lines(location: Path) -> Iterator[str]:
    """The file's lines without their ends. Raises InputError as ``open_text`` does."""
    with open_text(location, newline="\n") as stream:
        for line in stream:
            yield line.removesuffix("\n").removesuffix("\r")


def count_lines(location: Path) -> int | None:
    """The number of lines; None for a compressed file, which would have to be decompressed."""
    if is_gzipped(location):
        return None
    lines, last = 0, b"\n"
    with reading(location), location.open("rb") as stream:
        while block := stream.read(_BLOCK):
            lines += block.count(b"\n")
            last = block[-1:]
    return lines + (last != b"\n")


def cell_text(value: object, role: str) -> str:
    """A cell as a string: "" for a null, ``str`` of a number.

    ``role`` ("text", "id", "label") names the cell in the reason of the ItemError that is raised
    for invalid UTF-8 and for lists and objects.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bytes):
        value = value.decode(errors="surrogateescape")
    if isinstance(value, list | dict):
        raise ItemError(f"{role} is neither a string nor a number")
    text = str(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ItemError("invalid UTF-8") from None
    return text


def cell_id(value: object) -> str:
    """A cell as an item's id. Raises ItemError if it is blank."""
    name = cell_text(value, "id")
    if not name.strip():
        raise ItemError("empty id")
    return name


def cell_label(value: object) -> str | None:
    """A cell as a label without ASCII white space around it; None for a blank cell."""
    label = cell_text(value, "label").strip(ASCII_SPACE)
    return None if not label or label.isspace() else label


def text_item(text: str, *, name: str | None = None, label: str | None = None) -> Item:
    """The item of a text. Without a name it is called by its content. Raises ItemError if blank."""
    if not text.strip():
        raise ItemError("empty text")
    stamp = sha256(text.encode()).hexdigest()
    return Item(name if name is not None else f"t-{stamp[:16]}", stamp, text=text, label=label)
