"""The figures of the commands that share ``benchmarks.grid`` as Markdown, with their verdicts."""

from __future__ import annotations

from typing import Any

from benchmarks.tables import NONE, interval, table


def ceal_lines(found: dict[str, Any]) -> list[str]:
    """What is compared, and a table and a verdict for each data set."""
    lines = [
        f"{found['batch']} labels a round up to {found['labels']}, from none; the mean accuracy "
        "over the rounds, judged as in the paper (contenders with pseudo-labels let them vote) and "
        "by the labels alone, as knnal predicts; pseudo-labels are those of a round. The default "
        "threshold and weight were chosen on seeds 0 to 2 of CIFAR-10, MNIST and Fruits-360: what "
        "they gain over others here is not independent of that choice."
    ]
    for name, part in found["sets"].items():
        heads = (
            "contender", "mean", "mean, labels alone", "last round", "above AL_RAND",
            "pseudo-labels", "of them right",
        )  # fmt: skip
        rows = [
            (
                contender,
                f"{of['mean']:.3f}",
                f"{of['alone']:.3f}",
                f"{of['last']:.3f}",
                interval(of["gain"]),
                NONE if of["pseudo"] is None else f"{of['pseudo']:.0f}",
                NONE if of["right"] is None else f"{of['right']:.1%}",
            )
            for contender, of in part["contenders"].items()
        ]
        lines += [
            _title(part),
            f"With every label (AL_ALL): {part['every_label']:.3f}. {_order(part['steps'])}",
            table(heads, rows),
            f"![{part['title']}](results/ceal-{name}.png)",
        ]
    return lines


def _order(steps: list[dict[str, Any]]) -> str:
    """Whether each contender of the ordering is ahead of the next."""
    order = " > ".join([steps[0]["better"], *(step["worse"] for step in steps)])
    kept = all(step["difference"][0] > 0 for step in steps)
    told = "; ".join(
        f"{step['better']} less {step['worse']} {interval(step['difference'])}" for step in steps
    )
    verdict = "holds" if kept else "does not hold"
    return f"The ordering that CEAL is for, {order}, **{verdict}** with a no-training kNN: {told}."


def multiclass_lines(found: dict[str, Any]) -> list[str]:
    """The verdict, then for each data set a table of accuracies and one of each class."""
    lines = [
        "One label at a time, asked and judged by `knn`. " + _gains(found["sets"]),
    ]
    for name, part in found["sets"].items():
        contenders = part["contenders"]
        at = list(next(iter(contenders.values()))["accuracy"])
        heads = ("strategy", *(f"@{n}" for n in at), f"mean to {found['labels']}", "above random")
        rows = [
            (
                f"`{contender}`",
                *(f"{of['accuracy'][n]:.3f}" for n in at),
                f"{of['mean']:.3f}",
                interval(of["gain"]),
            )
            for contender, of in contenders.items()
        ]
        same = " All four measures asked the same." if part["same_questions"] else ""
        lines += [
            _title(part) + same,
            table(heads, rows),
            "Accuracy of each class, by smallest margin and (random):",
            _by_class(part, at),
            f"![{part['title']}](results/multiclass-{name}.png)",
            f"![{part['title']}, by class](results/multiclass-{name}-by-class.png)",
        ]
    return lines


def _gains(sets: dict[str, Any]) -> str:
    """Whether every measure is ahead of random labels, and by more where there are more classes."""
    means = {
        name: [of["gain"][0] for of in part["contenders"].values() if of["gain"] is not None]
        for name, part in sets.items()
    }
    ahead = all(gain > 0 for gains in means.values() for gain in gains)
    pairs = [(name, f"{name}-of-two") for name in sets if f"{name}-of-two" in sets]
    best = [(max(means[many]), max(means[two])) for many, two in pairs]
    harder = all(many > two for many, two in best)
    told = ", ".join(
        f"{sets[many]['title']} {gain:+.3f} of ten classes, {gain_of_two:+.3f} of two"
        for (many, _), (gain, gain_of_two) in zip(pairs, best, strict=True)
    )
    return (
        "The paper's ordering with a no-training kNN: every measure ahead of random labels "
        f"**{_holds(ahead)}**; further ahead on the harder task, ten classes against two, "
        f"**{_holds(harder)}** (the best measure above random: {told})."
    )


def _holds(true: bool) -> str:
    return "holds" if true else "does not hold"


def _by_class(part: dict[str, Any], at: list[str]) -> str:
    margin, random = (part["contenders"][n]["by_class"] for n in ("smallest-margin", "random"))
    rows = [
        (label, *(f"{margin[n][label]:.2f} ({random[n][label]:.2f})" for n in at))
        for label in part["classes"]
    ]
    return table(("class", *(f"@{n}" for n in at)), rows)


def pairs_lines(found: dict[str, Any]) -> list[str]:
    """Which pair is best, and all of them, the best first."""
    pairs, default = found["pairs"], found["default"]
    order = sorted(pairs, key=lambda pair: -pairs[pair]["normalized"])
    heads = ("strategy + classifier", *found["titles"].values(), "normalized", "above the default")
    rows = [
        (
            f"`{pair}`",
            *(f"{pairs[pair]['area'][name]:.3f}" for name in found["titles"]),
            f"{pairs[pair]['normalized']:.3f}",
            interval(pairs[pair]["gain"]),
        )
        for pair in order
    ]
    return [
        f"Pools of at most {found['pool']:,} items, the mean accuracy on held-out items over the "
        f"first {found['labels']} labels, one at a time from none, asked and judged with the "
        "pair's own classifier. Normalized is the mean over the data sets of the area as a share "
        "of the accuracy of the default's classifier with every label; the interval is of its "
        "difference to the default's, over the seeds.",
        f"The best is `{order[0]}`; the default, `{default}`, is number {order.index(default) + 1} "
        f"of {len(order)}. {_told_apart(pairs, default)}",
        table(heads, rows),
    ]


def _told_apart(pairs: dict[str, Any], default: str) -> str:
    """The pairs whose interval leaves 0 out upwards, or does not leave it out."""
    gains = {pair: of["gain"] for pair, of in pairs.items() if pair != default}
    ahead = [pair for pair, (_, low, _) in gains.items() if low > 0]
    level = [pair for pair, (_, low, high) in gains.items() if low <= 0 <= high]
    return f"Told apart from it as better: {_named(ahead)}; not told apart: {_named(level)}."


def _named(pairs: list[str]) -> str:
    return ", ".join(f"`{pair}`" for pair in pairs) or "none"


def _title(part: dict[str, Any]) -> str:
    return (
        f"### {part['title']}\n\nPool of {part['pool']:,}, {part['held_out']:,} held out, "
        f"{part['embedder']}."
    )
