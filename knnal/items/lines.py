"""Plain text files with one item a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from knnal.errors import ItemError
from knnal.items.base import Item, Skip
from knnal.items.checks import require_file
from knnal.items.text import cell_text, count_lines, read_lines, text_item
from knnal.types import Modality


class TextLines:
    """The lines of a text file, plain or gzipped, each one item.

    Ids and stamps are made of the text, as in a table without a column of ids. Blank lines only
    separate; a line of invalid UTF-8 is yielded as a Skip. Raises InputError if no file lies at
    the location, and while iterating if it cannot be read to its end.
    """

    modality: Modality = Modality.TEXT

    def __init__(self, location: Path | str) -> None:
        self.location = require_file(location)

    def __iter__(self) -> Iterator[Item | Skip]:
        """Every line that is not blank, as an Item or a Skip; lines count from 1."""
        for number, line in enumerate(read_lines(self.location), start=1):
            if not line.strip():
                continue
            try:
                outcome: Item | Skip = text_item(cell_text(line, "text"))
            except ItemError as error:
                outcome = Skip(f"line {number}", error.reason)
            yield outcome

    def count(self) -> int | None:
        """The lines of the file, blank ones included; None if it is gzipped."""
        return count_lines(self.location)
