"""Files in the system's viewer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from threading import Thread


def open_file(path: Path) -> str:
    """Open a file, without waiting for it; what to say of it.

    The viewer gets no terminal, where it could write over the application or take its keys.
    """
    if not path.exists():
        return f"{path} is not there any more."
    if sys.platform == "win32":
        os.startfile(path)  # noqa: S606
        return f"Opened {path}."
    program = "open" if sys.platform == "darwin" else "xdg-open"
    if shutil.which(program) is None:
        return f"There is no '{program}' here to open it with: {path}"
    Thread(target=_run, args=(program, str(path)), daemon=True).start()
    return f"Opened {path}."


def _run(*command: str) -> None:
    nothing = subprocess.DEVNULL
    subprocess.run(
        command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True, check=False
    )
