"""The full-screen application where the terminal shows it, and the plain loop elsewhere."""

from __future__ import annotations

import gc
import logging
import os
import re
import select
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from knnal.quality.review import Review
from knnal.session.questions import Question
from knnal.session.session import Session
from knnal_cli.printable import echo
from knnal_cli.wording import nothing_left

_WHERE_IS_THE_CURSOR = "\x1b[6n"
_THERE = re.compile(rb"\x1b\[\d+;\d+R")
_WAIT_S = 2.0


def await_answers() -> None:
    """Wait until the terminal has answered whatever it was asked so far, and drop the answers.

    An answer that comes later than its asker waits would be taken for keys, and the digits in it
    label items. Answers come in the order of the questions, so that the one to a last question
    tells when all are there. A terminal that does not answer is waited for two seconds.
    """
    try:
        import termios
        import tty
    except ImportError:  # Windows, where questions are calls
        return
    stdin, stdout = sys.__stdin__, sys.__stdout__
    if stdin is None or stdout is None or not (stdin.isatty() and stdout.isatty()):
        return
    descriptor = stdin.fileno()
    before = termios.tcgetattr(descriptor)
    deadline = time.monotonic() + _WAIT_S
    received = b""
    try:
        tty.setcbreak(descriptor)
        stdout.write(_WHERE_IS_THE_CURSOR)
        stdout.flush()
        while not _THERE.search(received) and (left := deadline - time.monotonic()) > 0:
            if select.select([descriptor], [], [], left)[0]:
                received += os.read(descriptor, 1024)
    finally:
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, before)


_STOPPED = "Stopped. Everything is stored; 'knnal label' goes on from here."
_RARELY = 200
"""Old objects are collected once per this many collections of middle-aged ones."""


def label_in_terminal(
    session: Session, first: Question | None, *, target: float | None = None, plain: bool = False
) -> None:
    """Label until the user quits or nothing is left, beginning with the given question."""
    if plain or not shows_applications(os.environ):
        from knnal_cli.tui.model import LabelModel
        from knnal_cli.tui.plain import PlainLoop

        model = LabelModel(session, target)
        quit_by_user = PlainLoop(model).run(model.view(first))
        _say(_STOPPED if quit_by_user else nothing_left(session.per_group))
        return
    if first is None:
        echo(nothing_left(session.per_group))
        return
    # On its import the terminal is asked what pictures it shows. One that does not answer is no
    # news: it gets half blocks.
    logging.getLogger("textual_image").setLevel(logging.ERROR)
    from knnal_cli.tui.application import LabelApp

    await_answers()
    app = LabelApp(session, first, target)
    with _rare_garbage_collection():
        app.run()
    if app.failure is not None:
        raise app.failure
    echo(_STOPPED)


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


def review_in_terminal(review: Review, limit: int | None) -> None:
    """Review until the user quits, no label is left, or ``limit`` labels are reviewed."""
    from knnal_cli.tui.model import ReviewModel
    from knnal_cli.tui.plain import PlainLoop

    model = ReviewModel(review, limit)
    if PlainLoop(model).run(model.next()):
        _say("Stopped. Everything is stored; 'knnal review' goes on from here.")
    elif model.is_through:
        _say(f"{model.summary()} 'knnal review' goes on from here.")
    else:
        _say("No label is left to review.")


def _say(text: str) -> None:
    """Print a text that wraps between words."""
    from rich.console import Console

    Console(highlight=False).print(text, markup=False)
