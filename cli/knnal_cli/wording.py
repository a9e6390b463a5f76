"""Sentences that more than one command says."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from knnal.store.ledger import Event


def taken_back(event: Event) -> str:
    """What was undone, without the end of the sentence: "Took back the label 'good'"."""
    what = f"{event.kind} '{event.label}'" if event.label else str(event.kind)
    return f"Took back the {what}"
