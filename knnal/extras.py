"""Packages that only some features need: each comes with an extra, which its absence names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from knnal.errors import MissingExtraError


@contextmanager
def extra(name: str, feature: str) -> Iterator[None]:
    """Guard the imports of a feature.

    Parameters
    ----------
    name
        An extra of ``pyproject.toml`` that brings all packages that are imported in the block.
    feature
        What needs them, as the subject of a sentence.

    Raises
    ------
    MissingExtraError
        If an import in the block fails.
    """
    try:
        yield
    except (ImportError, OSError) as error:  # OSError: a shared library that does not load
        raise MissingExtraError(name, feature, str(error)) from error


def require_extra(name: str, feature: str, *modules: str) -> None:
    """Raise MissingExtraError unless the modules are installed. Imports nothing.

    For before long work, at whose end ``extra`` would be too late.
    """
    for module in modules:
        if find_spec(module) is None:
            raise MissingExtraError(name, feature, f"no module named '{module}'")
