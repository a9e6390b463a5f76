"""What ``knnal embed`` recognized, and which classes it found, in lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from knnal_cli.wording import counted

if TYPE_CHECKING:
    from knnal.pool.ingest import IngestReport

_EXAMPLES = 3
_CLASSES = 20
"""At most this many classes are named; there may be one for every row."""


def recognition_lines(report: IngestReport, source: Path) -> Iterator[str]:
    """What of the source was in the pool already, at another place or in another source."""
    for location in report.moved_from:
        yield f"{source} is {location}, moved: its items keep their ids and labels."
    if report.linked_to is not None:
        yield f"{source} is {report.linked_to} by another path: its items are the same."
    if report.moved:
        moves = "; ".join(f"{item} is now {path}" for item, path in report.moves)
        more = "; ..." if report.moved > len(report.moves) else ""
        yield (f"{counted(report.moved, 'item')} moved here, ids and labels kept ({moves}{more}).")
    if report.ambiguous:
        yield (
            f"{counted(report.ambiguous, 'new item')} could be any of several vanished items with "
            "the same content: embedded as new, without their labels."
        )
    for location, count in report.copies.items():
        yield f"{counted(count, 'copy', 'copies')} of items from {location}, which still has them."
    for location, count in report.shared.items():
        yield (
            f"{counted(count, 'file')} of {location}, in the pool already as "
            f"{', '.join(report.shared_ids[:_EXAMPLES])}{', ...' if count > _EXAMPLES else ''}."
        )
    if report.outdated:
        yield (
            f"{counted(len(report.outdated), 'labeled item')} changed content: review them with "
            "'knnal review', which asks about them first."
        )


def class_line(classes: Counter[str]) -> str:
    """The classes that a source gives, the most frequent first, with their counts."""
    named = ", ".join(f"{name} {count}" for name, count in classes.most_common(_CLASSES))
    rest = len(classes) - _CLASSES
    return f"Classes found: {named}{f', and {rest} more' if rest > 0 else ''}."
