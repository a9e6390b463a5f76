"""Which knnal a result was found with: results of another one do not count."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

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
