"""Views of texts: the same words, some left out, some swapped."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knnal.embedders.view_texts import text_view

TEXT = "the quick brown fox jumps over the lazy dog and runs away from all of us today"


def view(text: str, *names: str, seed: int = 0) -> list[str]:
    return text_view(text, names, np.random.default_rng(seed)).split()


@given(st.lists(st.text("abc", min_size=1), max_size=30), st.integers(0, 99))
def test_dropping_keeps_the_order_and_at_least_one_word(words: list[str], seed: int) -> None:
    kept = view(" ".join(words), "drop", seed=seed)
    rest = iter(words)
    assert all(any(word == other for other in rest) for word in kept), "no subsequence"
    assert bool(kept) == bool(words)


@given(st.lists(st.text("abc", min_size=1), max_size=30), st.integers(0, 99))
def test_swapping_keeps_every_word_and_moves_few(words: list[str], seed: int) -> None:
    swapped = view(" ".join(words), "swap", seed=seed)
    assert Counter(swapped) == Counter(words)
    moved = sum(a != b for a, b in zip(swapped, words, strict=True))
    assert moved <= 2 * -(-len(words) // 10)


def test_a_fifth_of_the_words_is_left_out() -> None:
    kept = [len(view(TEXT, "drop", seed=seed)) for seed in range(400)]
    assert np.mean(kept) / len(TEXT.split()) == pytest.approx(0.81, abs=0.02)


def test_a_text_of_two_words_or_more_is_always_swapped() -> None:
    assert all(view("one two", "swap", seed=seed) == ["two", "one"] for seed in range(20))
    assert view("one", "swap", "drop") == ["one"]
