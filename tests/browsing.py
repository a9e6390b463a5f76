"""Visits a page that is one file, in headless Chromium."""

from __future__ import annotations

import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

from .patience import PATIENCE_S

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
ERRORS = """
addEventListener("error", (event) => { document.title = `error: ${event.message}`; });
addEventListener("unhandledrejection", (event) => { document.title = `error: ${event.reason}`; });
"""

browser = pytest.mark.skipif(
    not any(map(shutil.which, BROWSERS)), reason=f"none of {', '.join(BROWSERS)} is installed"
)


def visit(page: Path, script: str) -> str:
    """The title that a script, run at the end of the page, leaves behind; none of its own errors.

    The script may wait; the page's time is not the clock's.
    """
    program = next(found for found in map(shutil.which, BROWSERS) if found)
    ending = f"<script>{ERRORS} setTimeout(async () => {{ {script} }}, 100);</script>"
    copy = page.with_name("visited.html")
    copy.write_text(page.read_text(encoding="utf-8") + ending, encoding="utf-8")
    arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=900,700"]
    profile = f"--user-data-dir={page.with_name('profile')}"
    done = subprocess.run(
        [program, *arguments, profile, "--virtual-time-budget=3000", "--dump-dom", copy.as_uri()],
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE_S,
        check=False,
    )
    found = re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)
    assert found is not None, done.stdout[-500:] + done.stderr[-500:]
    return unescape(found[1])
