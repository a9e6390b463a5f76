"""Views are the same ones every time, and differ from each other."""

from __future__ import annotations

import hashlib

import pytest

from knnal.embedders.view_recipe import Recipe
from knnal.errors import InputError
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
    with pytest.raises(InputError, match="at least 1 view, came 0"):
        Recipe.of(Modality.TEXT, 0)
    for names in (["mirror"], ["drop", ""], []):
        with pytest.raises(InputError, match="among drop, swap for texts"):
            Recipe.of(Modality.TEXT, 1, names)
