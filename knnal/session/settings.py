"""Options that a pool keeps, so that neither a command nor a script names them twice.

Classes are not stored here: the log declares them, and knows which were renamed or removed since.
What checks strategies and classifiers is loaded when it is needed: reading a setting is fast.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from knnal.errors import InputError
from knnal.names import did_you_mean
from knnal.pool.labels.writer import checked_annotator
from knnal.pool.pool import Pool


@dataclass(frozen=True, slots=True)
class Setting:
    """``check`` returns the value to keep, from a value or its text. Raises InputError."""

    name: str
    check: Callable[[Any], Any]
    choices: Callable[[], list[str]] = list


def _strategies() -> list[str]:
    from knnal.acquisition.strategies.base import STRATEGIES

    return STRATEGIES.names()


def _classifiers() -> list[str]:
    from knnal.classifiers.base import CLASSIFIERS

    return CLASSIFIERS.names()


def _strategy(value: Any) -> str:
    from knnal.acquisition.strategies.base import canonical_name

    return canonical_name(str(value))


def _classifier(value: Any) -> str:
    from knnal.classifiers.base import CLASSIFIERS

    CLASSIFIERS.load(str(value))
    return str(value)


def _number(name: str, low: float, high: float) -> Callable[[Any], float]:
    def check(value: Any) -> float:
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = float("nan")
        if not low <= number <= high:
            raise InputError(f"{name} must be a number from {low:g} to {high:g}, got {value!r}.")
        return number

    return check


SETTINGS: Mapping[str, Setting] = {
    one.name: one
    for one in (
        Setting("strategy", _strategy, _strategies),
        Setting("classifier", _classifier, _classifiers),
        Setting("target", _number("target", 0.01, 1.0)),
        Setting("audit", _number("audit", 0.0, 0.9)),
        Setting("annotator", lambda v: checked_annotator(str(v))),
    )
}
"""What can be kept, by the name of the option of ``Session`` or ``Project.status``."""


class PoolSettings:
    """The settings in a pool's database. A change is durable when it returns."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def stored(self) -> dict[str, Any]:
        """The values that the pool keeps, by name."""
        rows = self._pool.db.rows("SELECT name, value FROM settings")
        return {name: json.loads(value) for name, value in rows if name in SETTINGS}

    def set(self, **values: Any) -> None:
        """Keep values, all or none of them.

        Raises InputError for an unknown setting and a value that it does not take.
        """
        rows = [(name, json.dumps(checked(name, value))) for name, value in values.items()]
        with self._pool.transaction():
            self._pool.db.run_for_each(
                "INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", rows
            )

    def unset(self, *names: str) -> None:
        """Return to the defaults. Raises InputError for an unknown setting."""
        rows = [(setting(name).name,) for name in names]
        with self._pool.transaction():
            self._pool.db.run_for_each("DELETE FROM settings WHERE name = ?", rows)

    def get(self, name: str, given: Any = None, default: Any = None) -> Any:
        """The ``given`` value unless it is None, else the pool's, else the ``default``."""
        return self.stored().get(name, default) if given is None else given

    def complete(self, options: Mapping[str, Any], *names: str) -> dict[str, Any]:
        """Options that are not None, and the pool's values for those of the ``names`` that are."""
        given = {name: value for name, value in options.items() if value is not None}
        return {name: value for name, value in self.stored().items() if name in names} | given


def setting(name: str) -> Setting:
    """The setting of that name. Raises InputError for an unknown one."""
    if name not in SETTINGS:
        raise InputError(
            f"There is no setting '{name}'{did_you_mean(name, SETTINGS)}. Settings: "
            f"{', '.join(SETTINGS)}."
        )
    return SETTINGS[name]


def checked(name: str, value: Any) -> Any:
    """The value that a setting keeps. Raises InputError for one that it does not take."""
    return setting(name).check(value)
