"""Class names over time: what gives them, renames them and removes them."""

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
    """The present form of a name that the event ``given`` used; ``renames`` in their order.

    A rename does not bear on names that are given after it.
    """
    for rename in renames:
        if rename.seq > given and rename.before == name:
            name = rename.after
    return name


@dataclass(frozen=True, slots=True)
class Given:
    """A class is declared, or comes with the label or opinion ``by``."""

    seq: int
    name: str
    by: int | None


@dataclass(frozen=True, slots=True)
class Removal:
    """A class that no label in force has is removed."""

    seq: int
    before: str


REMOVED = 0
"""Stands for what brought a class, once it is removed: no event has this number."""


class ClassHistory:
    """The classes as they are declared, brought by labels, renamed and removed.

    ``brought`` has what brought each class: the number of a label or opinion, None if it was
    declared, REMOVED. A removed class keeps its place, in case a label with it is brought back.
    ``renames`` are those in force, in order.
    """

    def __init__(self) -> None:
        self.brought: dict[str, int | None] = {}
        self.renames: list[Rename] = []
        self._steps: dict[int, Given | Rename | Removal] = {}
        self._taken_back: set[int] = set()
        self._given: dict[str, int] = {}
        self._dropped: dict[str, int] = {}

    def give(self, given: Given) -> None:
        """Take in the next class of the log."""
        self._given[given.name] = given.seq
        self._steps[given.seq] = given
        self._follow(given)

    def change(self, step: Rename | Removal) -> None:
        """Take in the next rename or removal of the log."""
        self._dropped[step.before] = step.seq
        self._steps[step.seq] = step
        self._follow(step)

    def enforce(self, seq: int, again: bool) -> None:
        """Bring a rename or removal back into force, or take it out of force if not ``again``."""
        (self._taken_back.discard if again else self._taken_back.add)(seq)
        self.brought, self.renames = {}, []
        for step in self._steps.values():
            if step.seq not in self._taken_back:
                self._follow(step)

    def lacks(self, name: str) -> bool:
        """Whether the log must say that the class is there when it is next given.

        So it must after a rename or removal even if that was undone, as it may be redone.
        """
        return self._given.get(name, 0) <= self._dropped.get(name, 0)

    def _follow(self, step: Given | Rename | Removal) -> None:
        if isinstance(step, Rename):
            self.renames.append(step)
            self.brought = _renamed(self.brought, step)
        elif isinstance(step, Removal):
            if step.before in self.brought:
                self.brought[step.before] = REMOVED
        # A class that was both brought by a label and declared on its own outlives the label.
        elif step.by is None or self.brought.get(step.name, REMOVED) == REMOVED:
            self.brought[step.name] = step.by


def _renamed(classes: dict[str, int | None], rename: Rename) -> dict[str, int | None]:
    """Classes, and what brought each, after a rename.

    The new name takes the old one's place. Where both are there they become one, at the place of
    the one renamed to, and it is declared if either was.
    """
    if rename.before not in classes:
        return classes
    target = classes[rename.before]
    if rename.after not in classes:
        return {rename.after if name == rename.before else name: t for name, t in classes.items()}
    merged = {name: t for name, t in classes.items() if name != rename.before}
    if target is None or merged[rename.after] == REMOVED:
        merged[rename.after] = target
    return merged
