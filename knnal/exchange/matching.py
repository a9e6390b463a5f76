"""Which items of a pool the rows of a table are about."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import cached_property
from itertools import islice, takewhile
from pathlib import PurePosixPath

from knnal.errors import ItemError
from knnal.pool.storage import ItemCatalog, Record
from knnal.sources.images import is_image_name

UNKNOWN = "no such item in the pool"
AMBIGUOUS = "name of several items in the pool"
_EXAMPLES = 3


class Rule(StrEnum):
    """How a name in a table found its item."""

    ID = "id"
    UNICODE = "id in another Unicode form"
    PATH = "path"
    BASE_NAME = "base name"
    STEM = "name without its ending"


class ItemMatcher:
    """Finds the items of a pool that a table names, and remembers how, and what it did not find.

    A name is an item's id, exactly or in Unicode's composed form (NFC). Where the item is an image,
    it may also be a path that ends as the file's does: with the folder in front, absolute, relative
    with ``./``, with Windows separators; the file's name alone; and all that without the ending. It
    must fit one item only, and no part of it may say another folder than the item's own.

    ``rules`` counts the names by the rule that found their item; ``examples`` has the first few of
    those that found none, by reason.
    """

    def __init__(self, catalog: ItemCatalog) -> None:
        self.rules: Counter[Rule] = Counter()
        self.examples: dict[str, list[str]] = {}
        self._catalog = catalog

    def __contains__(self, name: object) -> bool:
        """Whether the name, as it is written, is the id of an item."""
        return isinstance(name, str) and self._catalog.find(name) is not None

    def find(self, name: str) -> str:
        """The id of the item that is meant. Raises ItemError where there is none, or several."""
        rule, found = self._found(name)
        if len(found) == 1:
            self.rules[rule] += 1
            return found[0]
        reason = AMBIGUOUS if found else UNKNOWN
        of = f": {', '.join(found[:_EXAMPLES])}" if found else ""
        self._note(reason, f"{name}{of}")
        raise ItemError(reason)

    def inexact(self) -> str | None:
        """A sentence about the rules by which names found their items, if not all are ids."""
        if set(self.rules) <= {Rule.ID}:
            return None
        counts = ", ".join(f"{self.rules[rule]} by {rule}" for rule in Rule if self.rules[rule])
        return f"Rows matched to items: {counts}."

    def pool_ids(self) -> list[str]:
        """The first ids of the pool, to compare with names that were not found."""
        return [record.id for record in islice(self._catalog.records(), _EXAMPLES)]

    def _found(self, name: str) -> tuple[Rule, list[str]]:
        if self._catalog.find(name) is not None:
            return Rule.ID, [name]
        if same := self._ids.get(_nfc(name)):
            return Rule.UNICODE, same
        parts = _parts(name)
        if not parts:
            return Rule.PATH, []
        if same := self._ids.get("/".join(parts)):
            return Rule.PATH, same
        if found := self._ending_in(parts, self._by_name[0].get(parts[-1], []), stem=False):
            return Rule.PATH if len(parts) > 1 else Rule.BASE_NAME, found
        return Rule.STEM, self._ending_in(parts, self._by_name[1].get(parts[-1], []), stem=True)

    def _ending_in(self, parts: Sequence[str], ids: Iterable[str], *, stem: bool) -> list[str]:
        """Those of the ids whose files' paths have most of the parts of a name at their end."""
        fits: dict[int, list[str]] = {}
        for item in ids:
            record = self._catalog.find(item)
            if record is not None and (length := _common(parts, record, stem)):
                fits.setdefault(length, []).append(item)
        return fits[max(fits)] if fits else []

    @cached_property
    def _ids(self) -> dict[str, list[str]]:
        """The pool's ids by their composed form."""
        found: dict[str, list[str]] = {}
        for record in self._catalog.records():
            found.setdefault(_nfc(record.id), []).append(record.id)
        return found

    @cached_property
    def _by_name(self) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        """The ids of image files by the files' names, and by these without their endings."""
        names: dict[str, list[str]] = {}
        stems: dict[str, list[str]] = {}
        for ids in self._ids.values():
            for item in filter(is_image_name, ids):
                name = PurePosixPath(_nfc(item))
                names.setdefault(name.name, []).append(item)
                stems.setdefault(name.stem, []).append(item)
        return names, stems

    def _note(self, reason: str, example: str) -> None:
        examples = self.examples.setdefault(reason, [])
        if len(examples) < _EXAMPLES:
            examples.append(example)


def skip_lines(
    skips: Mapping[str, int], examples: Mapping[str, Sequence[str]], pool_ids: Sequence[str]
) -> Iterator[str]:
    """A line for each reason why rows were skipped, the most frequent first, with examples."""
    for reason, count in sorted(skips.items(), key=lambda pair: -pair[1]):
        examples_text = ", ".join(examples.get(reason, ()))
        if examples_text and count > len(examples[reason]):
            examples_text += ", ..."
        if examples_text and reason == UNKNOWN:
            examples_text += f"; the pool has {', '.join(pool_ids)}, ..."
        yield f"Skipped {count}: {reason}" + (f" ({examples_text})" if examples_text else "")


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _parts(name: str) -> list[str]:
    """A path's parts, whatever its separators, without what says nothing of where it ends."""
    parts = _nfc(name).strip().replace("\\", "/").split("/")
    return [part for part in parts if part not in ("", ".", "..")]


def _common(parts: Sequence[str], record: Record, stem: bool) -> int:
    """How many parts of a name a file's path ends in; 0 where the two contradict each other.

    A name that goes on above the folder that was embedded may do so elsewhere, on another machine,
    but it must have that folder's name.
    """
    own = _parts(record.id)
    path = own if record.path is None else _parts(os.path.normpath(record.path))
    end = PurePosixPath(path[-1]).stem if stem else path[-1]
    pairs = zip(reversed(parts), reversed([*path[:-1], end]), strict=False)
    common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    above = record.path is not None and common > len(own)
    return common if common == len(parts) or above else 0
