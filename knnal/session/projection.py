"""A pool's state, which follows its log."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np

from knnal.acquisition.state import PoolState
from knnal.acquisition.strategies.search_progress import recent_outcomes
from knnal.classifiers.vote import VoteOptions
from knnal.errors import InputError
from knnal.index.duplicates import OpenGroups, find_duplicates
from knnal.index.pool_index import UNLABELED, PoolIndex
from knnal.pool.index_files import restore_neighbors
from knnal.pool.labels.ledger import Event, EventKind, Ledger
from knnal.pool.pool import Pool
from knnal.pool.storage import Record
from knnal.types import BoolArray, IntArray, Narrator

_MANY = 8
"""From this many changed items on, the state is rebuilt if at most twice as many are labeled."""


class PoolProjection:
    """What the log amounts to: the ledger of decisions, and the pool state that follows it.

    ``take_in`` gives the ledger the next event; the state follows with ``update``. The pool is
    taken as it is now; rows that are stored later are for the next projection. With ``per_group``,
    a similarity, near-duplicates are asked about once: ``groups`` has them then.

    Raises InputError for a similarity outside (0, 1).
    """

    def __init__(
        self,
        pool: Pool,
        geometry: PoolIndex,
        classifier: str,
        vote: VoteOptions,
        per_group: float | None = None,
        narrator: Narrator | None = None,
    ) -> None:
        self.pool = pool
        self.ledger = Ledger()
        self.state = PoolState(geometry, classifier=classifier, vote=vote)
        self._skipped: BoolArray = np.zeros(len(geometry), dtype=np.bool_)
        self.groups: OpenGroups | None = None
        if per_group is not None:
            groups = find_duplicates(geometry.X, geometry.graph, per_group)
            self.groups = OpenGroups(groups, self._skipped)
        self._class_numbers: dict[str, int] = {}
        self._narrator = narrator
        self._is_built = False
        self._renamings = 0  # as of the last update
        self._changed: dict[str, None] = {}  # items whose row may differ from the ledger

    @property
    def classes(self) -> list[str]:
        """The classes by number, in the order in which they came up."""
        return list(self._class_numbers)

    @property
    def askable(self) -> BoolArray:
        """The rows that may be asked about, ``(rows,)``: there, without a label, not skipped, and
        no near-duplicate of a row that is labeled or skipped, if these are asked about once.
        """
        askable: BoolArray = self.state.unlabeled & ~self._skipped
        if self.groups is not None:
            askable &= ~self.groups.closed
        return askable

    @property
    def step(self) -> int:
        """The number of decisions in the log."""
        return self.ledger.step

    def recent_outcomes(self, name: str) -> tuple[bool, ...]:
        """Whether the latest items that a search for a class chose were of it."""
        return recent_outcomes(self.ledger, name)

    @property
    def has_labels(self) -> bool:
        return bool(self.state.labeling.neighbors.labeled)

    def known(self, item: str) -> Record:
        """An item, found as ``Catalog.get`` does; its ``id`` is how the pool writes the id.

        Raises InputError for one that is not in the pool as replayed.
        """
        record = self.pool.catalog.get(item)
        if record.row >= len(self.state.geometry):
            raise InputError(f"'{item}' was embedded after this session began. Open a new one.")
        return record

    def row(self, item: str) -> int:
        """The row of an item. Raises as ``known`` does."""
        return self.known(item).row

    def class_number(self, name: str) -> int:
        """The number of a class. Raises KeyError for one that has not come up."""
        return self._class_numbers[name]

    def take_in(self, event: Event) -> None:
        """Give the ledger the next event of the log."""
        self._changed.update((change.item, None) for change in self.ledger.apply(event))

    def disturb(self, item: str) -> None:
        """Announce that ``assign`` is used on an item's row; the next update takes that back."""
        self._changed[item] = None

    def update(self) -> None:
        """Bring the state to the decisions in force."""
        items, self._changed = self._changed, {}
        renamings, self._renamings = self.ledger.renamings - self._renamings, self.ledger.renamings
        names = self.ledger.classes()
        numbered = min(len(names), len(self._class_numbers))
        otherwise = renamings or names[:numbered] != self.classes[:numbered]
        many = len(items) >= _MANY and 2 * len(items) > self.ledger.label_count
        if not self._is_built:
            self._rebuild(opening=True)
        elif many or (otherwise and not self._keep_numbers(names, items)):
            self._rebuild()
        else:
            self._class_numbers = _numbered(names)
            self.state.declare_classes(max(len(names), self.state.labeling.class_count))
            self._follow(items)
            self.state.declare_classes(len(names))

    def _keep_numbers(self, names: list[str], changed: Collection[str]) -> bool:
        """Whether every label but those of changed items has its number among classes of these
        names, as after the rename of a class that is not merged into another.
        """
        numbers = _numbered(names)
        labels = {i: label for i, label in self.ledger.labels().items() if i not in changed}
        return all(
            row >= len(self.state.geometry)
            or self.state.labeling.classes[row] == numbers[labels[item]]
            for item, row in self.pool.catalog.rows_of(labels).items()
        )

    def _follow(self, items: Iterable[str]) -> None:
        """Bring some items' labels and skips into the state."""
        for item, row in self.pool.catalog.rows_of(items).items():
            if row >= len(self.state.geometry):
                continue
            decision = self.ledger.decision(item)
            self._skipped[row] = decision is not None and decision.kind is EventKind.SKIP
            label = decision.label if decision else None
            self.assign(row, None if label is None else self._class_numbers[label])

    def assign(self, row: int, label: int | None) -> None:
        """Give a row a class number or none, in the state and not in the ledger."""
        self.state.assign(row, label)
        if self.groups is not None:
            self.groups.set_decided(row, label is not None or bool(self._skipped[row]))

    def _rebuild(self, opening: bool = False) -> None:
        """The state from all decisions in force."""
        self._is_built = True
        self._class_numbers = _numbered(self.ledger.classes())
        labels, skipped = self.ledger.labels(), self.ledger.skipped()
        found = self.pool.catalog.rows_of([*labels, *skipped])
        rows = {item: row for item, row in found.items() if row < len(self.state.geometry)}
        self._skipped[:] = False
        self._skipped[_array(rows[item] for item in skipped if item in rows)] = True
        labeled = [item for item in labels if item in rows]
        labeled_rows = _array(rows[item] for item in labeled)
        if opening:
            neighbors = self.state.labeling.neighbors
            restore_neighbors(self.pool, neighbors, labeled_rows, self._narrator)
        self.state.rebuild(
            labeled_rows,
            _array(self._class_numbers[labels[item]] for item in labeled),
            len(self._class_numbers),
        )
        if self.groups is not None:
            labeling = self.state.labeling
            self.groups.rebuild(self._skipped | (labeling.classes != UNLABELED))


def _numbered(names: Iterable[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(names)}


def _array(numbers: Iterable[int]) -> IntArray:
    return np.fromiter(numbers, dtype=np.int64)
