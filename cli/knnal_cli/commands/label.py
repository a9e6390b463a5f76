"""``knnal label``: the interactive loop."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from knnal_cli.options import (
    POOL_DEFAULT,
    Asking,
    ClassesOption,
    ClassOption,
    Groups,
    PoolOption,
    TargetOption,
    Votes,
    add_classes,
    grouped,
    open_project,
    open_session,
)


def register(app: typer.Typer) -> None:
    app.command()(label)


@grouped
def label(
    *,
    classes: ClassesOption = None,
    class_name: ClassOption = None,
    plain: Annotated[
        bool,
        typer.Option("--plain", help="Ask line by line, not on a full screen."),
    ] = False,
    pool: PoolOption = POOL_DEFAULT,
    target: TargetOption = None,
    asking: Asking,
    groups: Groups,
    votes: Votes,
) -> None:
    """Label in the terminal: one key an item, and the next one is there."""
    from knnal.errors import InputError
    from knnal_cli.narration import Narration

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InputError(
            "Labeling needs a terminal, but input or output is redirected. In scripts use "
            "'knnal next --json' to get an item, and 'knnal tell ID LABEL' to label it."
        )
    with Narration() as narration:
        project = open_project(pool, narration)
        session = open_session(project, asking, votes, groups)
        add_classes(session, classes, class_name)
        first = session.ask()
    from knnal_cli.tui.start import label_in_terminal

    label_in_terminal(session, first, target=project.settings.get("target", target), plain=plain)
