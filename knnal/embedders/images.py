"""Image files to pixels, by one set of rules, for the network and the screen.

Whatever a file holds (palette, CMYK, 16 bits, transparency, a rotation in its EXIF) becomes
8-bit RGB as a viewer would show it. Transparency lies on white; of an animation the first frame
counts.

Values of more than 8 bits are scaled by the range that the picture uses: sensors give 10 to 14 bits
in 16, and which of them is nowhere said. Their lowest 0.01 percent become black, the highest white,
so that a few hot pixels do not darken the rest; channels of a color picture have one range.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from knnal.errors import ItemError, MissingExtraError
from knnal.extras import extra

PixelArray: TypeAlias = NDArray[np.uint8]

# Pillow reads more formats, some of them by starting other programs.
_READERS: dict[str, type[ImageFile.ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WEBP": WebPImageFile,
    "BMP": BmpImageFile,
    "TIFF": TiffImageFile,
    "GIF": GifImageFile,
    "AVIF": AvifImageFile,
}

MAX_PIXELS_VARIABLE = "KNNAL_MAX_PIXELS"
"""The environment variable for the most pixels that a picture may have."""
MAX_PIXELS = 178_956_970
"""The same, unless it is set: Pillow's own limit, beyond which it sees a decompression bomb."""

# The brands of HEIC and HEIF files, ISO/IEC 23008-12.
_HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)

_OUTLIERS = 1e-4
"""The share of values at either end of a picture's range that does not count."""

# How Pillow names values of 16 bits, by the byte of each that it takes, and that of the other one.
_OTHER_BYTE = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}

# What turns each EXIF orientation upright (Exif 2.32, tag 274); 1 is upright already.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = {5, 6, 7, 8}

# Pillow remarks on damaged metadata of pictures that it reads all the same. Set for the process,
# since Python cannot silence a warning for one thread before 3.14.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


def decode_square(content: bytes, side: int) -> PixelArray:
    """Decode an image file for a network.

    The whole picture is squeezed into a square, by bilinear interpolation with antialiasing.

    Parameters
    ----------
    content
        The bytes of the file.
    side
        Of the square, in pixels.

    Returns
    -------
    numpy.ndarray
        RGB ``(side, side, 3)``, uint8 in [0, 255].

    Raises
    ------
    ItemError
        With the reason, if it cannot be decoded.
    """
    with _as_item_errors():
        image, orientation = _read(content, (side, side))
        if image.size != (side, side):
            image = image.resize((side, side), Image.Resampling.BILINEAR, reducing_gap=2.0)
        # Turned after it was made small, which costs less and gives the same square.
        pixels = _turn(image, orientation).tobytes()
        return np.frombuffer(pixels, np.uint8).reshape(side, side, 3)


def open_thumbnail(path: Path, size: tuple[int, int]) -> Image.Image:
    """Open an image file for the screen, upright and in RGB.

    Parameters
    ----------
    path
        The file.
    size
        Width and height in pixels that the picture fits into. Proportions are kept, and nothing is
        enlarged.

    Returns
    -------
    PIL.Image.Image
        The picture.

    Raises
    ------
    ItemError
        With the reason, if it cannot be read or decoded.
    """
    with _as_item_errors():
        image, orientation = _read(path.read_bytes(), (max(size), max(size)))
        box = size[::-1] if orientation in _SIDEWAYS else size
        image.thumbnail(box, Image.Resampling.BILINEAR)
        return _turn(image, orientation)


def _read(content: bytes, least: tuple[int, int]) -> tuple[Image.Image, int]:
    """The RGB picture as it is stored, and its EXIF orientation.

    A JPEG is decoded at the smallest scale (1/2, 1/4, 1/8) that still covers ``least``.
    """
    image = _open(content)
    image.draft("RGB", least)
    dropped = _dropped_bytes(image)
    image.load()
    # Only now: Pillow turns a TIFF upright while it loads, and then drops the tag.
    orientation = _orientation(image)
    return _flatten(_deep_color(content, image, dropped) if dropped else image), orientation


