"""``knnal embed``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from knnal_cli.exits import Exit
from knnal_cli.options import POOL_DEFAULT, AnnotatorOption, JsonOption, PoolOption
from knnal_cli.printable import echo
from knnal_cli.records import print_json

if TYPE_CHECKING:
    from knnal.ingest import IngestReport


def register(app: typer.Typer) -> None:
    app.command()(embed)


def embed(
    source: Annotated[
        Path,
        typer.Argument(
            help="A folder of images; a table (CSV, TSV, JSONL, Parquet); a text file, one item a "
            "line; or ready embeddings (npy, npz, Parquet)."
        ),
    ],
    pool: PoolOption = POOL_DEFAULT,
    embedder: Annotated[
        str | None,
        typer.Option(help="Which network makes the vectors; 'knnal models' lists them."),
    ] = None,
    text_column: Annotated[str | None, typer.Option(help="The column of texts.")] = None,
    id_column: Annotated[str | None, typer.Option(help="The column of ids.")] = None,
    label_column: Annotated[
        str | None, typer.Option(help="A column of labels to take in, where not empty.")
    ] = None,
    labels_from_folders: Annotated[
        bool, typer.Option("--labels-from-folders", help="Take folder names as labels.")
    ] = False,
    ids: Annotated[
        Path | None, typer.Option(help="A text file of ids, one a line, for an npy file.")
    ] = None,
    views: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Make so many views of every item, for strategies that look at an item more than "
            "once; 0 removes them.",
            show_default="as the pool has them",
        ),
    ] = None,
    augment: Annotated[
        str | None,
        typer.Option(
            help="How views differ, parted by commas: mirror, rotate, scale, shear, elastic, crop "
            "for images, drop, swap for texts.",
            show_default="all",
        ),
    ] = None,
    annotator: AnnotatorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn every item into an embedding, once; run it again to take in what is new or changed."""
    from knnal.augmentation.recipe import require_possible
    from knnal.embedders.base import create_embedder
    from knnal.items.detect import open_source
    from knnal.project import Project
    from knnal_cli.narration import Narration

    # A slip in the source or the embedder must not leave an empty pool behind.
    items = open_source(
        source,
        text_column=text_column,
        id_column=id_column,
        label_column=label_column,
        labels_from_folders=labels_from_folders,
        ids=ids,
    )
    if embedder is not None:
        create_embedder(embedder)
    augmentations = None if augment is None else [name.strip() for name in augment.split(",")]
    require_possible(items.modality, views, augmentations)
    with Narration() as narration:
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
        _print(report, pool)
    if report.found_nothing:
        raise typer.Exit(Exit.NOTHING_DONE)
    if report.skips or report.refused:
        raise typer.Exit(Exit.DONE_WITH_SKIPS)


def _record(report: IngestReport) -> dict[str, object]:
    return {
        "added": report.added,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "vanished": report.vanished,
        "returned": report.returned,
        "labels": report.labels,
        "labels_kept": report.labels_kept,
        "viewed": report.viewed,
        "skipped": dict(report.skips),
        "labels_refused": dict(report.refused),
        "examples": report.examples,
        "seconds": round(report.seconds, 3),
    }


def _print(report: IngestReport, pool: Path) -> None:
    rate = report.embedded / report.seconds if report.seconds else 0.0
    echo(
        f"{report.added} added, {report.changed} changed, {report.unchanged} unchanged "
        f"in {report.seconds:.1f} s ({rate:.0f}/s)."
    )
    if report.viewed:
        echo(f"Views made of {report.viewed} items.")
    if report.labels or report.labels_kept:
        kept = f"; {report.labels_kept} items keep another label that they had"
        echo(f"{report.labels} labels taken in{kept if report.labels_kept else ''}.")
    if report.vanished:
        echo(f"{report.vanished} vanished from the source: they keep their labels.")
    if report.returned:
        echo(f"{report.returned} that had vanished are back.")
    for reason, count in report.skips.most_common():
        echo(f"Skipped {count}: {reason} ({_examples(report, reason, count)})", err=True)
    for reason, count in report.refused.most_common():
        shown = _examples(report, reason, count)
        echo(f"{count} without the label that came with them: {reason} ({shown})", err=True)
    if report.found_nothing:
        echo("Nothing embedded.", err=True)
    else:
        where = "" if pool == POOL_DEFAULT else f" --pool {pool}"
        echo(f"Next: knnal label{where}")


def _examples(report: IngestReport, reason: str, count: int) -> str:
    """The first of the items that a reason holds for."""
    examples = report.examples[reason]
    return ", ".join(examples) + ", ..." * (count > len(examples))
