"""The figures of ``benchmarks.classifiers`` as Markdown."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.tables import NONE, table


def classifier_lines(found: dict[str, Any]) -> list[str]:
    """Accuracy by classifier and labels, over all sets and by set, and calibration."""
    sets, reference = found["sets"], found["reference"]
    names = list(next(iter(sets.values()))["classifiers"])
    counts = [n for n in next(iter(sets.values()))["classifiers"][names[0]] if _in_all(n, sets)]
    lines = [
        f"Labels are drawn at random, the same ones for every classifier. Below `{reference}` and "
        "above it are in how many of the data sets the mean over the seeds is.",
        "### Accuracy, mean over the data sets",
        table(
            ("classifier", *(f"{n} labels" for n in counts)),
            [(f"`{name}`", *(_beside(sets, name, n, reference) for n in counts)) for name in names],
        ),
    ]
    for part in sets.values():
        lines += [
            f"### {part['title']}: pool of {part['pool']:,}, {part['held_out']:,} held out",
            table(
                ("classifier", *(f"{n} labels" for n in part["classifiers"][names[0]])),
                [
                    (f"`{name}`", *(f"{of['accuracy']:.3f}" for of in by_count.values()))
                    for name, by_count in part["classifiers"].items()
                ],
            ),
        ]
    return [
        *lines,
        "### Expected calibration error, mean over the data sets",
        "As predicted, and after a temperature that is fitted on labeled items, each predicted "
        f"without its own label; on {found['audited']} of them at most.",
        table(
            ("classifier", *(f"{n} labels" for n in counts)),
            [(f"`{name}`", *(_errors(sets, name, n) for n in counts)) for name in names],
        ),
    ]


def _in_all(count: str, sets: dict[str, Any]) -> bool:
    return all(
        count in by_count for part in sets.values() for by_count in part["classifiers"].values()
    )


def _values(sets: dict[str, Any], name: str, count: str, measure: str) -> list[Any]:
    return [part["classifiers"][name][count][measure] for part in sets.values()]


def _beside(sets: dict[str, Any], name: str, count: str, reference: str) -> str:
    mean = float(np.mean(_values(sets, name, count, "accuracy")))
    if name == reference:
        return f"{mean:.3f}"
    gains = [gain for gain, _, _ in _values(sets, name, count, "gain")]
    return f"{mean:.3f} ({sum(g < 0 for g in gains)} below, {sum(g > 0 for g in gains)} above)"


def _errors(sets: dict[str, Any], name: str, count: str) -> str:
    before = float(np.mean(_values(sets, name, count, "error")))
    after = _values(sets, name, count, "calibrated_error")
    return f"{before:.3f}, {NONE if None in after else f'{float(np.mean(after)):.3f}'}"
