"""Labels from a table into the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from knnal.errors import InputError
from knnal.exchange.pairs import PoolIds, read_pairs
from knnal.recording import checked_label
from knnal.store.importing import Imported, LabelImport
from knnal.store.ledger import Ledger
from knnal.store.pool import Pool


@dataclass(slots=True)
class ImportReport:
    """``kept`` items have another label already and were not overwritten."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    kept: int = 0
    skips: Counter[str] = field(default_factory=Counter)


def import_labels(
    pool: Pool,
    file: Path,
    *,
    annotator: str,
    id_column: str = "id",
    label_column: str = "label",
    overwrite: bool = False,
    encoding: str | None = None,
) -> ImportReport:
    """Append the file's labels to the log, all of them or, on an error, none. They are undone as
    one, by the annotator.

    With ``overwrite``, another label that an item has is changed, by a relabel that the log keeps.
    ``encoding`` is that of a text file, where it is not UTF-8. In a column whose numbers are all
    whole, 1.0 is read as 1, but for ids and classes that the pool has as they are written.

    Raises InputError for a file that cannot be read or lacks one of the columns.
    """
    report = ImportReport()
    with pool.transaction():
        pairs = read_pairs(
            file,
            id_column,
            label_column,
            option="--label-column",
            role="label",
            skips=report.skips,
            encoding=encoding,
            known_ids=PoolIds(pool),
            known_labels=pool.log.read_into(Ledger()).classes(),
        )
        imported = LabelImport(pool.log, annotator, file.name)
        outcomes = imported.add(_checked(pool, pairs, report), overwrite=overwrite)
    report.added = outcomes[Imported.ADDED]
    report.changed = outcomes[Imported.CHANGED]
    report.unchanged = outcomes[Imported.UNCHANGED]
    report.kept = outcomes[Imported.KEPT]
    return report


def _checked(
    pool: Pool, pairs: Iterable[tuple[str, str]], report: ImportReport
) -> Iterator[tuple[str, str]]:
    for item, label in pairs:
        try:
            name = checked_label(label)
        except InputError:
            report.skips["label with unprintable characters"] += 1
            continue
        if pool.catalogue.find(item) is None:
            report.skips["no such item in the pool"] += 1
        else:
            yield item, name
