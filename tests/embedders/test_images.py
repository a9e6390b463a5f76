"""Decoding, against pictures whose every pixel is known."""

from __future__ import annotations

import struct
import sys
import tempfile
import warnings
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from knnal.embedders.images import decode_square, open_thumbnail
from knnal.errors import ItemError

SIDE = 224


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def quadrants(width: int = SIDE, height: int = SIDE) -> Image.Image:
    """Red, green / blue, white: every turn and flip of it is another picture."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = (255, 0, 0)
    pixels[: height // 2, width // 2 :] = (0, 255, 0)
    pixels[height // 2 :, : width // 2] = (0, 0, 255)
    pixels[height // 2 :, width // 2 :] = (255, 255, 255)
    return Image.fromarray(pixels)


def corners(pixels: np.ndarray) -> list[tuple[int, ...]]:
    """The colors in the middle of the four quadrants, each channel rounded to 0 or 255."""
    near, far = len(pixels) // 4, len(pixels) * 3 // 4
    centers = [pixels[y, x] for y in (near, far) for x in (near, far)]
    return [tuple(int(c > 127) * 255 for c in center) for center in centers]


QUADRANTS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_lossless_formats_come_back_pixel_for_pixel(kind: str) -> None:
    picture = Image.fromarray(
        np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    )
    np.testing.assert_array_equal(decode_square(encode(picture, kind), SIDE), np.asarray(picture))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "GIF"])
def test_the_other_formats_are_read_too(kind: str) -> None:
    pixels = decode_square(encode(quadrants(), kind), SIDE)
    assert pixels.shape == (SIDE, SIDE, 3)
    assert pixels.dtype == np.uint8
    assert corners(pixels) == QUADRANTS


# Where the stored picture's corners (0 1 / 2 3) must lie once it stands upright: Exif 2.32, tag
# 274, gives for each value the visual side of the stored first row and first column.
UPRIGHT = {
    1: [0, 1, 2, 3],
    2: [1, 0, 3, 2],  # top, right
    3: [3, 2, 1, 0],  # bottom, right
    4: [2, 3, 0, 1],  # bottom, left
    5: [0, 2, 1, 3],  # left, top
    6: [2, 0, 3, 1],  # right, top
    7: [3, 1, 2, 0],  # right, bottom
    8: [1, 3, 0, 2],  # left, bottom
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("side", [SIDE, 1200])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_orientation_is_honored(orientation: int, side: int, kind: str) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    content = encode(quadrants(side, side), kind, exif=exif.tobytes())
    expected = [QUADRANTS[corner] for corner in UPRIGHT[orientation]]
    assert corners(decode_square(content, SIDE)) == expected


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # pytest sets its own filter over ours
def test_damaged_exif_does_not_lose_the_picture() -> None:
    content = encode(quadrants(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff junk")
    assert corners(decode_square(content, SIDE)) == QUADRANTS


def test_cmyk_and_grayscale_jpegs() -> None:
    assert corners(decode_square(encode(quadrants().convert("CMYK"), "JPEG"), SIDE)) == QUADRANTS
    gray = decode_square(encode(Image.new("L", (300, 200), 77), "JPEG"), SIDE)
    np.testing.assert_allclose(gray, 77, atol=1)


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_gray_is_shown_by_the_range_it_uses(bits: int, kind: str) -> None:
    ramp = np.linspace(0.1, 0.9, SIDE)[:, np.newaxis].repeat(SIDE, 1) * (2**bits - 1)
    pixels = decode_square(encode(Image.fromarray(ramp.astype(np.uint16)), kind), SIDE)
    np.testing.assert_allclose(pixels[:, 0, 0], np.linspace(0, 255, SIDE), atol=2)
    assert (pixels == pixels[:, :1, :1]).all()


def write_deep_color(values: np.ndarray, kind: str) -> bytes:
    """A PNG or an uncompressed TIFF of 16 bits a channel, which Pillow does not write."""
    height, width, channels = values.shape
    if kind == "PNG":
        rows = values.astype(">u2").reshape(height, -1).view(np.uint8)
        differences = np.diff(rows, axis=0, prepend=rows[:1] * 0)  # filter 2: from the row above
        filtered = np.hstack([np.full((height, 1), 2, np.uint8), differences])
        header = struct.pack(">IIBBBBB", width, height, 16, {3: 2, 4: 6}[channels], 0, 0, 0)
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(filtered.tobytes())), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
            for name, data in chunks
        )
    order, code = {"TIFF little": ("<", b"II"), "TIFF big": (">", b"MM")}[kind]
    data = values.astype(f"{order}u2").tobytes()
    bits_at, data_at = 8 + 2 + 8 * 12 + 4, 8 + 2 + 8 * 12 + 4 + 2 * channels
    entries = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, channels, bits_at), (259, 3, 1, 1),
        (262, 3, 1, 2), (273, 4, 1, data_at), (277, 3, 1, channels), (279, 4, 1, len(data)),
    ]  # fmt: skip
    directory = b"".join(
        struct.pack(f"{order}H", tag)
        + (
            struct.pack(f"{order}HIH2x", form, count, value)
            if form == 3 and count == 1
            else struct.pack(f"{order}HII", form, count, value)
        )
        for tag, form, count, value in entries
    )
    bits = struct.pack(f"{order}{channels}H", *[16] * channels)
    head = code + struct.pack(f"{order}HIH", 42, 8, len(entries))
    return head + directory + struct.pack(f"{order}I", 0) + bits + data


@pytest.mark.parametrize("kind", ["PNG", "TIFF little", "TIFF big"])
@pytest.mark.parametrize("bits", [10, 12, 16])
def test_16_bit_colors_are_shown_by_the_range_they_use(bits: int, kind: str) -> None:
    share = np.random.default_rng(bits).random((SIDE, SIDE, 3)) * 0.8 + 0.1
    values = (share * (2**bits - 1)).astype(np.uint16)
    pixels = decode_square(write_deep_color(values, kind), SIDE)
    low, high = np.quantile(values, [1e-4, 1 - 1e-4])
    expected = np.clip((values - low) / (high - low), 0, 1) * 255
    np.testing.assert_allclose(pixels, expected, atol=1)


def test_16_bit_colors_with_alpha_lie_on_white() -> None:
    values = np.random.default_rng(0).integers(100, 700, (SIDE, SIDE, 4), dtype=np.uint16)
    values[..., 3] = 0xFFFF
    values[: SIDE // 2, :, 3] = 0
    pixels = decode_square(write_deep_color(values, "PNG"), SIDE)
    assert (pixels[: SIDE // 2] == 255).all()
    expected = (values[SIDE // 2 :, :, :3] - 100.0) / 600 * 255
    np.testing.assert_allclose(pixels[SIDE // 2 :], expected, atol=2)


def test_hot_pixels_do_not_darken_the_rest_and_few_bright_ones_are_seen() -> None:
    values = np.random.default_rng(0).integers(100, 700, (400, 400), dtype=np.uint16)
    values[5, 5], values[7, 9] = 65535, 0
    assert np.asarray(thumbnail_of(values)).mean() > 100
    dark = np.zeros((400, 400), np.uint16)
    dark[100, 100:103] = 300
    shown = np.asarray(thumbnail_of(dark))
    assert (shown[100, 100:103] == 255).all()
    assert np.count_nonzero(shown[..., 0]) == 3


def thumbnail_of(values: np.ndarray) -> Image.Image:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "deep.png"
        Image.fromarray(values).save(file)
        return open_thumbnail(file, (400, 400))


def test_heic_and_avif() -> None:
    assert corners(decode_square(encode(quadrants(), "AVIF"), SIDE)) == QUADRANTS
    heif = pytest.importorskip("pillow_heif")
    buffer = BytesIO()
    heif.from_pillow(quadrants()).save(buffer)
    assert corners(decode_square(buffer.getvalue(), SIDE)) == QUADRANTS


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_heic_stands_upright(orientation: int) -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    exif = Image.Exif()
    exif[274] = orientation
    content = encode(quadrants(), "HEIF", exif=exif.tobytes())
    expected = [QUADRANTS[corner] for corner in UPRIGHT[orientation]]
    assert corners(decode_square(content, SIDE)) == expected


def test_heic_without_its_extra_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(
        ItemError, match=r"HEIC needs the extra 'heic'.* pip install 'knnal\[heic\]'"
    ):
        decode_square(b"\0\0\0\x1cftypheic" + bytes(40), SIDE)


def test_the_pixel_limit_is_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    content = encode(quadrants(40, 30), "PNG")
    monkeypatch.setenv("KNNAL_MAX_PIXELS", "1200")
    decode_square(content, SIDE)
    monkeypatch.setenv("KNNAL_MAX_PIXELS", "1199")
    with pytest.raises(ItemError, match=r"more than 1199 pixels.*KNNAL_MAX_PIXELS"):
        decode_square(content, SIDE)
    monkeypatch.setenv("KNNAL_MAX_PIXELS", "many")
    with pytest.raises(ItemError, match="must be a whole number, got 'many'"):
        decode_square(content, SIDE)


def test_numbers_without_a_range_are_stretched() -> None:
    values = np.linspace(-3, 5, SIDE, dtype=np.float32)[:, np.newaxis].repeat(SIDE, 1)
    pixels = decode_square(encode(Image.fromarray(values), "TIFF"), SIDE)
    assert (pixels[0] == 0).all()
    assert (pixels[-1] == 255).all()
    flat = decode_square(encode(Image.new("F", (9, 9), 4.0), "TIFF"), SIDE)
    assert (flat == 0).all()


def test_alpha_lies_on_white() -> None:
    half_red = encode(Image.new("RGBA", (50, 50), (255, 0, 0, 128)), "PNG")
    np.testing.assert_allclose(decode_square(half_red, SIDE)[0, 0], (255, 127, 127), atol=1)
    clear = encode(Image.new("LA", (50, 50), (0, 0)), "PNG")
    assert (decode_square(clear, SIDE) == 255).all()


@pytest.mark.parametrize("transparency", [0, bytes([0, 255])])
def test_palette_with_transparency(transparency: int | bytes) -> None:
    picture = Image.new("P", (SIDE, SIDE), 1)
    picture.putpalette([10, 20, 30, 200, 100, 50])
    picture.paste(0, (0, 0, SIDE // 2, SIDE))
    pixels = decode_square(encode(picture, "PNG", transparency=transparency), SIDE)
    assert tuple(pixels[0, 0]) == (255, 255, 255)
    assert tuple(pixels[0, -1]) == (200, 100, 50)


def test_the_first_frame_of_an_animation_counts() -> None:
    red, blue = (Image.new("RGB", (40, 40), color) for color in ("red", "blue"))
    content = encode(red, "GIF", save_all=True, append_images=[blue])
    assert (decode_square(content, SIDE) == (255, 0, 0)).all()


def test_the_whole_picture_is_squeezed_as_by_plain_bilinear_resizing() -> None:
    slope = np.linspace(0, 255, 700)[np.newaxis, :, np.newaxis].repeat(300, 0).repeat(3, 2)
    picture = Image.fromarray(slope.astype(np.uint8))
    expected = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR), np.int16)
    difference = decode_square(encode(picture, "PNG"), SIDE) - expected
    assert np.abs(difference).max() <= 1


def test_a_12_megapixel_jpeg_keeps_its_picture() -> None:
    content = encode(quadrants(4000, 3000), "JPEG", quality=90)
    expected = np.asarray(
        Image.open(BytesIO(content)).resize((SIDE, SIDE), Image.Resampling.BILINEAR), np.int16
    )
    assert np.abs(decode_square(content, SIDE) - expected).mean() < 2


def noise_jpeg() -> bytes:
    pixels = np.random.default_rng(1).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    return encode(Image.fromarray(pixels), "JPEG")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"just some text", "not an image"),
        (b"%PDF-1.7 of pages", "not an image"),
        (noise_jpeg()[:9000], "truncated image"),
        (encode(quadrants(), "PNG")[:300], "truncated image"),
        (b"\xff\xd8\xff\xe0", "unreadable image"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "unreadable image"),
    ],
)
def test_reasons_for_what_cannot_be_read(content: bytes, reason: str) -> None:
    with pytest.raises(ItemError) as caught:
        decode_square(content, SIDE)
    assert caught.value.reason == reason


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"])
def test_no_prefix_of_a_file_raises_anything_else(kind: str) -> None:
    content = encode(quadrants(64, 48), kind)
    for end in range(0, len(content), max(1, len(content) // 97)):
        try:
            decode_square(content[:end], 32)
        except ItemError:
            continue


def bmp_of(width: int, height: int) -> bytes:
    """A BMP header that promises far more pixels than the file holds."""
    content = bytearray(encode(Image.new("L", (1, 1)), "BMP"))
    content[18:22], content[22:26] = width.to_bytes(4, "little"), height.to_bytes(4, "little")
    return bytes(content)


def test_a_decompression_bomb_is_refused_by_its_header() -> None:
    with pytest.raises(ItemError, match=r"more than 178956970 pixels"):
        decode_square(bmp_of(20_000, 20_000), SIDE)


def test_a_large_image_below_the_limit_is_read_without_a_warning() -> None:
    # 100 megapixels: Image.open would warn. One bit each keeps the test small.
    content = encode(Image.new("1", (10_000, 10_000), 1), "PNG")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (decode_square(content, SIDE) == 255).all()


def test_a_thumbnail_fits_keeps_its_proportions_and_stands_upright(tmp_path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    file = tmp_path / "photo.jpg"
    file.write_bytes(encode(quadrants(1600, 800), "JPEG", exif=exif.tobytes()))
    thumbnail = open_thumbnail(file, (300, 200))
    assert thumbnail.mode == "RGB"
    assert thumbnail.size == (100, 200)
    assert thumbnail.getpixel((75, 20)) == pytest.approx((255, 0, 0), abs=8)


def test_a_thumbnail_of_a_small_picture_is_not_enlarged(tmp_path) -> None:
    file = tmp_path / "small.png"
    file.write_bytes(encode(quadrants(40, 20), "PNG"))
    assert open_thumbnail(file, (300, 200)).size == (40, 20)
