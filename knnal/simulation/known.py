"""Items whose class is known: what a simulation asks about and judges by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np

from knnal.errors import InputError
from knnal.files import atomic_writer
from knnal.pool.pool import Pool
from knnal.pool.views import StoredViews
from knnal.types import Float32Array, IntArray

_BLOCK = 16384
_VIEW_BLOCK = 1024


@dataclass(frozen=True)
class KnownItems:
    """``ids`` of ``n`` items, their ``rows`` ``(n,)`` in ``vectors``, their ``classes`` ``(n,)``,
    which are numbers into ``class_names``, and ``groups`` ``(n,)``, numbers too, if there are any.

    They come in random order, always the same: questions of equal score go to the earlier item, and
    folders and tables are often sorted by class. ``left_out`` items of the pool are not among them;
    ``unknown_ids`` were named, but are not in the pool. ``views`` are those of the rows of the
    pool, if it has any.
    """

    ids: tuple[str, ...]
    vectors: Float32Array
    rows: IntArray
    classes: IntArray
    class_names: tuple[str, ...]
    groups: IntArray | None
    left_out: int
    unknown_ids: int
    views: StoredViews | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(
        cls, pool: Pool, labels: Mapping[str, str], groups: Mapping[str, str] | None = None
    ) -> KnownItems:
        """The live items of a pool that have a label and, if groups are given, a group.

        Raises InputError for less than two items or classes.
        """
        live = pool.live
        wanted = [item for item in sorted(labels) if groups is None or item in groups]
        found = pool.catalog.rows_of(wanted)
        names = [item for item in wanted if item in found and live[found[item]]]
        class_names, classes = np.unique([labels[name] for name in names], return_inverse=True)
        if len(class_names) < 2:
            raise InputError(
                f"Expected known labels of at least two classes, came {len(labels)} labels, "
                f"{len(names)} of them for items of the pool, of {len(class_names)} classes. Label "
                "some, or name known labels, by the ids that the pool has, with --truth FILE or "
                "--truth-from-folders."
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
            left_out=int(np.count_nonzero(live)) - len(names),
            unknown_ids=len(wanted) - len(names),
            views=pool.views(),
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that a simulation depends on: ids, classes, groups and vectors."""
        digest = sha256()
        for part in (*self.ids, *self.class_names):
            digest.update(f"{len(part)}:{part}".encode())
        for numbers in (self.classes, self.groups):
            digest.update(b"none" if numbers is None else numbers.astype("<i8").tobytes())
        for start in range(0, len(self), _BLOCK):
            digest.update(self._block(start).astype("<f4").tobytes())
        return digest.hexdigest()

    def write_vectors(self, file: Path) -> None:
        """Write the vectors ``(n, d)`` in the items' order, as an npy file to be mapped."""
        shape = (len(self), self.vectors.shape[1])
        with atomic_writer(file) as stream:
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(stream, header)
            for start in range(0, len(self), _BLOCK):
                stream.write(self._block(start).astype("<f4").tobytes())

    def write_views(self, views: StoredViews, vectors: Path, made: Path) -> None:
        """Write the items' views as ``write_vectors`` does, and which of them are made.

        Raises InputError for views that an interrupted run left unfinished.
        """
        if len(views.made) <= np.max(self.rows):
            raise InputError(
                f"Expected views of all items, but those of only {len(views.made)} rows of the "
                "pool are made. Run 'knnal embed SOURCE' again."
            )
        np.save(made, views.made[self.rows])
        with atomic_writer(vectors) as stream:
            shape = (len(self), *views.vectors.shape[1:])
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(stream, header)
            for start in range(0, len(self), _VIEW_BLOCK):
                rows = self.rows[start : start + _VIEW_BLOCK]
                stream.write(views.vectors[rows].astype("<f4").tobytes())

    def _block(self, start: int) -> Float32Array:
        return self.vectors[self.rows[start : start + _BLOCK]]
