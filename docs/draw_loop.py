"""Takes a picture of the application, ``python docs/draw_loop.py POOL PICTURE.svg [WIDTH HEIGHT]
[KEY ...]``, after keys such as ``B`` or ``escape`` were pressed. Those that label do label.

The README's pool is one that ``knnal demo`` left.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from knnal.project import Project
from knnal_cli.tui.app.application import LabelApp

_PICTURES_S = 2.0
"""How long the pictures may take to be decoded."""
_KEY_S = 0.5
"""How long a key may take to be done."""


async def draw(pool: str, picture: str, width: str = "110", height: str = "30", *keys: str) -> None:
    session = Project.open(pool).session(audit=0.0)
    app = LabelApp(session, session.ask())
    app.title = "knnal label"
    async with app.run_test(size=(int(width), int(height))) as pilot:
        await pilot.pause(_PICTURES_S)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(_KEY_S)
        await pilot.pause(_PICTURES_S)
        Path(picture).write_text(app.export_screenshot(), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(draw(*sys.argv[1:]))
