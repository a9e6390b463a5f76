"""Pages that need nothing but themselves: a template, and what is put into it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

_SHARED = {"style": "page.css", "script": "page.js"}
"""What every page has in common, by the name that templates call it by."""


def fill_page(template: str, parts: Mapping[str, str]) -> str:
    """A template beside this file with its ``{{names}}`` replaced; all parts are markup already."""
    shared = {name: page_part(file) for name, file in _SHARED.items()}
    named = {**shared, **parts}
    return re.sub(r"\{\{(\w+)\}\}", lambda place: named[place[1]], page_part(template))


def script_json(value: Any) -> str:
    """JSON that can neither end the script that it stands in nor begin a comment there."""
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c")


def page_part(name: str) -> str:
    """A file that pages are made of, by its path beside this one."""
    return files("knnal.simulation").joinpath(name).read_text(encoding="utf-8")
