"""Class names over time: what a rename makes of the names that were given before it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Rename:
    """From the event ``seq`` on, what was named ``before`` until then is named ``after``."""

    seq: int
    before: str
    after: str


def name_now(name: str, given: int, renames: Iterable[Rename]) -> str:
    """What a name that the event ``given`` used is by now; ``renames`` in their order.

    A rename does not bear on names that are given after it.
    """
    for rename in renames:
        if rename.seq > given and rename.before == name:
            name = rename.after
    return name


def renamed_classes(classes: dict[str, int | None], rename: Rename) -> dict[str, int | None]:
    """Classes, and the label that brought each (None: declared), after a rename.

    The new name takes the old one's place. Where both are there they become one, at the place of
    the one renamed to, and it is declared if either was.
    """
    if rename.before not in classes:
        return classes
    target = classes[rename.before]
    if rename.after not in classes:
        return {rename.after if name == rename.before else name: t for name, t in classes.items()}
    merged = {name: t for name, t in classes.items() if name != rename.before}
    if target is None:
        merged[rename.after] = None
    return merged
