"""The library's remedies on the command line: flags for parameters, commands for methods."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

_NAMED = re.compile(r"`(\w+(?:\.\w+)?)(?:=([^`]*))?`")
_COMMANDS = {
    "Project.create": "--pool DIR",
    "Project.embed": "'knnal embed SOURCE'",
    "Project.export": "'knnal export FILE'",
    "Project.import_labels": "'knnal import FILE'",
    "Session": "'knnal label'",
}
_RENAMED = {"pool": "--pool DIR or KNNAL_POOL"}


def in_commands(message: str) -> str:
    """A message of the library's with flags and commands for what it names in backticks.

    Parameters
    ----------
    message : str
        Names parameters as `` `text_column` `` or `` `views=8` ``, and methods as
        `` `Project.embed` ``.
    """

    def translated(found: re.Match[str]) -> str:
        name, value = found[1], found[2]
        flag = _COMMANDS.get(name) or _flags().get(name, name)
        return f"{flag} {value}" if value else flag

    return _NAMED.sub(translated, message)


@cache
def _flags() -> dict[str, str]:
    from typer.main import get_command

    from knnal_cli.main import app

    return {**dict(_flags_of(get_command(app))), **_RENAMED}


def _flags_of(command: Any) -> Iterator[tuple[str, str]]:
    """The options of a command and its subcommands: parameter names and flags."""
    for parameter in command.params:
        for flag in parameter.opts:
            if flag.startswith("--"):
                yield flag.removeprefix("--").replace("-", "_"), flag
    for child in getattr(command, "commands", {}).values():
        yield from _flags_of(child)
