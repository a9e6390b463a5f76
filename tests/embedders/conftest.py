"""What the embedder tests share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

from knnal.embedders.base import Embedder
from knnal.errors import MissingExtraError, ModelUnavailableError
from knnal.types import LogNarrator

E = TypeVar("E", bound=Embedder)


@pytest.fixture(scope="session")
def loaded() -> Callable[[E], E]:
    """Loads an embedder, or skips the test where its weights are not to be had."""

    def load(embedder: E) -> E:
        try:
            embedder.load(LogNarrator())
        except (MissingExtraError, ModelUnavailableError) as error:
            pytest.skip(str(error))
        return embedder

    return load
