"""Choices among near-duplicates that are asked about once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from knnal.acquisition.strategies.base import Pick
from knnal.index.duplicates import OpenGroups
from knnal.types import IntArray


def one_of_each_group(
    best: Callable[[int], list[Pick]], count: int, groups: OpenGroups | None
) -> list[Pick]:
    """The first ``count`` of a strategy's ``best`` that no pick of their group comes before.

    ``best`` gives up to so many picks, the fewer the first of the more; without groups, all of them
    are taken.
    """
    picks = best(count)
    if groups is None:
        return picks
    kept, looked_at = groups.first_of_each(_rows(picks)), count
    while len(kept) < count and looked_at == len(picks):
        looked_at *= 2
        picks = best(looked_at)
        kept = groups.first_of_each(_rows(picks))
    return [picks[at] for at in kept[:count]]


def _rows(picks: list[Pick]) -> IntArray:
    return np.array([pick.row for pick in picks], dtype=np.int64)
