"""Pictures of the pool's items, and no other file."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from knnal.embedders.images import open_thumbnail
from knnal.errors import ItemError
from knnal.pool.storage import Record

SMALL = (256, 256)
"""What a thumbnail fits into; a screen of high resolution shows it at half that."""

_FULL = (16384, 16384)
_KEPT = 512
_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
)
"""How files begin that browsers show as they are, and the only types that are ever named."""
_PNG_DEPTH = 24
"""Where a PNG says how many bits its values have (PNG specification, 11.2.2)."""


class NoPictureError(Exception):
    """There is no picture to show; the message says why."""


def picture_file(record: Record, sources: Sequence[Path]) -> Path:
    """The item's image file, its links followed. Raises NoPictureError.

    It must lie in a folder that was embedded, itself and not by a link that leads out.
    """
    if record.path is None:
        raise NoPictureError("This item is not a picture.")
    try:
        found = record.path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise NoPictureError("The file is not there any more.") from error
    inside = any(found.is_relative_to(source.resolve()) for source in sources)
    if not (inside and found.is_file()):
        raise NoPictureError(
            "The file is a link that leads out of the folder that was embedded, so it is not shown."
        )
    return found


def served_as(file: Path) -> str | None:
    """The content type of a picture that browsers show as it is, by its first bytes, or None.

    Those of 16 bits they do not show by the range that the picture uses.
    """
    with file.open("rb") as stream:
        begin = stream.read(_PNG_DEPTH + 1)
    if begin[:4] == b"RIFF" and begin[8:12] == b"WEBP":
        return "image/webp"
    if begin.startswith(b"\x89PNG") and begin[_PNG_DEPTH:] == b"\x10":
        return None
    return next((kind for signature, kind in _SIGNATURES if begin.startswith(signature)), None)


def small_picture(file: Path) -> bytes:
    """The picture as a JPEG that fits into ``SMALL``. Raises NoPictureError."""
    return _drawn(file, file.stat().st_mtime_ns, SMALL, "JPEG")


def redrawn(file: Path) -> bytes:
    """The picture in full as a PNG, for formats that browsers do not show. Raises as above."""
    return _draw(file, _FULL, "PNG")


@lru_cache(_KEPT)
def _drawn(file: Path, changed: int, size: tuple[int, int], kind: str) -> bytes:
    del changed  # tells versions of a file apart
    return _draw(file, size, kind)


def _draw(file: Path, size: tuple[int, int], kind: str) -> bytes:
    try:
        image = open_thumbnail(file, size)
    except (ItemError, OSError) as error:
        raise NoPictureError(f"The file cannot be shown: {error}.") from error
    stream = io.BytesIO()
    image.save(stream, kind, quality=88)
    return stream.getvalue()
