"""Checksums of what a pool stores: XXH3, which detects damage and is no protection from forgery."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest, xxh3_128

from knnal.types import UInt64Array

CHECKED = {
    "sources": ("id", "location"),
    "items": ("row", "id", "source", "state", "stamp", "digest", "path", "text"),
    "events": (
        "seq", "kind", "item", "label", "target", "origin", "annotator", "at", "strategy",
        "scores", "text", "batch",
    ),
    "offers": ("item", "origin", "strategy", "scores"),
    "settings": ("name", "value"),
}  # fmt: skip
"""The tables whose rows have a checksum, the key first, and the columns that it is of."""

REPLACEABLE = ("offers", "settings")
"""The tables among them whose rows may be dropped: no label is lost by it."""

_NULL, _END = "\1", "\0"
_SIGNED = 1 << 63
"""SQLite's integers are signed: half of the range is subtracted from a checksum."""


def values_checksum(*values: object) -> int:
    """The checksum of a row of a table, as SQLite stores it.

    XXH3 (64 bits) of the UTF-8 of all values as text, each followed by a NUL; NULL is U+0001.
    """
    parts = [_NULL if value is None else str(value) for value in values]
    return xxh3_64_intdigest((_END.join(parts) + _END).encode()) - _SIGNED


def row_checksums(rows: NDArray[Any]) -> UInt64Array:
    """The XXH3 (64 bits) of the bytes of each row of an array ``(n, ...)``, ``(n,)``."""
    if not len(rows):
        return np.empty(0, dtype=np.uint64)
    data = _bytes(rows)
    width = len(data) // len(rows)
    sums = (xxh3_64_intdigest(data[at : at + width]) for at in range(0, len(data), width))
    return np.fromiter(sums, dtype=np.uint64, count=len(rows))


def bytes_checksum(data: bytes) -> str:
    """The XXH3 (128 bits) of some bytes, in hexadecimal digits."""
    return xxh3_128(data).hexdigest()


def arrays_checksum(arrays: Mapping[str, NDArray[Any]]) -> str:
    """The XXH3 (128 bits) of the names, types, shapes and bytes of some arrays."""
    digest = xxh3_128()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}{_END}".encode())
        digest.update(_bytes(array))
    return digest.hexdigest()


def _bytes(array: NDArray[Any]) -> memoryview:
    """The bytes of an array, copied only where it is not contiguous."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
