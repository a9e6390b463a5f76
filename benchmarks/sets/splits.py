"""Who is asked about and who judges: new splits for every seed, the same for every contender."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from knnal.types import IntArray


@dataclass(frozen=True, slots=True)
class Split:
    """Indices of the items of the pool and of the held-out ones, in the order drawn."""

    pool: IntArray
    held_out: IntArray


def split_at_random(
    items: int, share: float, seed: int, most_pool: int | None = None, most_held_out: int = 2000
) -> Split:
    """A share of the items is held out, at most so many; the pool is drawn from the rest."""
    order = np.random.default_rng(seed).permutation(items)
    held_out = round(share * items)
    return Split(order[held_out:][:most_pool], order[:held_out][:most_held_out])


def split_by_group(
    groups: IntArray, share: float, seed: int, most_pool: int | None = None
) -> Split:
    """All items of a share of the groups ``(n,)`` are held out: no group is on both sides."""
    rng = np.random.default_rng(seed)
    names = rng.permutation(np.unique(groups))
    held_out = np.isin(groups, names[: int(share * len(names))])
    pool = rng.permutation(np.flatnonzero(~held_out))[:most_pool]
    return Split(pool, rng.permutation(np.flatnonzero(held_out)))
