"""Which encoding a text file has: by its byte-order mark, by name, or likely so."""

from __future__ import annotations

import codecs
from collections.abc import Iterable

from knnal.errors import InputError

UTF8 = "utf-8-sig"
"""UTF-8 with or without a byte-order mark."""

# UTF-32's mark begins with UTF-16's, so it is tried first.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, UTF8),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

MARK_BYTES = 4
"""The first bytes of a file that tell its encoding."""

# What people's tables come in. Rarer encodings would win on short texts by chance.
_LIKELY = [
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp932", "gb18030",
    "cp949", "big5", "koi8_r", "mac_roman",
]  # fmt: skip

_SAMPLE_BYTES = 1 << 16


def require_encoding(name: str) -> str:
    """The codec's own name. Raises InputError for a name of no text encoding."""
    try:
        bytes(4).decode(name)  # refuses codecs that are not of text
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        raise InputError(
            f"There is no text encoding {name!r}. Common ones are utf-8, utf-16, cp1252, "
            "latin-1, shift_jis and gb18030."
        ) from None


def marked_encoding(start: bytes) -> str | None:
    """The encoding that a file's first ``MARK_BYTES`` show, by a byte-order mark or, of UTF-16
    without one, by the zero bytes of its first two letters; None for any other.
    """
    for mark, name in _MARKS:
        if start.startswith(mark):
            return name
    if len(start) == MARK_BYTES:
        zeros = [byte == 0 for byte in start]
        if zeros == [False, True, False, True]:
            return "utf-16-le"
        if zeros == [True, False, True, False]:
            return "utf-16-be"
    return None


def file_encoding(start: bytes, given: str | None, location: object) -> str:
    """The codec to read a file with, from its first bytes and the encoding that the user gave.

    Raises InputError where a byte-order mark contradicts the user.
    """
    marked = marked_encoding(start)
    if given is None:
        return marked or UTF8
    if marked is None:
        return UTF8 if given == "utf-8" else given
    if given.replace("_", "-").startswith(marked[:6]):  # the same family: utf-8, utf-16, utf-32
        return marked
    raise InputError(
        f"{location} begins as {display_name(marked)} does, so it cannot be {given}. Leave out "
        "`encoding`."
    )


def display_name(encoding: str) -> str:
    """A codec's name for people."""
    name = encoding.removesuffix("-sig")
    return name.upper() if name.startswith("utf") else name


def likely_encoding(lines: Iterable[bytes]) -> str | None:
    """What a file's lines are likely encoded in, if most of those beyond ASCII are not UTF-8."""
    broken, valid, sample = 0, 0, bytearray()
    for line in lines:
        if line.isascii():
            continue
        try:
            line.decode()
            valid += 1
        except UnicodeDecodeError:
            broken += 1
            sample += line[:_SAMPLE_BYTES]
        if len(sample) >= _SAMPLE_BYTES:
            break
    return _guess(bytes(sample)) if broken > valid else None


def _guess(sample: bytes) -> str | None:
    from charset_normalizer import from_bytes

    matches = from_bytes(sample, cp_isolation=_LIKELY)
    best = matches.best()
    if best is None:
        return None
    rank = (best.chaos, best.coherence)
    tied = {n for m in matches if (m.chaos, m.coherence) == rank for n in m.could_be_from_charset}
    # Of what fits equally well, the encoding of most such files.
    return "cp1252" if "cp1252" in tied else best.encoding
