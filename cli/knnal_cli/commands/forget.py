"""``knnal forget``: vanished items taken out of use."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from knnal_cli.exits import Exit
from knnal_cli.options import (
    POOL_DEFAULT,
    AnnotatorOption,
    JsonOption,
    PoolOption,
    YesOption,
    open_project,
)
from knnal_cli.printable import echo
from knnal_cli.records import print_json
from knnal_cli.wording import counted

if TYPE_CHECKING:
    from knnal.pool.labels.forgetting import Vanished


def register(app: typer.Typer) -> None:
    app.command()(forget)


def forget(
    *,
    vanished: Annotated[
        bool, typer.Option("--vanished", help="The items that have vanished from their source.")
    ] = False,
    yes: YesOption = False,
    pool: PoolOption = POOL_DEFAULT,
    annotator: AnnotatorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take vanished items and their labels out of use. 'knnal undo' brings them back.

    An item whose file comes back later is an item again, without a label.
    """
    from knnal.pool.labels.forgetting import find_vanished, forget_vanished

    if not vanished:
        raise typer.BadParameter("Name what to forget: --vanished.")
    project = open_project(pool)
    opened = project.pool
    if not yes and sys.stdin.isatty():
        found = find_vanished(opened)
        if found.items and not typer.confirm(f"Forget {_described(found)}?", err=True):
            echo("Nothing was forgotten.", err=True)
            raise typer.Exit(Exit.NOTHING_DONE)
    found = forget_vanished(opened, project.annotator(annotator))
    if as_json:
        print_json({"forgotten": len(found.items), "labels": found.labels})
    elif found.items:
        echo(f"Forgot {_described(found)}. 'knnal undo' brings them back.")
    if not found.items:
        echo("No item has vanished.", err=True)
        raise typer.Exit(Exit.NOTHING_DONE)


def _described(found: Vanished) -> str:
    return f"{counted(len(found.items), 'vanished item')} and {counted(found.labels, 'label')}"
