"""Image files to pixels, by one set of rules, for the network and for the screen alike.

Whatever a file holds (palette, CMYK, 16 bits, transparency, a rotation in its EXIF) becomes
8-bit RGB as a viewer would show it. Transparency lies on white; of an animation the first frame
counts.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from knnal.errors import ItemError

PixelArray: TypeAlias = NDArray[np.uint8]

# Pillow reads more formats, some of them by starting other programs.
_READERS: dict[str, type[ImageFile.ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WEBP": WebPImageFile,
    "BMP": BmpImageFile,
    "TIFF": TiffImageFile,
    "GIF": GifImageFile,
}

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
    """An image file's bytes to pixels of shape ``(side, side, 3)``, uint8 in [0, 255].

    The whole picture is squeezed into the square, by bilinear interpolation with antialiasing.
    Raises ItemError with the reason.
    """
    with _as_item_errors():
        image, orientation = _read(content, (side, side))
        if image.size != (side, side):
            image = image.resize((side, side), Image.Resampling.BILINEAR, reducing_gap=2.0)
        # Turned after it was made small, which costs less and gives the same square.
        pixels = _turn(image, orientation).tobytes()
        return np.frombuffer(pixels, np.uint8).reshape(side, side, 3)


def open_thumbnail(path: Path, size: tuple[int, int]) -> Image.Image:
    """An image file as an upright RGB picture that fits into ``size`` (width, height).

    Proportions are kept, and nothing is enlarged. Raises ItemError with the reason.
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
    image.load()
    # Only now: Pillow turns a TIFF upright while it loads, and then drops the tag.
    orientation = _orientation(image)
    return _flatten(image), orientation


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
    raise ItemError("not an image")


def _refuse_bomb(size: tuple[int, int]) -> None:
    """Pillow's own limit for an error: twice ``Image.MAX_IMAGE_PIXELS``."""
    pixels = size[0] * size[1]
    if Image.MAX_IMAGE_PIXELS is not None and pixels > 2 * Image.MAX_IMAGE_PIXELS:
        raise ItemError(f"decompression bomb ({pixels // 1_000_000} megapixels)")


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
    if image.mode.startswith("I;16"):
        high_bytes = (np.asarray(image) >> 8).astype(np.uint8)
        return Image.fromarray(high_bytes).convert("RGB")
    if image.mode in {"I", "F"}:
        return _stretch(np.asarray(image, np.float64)).convert("RGB")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _stretch(values: NDArray[np.float64]) -> Image.Image:
    """Numbers that name no range, such as 32-bit TIFF: the least becomes black, the most white."""
    values = np.nan_to_num(values)
    low, high = np.min(values), np.max(values)
    scaled = (values - low) * (255.0 / (high - low) if high > low else 0.0)
    return Image.fromarray(scaled.astype(np.uint8))


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
