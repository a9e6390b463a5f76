"""What a contender is: a way to ask about a pool, one item at a time, and its own judge."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

from knnal.types import Float32Array, IntArray

KNN, COMBINED, LOGISTIC, SVC = "knn", "combined", "logistic", "svc"
"""The judges: knnal's two, and those that the documentations of peers work with."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A pool of unit vectors ``(n, d)`` to label.

    ``class_count`` classes there are; ``ahead`` queries may be answered by one, by those that look
    at no label.
    """

    X: Float32Array
    class_count: int
    seed: int
    ahead: int = 1


class Contender(Protocol):
    """Something that asks about rows of a pool."""

    def query(self) -> int:
        """The row to ask about."""

    def learn(self, row: int, label: int) -> None:
        """The class number that is the answer."""


Make = Callable[[Setting, IntArray, IntArray], Contender]
"""From the setting and what is labeled already: rows ``(m,)`` and their classes ``(m,)``."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A contender by name.

    ``judge`` is the model that its documentation would predict with, ``settings`` what it was given
    and by whose advice, ``classes_first`` how many classes must be known before it can begin (until
    then items are drawn at random), ``module`` what must be installed.
    """

    name: str
    library: str
    judge: str
    settings: str
    make: Make
    classes_first: int = 0
    module: str | None = None

    @property
    def here(self) -> bool:
        return self.module is None or find_spec(self.module) is not None


def needed(module: str) -> Any:
    """A module of a peer. Raises ModuleNotFoundError, naming the extra that brings it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what peers import that is deprecated is theirs
            return import_module(module)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{error.name} is not here: pip install 'knnal[bench]'"
        ) from error
