"""The full-screen application where the terminal shows it, and the plain loop elsewhere."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from knnal.session.question_selection import Question
from knnal.session.session import Session
from knnal_cli.printable import echo
from knnal_cli.tui.answers import await_answers
from knnal_cli.wording import nothing_left

_RARELY = 200
"""Old objects are looked through once in so many times that middle-aged ones are."""


def label_in_terminal(
    session: Session, first: Question | None, *, target: float | None = None, plain: bool = False
) -> None:
    """Label until the user quits or nothing is left, beginning with the given question."""
    if plain or not shows_applications(os.environ):
        from knnal_cli.tui.loop import LabelLoop

        LabelLoop(session, target=target).run(first)
        return
    if first is None:
        echo(nothing_left(session.per_group))
        return
    # On its import the terminal is asked what pictures it shows. One that does not answer is no
    # news: it gets half blocks.
    logging.getLogger("textual_image").setLevel(logging.ERROR)
    from knnal_cli.tui.app.application import LabelApp

    await_answers()
    app = LabelApp(session, first, target)
    with _rare_garbage_collection():
        app.run()
    if app.failure is not None:
        raise app.failure
    echo("Stopped. Everything is stored; 'knnal label' goes on from here.")


@contextmanager
def _rare_garbage_collection() -> Iterator[None]:
    """Looking for garbage in all that is loaded takes a tenth of a second, and half of that in the
    pictures that are kept: it would come between a key and what it brings to the screen.
    """
    young, middle, old = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(young, middle, _RARELY)
    try:
        yield
    finally:
        gc.set_threshold(young, middle, old)
        gc.unfreeze()


def shows_applications(environment: Mapping[str, str]) -> bool:
    """Whether the terminal can show full-screen ones: it moves its cursor, and takes UTF-8."""
    dumb = sys.platform != "win32" and environment.get("TERM", "") in ("", "dumb", "unknown")
    encoding = (getattr(sys.stdout, "encoding", None) or "").lower()
    return not dumb and encoding.replace("-", "") == "utf8"
