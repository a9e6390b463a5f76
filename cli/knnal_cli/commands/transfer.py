"""``knnal import`` and ``knnal export``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from knnal_cli.exits import Exit
from knnal_cli.options import (
    POOL_DEFAULT,
    AnnotatorOption,
    CalibratedOption,
    ClassifierOption,
    EncodingOption,
    Groups,
    IdColumnOption,
    JsonOption,
    KnownOnlyOption,
    LabelColumnOption,
    PoolOption,
    Votes,
    grouped,
    open_project,
)
from knnal_cli.printable import echo
from knnal_cli.records import print_json
from knnal_cli.wording import counted, new_class

_NAMED = 20
"""New classes that are named at most."""


def register(app: typer.Typer) -> None:
    app.command("import")(import_file)
    app.command("export")(export_file)


def import_file(
    file: Annotated[
        Path, typer.Argument(help="A table of ids and labels (CSV, TSV, JSON, Parquet, Excel).")
    ],
    pool: PoolOption = POOL_DEFAULT,
    id_column: IdColumnOption = "id",
    label_column: LabelColumnOption = "label",
    encoding: EncodingOption = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace labels that items have.")
    ] = False,
    known_only: KnownOnlyOption = False,
    annotator: AnnotatorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take in labels made elsewhere.

    Rows name items by id, or by an image file's path or name, where that is unambiguous.
    """
    from knnal.exchange.matching import skip_lines

    report = open_project(pool).import_labels(
        file,
        id_column=id_column,
        label_column=label_column,
        encoding=encoding,
        overwrite=overwrite,
        known_only=known_only,
        annotator=annotator,
    )
    if as_json:
        print_json(
            {
                "added": report.added,
                "changed": report.changed,
                "unchanged": report.unchanged,
                "kept": report.kept,
                "unlabeled": report.unlabeled,
                "skipped": dict(report.skips),
                "examples": report.examples,
                "pool_ids": report.pool_ids,
                "matched": dict(report.matched),
                "new_classes": report.new_classes,
            }
        )
    else:
        echo(
            f"{counted(report.added, 'label')} added, {report.changed} changed, "
            f"{report.unchanged} unchanged."
        )
    if report.matched_in_words is not None:
        echo(report.matched_in_words, err=True)
    if not known_only:
        _tell_new_classes(report.new_classes)
    if report.unlabeled:
        echo(f"Rows without a label: {report.unlabeled}.", err=True)
    if report.kept:
        keep = "keeps" if report.kept == 1 else "keep"
        kept = f"{counted(report.kept, 'item')} {keep} another label"
        echo(f"{kept}; --overwrite replaces it.", err=True)
    for line in skip_lines(report.skips, report.examples, report.pool_ids):
        echo(line, err=True)
    if not report.added + report.changed + report.unchanged + report.kept:
        echo(f"No labels taken in from {file}.", err=True)
        raise typer.Exit(Exit.NOTHING_DONE)
    if report.skips:
        raise typer.Exit(Exit.DONE_WITH_SKIPS)


def _tell_new_classes(found: Mapping[str, str | None]) -> None:
    """Name the classes that the pool did not have: in a line each where another may be meant."""
    for name, close in found.items():
        if close is not None:
            echo(f"{new_class(name, [close])}.", err=True)
    plain = [name for name, close in found.items() if close is None]
    if plain:
        more = ", ..." * (len(plain) > _NAMED)
        echo(f"New classes: {', '.join(plain[:_NAMED])}{more}.", err=True)


@grouped
def export_file(
    *,
    file: Annotated[
        Path,
        typer.Argument(help="Where to; the ending (csv, tsv, jsonl, parquet) chooses the format."),
    ],
    pool: PoolOption = POOL_DEFAULT,
    labeled: Annotated[
        bool, typer.Option("--labeled", help="Only the items that have a label.")
    ] = False,
    classifier: ClassifierOption = None,
    calibrated: CalibratedOption = False,
    groups: Groups,
    votes: Votes,
) -> None:
    """Write items, labels with their provenance, and predictions to a table."""
    from knnal_cli.narration import Narration

    with Narration() as narration:
        count = open_project(pool, narration).export(
            file,
            labeled_only=labeled,
            classifier=classifier,
            vote=votes.options(),
            calibrated=calibrated,
            per_group=groups.threshold(),
        )
    echo(f"Wrote {counted(count, 'row')} to {file}.")
