"""Classes that come up as labels are given, and what they may be a misspelling of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from knnal_cli.printable import echo
from knnal_cli.wording import new_class

if TYPE_CHECKING:
    from knnal.pool.labels.ledger import Ledger


class NewClasses:
    """Says on stderr of each class that a pool did not have that it is new; or, with
    ``known_only``, refuses it. ``found`` has them, each with the class that it may stand for.
    """

    def __init__(self, ledger: Ledger, *, known_only: bool) -> None:
        self.found: dict[str, str | None] = {}
        self._ledger = ledger
        self._known_only = known_only
        self._given: set[str] = set()

    def give(self, label: str, decide: Callable[[], object]) -> None:
        """Have a label given by ``decide``.

        Raises InputError for a class that is refused, and what ``decide`` raises.
        """
        from knnal.names import checked_name, close_name
        from knnal.session.decisions import known_class

        name = checked_name(label)
        before = [name] if name in self._given else self._ledger.classes()
        if self._known_only:
            known_class(name, before)
        decide()
        self._given.add(name)
        if name not in before:
            self.found[name] = close_name(name, before)
            echo(f"{new_class(name, before)}.", err=True)
