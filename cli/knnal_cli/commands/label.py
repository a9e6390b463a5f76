"""``knnal label``: the interactive loop."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from knnal import defaults
from knnal_cli.options import (
    POOL_DEFAULT,
    AnnotatorOption,
    AuditOption,
    ClassifierOption,
    KOption,
    NearOption,
    PerGroupOption,
    PoolOption,
    SeedOption,
    SeekOption,
    StrategyOption,
    TargetOption,
    open_session,
)


def register(app: typer.Typer) -> None:
    app.command()(label)


def label(
    classes: Annotated[
        str | None,
        typer.Option(help="Class names, parted by commas; more can be added while labeling."),
    ] = None,
    pool: PoolOption = POOL_DEFAULT,
    strategy: StrategyOption = defaults.STRATEGY,
    classifier: ClassifierOption = defaults.CLASSIFIER,
    k: KOption = defaults.K,
    audit: AuditOption = defaults.AUDIT,
    target: TargetOption = None,
    seek: SeekOption = None,
    per_group: PerGroupOption = False,
    near: NearOption = defaults.NEAR_DUPLICATE,
    seed: SeedOption = defaults.SEED,
    annotator: AnnotatorOption = None,
) -> None:
    """Label in the terminal: one key an item, and the next one is there."""
    from knnal.errors import InputError
    from knnal_cli.narration import Narration

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InputError(
            "Expected a terminal to label in, but input or output is redirected. In scripts use "
            "'knnal next --json' to get an item, and 'knnal tell ID LABEL' to label it."
        )
    with Narration() as narration:
        session = open_session(
            pool,
            narration,
            k=k,
            per_group=per_group,
            near=near,
            seek=seek,
            strategy=strategy,
            classifier=classifier,
            audit=audit,
            seed=seed,
            annotator=annotator,
        )
        for name in (classes or "").split(","):
            if name.strip():
                session.add_class(name)
        first = session.ask()
    from knnal_cli.terminal.loop import LabelLoop

    LabelLoop(session, target=target).run(first)
