"""Figures as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

NONE = "-"
_ARTICLE = "article+knn"


def about_lines(about: dict[str, Any]) -> list[str]:
    """With what, when and how a result was found."""
    machine, seeds = about["machine"], about["seeds"]
    memory = machine["memory"]
    on = f"{machine['processor']}, {machine['cores']} cores"
    on += "" if memory is None else f", {memory / 2**30:.0f} GiB"
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    return [
        f"`{about['command']}` on {about['date']}, size {about['size']}, seeds {seeds[0]} to "
        f"{seeds[-1]}, {_time(about['wall_seconds'])} (results that were kept from earlier runs "
        f"take none). {on}. Python {machine['python']}, {versions}."
    ]


def article_lines(name: str, found: dict[str, Any]) -> list[str]:
    """A table for each way of splitting, with its picture."""
    lines = [
        f"{found['items']:,} items, {found['classes']} classes, {found['embedder']}. Each "
        "contender is a strategy and the classifier that it asks with and is judged by."
    ]
    lines.append(_ordering(found["protocols"]))
    for protocol, part in found["protocols"].items():
        lines += [
            f"### Split {protocol}: pool of {part['pool']:,}, {part['held_out']:,} held out",
            _contenders(part["contenders"], found["labels"], "random + knn"),
            f"With every label of the pool, `knn` has {part['every_label']:.3f}.",
            f"![{name}, split {protocol}](results/{name}-{protocol.replace(' ', '-')}.png)",
        ]
    return lines


def _ordering(protocols: dict[str, Any]) -> str:
    """Whether the article's strategy is ahead of random labels, with the vote it is told with."""
    told = []
    for protocol, part in protocols.items():
        gain = part["contenders"][_ARTICLE]["gain"]
        mean, low, high = gain
        held = "holds" if low > 0 else "does not hold" if high < 0 else "is undecided"
        told.append(f"split {protocol} it **{held}** ({mean:+.3f}, {low:+.3f} to {high:+.3f})")
    return (
        "The article's ordering, its own strategy ahead of random labels, with a no-training kNN: "
        f"{'; '.join(told)}."
    )


def seek_lines(found: dict[str, Any]) -> list[str]:
    """A table for each data set."""
    lines = [
        f"Pools of {found['pool']:,} items, {found['rare']} of the rare class, one of these "
        "named as an example. Shown is the share of the others that is found within so many "
        "labels. `nearest` asks for the item most similar to any of the class found so far, "
        "`likeliest` is `seek` without its turn to the boundary."
    ]
    for part in found["sets"].values():
        lines += [
            f"### {part['title']}, {part['embedder'].split(' ')[0]}",
            _contenders(part["contenders"], found["labels"], "nearest"),
        ]
    return lines


def _contenders(contenders: dict[str, Any], labels: int, beside: str) -> str:
    """Labels to targets and the curve's values at numbers of labels, for each contender."""
    first = next(iter(contenders.values()))
    targets, at = list(first["labels_to"]), list(first["accuracy"])
    heads = (
        "contender",
        *(f"to {float(target):.0%}" for target in targets),
        *(f"@{n}" for n in at),
        f"mean to {labels}",
        f"above {beside}",
        f"to {float(targets[-1]):.0%}, seed by seed",
    )
    rows = [
        (
            f"`{contender}`",
            *(_labels(c["labels_to"][target], labels) for target in targets),
            *(f"{c['accuracy'][n]:.3f}" for n in at),
            f"{c['mean']:.3f}",
            interval(c["gain"]),
            " ".join(_labels(n, labels) for n in c["by_seed"]),
        )
        for contender, c in contenders.items()
    ]
    return table(heads, rows)


