"""Cells of tables as texts, ids and labels."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from knnal.errors import ItemError
from knnal.names import ASCII_SPACE
from knnal.sources.base import Row

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.0)?")

_EXACT = 2**53  # from here on, floats skip whole numbers


def cell_text(value: object, role: str) -> str:
    """A cell as a string: "" for a null, ``str`` of a number.

    ``role`` ("text", "id", "label") names the cell in the reason of the ItemError that is raised
    for invalid UTF-8 and for lists and objects.
    """
    if isinstance(value, str) and value.isascii():
        return value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bytes):
        value = value.decode(errors="surrogateescape")
    if isinstance(value, list | dict):
        raise ItemError(f"{role} is neither a string nor a number")
    text = str(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ItemError("invalid UTF-8") from None
    return text


def cell_id(value: object) -> str:
    """A cell as an item's id. Raises ItemError if it is blank, or a float so large that it need not
    be the number it was made of.
    """
    if isinstance(value, float) and abs(value) >= _EXACT:
        raise ItemError("id is a float too large to be exact: save ids as text or integers")
    name = cell_text(value, "id")
    if not name.strip():
        raise ItemError("empty id")
    return name


def cell_label(value: object, role: str = "label") -> str | None:
    """A cell as a label without ASCII white space around it; None for a blank one, and for [].

    A list of one stands for what it holds. Raises ItemError for a longer one.
    """
    if isinstance(value, list):
        if len(value) > 1:
            raise ItemError(f"{role} is a list of several")
        value = value[0] if value else None
    label = cell_text(value, role).strip(ASCII_SPACE)
    return None if not label or label.isspace() else label


def whole_columns(rows: Iterable[Row], columns: Sequence[str], *, typed: bool) -> frozenset[str]:
    """Those of the columns whose numbers are all whole, so that 1.0 is another way to write 1.

    In a typed table numbers are the floats. In a table of strings they are the cells that read
    like a number; one that is not written as pandas writes whole numbers (007, 1.50, 1e5) shows
    that its column has other numbers, or codes, which stay as they are.
    """
    left = set(columns)
    for row in rows:
        if not left:
            break
        if isinstance(row, ItemError):
            continue
        for name in columns:
            if name in left and not _may_be_whole(row.get(name), typed=typed):
                left.discard(name)
    return frozenset(left)


def _may_be_whole(value: object, *, typed: bool) -> bool:
    if isinstance(value, list):
        return all(_may_be_whole(element, typed=typed) for element in value)
    if typed:
        return not isinstance(value, float) or not math.isfinite(value) or value.is_integer()
    if not isinstance(value, str):
        return True
    text = value.strip()
    return _NUMBER.fullmatch(text) is None or _WHOLE.fullmatch(text) is not None


def as_whole(value: object, *, typed: bool) -> object:
    """A cell of a column whose numbers are all whole: 1.0 as 1."""
    if isinstance(value, list):
        return [as_whole(element, typed=typed) for element in value]
    if typed:
        exact = isinstance(value, float) and value.is_integer() and abs(value) < _EXACT
        return int(value) if isinstance(value, float) and exact else value
    if isinstance(value, str) and value.rstrip().endswith(".0"):
        text = value.strip()
        return text.removesuffix(".0") if _WHOLE.fullmatch(text) else value
    return value


def whole_values(read: Callable[[], Iterable[object]], *, typed: bool) -> Iterator[object]:
    """The values of one column, which ``read`` gives as often as it is called; 1.0 as 1 if its
    numbers are all whole.
    """
    if all(_may_be_whole(value, typed=typed) for value in read()):
        return (as_whole(value, typed=typed) for value in read())
    return iter(read())
