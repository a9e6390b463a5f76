"""Views: the same ones every time, each change by itself, and what cannot be made."""

from __future__ import annotations

import hashlib
from collections import Counter
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from knnal.embedders.images import decode_square
from knnal.embedders.views import (
    IMAGE_AUGMENTATIONS,
    SIDE,
    Recipe,
    decode_picture,
    picture_view,
    source_points,
    text_view,
)
from knnal.errors import InputError, ItemError
from knnal.types import Modality

TEXT = "the quick brown fox jumps over the lazy dog and runs away from all of us today"
DIGEST = hashlib.sha256(TEXT.encode()).hexdigest()


def views(count: int, digest: str = DIGEST) -> list[object]:
    return list(Recipe.of(Modality.TEXT, count).views(TEXT, digest))


def test_content_and_number_are_the_seed() -> None:
    assert views(8) == views(8)
    assert views(8)[:3] == views(3)
    assert len(set(views(8))) > 6
    other = hashlib.sha256(b"another text").hexdigest()
    assert views(8, other) != views(8)


def test_augmentations_are_named_in_one_order() -> None:
    assert Recipe.of(Modality.TEXT, 2, ["swap", "drop"]) == Recipe.of(Modality.TEXT, 2)
    assert Recipe.of(Modality.IMAGE, 2, ["crop", "mirror"]).augmentations == ("mirror", "crop")
    assert Recipe.of(Modality.TEXT, 2).augmentations == ("drop", "swap")


def test_what_cannot_be_made() -> None:
    with pytest.raises(InputError, match="ready vectors have no content"):
        Recipe.of(Modality.VECTOR, 8)
    with pytest.raises(InputError, match="at least 1, got 0"):
        Recipe.of(Modality.TEXT, 0)
    for names in (["mirror"], ["drop", ""], []):
        with pytest.raises(InputError, match="of texts must be among drop, swap"):
            Recipe.of(Modality.TEXT, 1, names)


# Texts


def words_of(text: str, *names: str, seed: int = 0) -> list[str]:
    return text_view(text, names, np.random.default_rng(seed)).split()


@given(st.lists(st.text("abc", min_size=1), max_size=30), st.integers(0, 99))
def test_dropping_keeps_the_order_and_at_least_one_word(words: list[str], seed: int) -> None:
    kept = words_of(" ".join(words), "drop", seed=seed)
    rest = iter(words)
    assert all(any(word == other for other in rest) for word in kept), "no subsequence"
    assert bool(kept) == bool(words)


