"""``knnal embed``."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from knnal_cli.exits import Exit
from knnal_cli.options import (
    POOL_DEFAULT,
    AnnotatorOption,
    EncodingOption,
    FolderLevelOption,
    JsonOption,
    PoolOption,
    advanced,
)
from knnal_cli.printable import ask_number, echo, printable_line
from knnal_cli.records import print_json
from knnal_cli.wording import counted

if TYPE_CHECKING:
    from knnal.pool.ingest import IngestReport

_EXAMPLES = 3
_CLASSES = 20
"""At most this many classes are named; there may be one for every row."""


def recognition_lines(report: IngestReport, source: Path) -> Iterator[str]:
    """What of the source was in the pool already, at another place or in another source."""
    for location in report.moved_from:
        yield f"{source} is {location}, moved: its items keep their ids and labels."
    if report.linked_to is not None:
        yield f"{source} is {report.linked_to} by another path: its items are the same."
    if report.moved:
        moves = "; ".join(f"{item} is now {path}" for item, path in report.moves)
        more = "; ..." if report.moved > len(report.moves) else ""
        yield (f"{counted(report.moved, 'item')} moved here, ids and labels kept ({moves}{more}).")
    if report.ambiguous:
        yield (
            f"{counted(report.ambiguous, 'new item')} could be any of several vanished items with "
            "the same content: embedded as new, without their labels."
        )
    for location, count in report.copies.items():
        yield f"{counted(count, 'copy', 'copies')} of items from {location}, which still has them."
    for location, count in report.shared.items():
        yield (
            f"{counted(count, 'file')} of {location}, in the pool already as "
            f"{', '.join(report.shared_ids[:_EXAMPLES])}{', ...' if count > _EXAMPLES else ''}."
        )
    if report.outdated:
        yield (
            f"{counted(len(report.outdated), 'labeled item')} changed content: review them with "
            "'knnal review', which asks about them first."
        )


def class_line(classes: Counter[str]) -> str:
    """The classes that a source gives, the most frequent first, with their counts."""
    named = ", ".join(f"{name} {count}" for name, count in classes.most_common(_CLASSES))
    rest = len(classes) - _CLASSES
    return f"Classes found: {named}{f', and {rest} more' if rest > 0 else ''}."


if TYPE_CHECKING:
    from knnal.pool.ingest import IngestReport
    from knnal.sources.base import Reading
    from knnal.sources.images import AmbiguousFoldersError


def register(app: typer.Typer) -> None:
    app.command()(embed)


def embed(
    source: Annotated[
        Path,
        typer.Argument(
            help="A folder of images; a table (CSV, TSV, JSON, Parquet, Excel); a text file, one "
            "item a line; or ready embeddings (npy, npz, Parquet)."
        ),
    ],
    pool: PoolOption = POOL_DEFAULT,
    embedder: Annotated[
        str | None,
        typer.Option(help="The network that makes the vectors; see 'knnal models'."),
    ] = None,
    text_column: Annotated[str | None, typer.Option(help="The column of texts.")] = None,
    id_column: Annotated[str | None, advanced(help="The column of ids.")] = None,
    label_column: Annotated[str | None, typer.Option(help="The column of labels.")] = None,
    labels_from_folders: Annotated[
        bool, typer.Option("--labels-from-folders", help="Take folder names as labels.")
    ] = False,
    folder_level: FolderLevelOption = None,
    ids: Annotated[
        Path | None, advanced(help="A text file of ids, one per line, for an npy file.")
    ] = None,
    encoding: EncodingOption = None,
    ignore_labels: Annotated[
        bool, advanced("--ignore-labels", help="Ignore the labels inside an npz file.")
    ] = False,
    views: Annotated[
        int | None,
        advanced(
            min=0,
            help="Augmented views per item, for strategies that need them; 0 removes them.",
            show_default="as many as the pool has",
        ),
    ] = None,
    augment: Annotated[
        str | None,
        advanced(
            help="Augmentations, comma-separated: mirror, rotate, scale, shear, elastic, crop for "
            "images; drop, swap for texts.",
            show_default="all",
        ),
    ] = None,
    max_pixels: Annotated[
        int | None,
        advanced(
            min=1,
            envvar="KNNAL_MAX_PIXELS",
            help="Skip larger pictures. To show larger ones later, set the variable.",
            show_default="178956970",
        ),
    ] = None,
    annotator: AnnotatorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn every item into an embedding, once; run it again to take in what is new or changed."""
    from knnal.embedders.base import create_embedder
    from knnal.embedders.images import MAX_PIXELS_VARIABLE
    from knnal.embedders.views import require_possible
    from knnal.project import Project
    from knnal.sources.detect import open_source
    from knnal.sources.images import AmbiguousFoldersError
    from knnal.sources.vectors import VectorFile
    from knnal_cli.narration import Narration

    if max_pixels is not None:
        os.environ[MAX_PIXELS_VARIABLE] = str(max_pixels)
    # A slip in the source or the embedder must not leave an empty pool behind.
    opened = partial(
        open_source,
        source,
        text_column=text_column,
        id_column=id_column,
        label_column=label_column,
        labels_from_folders=labels_from_folders,
        ids=ids,
        encoding=encoding,
        ignore_labels=ignore_labels,
    )
    try:
        items = opened(folder_level=folder_level)
    except AmbiguousFoldersError as error:
        items = opened(folder_level=_ask_for_level(error))
    if embedder is not None:
        create_embedder(embedder)
    augmentations = None if augment is None else [name.strip() for name in augment.split(",")]
    require_possible(items.modality, views, augmentations)
    with Narration() as narration:
        if isinstance(items, VectorFile) and items.labels_inside:
            narration.say(
                f"{source} has {items.labels_inside} labels inside, which are taken in. "
                "Leave them with --ignore-labels."
            )
        project = Project.create(pool, narration)
        report = project.embed(
            items,
            embedder=embedder,
            annotator=annotator,
            views=views,
            augmentations=augmentations,
        )
    if as_json:
        print_json(_record(report))
    else:
        _print(report, source, pool)
    if report.found_nothing:
        raise typer.Exit(Exit.NOTHING_DONE)
    if report.skips or report.refused:
        raise typer.Exit(Exit.DONE_WITH_SKIPS)


