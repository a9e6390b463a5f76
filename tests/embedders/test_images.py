"""Decoding, against pictures whose every pixel is known."""

from __future__ import annotations

import warnings
from io import BytesIO

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
    """The colours in the middle of the four quadrants, each channel rounded to 0 or 255."""
    near, far = len(pixels) // 4, len(pixels) * 3 // 4
    centres = [pixels[y, x] for y in (near, far) for x in (near, far)]
    return [tuple(int(c > 127) * 255 for c in centre) for centre in centres]


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
def test_exif_orientation_is_honoured(orientation: int, side: int, kind: str) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    content = encode(quadrants(side, side), kind, exif=exif.tobytes())
    expected = [QUADRANTS[corner] for corner in UPRIGHT[orientation]]
    assert corners(decode_square(content, SIDE)) == expected


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # pytest sets its own filter over ours
def test_damaged_exif_does_not_lose_the_picture() -> None:
    content = encode(quadrants(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff junk")
    assert corners(decode_square(content, SIDE)) == QUADRANTS


def test_cmyk_and_greyscale_jpegs() -> None:
    assert corners(decode_square(encode(quadrants().convert("CMYK"), "JPEG"), SIDE)) == QUADRANTS
    grey = decode_square(encode(Image.new("L", (300, 200), 77), "JPEG"), SIDE)
    np.testing.assert_allclose(grey, 77, atol=1)


def test_16_bit_grey_keeps_its_high_byte() -> None:
    values = np.full((SIDE, SIDE), 0x8000, np.uint16)
    values[: SIDE // 2] = 0x2040
    for kind in ("PNG", "TIFF"):
        pixels = decode_square(encode(Image.fromarray(values), kind), SIDE)
        assert (pixels[0] == 0x20).all()
        assert (pixels[-1] == 0x80).all()


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
    red, blue = (Image.new("RGB", (40, 40), colour) for colour in ("red", "blue"))
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
    with pytest.raises(ItemError, match=r"decompression bomb \(400 megapixels\)"):
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
