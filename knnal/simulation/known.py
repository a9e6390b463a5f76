"""Items whose class is known, to simulate labeling on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import numpy as np

from knnal.errors import InputError
from knnal.pool.pool import Pool
from knnal.pool.views import StoredViews
from knnal.types import Float32Array, IntArray

_BLOCK = 16384


@dataclass(frozen=True)
class KnownItems:
    """``n`` items in a random order that is always the same: of items with equal scores, the first
    is asked about, and folders and tables are often sorted by class.

    Parameters
    ----------
    ids
        The items.
    vectors
        The embeddings of the pool.
    rows
        The rows of the items in ``vectors``, ``(n,)``.
    classes
        Their class numbers, ``(n,)``, indices into ``class_names``.
    class_names
        The names of the classes.
    groups
        Their group numbers, ``(n,)``, if they have groups.
    excluded
        The number of items of the pool whose class or group is not known.
    unknown_ids
        The number of labels for items that are not in the pool.
    views
        The views of the pool's rows, if it has any.
    """

    ids: tuple[str, ...]
    vectors: Float32Array
    rows: IntArray
    classes: IntArray
    class_names: tuple[str, ...]
    groups: IntArray | None
    excluded: int
    unknown_ids: int
    views: StoredViews | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(
        cls, pool: Pool, labels: Mapping[str, str], groups: Mapping[str, str] | None = None
    ) -> KnownItems:
        """The live items of a pool that have a label and, if groups are given, a group.

        Raises InputError for fewer than two classes.
        """
        live = pool.live
        wanted = [item for item in sorted(labels) if groups is None or item in groups]
        found = pool.catalog.rows_of(wanted)
        names = [item for item in wanted if item in found and live[found[item]]]
        class_names, classes = np.unique([labels[name] for name in names], return_inverse=True)
        if len(class_names) < 2:
            raise InputError(
                "The known labels must be of at least two classes, got "
                f"{len(class_names)}: {len(labels)} labels, {len(names)} of them for items of the "
                "pool. Label more items, or give known labels with `table` or `from_folders`."
            )
        order = np.random.default_rng(0).permutation(len(names))
        members = None
        if groups is not None:
            members = np.unique([groups[name] for name in names], return_inverse=True)[1][order]
        return cls(
            ids=tuple(names[i] for i in order),
            vectors=pool.embeddings,
            rows=np.array([found[names[i]] for i in order], dtype=np.int64),
            classes=classes[order].astype(np.int64),
            class_names=tuple(map(str, class_names)),
            groups=members,
            excluded=int(np.count_nonzero(live)) - len(names),
            unknown_ids=len(wanted) - len(names),
            views=pool.views(),
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything a simulation depends on: ids, classes, groups and vectors."""
        digest = sha256()
        for part in (*self.ids, *self.class_names):
            digest.update(f"{len(part)}:{part}".encode())
        for numbers in (self.classes, self.groups):
            digest.update(b"none" if numbers is None else numbers.astype("<i8").tobytes())
        for start in range(0, len(self), _BLOCK):
            digest.update(self._block(start).astype("<f4").tobytes())
        return digest.hexdigest()

    def _block(self, start: int) -> Float32Array:
        return self.vectors[self.rows[start : start + _BLOCK]]
