"""Draws the README's picture of the loop, ``python docs/draw_loop.py POOL PICTURE.svg``.

The pool is one that ``knnal demo`` left.
"""

from __future__ import annotations

import sys
from io import StringIO
from pathlib import Path

from rich.console import Console

from knnal.project import Project
from knnal_cli.terminal.screen import question_screen


def main(pool: str, picture: str) -> None:
    session = Project.open(pool).session(audit=0.0)
    question = session.ask()
    assert question is not None
    console = Console(record=True, width=84, height=30, file=StringIO(), color_system="truecolor")
    console.print(question_screen(session, question, console))
    Path(picture).write_text(console.export_svg(title="knnal label"), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
