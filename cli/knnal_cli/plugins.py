"""Listing what is registered when a plugin is broken."""

from __future__ import annotations

from typing import Any

from knnal.errors import InputError
from knnal.registry import Registry
from knnal_cli.printable import echo


def loadable(registry: Registry) -> dict[str, Any]:
    """The factories that load, by name; the others are named on stderr, each with its reason."""
    found = {}
    for name in registry.names():
        try:
            found[name] = registry.load(name)
        except InputError as error:
            echo(str(error), err=True)
    return found
