"""What every supported Python needs of the SQL in the source."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_STATEMENT = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|REPLACE|VALUES|WHERE|SET)\b")
_NUMBERED = re.compile(r"\?\d")


def numbered_placeholders(source: str) -> set[int]:
    """The lines of SQL strings with ``?1``: with a tuple, Python 3.12.0 to 3.12.3 warn of them."""
    lines = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value for part in node.values if isinstance(part, ast.Constant)]
        elif isinstance(node, ast.Constant):
            parts = [node.value]
        else:
            continue
        text = "".join(part for part in parts if isinstance(part, str))
        if _STATEMENT.search(text) and _NUMBERED.search(text):
            lines.add(node.lineno)
    return lines


@pytest.mark.parametrize("folder", ["knnal", "cli", "benchmarks", "tests"])
def test_placeholders_are_not_numbered(folder: str) -> None:
    files = [file for file in (ROOT / folder).rglob("*.py") if file != Path(__file__)]
    assert files
    found = [
        f"{file.relative_to(ROOT)}:{line}"
        for file in files
        for line in sorted(numbered_placeholders(file.read_text(encoding="utf-8")))
    ]
    assert not found, f"Use ? for each value, or names with a dict: {', '.join(found)}"


@pytest.mark.parametrize(
    "source",
    [
        "db.execute('SELECT 1 FROM t WHERE a = ?1', (a,))",
        "db.execute('SELECT 1 FROM t '\n'WHERE a = ?2', (a,))",
        "db.execute(f'SELECT {b} FROM t WHERE a = ?1', (a,))",
    ],
)
def test_a_numbered_placeholder_is_found(source: str) -> None:
    assert numbered_placeholders(source) == {1}


def test_plain_and_named_placeholders_and_other_strings_pass() -> None:
    source = "execute('SELECT 1 WHERE a = ? AND b = :name')\nsend('\\x1b[?62;22c')"
    assert not numbered_placeholders(source)
