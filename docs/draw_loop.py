"""Draws the README's picture of the loop, ``python docs/draw_loop.py POOL PICTURE.svg``.

The pool is one that ``knnal demo`` left.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from knnal.project import Project
from knnal_cli.terminal.app.application import LabelApp

_PICTURES_S = 2.0
"""How long the pictures may take to be decoded."""


async def draw(pool: str, picture: str) -> None:
    session = Project.open(pool).session(audit=0.0)
    app = LabelApp(session, session.ask())
    app.title = "knnal label"
    async with app.run_test(size=(110, 30)) as pilot:
        await pilot.pause(_PICTURES_S)
        Path(picture).write_text(app.export_screenshot(), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(draw(*sys.argv[1:]))