def _open(content: bytes) -> ImageFile.ImageFile:
    """The image with its header read and its size found sane.

    The readers are called directly: ``Image.open`` warns of large images, which ends a run with
    warnings as errors, and Python's way to silence one warning is not thread-safe before 3.14.
    """
    if not content:
        raise ItemError("empty file")
    for name, reader in _READERS.items():
        accepts = Image.OPEN[name][1]
        if accepts is not None and accepts(content[:16]) is True:
            image = reader(BytesIO(content))
            _refuse_bomb(image.size)
            return image
    if content[4:8] == b"ftyp" and content[8:12] in _HEIF_BRANDS:
        image = _open_heif(content)
        _refuse_bomb(image.size)
        return image
    raise ItemError("not an image")


def _open_heif(content: bytes) -> ImageFile.ImageFile:
    try:
        with extra("heic", "HEIC"):
            from pillow_heif import HeifImageFile
    except MissingExtraError as error:
        raise ItemError(str(error)) from error
    image: ImageFile.ImageFile = HeifImageFile(BytesIO(content))
    return image


def _refuse_bomb(size: tuple[int, int]) -> None:
    given = os.environ.get(MAX_PIXELS_VARIABLE) or str(MAX_PIXELS)
    if not given.isdecimal():
        raise ItemError(f"{MAX_PIXELS_VARIABLE} must be a whole number, got {given!r}")
    if size[0] * size[1] > int(given):
        raise ItemError(f"more than {given} pixels: a larger {MAX_PIXELS_VARIABLE} allows them")


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # damaged EXIF fails in many ways, and none of them harms the pixels
        return 1


def _turn(image: Image.Image, orientation: int) -> Image.Image:
    step = _UPRIGHT.get(orientation)
    return image if step is None else image.transpose(step)


def _flatten(image: Image.Image) -> Image.Image:
    """Any mode to RGB."""
    if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
        return Image.fromarray(_by_own_range(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _by_own_range(values: NDArray[np.generic]) -> PixelArray:
    """Numbers to 8 bits by the range that they use, but for outliers; black where that is none."""
    exact = values.astype(np.float64)
    known = exact[np.isfinite(exact)]
    if not known.size:
        return np.zeros(exact.shape, np.uint8)
    outliers = int(_OUTLIERS * (known.size - 1))
    ordered = np.partition(known, (outliers, known.size - 1 - outliers))
    low, high = ordered[outliers], ordered[known.size - 1 - outliers]
    if low == high:  # a few bright pixels on black are no outliers
        low, high = known.min(), known.max()
    scale = 255.0 / (high - low) if high > low else 0.0
    usable = np.nan_to_num(exact, nan=low, posinf=high, neginf=low)
    scaled: PixelArray = ((np.clip(usable, low, high) - low) * scale).astype(np.uint8)
    return scaled


def _dropped_bytes(image: ImageFile.ImageFile) -> list[Any]:
    """Of a picture that is not loaded yet and has colors of 16 bits, of which Pillow takes one
    byte: the tiles that give the other one. Of other pictures, nothing.
    """
    tiles = []
    for tile in image.tile:
        mode, *rest = tile.args if isinstance(tile.args, tuple) and tile.args else (tile.args,)
        colors, _, kind = str(mode).partition(";16")
        if colors not in {"RGB", "RGBA"} or kind not in _OTHER_BYTE:
            return []
        tiles.append(tile._replace(args=(f"{colors};16{_OTHER_BYTE[kind]}", *rest)))
    return tiles


def _deep_color(content: bytes, image: ImageFile.ImageFile, dropped: list[Any]) -> Image.Image:
    """The same picture with all 16 bits considered: read once more, for the bytes left out."""
    other = _open(content)
    other.tile = dropped
    other.load()
    high, low = np.asarray(image).astype(np.uint16), np.asarray(other)
    pixels = np.array(image)
    pixels[..., :3] = _by_own_range((high << 8 | low)[..., :3])
    return Image.fromarray(pixels, image.mode)


@contextlib.contextmanager
def _as_item_errors() -> Iterator[None]:
    """Whatever goes wrong with one file, as an ItemError whose reason repeats.

    Damaged files make Pillow raise almost anything (OSError, SyntaxError, struct.error,
    IndexError, a warning turned error), so every Exception counts.
    """
    try:
        yield
    except ItemError:
        raise
    except Image.DecompressionBombError as error:
        raise ItemError("decompression bomb") from error
    except MemoryError as error:
        raise ItemError("too large for the memory") from error
    except Exception as error:
        truncated = isinstance(error, EOFError) or "truncated" in str(error).lower()
        raise ItemError("truncated image" if truncated else "unreadable image") from error
