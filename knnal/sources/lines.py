"""Plain text files with one item a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from knnal.errors import ItemError
from knnal.sources.base import Column, Item, Reading, Skip
from knnal.sources.checks import require_file
from knnal.sources.text import TextFile, is_undecoded, text_item
from knnal.types import Modality


class TextLines:
    """The lines of a text file, plain or gzipped, each one item.

    Ids and stamps are made of the text, as in a table without a column of ids. Blank lines only
    separate; a line that is not of the file's ``encoding`` is yielded as a Skip. Raises InputError
    if no file lies at the location, and while iterating if it cannot be read to its end.
    """

    modality: Modality = Modality.TEXT

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
            f"text lines, {self._file.encoding_shown}", (Column("id", None, "made of the text"),)
        )
