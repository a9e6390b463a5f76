"""Splits into pool and held-out items: a share or K folds, stratified by class, by group."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from knnal.errors import InputError
from knnal.types import Float64Array, IntArray


class SplitKind(StrEnum):
    """Stratified: each class has the same share on both sides, as nearly as possible."""

    STRATIFIED = "stratified"
    RANDOM = "random"


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """How to hold out items.

    Parameters
    ----------
    kind
        Stratified or random.
    folds
        The number of folds, each held out once; None to hold out a share instead.
    share
        The share to hold out, in (0, 1).
    seeds
        The number of repetitions, each with a split of its own.
    first_seed
        The random seed of the first one.

    Raises
    ------
    InputError
        For values out of range.
    """

    kind: SplitKind = SplitKind.STRATIFIED
    folds: int | None = None
    share: float = 0.25
    seeds: int = 5
    first_seed: int = 0

    def __post_init__(self) -> None:
        if self.seeds < 1 or self.first_seed < 0:
            raise InputError(
                "`seeds` must be at least 1 and `first_seed` at least 0, got "
                f"{self.seeds} and {self.first_seed}."
            )
        if self.folds is not None and self.folds < 2:
            raise InputError(f"`folds` must be at least 2, got {self.folds}.")
        if self.folds is None and not 0.0 < self.share < 1.0:
            raise InputError(f"The held-out share must be above 0 and below 1, got {self.share}.")


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """The rows ``held_out`` ``(m,)``, sorted, of one fold of one seed."""

    seed: int
    fold: int
    held_out: IntArray


def make_splits(plan: SplitPlan, classes: IntArray, groups: IntArray | None = None) -> list[Split]:
    """All splits of a plan, by seed and fold.

    Parameters
    ----------
    plan
        How to split.
    classes
        The class number of each item, ``(n,)``.
    groups
        The group number of each item, ``(n,)``; a group is never divided.

    Raises
    ------
    InputError
        Where a side would be empty, or a pool would have only one class.
    """
    strata = classes if plan.kind is SplitKind.STRATIFIED else np.zeros_like(classes)
    parts = plan.folds or 2
    units = len(classes) if groups is None else len(np.unique(groups))
    if units < parts:
        raise InputError(
            f"{parts} parts need at least {parts} {'items' if groups is None else 'groups'}, got "
            f"{units}. Use fewer folds, or other groups."
        )
    shares = np.full(parts, 1.0 / parts) if plan.folds else np.array([plan.share, 1 - plan.share])
    splits = []
    for seed in range(plan.first_seed, plan.first_seed + plan.seeds):
        rng = np.random.default_rng(seed)
        if groups is None:
            part = deal_items(strata, shares, rng)
        else:
            part = deal_groups(strata, groups, shares, rng)
        for fold in range(plan.folds or 1):
            held_out = np.flatnonzero(part == fold)
            _check(held_out, classes, seed, fold)
            splits.append(Split(seed, fold, held_out))
    return splits


def deal_items(strata: IntArray, shares: Float64Array, rng: np.random.Generator) -> IntArray:
    """The part of each item, ``(n,), (parts,) -> (n,)``, at random within each stratum.

    Items are sorted by stratum, and the parts take turns, each as often as its share. A part's
    share of each stratum, and of all items, is off by at most one item.
    """
    n = len(strata)
    order = rng.permutation(n)
    order = order[np.argsort(strata[order], kind="stable")]
    # A part with share s takes turns at u / s, (u + 1) / s, (u + 2) / s and so on.
    starts = (np.arange(len(shares)) / len(shares) + rng.random()) % 1.0
    counts = np.ceil(n * shares).astype(np.int64) + 1
    turns = [(np.arange(c) + u) / s for c, u, s in zip(counts, starts, shares, strict=True)]
    owners = np.repeat(np.arange(len(shares)), counts)
    part = np.empty(n, dtype=np.int64)
    part[order] = owners[np.argsort(np.concatenate(turns), kind="stable")][:n]
    return part


def deal_groups(
    strata: IntArray, groups: IntArray, shares: Float64Array, rng: np.random.Generator
) -> IntArray:
    """The part of each item, ``(n,), (n,), (parts,) -> (n,)``, the same for a whole group.

    Groups are assigned one by one, the largest first, at random among equals. Each goes to the part
    where the sum of squared counts, relative to the part's share, over the strata and all items
    grows the least. No part stays empty.
    """
    numbers, members = np.unique(groups, return_inverse=True)
    _, strata = np.unique(strata, return_inverse=True)
    counts = np.zeros((len(numbers), int(np.max(strata)) + 2))
    np.add.at(counts, (members, strata), 1)
    counts[:, -1] = counts.sum(axis=1)
    wanted = shares[:, None] * counts.sum(axis=0)
    held = np.zeros_like(wanted)
    order = rng.permutation(len(numbers))
    order = order[np.argsort(-counts[order, -1], kind="stable")]
    part_of = np.empty(len(numbers), dtype=np.int64)
    for left, group in zip(range(len(order), 0, -1), order, strict=True):
        growth = ((2 * held + counts[group]) * counts[group] / wanted).sum(axis=1)
        empty = held[:, -1] == 0
        if left == np.count_nonzero(empty):
            growth[~empty] = np.inf
        part_of[group] = np.argmin(growth)
        held[part_of[group]] += counts[group]
    part: IntArray = part_of[members]
    return part


def _check(held_out: IntArray, classes: IntArray, seed: int, fold: int) -> None:
    pool = np.delete(classes, held_out)
    if not len(held_out) or len(np.unique(pool)) < 2:
        problem = "holds out nothing" if not len(held_out) else "leaves one class in the pool"
        raise InputError(
            "Every split needs held-out items and a pool of at least two classes, but fold "
            f"{fold} of seed {seed} {problem}. Use another share, other folds, or smaller groups."
        )
