"""Kinds of damage to a file of a pool, each a function that changes the file."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

_BLOCK = 512
_TYPES = (">f4", "<f8", "<f2", "<i8", "<i4", "<u1", "<c8", "|b1", "|S3")


@dataclass(frozen=True, slots=True)
class Damage:
    """A file to damage; ``earlier`` and ``other`` are what has its name in an earlier state of the
    pool, and in another pool. ``rng`` draws where and what.
    """

    file: Path
    earlier: Path
    other: Path
    rng: np.random.Generator


def _truncate(damage: Damage) -> None:
    data = damage.file.read_bytes()
    # Half of the cuts take a few bytes off the end only.
    least = 0 if damage.rng.random() < 0.5 else max(0, len(data) - 64)
    damage.file.write_bytes(data[: damage.rng.integers(least, len(data))])


def _extend(damage: Damage) -> None:
    size = int(damage.rng.integers(1, 5000))
    tail = bytes(size) if damage.rng.random() < 0.5 else damage.rng.bytes(size)
    damage.file.write_bytes(damage.file.read_bytes() + tail)


def _flip(damage: Damage, count: int) -> None:
    data = np.frombuffer(damage.file.read_bytes(), np.uint8).copy()
    bits = damage.rng.choice(8 * len(data), min(count, 8 * len(data)), replace=False)
    np.bitwise_xor.at(data, bits // 8, (1 << bits % 8).astype(np.uint8))
    damage.file.write_bytes(data.tobytes())


def _zero_block(damage: Damage) -> None:
    data = bytearray(damage.file.read_bytes())
    size = min(_BLOCK, (len(data) + 1) // 2)
    # Around a byte that is not zero yet.
    chosen = int(damage.rng.choice(np.flatnonzero(np.frombuffer(bytes(data), np.uint8))))
    begin = min(max(0, chosen - size // 2), len(data) - size)
    data[begin : begin + size] = bytes(size)
    damage.file.write_bytes(data)


def _empty(damage: Damage) -> None:
    damage.file.write_bytes(b"")


def _remove(damage: Damage) -> None:
    damage.file.unlink()


def _swap(damage: Damage) -> None:
    shutil.copyfile(damage.other, damage.file)


def _stale(damage: Damage) -> None:
    shutil.copyfile(damage.earlier, damage.file)


def _wrong_type(damage: Damage) -> None:
    change = {
        ".npy": _retype_array,
        ".npz": _retype_archive,
        ".json": _retype_json,
        ".sqlite": _retype_row,
    }
    change[damage.file.suffix](damage)


def _wrong_values(damage: Damage) -> None:
    """A few values of an array as others of its type, in a file that is whole."""
    if damage.file.suffix == ".npy":
        np.save(damage.file, _revalued(np.load(damage.file), damage.rng))
        return
    with np.load(damage.file) as stored:
        arrays = dict(stored)
    name = str(damage.rng.choice(sorted(arrays)))
    arrays[name] = _revalued(arrays[name], damage.rng)
    np.savez(damage.file, **arrays)


def _revalued(array: Any, rng: np.random.Generator) -> Any:
    if array.dtype.kind == "U":
        return np.array(str(array)[::-1])
    flat = array.reshape(-1).copy()
    places = rng.choice(flat.size, min(flat.size, int(rng.integers(1, 5))), replace=False)
    if array.dtype.kind == "b":
        flat[places] = ~flat[places]
    elif array.dtype.kind == "f":
        flat[places] = (np.nan, np.inf, -1e30, 0.0, 0.5)[rng.integers(5)]
    else:
        limits = np.iinfo(array.dtype)
        flat[places] = (limits.min, limits.max, max(limits.min, -2), 0, 100)[rng.integers(5)]
    return flat.reshape(array.shape)


def _retype_array(damage: Damage) -> None:
    np.save(damage.file, _retyped(np.load(damage.file), damage.rng), allow_pickle=False)


def _retype_archive(damage: Damage) -> None:
    with np.load(damage.file) as stored:
        arrays = dict(stored)
    name = str(damage.rng.choice(sorted(arrays)))
    arrays[name] = _retyped(arrays[name], damage.rng)
    np.savez(damage.file, **arrays)


def _retyped(array: Any, rng: np.random.Generator) -> Any:
    """The array in another type, or in Fortran order, or of another shape."""
    if array.ndim > 1 and rng.random() < 0.3:
        return np.asfortranarray(array) if rng.random() < 0.5 else array.reshape(-1)
    if array.dtype.kind == "U":
        return np.array(0)
    kind = rng.choice([one for one in _TYPES if np.dtype(one) != array.dtype])
    with np.errstate(all="ignore"):
        return array.astype(kind)


def _retype_json(damage: Damage) -> None:
    data = json.loads(damage.file.read_bytes())
    places = list(_places(data))
    holder, key = places[damage.rng.integers(len(places))]
    others = [None, 7, -1.5, "text", [], {}, [{}], True, 10**400]
    holder[key] = others[damage.rng.integers(len(others))]
    damage.file.write_text(json.dumps(data), encoding="utf-8")


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Every member of objects and lists, as the holder and the key."""
    for key in data if isinstance(data, dict) else range(len(data)):
        yield data, key
        if isinstance(data[key], dict | list):
            yield from _places(data[key])


