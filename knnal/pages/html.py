"""Web assets: served one by one, or inlined into pages that work offline from a single file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from knnal.pages.palette import COLORS, NONE, OKABE_ITO, TOKENS

SHARED = ("page.css", "palette.css", "palette.js", "dom.js", "chart.js", "map_canvas.js")
"""The assets that any page may use. Scripts are ES modules."""


def asset(name: str) -> str:
    """The text of an asset. The palette is written from ``knnal.pages.palette``."""
    if name == "palette.js":
        values = {"COLORS": COLORS, "OKABE_ITO": OKABE_ITO, "NONE": NONE}
        return "".join(f"export const {k} = {json.dumps(v)};\n" for k, v in values.items())
    if name == "palette.css":
        tokens = (f"--{token}: light-dark({a}, {b});" for token, (a, b) in TOKENS.items())
        return f":root {{ --none: {NONE}; {' '.join(tokens)} }}\n"
    return files("knnal.pages").joinpath("assets", name).read_text(encoding="utf-8")


def fill_page(template: str, parts: Mapping[str, str]) -> str:
    """A page that needs no other file.

    Parameters
    ----------
    template
        The name of an asset with placeholders: ``{{part}}``, or ``{{page.css}}`` for an asset.
    parts
        Markup by the name of its placeholder. Text from data must be escaped already.
    """

    def filled(placeholder: re.Match[str]) -> str:
        name = placeholder[1]
        return _inlined(name) if "." in name else parts[name]

    return re.sub(r"\{\{([\w.]+)\}\}", filled, asset(template))


def script_json(value: Any) -> str:
    """JSON that cannot end the ``<script>`` around it or open a comment there."""
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c")


def _inlined(name: str) -> str:
    """An asset as part of a page, whose modules share one script: nothing to import or export."""
    return re.sub(r"^(import .*\n|export )", "", asset(name), flags=re.MULTILINE)
