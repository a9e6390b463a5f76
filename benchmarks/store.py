"""Results as one small file each, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from knnal.files import atomic_writer


class Store:
    """JSON files in a folder. A result counts only for the settings that it was found with."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, key: tuple[str, ...], settings: dict[str, Any]) -> dict[str, Any] | None:
        """The result of that key and those settings, or None."""
        file = self._file(key)
        if not file.exists():
            return None
        stored = json.loads(file.read_text(encoding="utf-8"))
        if stored["settings"] != settings:
            return None
        result: dict[str, Any] = stored["result"]
        return result

    def write(self, key: tuple[str, ...], settings: dict[str, Any], result: dict[str, Any]) -> None:
        file = self._file(key)
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_writer(file) as stream:
            stream.write(json.dumps({"settings": settings, "result": result}).encode())

    def _file(self, key: tuple[str, ...]) -> Path:
        return self._folder.joinpath(*key).with_suffix(".json")