def _retype_row(damage: Damage) -> None:
    """A value of one row of one table as a value of another type."""
    with _altered(damage.file) as db:
        table = str(damage.rng.choice(["items", "events", "sources", "offers"]))
        columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})") if row[5] == 0]
        column = str(damage.rng.choice(columns))
        value = (b"\x00\xff", 7.5, "text", "9" * 30)[damage.rng.integers(4)]
        key = "item" if table == "offers" else "rowid"
        keys = [row[0] for row in db.execute(f"SELECT {key} FROM {table} ORDER BY {key}")]
        chosen = keys[damage.rng.integers(len(keys))]
        with contextlib.suppress(sqlite3.IntegrityError):  # what SQLite itself keeps out
            db.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (value, chosen))


@contextlib.contextmanager
def _altered(file: Path) -> Iterator[sqlite3.Connection]:
    """The database without what knnal has in it against changes."""
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        triggers = db.execute(query).fetchall()
        for name, _ in triggers:
            db.execute(f"DROP TRIGGER {name}")
        yield db
        for _, statement in triggers:
            db.execute(statement)


def _wrong_version(damage: Damage) -> None:
    rng = damage.rng
    version = int(rng.choice([-1, 0, 1, 2, 99, 2**31 - 1]))
    if damage.file.name == "manifest.json":
        data = json.loads(damage.file.read_bytes())
        data["schema_version"] = version
        damage.file.write_text(json.dumps(data), encoding="utf-8")
    elif damage.file.suffix == ".sqlite":
        with closing(sqlite3.connect(damage.file)) as db:
            db.execute(f"PRAGMA user_version = {version}")
    elif damage.file.suffix == ".npy":
        data = bytearray(damage.file.read_bytes())
        data[6] = int(rng.choice([0, 2, 3, 9]))  # the version of NumPy's format
        damage.file.write_bytes(data)
    elif damage.file.suffix == ".npz":
        _reversion_archive(damage)


def _reversion_archive(damage: Damage) -> None:
    """One of the arrays in another version of NumPy's format, or one that says so."""
    with zipfile.ZipFile(damage.file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = str(damage.rng.choice(sorted(members)))
    if damage.rng.random() < 0.5:
        members[name] = members[name][:6] + b"\x09" + members[name][7:]
    else:
        buffer = BytesIO()
        np.lib.format.write_array(buffer, np.load(BytesIO(members[name])), (3, 0))
        members[name] = buffer.getvalue()
    with zipfile.ZipFile(damage.file, "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)


KINDS: dict[str, Callable[[Damage], None]] = {
    "truncate": _truncate,
    "extend": _extend,
    "flip 1 bit": lambda damage: _flip(damage, 1),
    "flip 64 bits": lambda damage: _flip(damage, 64),
    "zero a block": _zero_block,
    "empty": _empty,
    "remove": _remove,
    "swap": _swap,
    "stale": _stale,
    "wrong type": _wrong_type,
    "wrong values": _wrong_values,
    "wrong version": _wrong_version,
}
