"""One rule for the names of classes and people, and which known name a misspelled one may mean."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache

from knnal.errors import InvalidNameError

ASCII_SPACE = " \t\n\r\f\v"
_INVISIBLE = frozenset({"Zs", "Zl", "Zp", "Cf"})
_CLOSE = 0.75
"""How similar names are that may mean the same, in [0, 1]: one wrong letter of four."""


@lru_cache(maxsize=4096)  # a table has few names, each in many rows
def checked_name(text: str, what: str = "class name") -> str:
    """The name in Unicode's composed form (NFC), ASCII white space trimmed at both ends.

    Everything that people write is allowed: joiners, no-break and ideographic spaces, emoji.
    Raises InvalidNameError for control characters (line breaks and tabs too), lone surrogates, and
    names without a visible character.
    """
    name = unicodedata.normalize("NFC", text.strip(ASCII_SPACE))
    kinds = {unicodedata.category(character) for character in name}
    if "Cc" in kinds:
        raise InvalidNameError(text, what, "control characters")
    if "Cs" in kinds:
        raise InvalidNameError(text, what, "invalid Unicode")
    if kinds <= _INVISIBLE:
        raise InvalidNameError(text, what, "no visible character")
    return name


def is_unicode(text: str) -> bool:
    """Whether the text can be written as UTF-8: it has no lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def close_name(name: str, names: Iterable[str]) -> str | None:
    """The one of the names that a misspelled name most probably means; None if none is close."""
    by_folded = {known.casefold(): known for known in names if known != name}
    close = get_close_matches(name.casefold(), by_folded, n=1, cutoff=_CLOSE)
    return by_folded[close[0]] if close else None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """A question in parentheses, with a blank before it, where a name is close to a known one."""
    close = close_name(name, names)
    return f" (did you mean '{close}'?)" if close is not None else ""
