"""Loads what a command takes, and no more: its module, and pydantic only to validate values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import typer
from typer.core import TyperArgument, TyperCommand, TyperOption
from typer.main import get_command_name, get_group


class LazyCommands(MutableMapping[str, Any]):
    """Commands by name, each built when it is first looked up.

    ``modules`` are those of ``knnal_cli.commands``, with the commands that each registers.
    """

    def __init__(self, modules: Mapping[str, Sequence[str]]) -> None:
        self._modules = {name: module for module, names in modules.items() for name in names}
        self._built: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._built:
            self._built[name] = _built(name, self._modules[name])
        return self._built[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._modules[name], self._built[name] = "", command

    def __delitem__(self, name: str) -> None:
        del self._modules[name]
        self._built.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


def _built(name: str, module: str) -> Any:
    app = typer.Typer()
    import_module(f"knnal_cli.commands.{module}").register(app)
    app.registered_commands = [
        info
        for info in app.registered_commands
        if name in (info.name, get_command_name(getattr(info.callback, "__name__", "")))
    ]
    for info in app.registered_commands:
        info.cls = PlainCommand
    return get_group(app).commands[name]


class PlainParams:
    """A command whose parameters take texts, paths and defaults as they are.

    Typer validates every value with pydantic, which takes as long to import as NumPy. If it no
    longer reads ``_runtime_param``, it does so again, and all but the time stays the same.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for param in params:
            if isinstance(param, TyperArgument | TyperOption) and param._runtime_param is None:
                param._runtime_param = _PlainValue()  # type: ignore[assignment]
        return params


class PlainCommand(PlainParams, TyperCommand):
    """A command that is not a group."""


class _PlainValue:
    """Takes a value as it is where validation would not change it."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        kind, info = param.type_descriptor.annotation, param.type_descriptor.parameter_info
        if kind == list[str] and isinstance(value, tuple) and info.parser is None:
            return list(value)
        if param.nargs == 1 and not param.multiple:
            plain = isinstance(value, kind) if isinstance(kind, type) else value in get_args(kind)
            if value is None or (plain and value == param.default):
                return value
            if isinstance(value, str) and info.parser is None:
                if kind is str:
                    return value
                if kind is Path and not _is_checked(info):
                    return Path(value)
        param._runtime_param = None
        return param.get_runtime_param().coerce(value, param=param, ctx=ctx)


def _is_checked(info: Any) -> bool:
    """Whether a path must exist or be of some kind."""
    kinds = info.exists or info.writable or info.resolve_path or info.allow_dash or info.path_type
    return bool(kinds) or not (info.file_okay and info.dir_okay)
