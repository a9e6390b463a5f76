"""Draws the README's moving picture: ``python docs/draw_loop.py POOL PICTURE.svg KEY ...``.

The label screen in a pool, a frame before the first key and one after each, such as ``8`` or
``B``. Keys that label do label. The README's pool is one that ``knnal demo`` left.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from knnal.project import Project
from knnal_cli.tui.application import LabelApp

_SIZE = (96, 26)
_PICTURE_S = 1.5
"""How long a picture may take to be decoded."""
_FRAME_S = 1.6
_UNNEEDED = re.compile(r'@font-face \{.*?\n    \}|<!--.*?-->| clip-path="[^"]*"', re.DOTALL)


async def frames(pool: str, keys: list[str]) -> list[str]:
    """The screen as SVG, before the first key and after each."""
    session = Project.open(pool).session(audit=0.0)
    app = LabelApp(session, session.ask())
    app.title = "knnal label"
    async with app.run_test(size=_SIZE) as pilot:
        await pilot.pause(_PICTURE_S)
        drawn = [app.export_screenshot()]
        for key in keys:
            await pilot.press(key)
            await pilot.pause(_PICTURE_S)
            drawn.append(app.export_screenshot())
    return drawn


def moving(drawn: list[str]) -> str:
    """One SVG that shows the frames in turn, and the first one where motion is unwanted."""
    opening = drawn[0][: drawn[0].index(">") + 1]
    share = 100 / len(drawn)
    style = (
        ".frame { visibility: hidden; "
        f"animation: frame {_FRAME_S * len(drawn)}s steps(1) infinite }}\n"
        "@keyframes frame { 0% { visibility: visible } "
        f"{share:.3f}% {{ visibility: hidden }} }}\n"
        "@media (prefers-reduced-motion: reduce) { .frame { animation: none }\n"
        ".frame:first-of-type { visibility: visible } }\n"
    )
    parts = [opening, f"<style>{style}</style>"]
    for number, svg in enumerate(drawn):
        content = _UNNEEDED.sub("", svg[svg.index(">") + 1 : svg.rindex("</svg>")])
        parts += [
            f'<g class="frame" style="animation-delay: {_FRAME_S * number}s">',
            content,
            "</g>",
        ]
    return "\n".join([*parts, "</svg>\n"])


if __name__ == "__main__":
    pool, picture, *keys = sys.argv[1:]
    Path(picture).write_text(moving(asyncio.run(frames(pool, keys))), encoding="utf-8")
