"""Options that come in groups: declared once, as the fields of a dataclass.

A command decorated with ``grouped`` takes such a dataclass as one argument; on the command line it
has an option for each field, with the help, choices and completion that the field declares.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, get_type_hints

_KEYWORD = inspect.Parameter.KEYWORD_ONLY


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for each field of each parameter that is a dataclass."""
    hints = get_type_hints(command, include_extras=True)
    groups = {name: kind for name, kind in hints.items() if dataclasses.is_dataclass(kind)}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        if parameter.name in groups:
            parameters += _options(groups[parameter.name])
        else:
            parameters.append(parameter.replace(kind=_KEYWORD, annotation=hints[parameter.name]))

    @wraps(command)
    def spread(**given: Any) -> None:
        made = {name: _made(group, given) for name, group in groups.items()}
        command(**given, **made)

    spread.__dict__.pop("__wrapped__")  # Typer looks for the signature there
    spread.__annotations__ = {p.name: p.annotation for p in parameters}
    spread.__dict__["__signature__"] = inspect.Signature(parameters)
    return spread


def _options(group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(f.name, _KEYWORD, default=f.default, annotation=hints[f.name])
        for f in dataclasses.fields(group)
    ]


def _made(group: Any, given: dict[str, Any]) -> Any:
    """A group of the values given, which are taken out."""
    return group(**{f.name: given.pop(f.name) for f in dataclasses.fields(group)})
