"""Files of words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from knnal.sources.base import Item, Skip
from knnal.types import Modality


class Words:
    """The words of a ``.words`` file, each an item that is its own id and stamp.

    ``word=label`` comes with a label; with ``ignore_labels`` it is left out.
    """

    summary = "a file of words (.words)"
    precedence = 0
    modality = Modality.TEXT

    def __init__(self, location: Path, *, ignore_labels: bool = False) -> None:
        self.location = location
        self._with_labels = not ignore_labels

    @classmethod
    def reads(cls, location: Path, options: Mapping[str, object]) -> bool:
        del options
        return location.suffix == ".words"

    def __iter__(self) -> Iterator[Item | Skip]:
        for found in self.location.read_text(encoding="utf-8").split():
            word, _, label = found.partition("=")
            given = label if label and self._with_labels else None
            yield Item(word, word, text=word, label=given)

    def count(self) -> int | None:
        return len(self.location.read_text(encoding="utf-8").split())
