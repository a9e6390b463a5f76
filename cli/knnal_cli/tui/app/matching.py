"""Class names by what is typed of them."""

from __future__ import annotations

from collections.abc import Sequence


def matches(typed: str, names: Sequence[str]) -> list[str]:
    """The names that are meant, best first, ties in their order: those that are the same, begin
    with it, have a word that does, contain it, or have its letters in their order.
    """
    wanted = typed.strip().casefold()
    ranked = [(_rank(wanted, name.casefold()), name) for name in names]
    return [name for rank, name in sorted(ranked, key=lambda pair: pair[0]) if rank < _NONE]


_NONE = 5


def _rank(wanted: str, name: str) -> int:
    if name == wanted:
        return 0
    if name.startswith(wanted):
        return 1
    if any(word.startswith(wanted) for word in name.replace("-", " ").replace("_", " ").split()):
        return 2
    if wanted in name:
        return 3
    letters = iter(name)
    return 4 if all(letter in letters for letter in wanted) else _NONE
