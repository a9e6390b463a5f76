"""Known labels and groups of a pool's items, for simulations. Nothing is written into its log."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from knnal.errors import InputError, InvalidNameError
from knnal.exchange.matching import ItemMatcher, skip_lines
from knnal.exchange.pairs import Wanted, read_known
from knnal.names import checked_name
from knnal.pool.labels.ledger import Ledger
from knnal.pool.pool import Pool
from knnal.simulation.known import KnownItems
from knnal.sources.images import find_class_folders, folder_at
from knnal.types import Modality, Narrator


@dataclass(frozen=True, slots=True)
class Truth:
    """Where known labels come from: a table, the folders, or else the labels in force.

    ``folder_level`` is which folder on a path names the class, as in ``find_class_folders``.
    ``groups`` is a table of ids and groups; or ``table`` has the ``group_column``. A table of texts
    without ids is read by its ``text_column``. ``encoding`` is that of the tables, where it is not
    UTF-8. Raises InputError for options that exclude each other.
    """

    table: Path | None = None
    from_folders: bool = False
    folder_level: int | None = None
    id_column: str | None = None
    label_column: str = "label"
    text_column: str | None = None
    groups: Path | None = None
    group_column: str | None = None
    encoding: str | None = None

    def __post_init__(self) -> None:
        if self.table is not None and (self.from_folders or self.folder_level is not None):
            raise InputError("`truth` and `truth_from_folders` exclude each other. Leave one out.")
        if self.group_column is not None and self.groups is None and self.table is None:
            raise InputError(
                "`group_column` needs a table. Pass it as `groups`, or as `truth` if it holds the "
                "labels too."
            )


def known_items(pool: Pool, truth: Truth, narrator: Narrator) -> KnownItems:
    """The pool's items whose class is known; omitted items are reported.

    Tables name items as ``ItemMatcher`` tells. Raises InputError for tables that cannot be read,
    and for less than two classes.
    """
    groups = _groups(pool, truth, narrator)
    known = KnownItems.of(pool, _labels(pool, truth, narrator), groups)
    if known.unknown_ids:
        narrator.say(f"Skipped {known.unknown_ids}: item that vanished from its source")
    if known.excluded:
        what = "label" if groups is None else "label or group"
        narrator.say(
            f"{known.excluded} of {known.excluded + len(known)} items are not used: their {what} "
            "is not known."
        )
    return known


def _labels(pool: Pool, truth: Truth, narrator: Narrator) -> dict[str, str]:
    if truth.table is not None:
        return _column(pool, truth, truth.table, Wanted(truth.label_column), narrator)
    if truth.from_folders or truth.folder_level is not None:
        if pool.manifest.modality is not Modality.IMAGE:
            raise InputError(
                "`truth_from_folders` needs a pool of images, whose ids are paths. Pass a table of "
                "ids and labels as `truth`."
            )
        return _folder_labels(pool, truth.folder_level, narrator)
    return pool.log.read_into(Ledger()).labels()


def _folder_labels(pool: Pool, level: int | None, narrator: Narrator) -> dict[str, str]:
    """Each item's class, by the folders between its source and its file."""
    locations = pool.catalog.locations()
    paths = {
        record.id: record.path.relative_to(locations[record.source]).as_posix()
        for record in pool.catalog.records()
        if record.path is not None
    }
    folders = find_class_folders(paths.values(), level)
    if remark := folders.remark():
        narrator.say(remark)
    known, skips = dict[str, str](), Counter[str]()
    for item, path in paths.items():
        folder = folder_at(path, folders.level)
        if folder is not None:
            try:
                known[item] = checked_name(folder)
            except InvalidNameError as error:
                skips[f"folder name has {error.reason}"] += 1
    for line in skip_lines(skips, {}, []):
        narrator.say(line)
    return known


def _groups(pool: Pool, truth: Truth, narrator: Narrator) -> dict[str, str] | None:
    table = truth.groups or (truth.table if truth.group_column is not None else None)
    if table is None:
        return None
    wanted = Wanted(truth.group_column or "group", option="group_column", role="group")
    return _column(pool, truth, table, wanted, narrator)


def _column(
    pool: Pool, truth: Truth, table: Path, wanted: Wanted, narrator: Narrator
) -> dict[str, str]:
    items, skips = ItemMatcher(pool.catalog), Counter[str]()
    known = read_known(
        table,
        wanted,
        items,
        id_column=truth.id_column,
        text_column=truth.text_column,
        skips=skips,
        encoding=truth.encoding,
    )
    if (said := items.inexact()) is not None:
        narrator.say(said)
    for line in skip_lines(skips, items.examples, items.pool_ids()):
        narrator.say(line)
    return known
