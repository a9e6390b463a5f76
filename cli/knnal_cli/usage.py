"""What is said of wrong usage: made printable, with a hint where an id was taken for an option."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer

from knnal_cli.printable import printable

_NAMING = frozenset({"item", "items", "label", "old", "new", "contents"})
"""Arguments that are ids, names of classes or texts, which may begin with a hyphen."""

_UsageError: Any = typer.BadParameter.__base__  # Typer has a public name for this one alone


@contextmanager
def usage_explained(arguments: Sequence[str] = ()) -> Iterator[None]:
    """Where usage is wrong, say so in printable words; ``arguments`` are those of the command."""
    try:
        yield
    except _UsageError as error:
        if error.message:  # a missing argument has none
            error.message = printable(f"{error.message}{_hint(error, arguments)}")
        raise


def _hint(error: Any, arguments: Sequence[str]) -> str:
    """How an argument is written that begins with a hyphen; "" where that is not the matter."""
    option, context = getattr(error, "option_name", None), error.ctx
    if option is None or context is None or not _takes_names(context.command):
        return ""
    _, *given = arguments or (option,)
    meant = next((a for a in given if a.startswith(option)), option)
    # With options among them, which of the arguments they take is not known here.
    plain = not any(a.startswith("--") and a != meant for a in given)
    values = shlex.join(given) if plain and given else f"{shlex.quote(meant)} ..."
    return (
        f". If '{meant}' is not an option, write '--' before it, after all options: "
        f"{context.command_path} -- {values}"
    )


def _takes_names(command: Any) -> bool:
    names = {p.name for p in command.params if p.param_type_name == "argument"}
    return not names.isdisjoint(_NAMING)
