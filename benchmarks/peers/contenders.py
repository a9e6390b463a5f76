"""Everybody who competes, and how each of them begins."""

from __future__ import annotations

import numpy as np

from benchmarks.peers import cleanlab, modal, ours, scikit_activeml, small_text
from benchmarks.peers.base import Contender, Entry, Setting
from knnal.types import IntArray

CONTENDERS: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        *ours.ENTRIES,
        *scikit_activeml.ENTRIES,
        *modal.ENTRIES,
        *small_text.ENTRIES,
        *cleanlab.ENTRIES,
    )
}

OURS = frozenset(entry.name for entry in ours.ENTRIES)
PEERS = tuple(name for name in CONTENDERS if name not in OURS)


def asked_by(entry: Entry, setting: Setting, classes: IntArray, budget: int) -> list[int]:
    """The rows that it asks about from no label on; ``classes`` ``(n,)`` answer."""
    begin = random_beginning(entry, setting, classes)
    rows = np.array(begin, dtype=np.int64)
    contender: Contender = entry.make(setting, rows, classes[rows])
    asked = [*begin]
    while len(asked) < min(budget, len(setting.X)):
        row = contender.query()
        asked.append(row)
        contender.learn(row, int(classes[row]))
    return asked[:budget]


def random_beginning(entry: Entry, setting: Setting, classes: IntArray) -> list[int]:
    """Rows in random order until so many classes (and labels) are known as it needs to begin."""
    order = np.random.default_rng(setting.seed).permutation(len(setting.X)).tolist()
    rows: list[int] = []
    while len(rows) < entry.classes_first or len(set(classes[rows])) < min(entry.classes_first, 2):
        rows.append(order[len(rows)])
    return rows
