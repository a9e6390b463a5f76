"""The full-screen application where the terminal shows it, and the plain loop elsewhere."""

from __future__ import annotations

import os

import typer

from knnal.asking import Question
from knnal.session import Session
from knnal_cli.wording import nothing_left


def label_in_terminal(
    session: Session, first: Question | None, *, target: float | None = None, plain: bool = False
) -> None:
    """Label until the user quits or nothing is left, beginning with the given question."""
    from knnal_cli.terminal.app.application import LabelApp, is_supported

    if plain or not is_supported(os.environ):
        from knnal_cli.terminal.loop import LabelLoop

        LabelLoop(session, target=target).run(first)
        return
    if first is None:
        typer.echo(nothing_left(session.per_group))
        return
    app = LabelApp(session, first, target)
    app.run()
    if app.failure is not None:
        raise app.failure
    typer.echo("Stopped. Everything is stored; 'knnal label' goes on from here.")