def _ask_for_level(error: AmbiguousFoldersError) -> int:
    """Which folders name classes, from whoever sits at the terminal; else the error is raised."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise error
    echo(str(error), err=True)
    level = 0
    while level not in (1, 2):
        level = ask_number("Folder level, 1 or 2")
    return level


def _record(report: IngestReport) -> dict[str, object]:
    return {
        "rows": report.rows,
        "skipped_rows": report.skipped_rows,
        "added": report.added,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "vanished": report.vanished,
        "returned": report.returned,
        "moved": report.moved,
        "moved_from": [str(location) for location in report.moved_from],
        "copies": report.copies.total(),
        "shared": report.shared.total(),
        "changed_labeled": len(report.outdated),
        "classes": dict(report.classes),
        "labels": report.labels,
        "labels_kept": report.labels_kept,
        "viewed": report.viewed,
        "skipped": dict(report.skips),
        "labels_refused": dict(report.refused),
        "examples": report.examples,
        "reading": _reading(report.reading),
        "seconds": round(report.seconds, 3),
    }


def _reading(reading: Reading | None) -> dict[str, object] | None:
    if reading is None:
        return None
    columns = {column.role: {"name": column.name, "why": column.why} for column in reading.columns}
    return {"format": reading.layout, "columns": columns, "notes": list(reading.notes)}


def _print_reading(report: IngestReport, reading: Reading, source: Path) -> None:
    """How many rows became items, how the file was read, and which columns were taken."""
    items = report.embedded + report.unchanged
    counts = f"{report.rows} rows, {items} became items, {report.skipped_rows} skipped"
    if elsewhere := report.copies.total() + report.shared.total():
        counts += f", {elsewhere} already in the pool from another source"
    echo(printable_line(f"{source.name} ({reading.layout}): {counts}."))
    for column in reading.columns:
        name = "" if column.name is None else f" {column.name!r}"
        echo(printable_line(f"  {column.role}{name}: {column.why}"))
    for note in reading.notes:
        echo(printable_line(note), err=True)


def _print(report: IngestReport, source: Path, pool: Path) -> None:
    rate = report.embedded / report.seconds if report.seconds else 0.0
    echo(
        f"{report.added} added, {report.changed} changed, {report.unchanged} unchanged "
        f"in {report.seconds:.1f} s ({rate:.0f}/s)."
    )
    if report.reading is not None:
        _print_reading(report, report.reading, source)
    if report.viewed:
        echo(f"Views made of {report.viewed} items.")
    for line in recognition_lines(report, source):
        echo(printable_line(line))
    if report.classes:
        echo(printable_line(class_line(report.classes)))
    if report.labels or report.labels_kept:
        items = "1 item keeps" if report.labels_kept == 1 else f"{report.labels_kept} items keep"
        kept = f"; {items} another label"
        echo(f"{report.labels} labels taken in{kept if report.labels_kept else ''}.")
    if report.vanished:
        echo(f"{report.vanished} vanished from the source: they keep their labels.")
    if report.returned:
        echo(f"{report.returned} that had vanished are back.")
    _print_unused_labels(report)
    if report.found_nothing:
        echo("Nothing embedded.", err=True)
    else:
        where = "" if pool == POOL_DEFAULT else f" --pool {pool}"
        echo(f"Next: knnal label{where}")


def _print_unused_labels(report: IngestReport) -> None:
    """What did not become an item, and which labels were not taken in."""
    for reason, count in report.skips.most_common():
        echo(f"Skipped {count}: {reason} ({_examples(report, reason, count)})", err=True)
    for reason, count in report.refused.most_common():
        examples = _examples(report, reason, count)
        echo(f"{count} without the label that came with them: {reason} ({examples})", err=True)


def _examples(report: IngestReport, reason: str, count: int) -> str:
    """The first of the items that a reason holds for."""
    examples = report.examples[reason]
    return ", ".join(examples) + ", ..." * (count > len(examples))
