"""Which knnal a result was found with: results of another one do not count."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import knnal

JUDGING = ("classifiers", "neighbors", "state.py", "compiled.py", "linalg.py")
"""The parts of the package that predictions depend on."""


@cache
def source_digest(*parts: str) -> str:
    """Of knnal's source files, or of those in some of its parts, as sixteen hexadecimal digits."""
    root = Path(knnal.__file__).parent
    digest = hashlib.sha256()
    for part in sorted(parts or (".",)):
        path = root / part
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            digest.update(file.relative_to(root).as_posix().encode() + b"\0")
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def settings_of(size: Any, version: int, *parts: str) -> dict[str, Any]:
    """What a result depends on: a dataclass of sizes, all but how many seeds there are, the version
    of the benchmark, and knnal's source or the ``parts`` of it.
    """
    sizes = {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(size).items()}
    del sizes["seeds"]
    return {**sizes, "version": version, "knnal": source_digest(*parts)}
