"""``knnal config``: options that the pool keeps, and where each value comes from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from knnal_cli.options import (
    DEFAULTS,
    POOL_DEFAULT,
    JsonOption,
    PoolOption,
    listed_names,
    open_project,
)
from knnal_cli.printable import echo, printable_line
from knnal_cli.records import print_json

if TYPE_CHECKING:
    from knnal.project import Project

CLASSES = "classes"
_KEYS = (*DEFAULTS, CLASSES)


def register(app: typer.Typer) -> None:
    app.command()(config)


def _complete_key(incomplete: str) -> Iterator[str]:
    return (key for key in _KEYS if key.startswith(incomplete))


def _complete_assignment(context: typer.Context, incomplete: str) -> Iterator[str]:
    """Keys, and the values of a key. In bash the key, "=" and the value are words of their own."""
    *_, last = [""] + [word for word in context.params.get("assignments") or [] if word != "="]
    prefix, key, begun = "", last, incomplete
    if "=" in incomplete:
        key, _, begun = incomplete.partition("=")
        prefix = f"{key}="
    elif key not in _KEYS:
        yield from (f"{name}=" for name in _complete_key(incomplete))
        return
    from knnal.session.settings import SETTINGS

    values = SETTINGS[key].choices() if key in SETTINGS else []
    yield from (f"{prefix}{value}" for value in values if value.startswith(begun))


def config(
    context: typer.Context,
    assignments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...",
            help=f"What to keep in the pool. Keys: {', '.join(_KEYS)}.",
            autocompletion=_complete_assignment,
        ),
    ] = None,
    unset: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY",
            help="Return to the default. Can be repeated.",
            autocompletion=_complete_key,
        ),
    ] = None,
    pool: PoolOption = POOL_DEFAULT,
    as_json: JsonOption = False,
) -> None:
    """Keep options in the pool, so that no command needs to be told them; and show them all.

    A flag wins over the environment (such as KNNAL_AUDIT), and that over the pool.
    """
    from knnal_cli.narration import Narration

    pairs = [text.partition("=") for text in assignments or ()]
    for key, assigned, _ in pairs:
        if not assigned:
            raise typer.BadParameter(
                f"'{key}' needs a value: '{key}=VALUE'. '--unset {key}' removes it."
            )
    with Narration() as narration:
        project = open_project(pool, narration)
        _change(project, {key: value for key, _, value in pairs}, unset or [])
        found = _settings(project, context)
    if as_json:
        print_json({name: {"value": v, "source": source} for name, (v, source) in found.items()})
        return
    for name, (value, source) in found.items():
        words = ", ".join(value) if isinstance(value, list) else value
        echo(printable_line(f"{name:<10}  {'none' if words in (None, '') else words}  ({source})"))


def _change(project: Project, values: dict[str, str], unset: list[str]) -> None:
    """Keep values and remove others; nothing is changed where one is refused."""
    from knnal.session.settings import checked, setting

    classes = values.pop(CLASSES, "" if CLASSES in unset else None)
    kept = {name: checked(name, value) for name, value in values.items()}
    removed = [name for name in unset if name != CLASSES]
    for name in removed:
        setting(name)
    if classes is not None:
        project.set_classes(listed_names(classes))
    project.settings.set(**kept)
    project.settings.unset(*removed)


def _settings(project: Project, context: typer.Context) -> dict[str, tuple[Any, str]]:
    """Each value, and where it comes from."""
    from knnal.pool.labels.ledger import Ledger
    from knnal.session.settings import checked

    source = context.get_parameter_source("pool")
    places = {"COMMANDLINE": "flag", "ENVIRONMENT": "environment"}
    found: dict[str, tuple[Any, str]] = {
        "pool": (str(project.pool.folder), places.get(source.name if source else "", "default"))
    }
    stored = project.settings.stored()
    for name, default in DEFAULTS.items():
        if given := os.environ.get(f"KNNAL_{name.upper()}"):
            found[name] = checked(name, given), "environment"
        elif name in stored:
            found[name] = stored[name], "pool"
        else:
            found[name] = project.annotator() if name == "annotator" else default, "default"
    classes = project.pool.log.read_into(Ledger()).classes()
    if given := os.environ.get("KNNAL_CLASSES"):
        found[CLASSES] = listed_names(given), "environment"
    else:
        found[CLASSES] = list(classes), "pool" if classes else "default"
    return found
