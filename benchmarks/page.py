"""``RESULTS.md``: every figure on it comes from the JSON files that the commands write.

python -m benchmarks.page
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.classifier_tables import classifier_lines
from benchmarks.grid_tables import ceal_lines, multiclass_lines, pairs_lines
from benchmarks.guided.lines import guided_lines
from benchmarks.noise.summary import noise_lines
from benchmarks.strategies.lines import strategies_lines
from benchmarks.tables import about_lines, article_lines, peers_lines, seek_lines
from knnal.files import atomic_writer

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PAGE = HERE / "RESULTS.md"

_HEAD = """\
# Results

Written by the commands that are named below from what they measured, kept in `results/*.json`;
`python -m benchmarks.page` writes it again from these. Labels come one at a time, from none;
held-out items judge. New splits for every seed, the same ones for every contender. Intervals are
95 % bootstrap intervals of the mean difference over the seeds, which are paired."""

_TITLES = {
    "fruits": "The article's experiment on fruits",
    "sentiment140": "The article's experiment on tweets",
    "guided": "Guided labeling",
    "multiclass": "Uncertainty measures on ten classes and on two",
    "ceal": "CEAL: pseudo-labels where the classifier is sure",
    "peers": "Against others",
    "strategies": "Every strategy",
    "pairs": "Pairs of a strategy and a classifier",
    "classifiers": "Classifiers",
    "seek": "Finding a rare class",
    "noise": "Wrong labels",
}

_LINES: dict[str, Callable[[dict[str, Any]], list[str]]] = {
    "ceal": ceal_lines,
    "classifiers": classifier_lines,
    "guided": guided_lines,
    "multiclass": multiclass_lines,
    "noise": noise_lines,
    "pairs": pairs_lines,
    "peers": peers_lines,
    "seek": seek_lines,
    "strategies": strategies_lines,
}
"""What each section says, where it is none of the article's experiments."""


def page(results: Path = RESULTS) -> str:
    """The page of all results in the folder."""
    parts = [_HEAD]
    for name, title in _TITLES.items():
        file = results / f"{name}.json"
        if file.exists():
            parts.append(section(name, title, json.loads(file.read_text(encoding="utf-8"))))
    return "\n\n".join(parts) + "\n"


def section(name: str, title: str, found: dict[str, Any]) -> str:
    lines = _LINES.get(name, partial(article_lines, name))(found)
    return "\n\n".join([f"## {title}", *about_lines(found["about"]), *lines])


def picture_file(options: argparse.Namespace, name: str) -> Path:
    """Where a command draws: beside what it publishes, or in its folder for work."""
    return _folder(options) / f"{name}.png"


def finish(options: argparse.Namespace, name: str, found: dict[str, Any]) -> None:
    """Write the figures, print them as Markdown, and with --publish write the page."""
    file = _folder(options) / f"{name}.json"
    with atomic_writer(file) as stream:
        stream.write((json.dumps(found) + "\n").encode())
    print(section(name, _TITLES[name], found))
    if options.publish:
        write_page()
        file = PAGE
    print(f"The figures are in {file}.", file=sys.stderr)


def write_page() -> None:
    with atomic_writer(PAGE) as stream:
        stream.write(page().encode())


def work_folder(options: argparse.Namespace) -> Path:
    """Where a command leaves what is not published, such as sheets of other people's pictures."""
    folder: Path = options.work / "results"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _folder(options: argparse.Namespace) -> Path:
    return RESULTS if options.publish else work_folder(options)


if __name__ == "__main__":
    write_page()
