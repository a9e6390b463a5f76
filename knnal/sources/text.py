"""Text files: opened, decoded and split into lines; and a source of one item per line."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TextIO

from knnal.errors import InputError, ItemError
from knnal.sources.base import Column, Item, Reading, Skip, require_file
from knnal.sources.encodings import (
    MARK_BYTES,
    display_name,
    file_encoding,
    likely_encoding,
    marked_encoding,
    require_encoding,
)
from knnal.types import Modality

_BLOCK = 1 << 20

# Some of these look like text, so that their names must tell.
_NOT_LINES = frozenset({
    ".7z", ".arrow", ".bz2", ".db", ".doc", ".docx", ".feather", ".h5", ".hdf5",
    ".htm", ".html", ".mp3", ".mp4", ".odt", ".pdf", ".pickle", ".pkl", ".pptx", ".pt", ".rar",
    ".rtf", ".sqlite", ".svg", ".tar", ".tgz", ".wav", ".xml", ".xz", ".zip", ".zst",
})  # fmt: skip

_SNIFFED_BYTES = 8192

# What the bytes that an encoding does not have are decoded to.
_UNDECODED = re.compile("[\udc80-\udcff]")


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
    expected: tuple[type[Exception], ...] = (OSError, EOFError, UnicodeError, zlib.error, *also)
    try:
        yield
    except expected as error:
        raise InputError(
            f"{location} cannot be read to its end ({error}). "
            "Check its permissions and that it is complete."
        ) from error


def open_bytes(location: Path) -> io.BufferedReader | gzip.GzipFile:
    """The file's content as bytes, decompressed if its name ends in ``.gz``."""
    return gzip.open(location, "rb") if is_gzipped(location) else location.open("rb")


def is_undecoded(value: object) -> bool:
    """Whether a string holds bytes that its file's encoding does not have."""
    return isinstance(value, str) and not value.isascii() and _UNDECODED.search(value) is not None


class TextFile:
    """A text file, plain or gzipped: UTF-8, or UTF-16 and UTF-32 if its first bytes show it, or
    the ``encoding`` given.

    Lines end in LF or CRLF, or in CR where the file has no LF. Bytes that the encoding does not
    have arrive as lone surrogates, so that one broken line does not end the reading;
    ``is_undecoded`` finds them and ``undecodable`` is the reason to give. Raises InputError for an
    unknown encoding and, while reading, for a file that cannot be read to its end.
    """

    def __init__(self, location: Path, encoding: str | None = None) -> None:
        self.location = location
        self._given = None if encoding is None else require_encoding(encoding)

    @cached_property
    def encoding(self) -> str:
        """The codec that the file is read with."""
        with reading(self.location), open_bytes(self.location) as raw:
            start = raw.read(MARK_BYTES)
        return file_encoding(start, self._given, self.location)

    @property
    def encoding_name(self) -> str:
        """The encoding's name for people."""
        return display_name(self.encoding)

    @cached_property
    def line_end(self) -> str:
        """LF, or CR in a file whose beginning has CR alone."""
        with self._opened("") as stream:
            start = stream.read(_BLOCK)
        return "\r" if "\r" in start and "\n" not in start else "\n"

    @cached_property
    def undecodable(self) -> str:
        """Why a text with undecodable bytes cannot be used, and what the file looks like."""
        with reading(self.location), open_bytes(self.location) as raw:
            likely = likely_encoding(raw)
        remedy = f"; the file looks like {likely}: set the encoding" if likely else ""
        return f"invalid {self.encoding_name}{remedy}"

    @contextmanager
    def opened(self) -> Iterator[TextIO]:
        """The decoded text, without a byte-order mark."""
        with self._opened(self.line_end) as stream:
            yield stream

    def raw_lines(self) -> Iterator[str]:
        """The lines with their ends."""
        with self.opened() as stream:
            yield from stream

    def lines(self) -> Iterator[str]:
        """The lines without their ends."""
        return map(without_end, self.raw_lines())

    def count(self) -> int | None:
        """The number of lines; None where that would take decompressing or decoding them."""
        if is_gzipped(self.location) or self.encoding.startswith(("utf-16", "utf-32")):
            return None
        end = self.line_end.encode()
        lines, last = 0, end
        with reading(self.location), self.location.open("rb") as stream:
            while block := stream.read(_BLOCK):
                lines += block.count(end)
                last = block[-1:]
        return lines + (last != end)

    @contextmanager
    def _opened(self, newline: str) -> Iterator[TextIO]:
        with (
            reading(self.location),
            open_bytes(self.location) as raw,
            io.TextIOWrapper(
                raw, encoding=self.encoding, errors="surrogateescape", newline=newline
            ) as stream,
        ):
            yield stream


def without_end(line: str) -> str:
    """A line without its LF, CRLF or CR."""
    return line.removesuffix("\n").removesuffix("\r")


def text_item(text: str, *, name: str | None = None, label: str | None = None) -> Item:
    """The item of a text. Without a name it is called by its content. Raises ItemError if blank."""
    if not text.strip():
        raise ItemError("empty text")
    stamp = sha256(text.encode()).hexdigest()
    return Item(name if name is not None else f"t-{stamp[:16]}", stamp, text=text, label=label)


class TextLines:
    """The lines of a text file, plain or gzipped, each one item.

    Ids and stamps are made of the text, as in a table without a column of ids. Blank lines only
    separate; a line that is not of the file's ``encoding`` is yielded as a Skip. Raises InputError
    if no file lies at the location, and while iterating if it cannot be read to its end.
    """

    summary = "a text file with one item a line (.txt)"
    precedence = 40
    modality: Modality = Modality.TEXT

    @classmethod
    def reads(cls, location: Path, options: Mapping[str, object]) -> bool:
        """A file that is no other format by its extension, and has no zero byte; any file whose
        encoding is named.
        """
        if "encoding" in options:
            return True
        if suffix_of(location) in _NOT_LINES:
            return False
        with reading(location), open_bytes(location) as stream:
            start = stream.read(_SNIFFED_BYTES)
        # UTF-16 is full of zero bytes as well.
        return b"\0" not in start or marked_encoding(start[:MARK_BYTES]) is not None

    def __init__(self, location: Path | str, *, encoding: str | None = None) -> None:
        self.location = require_file(location)
        self._file = TextFile(self.location, encoding)

    def __iter__(self) -> Iterator[Item | Skip]:
        """Every line that is not blank, as an Item or a Skip; lines count from 1."""
        for number, line in enumerate(self._file.lines(), start=1):
            if not line.strip():
                continue
            try:
                if is_undecoded(line):
                    raise ItemError(self._file.undecodable)
                outcome: Item | Skip = text_item(line)
            except ItemError as error:
                outcome = Skip(f"line {number}", error.reason)
            yield outcome

    def count(self) -> int | None:
        """The lines of the file, blank ones included; None where counting would take decoding."""
        return self._file.count()

    def reading(self) -> Reading:
        """How the file is read."""
        return Reading(
            f"text lines, {self._file.encoding_name}", (Column("id", None, "made of the text"),)
        )
