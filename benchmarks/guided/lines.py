"""The experiments' figures as Markdown."""

from __future__ import annotations

from typing import Any

from benchmarks.tables import NONE, table

_GUIDED = "guided"


def guided_lines(found: dict[str, Any]) -> list[str]:
    """What it comes to, then a section for each set."""
    lines = [
        verdict(found),
        "Labels come in batches, each as large as all before it; a batch is chosen before any of "
        "its labels is learned. Nothing is trained: the five nearest labeled items vote, and judge "
        "the held-out items where a batch ends. Gains are the mean of the accuracies there less "
        "that of random labels with the same votes; their intervals are over the seeds. Enough are "
        "the labels with which random labels' last accuracy is reached.",
    ]
    for name, part in found["sets"].items():
        lines += [f"### {part['title']}", *_set_lines(name, part, found["sizes"])]
    return lines


def verdict(found: dict[str, Any]) -> str:
    """Whether the paper's ordering, guided labels before random ones, holds here."""
    parts = (
        f"on {part['title']} it {_held(part['contenders'])}" for part in found["sets"].values()
    )
    ordering = "The paper's ordering, guided labels ahead of random ones, with no training: "
    return f"{ordering}{'; '.join(parts)}."


def _held(contenders: dict[str, Any]) -> str:
    guided = contenders[f"{_GUIDED}, class weights"]
    mean, low, high = guided["gain"]
    held = "holds" if low > 0 else "does not hold" if high < 0 else "is undecided"
    return f"{held} ({mean:+.3f}, {low:+.3f} to {high:+.3f})"


def _set_lines(name: str, part: dict[str, Any], sizes: list[int]) -> list[str]:
    contenders = part["contenders"]
    heads = ("strategy", *(f"@{size:,}" for size in sizes), "gain", "enough")
    rows = [
        (
            title,
            *(f"{value:.3f}" for value in one["accuracy"]),
            _gain(one["gain"]),
            NONE if one["enough"] is None else f"{one['enough']:,}",
        )
        for title, one in contenders.items()
    ]
    shares = [
        (
            title,
            *(
                f"{rarest:.0%} to {commonest:.0%}"
                for rarest, commonest in zip(one["rarest"], one["commonest"], strict=True)
            ),
        )
        for title, one in contenders.items()
    ]
    return [
        f"{part['items']:,} pictures, {part['held_out']:,} of them held out, {part['embedder']}. "
        f"Views: {part['views']}.",
        table(heads, rows),
        "The share of the labels that the rarest and the commonest class have:",
        table(("strategy", *(f"@{size:,}" for size in sizes)), shares),
        f"![the classes asked about](results/guided-{name}-classes.png)",
        f"The command also draws the {part['shown']} most and least confusing pictures after "
        f"{part['shown_at']:,} guided labels, with their class and the mean entropy of their views "
        f"in bits, into results/guided-{name}-confusing.png of its folder --work.",
    ]


def _gain(gain: list[float] | None) -> str:
    return NONE if gain is None else "{:+.3f} ({:+.3f} to {:+.3f})".format(*gain)
