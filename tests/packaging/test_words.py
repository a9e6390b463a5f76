"""Plain American English, with the field's terms: what texts and names may not say.

``CLEAN`` and ``NAMED_CLEAN`` list what is held to it.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLEAN = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CITATION.cff",
    "mkdocs.yml",
    "docs",
    "knnal",
    "cli",
    "tests/test_docs.py",
]
"""Files and folders whose prose is held to the rules."""

NAMED_CLEAN = ["knnal", "cli"]
"""Folders of Python whose names are held to the rules too."""

PHRASES = {
    r"by now": "now, or leave it out",
    r"made anew|built anew|found anew|made again": "rebuilt",
    r"anew": "again",
    r"came (0|nothing|none|'|\{)": "got ...",
    r"parted by": "comma-separated",
    r"so many": "n, or the number of",
    r"what there is to say of|what there is to": "describe",
    r"a sign of life": "a heartbeat",
    r"(sits?|sitting) down|gets? up": "join, leave",
    r"none like another|like no other": "diverse",
    r"seed of all that is random": "random seed",
    r"what teaches": "the most informative items",
    r"says little": "is unreliable",
    r"unless given|unless named": "... by default",
    r"to be had": "available",
    r"are told|is told": "are reported",
    r"those there are|that there are": "all",
    r"it is the same one": "it is the same",
    r"what it is of": "what it belongs to",
}
"""Patterns of prose, and what to say instead."""

BRITISH = {
    r"labell(ed|er|ers|ing)": "label...",
    r"modell(ed|er|ing)": "model...",
    r"travell(ed|er|ing)": "travel...",
    r"cancell(ed|ing)": "cancel...",
    r"(colour|neighbour|behaviour|favour|honour|flavour)\w*": "-or",
    r"cent(re|res|red|ring)": "center...",
    r"gr[e]y(s|scale|ed)?": "gray...",
    r"licence\w*": "license",
    r"catalogue\w*": "catalog",
    r"artefact\w*": "artifact",
    r"(learnt|spelt|burnt|dreamt)": "-ed",
    r"towards": "toward",
    r"judgement\w*": "judgment",
    r"(maxim|minim|summar|recogn|normal|organ|optim|initial|serial|general|special|random|standard"
    r"|personal|quant|token|penal|vector|visual|util|emphas|real|categor|prior)"
    r"is(e|es|ed|ing|ation)": "-iz",
    r"analys(e|ed|es|ing)": "analyz...",
}

ON_DISK = ('"neighbours"', '"labelled"', "neighbours.npz", "centre_crop", "/api/map/colours")
"""Names that pools and clients of before rely on."""

NAMES = {
    "settle", "settled", "settling", "beside", "standing", "stand", "looking", "laying", "shown",
    "board", "stage", "floor", "book", "desk", "doubts", "alike", "sought", "crew",
}  # fmt: skip
"""Names that modules, classes, functions and arguments may not have."""


def texts(file: Path) -> Iterator[tuple[int, str]]:
    """The prose of a file by line: all of it, or a module's comments and strings."""
    content = file.read_text(encoding="utf-8")
    if file.suffix != ".py":
        yield from enumerate(content.splitlines(), start=1)
        return
    for token in tokenize.generate_tokens(io.StringIO(content).readline):
        if token.type in PROSE:
            yield from enumerate(token.string.splitlines(), start=token.start[0])


PROSE = {
    getattr(tokenize, name)
    for name in ("COMMENT", "STRING", "FSTRING_MIDDLE")  # f-strings have parts since 3.12
    if hasattr(tokenize, name)
}
RULES = {
    re.compile(rf"\b(?:{p})(?!\w)", re.IGNORECASE): say for p, say in {**PHRASES, **BRITISH}.items()
}


def files(places: list[str], suffixes: tuple[str, ...]) -> list[Path]:
    found = [ROOT / place for place in places]
    inside = [p for place in found if place.is_dir() for p in sorted(place.rglob("*"))]
    return [p for p in (*found, *inside) if p.is_file() and p.suffix in suffixes]


def complaints(line: str) -> Iterator[str]:
    for kept in ON_DISK:
        line = line.replace(kept, "")
    for pattern, instead in RULES.items():
        if found := pattern.search(line):
            yield f"{found[0]!r}: {instead}"


@pytest.mark.parametrize(
    "file",
    files(CLEAN, (".md", ".py", ".yml", ".cff")),
    ids=lambda p: p.relative_to(ROOT).as_posix(),
)
def test_the_words(file: Path) -> None:
    found = [f"{number}: {said}" for number, line in texts(file) for said in complaints(line)]
    assert not found, "\n".join(found)


def test_the_help() -> None:
    """What commands say of themselves, when the command line is clean."""
    if "cli" not in CLEAN:
        pytest.skip("the command line's prose is not rewritten yet")
    pytest.importorskip("markdown", reason="markdown is in the extra 'docs'")
    from docs.generated import cli_reference

    found = [said for line in cli_reference() for said in complaints(line)]
    assert not found, "\n".join(found)


def names_in(file: Path) -> Iterator[str]:
    """The names that a module defines, and its own."""
    yield file.stem
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg


@pytest.mark.parametrize(
    "file", files(NAMED_CLEAN, (".py",)), ids=lambda p: p.relative_to(ROOT).as_posix()
)
def test_the_names(file: Path) -> None:
    parts = {part for name in names_in(file) for part in (name, *name.lower().split("_"))}
    assert not parts & NAMES


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("The labelled neighbours of an item", 2),
        ("Expected k of at least 1, came 0.", 1),
        ("Names parted by commas", 1),
        ("k must be at least 1, got 0.", 0),
        ("`neighbours.npz` holds the labeled neighbors; precision and revision are fine", 0),
    ],
)
def test_the_rules_find_what_they_say(sentence: str, expected: int) -> None:
    assert len(list(complaints(sentence))) == expected


def test_no_class_name_is_used_twice() -> None:
    found: dict[str, list[str]] = {}
    for file in files(NAMED_CLEAN, (".py",)):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(file.relative_to(ROOT).as_posix())
    assert {name: places for name, places in found.items() if len(places) > 1} == {}