def peers_lines(found: dict[str, Any]) -> list[str]:
    lines = ["### What is claimed", _bars(found["bars"])]
    lines += [
        "### How it is measured",
        f"Pools of {found['pool']:,} items of each set, {found['labels']} labels. What is claimed "
        f"of knnal and random labels alone is of {found['own_labels']} labels, also in larger "
        "pools, where no peer has to be waited for. Area is the mean "
        f"accuracy over the first {found['labels']} labels, a difference that of the contender's "
        "area less knnal's under the same judge: where it is negative, knnal is ahead. Targets are "
        "shares of the accuracy of `combined` with every label of the pool, reached by the mean "
        "curve over the seeds; between the points at which peers are judged, curves are straight. "
        f"All runs together took {_time(found['cpu_seconds'])} of one core.",
        "![curves](results/peers.png)",
    ]
    if found["left_out"]:
        lines.append(f"Left out, since they are not installed: {', '.join(found['left_out'])}.")
    for part in found["sets"].values():
        lines += [f"### {part['title']}", _about_set(part), _set(part)]
    if found["costs"]:
        lines += ["### What a query costs", _costs_text(found), _costs(found["costs"])]
    return [*lines, "### Who was given what", _settings(found["settings"])]


def _bars(bars: list[dict[str, str]]) -> str:
    return table(
        ("claim", "measured", "verdict"),
        [(bar["claim"], bar["measured"], bar["verdict"]) for bar in bars],
    )


def _about_set(part: dict[str, Any]) -> str:
    return (
        f"{part['items']:,} items, {part['classes']} classes, {part['embedder']}. Pool of "
        f"{part['pool']:,}, {part['held_out']:,} held out; with every label of the pool `combined` "
        f"has {part['every_label']:.3f}."
    )


def _set(part: dict[str, Any]) -> str:
    contenders = part["contenders"]
    shares = next(iter(contenders.values()))["labels_to"]
    ours = next(iter(contenders.values()))["judges"]
    heads = (
        "contender",
        *(f"to {float(share):.0%}" for share in shares),
        "area, combined",
        "difference",
        "area, knn",
        "difference",
        "own judge",
        "area, own",
        "difference",
    )
    rows = []
    for name, contender in contenders.items():
        judges, own = contender["judges"], contender["judge"]
        rows.append((
            name,
            *(NONE if n is None else str(n) for n in contender["labels_to"].values()),
            *_area(judges["combined"]),
            *_area(judges["knn"]),
            own,
            *_area(judges[own]),
        ))  # fmt: skip
    others = ", ".join(f"{judge} {of['area']:.3f}" for judge, of in ours.items())
    first = next(iter(contenders))
    return f"{table(heads, rows)}\n\nArea of {first} by judge: {others}."


def _area(judged: dict[str, Any]) -> tuple[str, str]:
    return f"{judged['area']:.3f}", interval(judged["difference"])


def _costs_text(found: dict[str, Any]) -> str:
    return (
        "Seconds from an answer to the next query, the median, one thread, vectors in memory, "
        f"{found['start']} labels in hand; everybody is timed in rounds, in turns; memory is the "
        "peak beyond what the vectors take. A pass over the vectors, which reads each once, is "
        "there for scale. Looking ahead, as in `knnal label`, the next query is prepared for each "
        "answer while somebody looks at the item, and the seconds are what is left to wait. The "
        "others do not offer that."
    )


def _costs(costs: dict[str, Any]) -> str:
    rows = []
    for items, by_name in costs.items():
        first = next(iter(by_name.values()))
        for name, cost in by_name.items():
            if "failure" in cost:
                rows.append((f"{int(items):,}", name, cost["failure"], NONE, NONE, NONE))
                continue
            memory = cost["megabytes"]
            rows.append((
                f"{int(items):,}",
                name,
                f"{cost['seconds']:.5f}",
                f"{cost['seconds'] / first['seconds']:.1f}" if "seconds" in first else NONE,
                NONE if memory is None else f"{memory:,.0f}",
                str(cost["timed"]),
            ))  # fmt: skip
    heads = ("items", "contender", "s per query", "times the first's", "MB", "queries timed")
    return table(heads, rows)


def _settings(settings: dict[str, Any]) -> str:
    return table(
        ("contender", "own judge", "settings"),
        [(name, of["judge"], of["settings"]) for name, of in settings.items()],
    )


def interval(found: Sequence[float] | None) -> str:
    """A mean difference and its interval."""
    return NONE if found is None else "{:+.3f} ({:+.3f} to {:+.3f})".format(*found)


def _labels(count: int | None, budget: int) -> str:
    return f">{budget}" if count is None else str(count)


def _time(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = tuple(heads)
    return "\n".join([_line(heads), _line("---" for _ in heads), *map(_line, rows)])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
