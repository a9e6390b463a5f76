"""Results of all seeds summed up, and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.bootstrap import bootstrap_mean
from benchmarks.noise.cleaning import (
    CLEAN,
    CONTENDERS,
    JUDGES,
    NO_CLEANING,
    RANKING,
    VOTES,
    Task,
)
from benchmarks.noise.sizes import RATES
from benchmarks.tables import table
from knnal.types import Float64Array

ORDER = (NO_CLEANING, "voting", "active, few questions", "slim", CLEAN)
"""What should be worth more and more: two models' votes, questions about the rest, questions about
all that is not predicted, and no wrong label at all.
"""


def summed_up(tasks: Sequence[Task]) -> dict[str, Any]:
    """Of one data set: each contender's means by rate, its gain, and how good the ranking is."""
    results = [
        [task.store.read(task.key(rate), task.settings) or {} for rate in RATES] for task in tasks
    ]
    by_judge = {
        judge: {name: _accuracies(results, name, judge) for name in CONTENDERS} for judge in JUDGES
    }
    return {
        "contenders": {
            name: {
                "accuracy": {j: _rounded(by_judge[j][name].mean(axis=0)) for j in JUDGES},
                "gain": {j: _gain(by_judge[j][name], by_judge[j][NO_CLEANING]) for j in JUDGES},
                "questions": _rounded(_counts(results, name, "questions").mean(axis=0)),
                "wrong": _rounded(_counts(results, name, "wrong").mean(axis=0)),
                "labels": _rounded(_counts(results, name, "labels").mean(axis=0)),
            }
            for name in CONTENDERS
        },
        RANKING: [
            {
                name: int(sum(of_seed[at][RANKING][name] for of_seed in results))
                for name in ("wrong", "found", "confident", "confident_found")
            }
            for at in range(len(RATES))
        ],
    }


def _accuracies(results: list[list[dict[str, Any]]], name: str, judge: str) -> Float64Array:
    """``(seeds, rates)``."""
    return np.array([[at[name]["accuracy"][judge] for at in of_seed] for of_seed in results])


def _counts(results: list[list[dict[str, Any]]], name: str, of: str) -> Float64Array:
    return np.array([[at[name][of] for at in of_seed] for of_seed in results], dtype=np.float64)


def _rounded(values: Float64Array) -> list[float]:
    return [round(float(value), 4) for value in values]


def _gain(accuracy: Float64Array, reference: Float64Array) -> list[float]:
    """The mean difference over the rates above 0, and its interval over the seeds."""
    found = bootstrap_mean((accuracy - reference)[:, 1:].mean(axis=1).tolist())
    return [round(value, 4) for value in (found.mean, found.low, found.high)]


def ordering(sets: dict[str, Any], judge: str) -> tuple[list[float], bool]:
    """The mean accuracy of ``ORDER`` over all sets and rates above 0; whether each one rises."""
    means = [
        float(np.mean([s["contenders"][name]["accuracy"][judge][1:] for s in sets.values()]))
        for name in ORDER
    ]
    return [round(mean, 4) for mean in means], bool(np.all(np.diff(means) > 0))


def noise_lines(found: dict[str, Any]) -> list[str]:
    """The section of the results page."""
    size = found["size"]
    lines = [
        f"{size['labels']} labels drawn at random come in batches of {size['batch']}; in each, a "
        "share drawn from N(p, 0.2 p) is replaced by another class. After each batch the labels "
        f"are reviewed, with {size['questions']} questions to an oracle (slim: one for each label "
        "that is not predicted; voting: none), or once, when all labels are in. Accuracy of "
        f"`{JUDGES[0]}` on held-out items, the mean over the seeds; the gain is that over no "
        f"cleaning, the mean of the rates above 0, of `{JUDGES[0]}` and of `{JUDGES[1]}`.",
        *(_order_line(found["sets"], judge) for judge in JUDGES),
        _votes_line(found["sets"]),
    ]
    for name, part in found["sets"].items():
        lines += [f"### {part['title']}: pool of {part['pool']:,}", _set_table(part)]
        lines.append(_ranking_text(name, part[RANKING]))
    return lines


def _order_line(sets: dict[str, Any], judge: str) -> str:
    means, holds = ordering(sets, judge)
    steps = " < ".join(f"{name} {mean:.3f}" for name, mean in zip(ORDER, means, strict=True))
    return (
        f"RAD's ordering, over all sets and rates above 0, with `{judge}` and no training, "
        f"**{_holds(holds)}**: {steps}."
    )


def _votes_line(sets: dict[str, Any]) -> str:
    """Whether bootstrapped votes are ahead of plain ones, as bootstrapped targets are."""
    told = []
    for judge in JUDGES:
        for name in VOTES:
            gains = [of["contenders"][name]["gain"][judge][0] for of in sets.values()]
            holds, mean = all(gain > 0 for gain in gains), float(np.mean(gains))
            told.append(f"{name} with `{judge}` **{_holds(holds)}** ({mean:+.3f} on average)")
    return (
        "Reed's ordering, bootstrapped ahead of plain on every set, with no training: "
        f"{'; '.join(told)}."
    )


def _holds(true: bool) -> str:
    return "holds" if true else "does not hold"


def _set_table(part: dict[str, Any]) -> str:
    heads = (
        "contender",
        *(f"{rate:.0%} wrong" for rate in RATES),
        f"gain, {JUDGES[0]}",
        f"gain, {JUDGES[1]}",
        "questions",
        "wrong labels left at 40%",
    )
    rows = [
        (
            name,
            *(f"{value:.3f}" for value in of["accuracy"][JUDGES[0]]),
            *("{:+.3f} ({:+.3f} to {:+.3f})".format(*of["gain"][judge]) for judge in JUDGES),
            f"{min(of['questions']):.0f} to {max(of['questions']):.0f}",
            f"{of['wrong'][-1]:.0f} of {of['labels'][-1]:.0f}",
        )
        for name, of in part["contenders"].items()
    ]
    return table(heads, rows)


def _ranking_text(name: str, ranked: list[dict[str, int]]) -> str:
    parts = [
        f"{rate:.0%}: {at['found'] / at['wrong']:.2f}, of the confident ones "
        f"{at['confident_found'] / max(at['confident'], 1):.2f} and "
        f"{at['confident_found'] / at['wrong']:.2f}"
        for rate, at in zip(RATES, ranked, strict=True)
        if at["wrong"]
    ]
    return (
        f"{name}, all labels at once: precision and recall, which are equal there, of as many of "
        "the most suspicious labels as are wrong; and precision and recall of those that are "
        f"confidently wrong. {'; '.join(parts)}."
    )
