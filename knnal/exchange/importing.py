"""Labels from a table into the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from knnal.exchange.matching import UNKNOWN, ItemMatcher
from knnal.exchange.pairs import NO_LABEL, Wanted, read_pairs
from knnal.names import close_name, did_you_mean
from knnal.pool.labels.importing import Imported, LabelImport
from knnal.pool.pool import Pool

NO_CLASS = "class that the pool does not have"
_EXAMPLES = 3


@dataclass(slots=True)
class ImportReport:
    """``kept`` items have another label already and were not overwritten; ``unlabeled`` rows are
    those of items without a label.

    ``skips`` counts reasons, and ``examples`` has the first rows of some; ``pool_ids`` has ids to
    compare with those that were not found. ``matched`` counts the rows by the rule that found their
    item. ``new_classes`` has the classes that the pool did not have, each with the one that it may
    be a misspelling of.
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    kept: int = 0
    unlabeled: int = 0
    skips: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    pool_ids: list[str] = field(default_factory=list)
    matched: Counter[str] = field(default_factory=Counter)
    matched_in_words: str | None = None
    new_classes: dict[str, str | None] = field(default_factory=dict)


def import_labels(
    pool: Pool,
    file: Path,
    *,
    annotator: str,
    id_column: str = "id",
    label_column: str = "label",
    overwrite: bool = False,
    encoding: str | None = None,
    known_only: bool = False,
) -> ImportReport:
    """Append the file's labels to the log, all of them or, on an error, none. They are undone as
    one, by the annotator.

    Items are found as ``ItemMatcher`` tells. With ``overwrite``, another label that an item has is
    changed, by a relabel that the log keeps. With ``known_only``, rows of classes that the pool
    does not have are skipped. ``encoding`` is that of a text file, where it is not UTF-8. In a
    column whose numbers are all whole, 1.0 is read as 1, but for ids and classes that the pool has
    as they are written.

    Raises InputError for a file that cannot be read or lacks one of the columns.
    """
    report = ImportReport()
    items = ItemMatcher(pool.catalog)

    def labels(classes: set[str]) -> Iterator[tuple[str, str]]:
        for item, label in read_pairs(
            file,
            id_column,
            Wanted(label_column),
            items,
            report.skips,
            encoding=encoding,
            known_labels=classes,
        ):
            if label not in classes and label not in report.new_classes:
                report.new_classes[label] = close_name(label, classes)
            if known_only and label in report.new_classes:
                report.skips[NO_CLASS] += 1
            else:
                yield item, label

    with pool.transaction():
        imported = LabelImport(pool, annotator, file.name)
        classes = set(imported.classes())
        outcomes = imported.add(labels(classes), overwrite=overwrite)
    report.added = outcomes[Imported.ADDED]
    report.changed = outcomes[Imported.CHANGED]
    report.unchanged = outcomes[Imported.UNCHANGED]
    report.kept = outcomes[Imported.KEPT]
    report.unlabeled = report.skips.pop(NO_LABEL, 0)
    report.matched.update({rule.value: count for rule, count in items.rules.items()})
    report.matched_in_words = items.inexact()
    report.examples = items.examples
    if report.skips[NO_CLASS]:
        names = list(report.new_classes)[:_EXAMPLES]
        report.examples[NO_CLASS] = [f"{name}{did_you_mean(name, classes)}" for name in names]
    if report.skips[UNKNOWN]:
        report.pool_ids = items.pool_ids()
    return report