@given(st.lists(st.text("abc", min_size=1), max_size=30), st.integers(0, 99))
def test_swapping_keeps_every_word_and_moves_few(words: list[str], seed: int) -> None:
    swapped = words_of(" ".join(words), "swap", seed=seed)
    assert Counter(swapped) == Counter(words)
    moved = sum(a != b for a, b in zip(swapped, words, strict=True))
    assert moved <= 2 * -(-len(words) // 10)


def test_a_fifth_of_the_words_is_left_out() -> None:
    kept = [len(words_of(TEXT, "drop", seed=seed)) for seed in range(400)]
    assert np.mean(kept) / len(TEXT.split()) == pytest.approx(0.81, abs=0.02)


def test_a_text_of_two_words_or_more_is_always_swapped() -> None:
    assert all(words_of("one two", "swap", seed=seed) == ["two", "one"] for seed in range(20))
    assert words_of("one", "swap", "drop") == ["one"]


# Pictures

LINE = np.linspace(-1.0, 1.0, 9)
GRID = np.stack(np.meshgrid(LINE, LINE), axis=-1)
SEEDS = range(40)


def points(name: str, seed: int) -> Any:
    return source_points({name}, np.random.default_rng(seed))


def picture(seed: int = 0) -> bytes:
    """A smooth color picture of the views' own size."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(file, "PNG")
    return file.getvalue()


def fitted(name: str, seed: int) -> Any:
    return fitted_of({name}, seed)


def fitted_of(names: set[str], seed: int) -> Any:
    """The linear map ``(2, 2)`` and shift ``(2,)`` from the view to the picture, if it is one."""
    found = source_points(names, np.random.default_rng(seed)).reshape(-1, 2)
    design = np.column_stack([GRID.reshape(-1, 2), np.ones(81)])
    solved, *_ = np.linalg.lstsq(design, found, rcond=None)
    np.testing.assert_allclose(design @ solved, found, atol=1e-12)
    return solved[:2].T, solved[2]


def test_nothing_changes_without_augmentations() -> None:
    np.testing.assert_array_equal(source_points((), np.random.default_rng(0)), GRID)
    view = picture_view(decode_picture(picture()), (), np.random.default_rng(0))
    np.testing.assert_array_equal(decode_square(view, SIDE), decode_square(picture(), SIDE))


def test_a_mirror_image_is_that_of_numpy() -> None:
    upright = decode_square(picture(), SIDE)
    seen = set()
    for seed in range(12):
        view = picture_view(decode_picture(picture()), {"mirror"}, np.random.default_rng(seed))
        pixels = decode_square(view, SIDE)
        mirrored = bool(points("mirror", seed)[0, 0, 0] > 0)
        expected = upright[:, ::-1] if mirrored else upright
        np.testing.assert_allclose(pixels.astype(int), expected, atol=1)
        seen.add(mirrored)
    assert seen == {True, False}


def test_turns_are_turns_of_up_to_25_degrees() -> None:
    angles = []
    for seed in SEEDS:
        matrix, shift = fitted("rotate", seed)
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(2), atol=1e-12)
        np.testing.assert_allclose(shift, 0.0, atol=1e-12)
        angles.append(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0])))
    assert -25 <= min(angles) < -15
    assert 15 < max(angles) <= 25


def test_a_turn_is_that_of_pillow() -> None:
    upright = Image.open(BytesIO(picture()))
    matrix, _ = fitted("rotate", 3)
    angle = np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))
    view = picture_view(decode_picture(picture()), {"rotate"}, np.random.default_rng(3))
    # Counter-clockwise, as Pillow has it, is toward negative y.
    expected = np.asarray(upright.rotate(angle, Image.Resampling.BILINEAR), dtype=int)
    middle = slice(60, 164)
    found = decode_square(view, SIDE).astype(int)
    assert np.abs(found - expected)[middle, middle].mean() < 1.0


def test_scales_shears_and_crops_keep_to_their_ranges() -> None:
    scales, slants, kept, shifts = [], [], [], []
    for seed in SEEDS:
        matrix, _ = fitted("scale", seed)
        np.testing.assert_allclose(matrix, matrix[0, 0] * np.eye(2), atol=1e-12)
        scales.append(1 / matrix[0, 0])
        matrix, _ = fitted("shear", seed)
        slants.append(matrix[0, 1])
        np.testing.assert_allclose(matrix, [[1, slants[-1]], [0, 1]], atol=1e-12)
        matrix, shift = fitted("crop", seed)
        kept.append(matrix[0, 0])
        shifts.append(np.abs(shift).max() - (1 - kept[-1]))
        np.testing.assert_allclose(matrix, kept[-1] * np.eye(2), atol=1e-12)
    assert 0.8 <= min(scales) < 0.9 < 1.1 < max(scales) <= 1.2
    assert -0.2 <= min(slants) < -0.1 < 0.1 < max(slants) <= 0.2
    assert 0.8 <= min(kept) < 0.85 < 0.95 < max(kept) <= 1.0
    assert max(shifts) <= 0.0, "a crop reaches outside the picture"


def test_bends_are_small_and_no_linear_map() -> None:
    for seed in SEEDS:
        bend = points("elastic", seed) - GRID
        assert 0.02 < bend.std() < 0.06
        assert np.abs(bend).max() < 0.1201


def test_changes_follow_each_other_each_as_it_is_alone() -> None:
    for seed in range(10):
        linear = {name: fitted(name, seed)[0] for name in IMAGE_AUGMENTATIONS if name != "elastic"}
        matrix, _ = fitted_of({"rotate", "shear", "scale"}, seed)
        expected = linear["rotate"] @ linear["shear"] @ linear["scale"]
        np.testing.assert_allclose(matrix, expected, atol=1e-12)
        everything = source_points(IMAGE_AUGMENTATIONS, np.random.default_rng(seed))
        unbent = source_points({*IMAGE_AUGMENTATIONS} - {"elastic"}, np.random.default_rng(seed))
        np.testing.assert_allclose(everything - unbent, points("elastic", seed) - GRID, atol=1e-12)


def test_views_reach_no_farther_than_the_margin() -> None:
    for seed in range(300):
        found = source_points(IMAGE_AUGMENTATIONS, np.random.default_rng(seed))
        pixels = (found + 1.0) * (SIDE / 2)
        assert pixels.min() > -5 * SIDE // 8
        assert pixels.max() < SIDE + 5 * SIDE // 8


def test_what_lies_outside_is_no_hole() -> None:
    white = BytesIO()
    Image.new("RGB", (40, 30), "white").save(white, "PNG")
    padded = decode_picture(white.getvalue())
    for seed in range(10):
        view = picture_view(padded, IMAGE_AUGMENTATIONS, np.random.default_rng(seed))
        assert decode_square(view, SIDE).min() == 255


def test_a_file_that_is_no_picture() -> None:
    with pytest.raises(ItemError, match="not an image"):
        decode_picture(b"text")
