"""``benchmarks/RESULTS.md`` is what its JSON says, and intervals are those of others."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmarks.article import summary
from benchmarks.bootstrap import bootstrap_mean
from benchmarks.options import command_of
from benchmarks.page import PAGE, RESULTS, page
from benchmarks.store import Store
from benchmarks.tables import _ordering


def test_the_page_says_what_the_measurements_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_page_shows_pictures_that_are_there() -> None:
    for picture in re.findall(r"\]\((results/[^)]+)\)", PAGE.read_text(encoding="utf-8")):
        assert (PAGE.parent / picture).exists()


def test_no_figure_on_the_page_is_typed_by_hand(tmp_path: Path) -> None:
    assert not re.search(r"\d\.\d", page(tmp_path))
    for file in RESULTS.glob("*.json"):
        changed = json.loads(file.read_text(encoding="utf-8"))
        changed["about"]["wall_seconds"] = 60.0 * 1234.5
        (tmp_path / file.name).write_text(json.dumps(changed), encoding="utf-8")
        assert page(tmp_path) != page()


def test_an_interval_is_that_of_scipy() -> None:
    values = np.random.default_rng(2).normal(0.02, 0.05, 12)
    found = bootstrap_mean(values.tolist(), draws=20_000)
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(expected.low, abs=1e-3)
    assert found.high == pytest.approx(expected.high, abs=1e-3)
    assert bootstrap_mean(values.tolist()) == bootstrap_mean(values.tolist())


def test_a_result_counts_for_its_own_settings_only(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.read(("a", "1"), {"labels": 3}) is None
    store.write(("a", "1"), {"labels": 3}, {"accuracy": [0.5]})
    assert store.read(("a", "1"), {"labels": 3}) == {"accuracy": [0.5]}
    assert store.read(("a", "1"), {"labels": 4}) is None


def test_a_command_is_shown_without_folders() -> None:
    given = ["--size", "full", "--data", "/somewhere", "--work=/else", "--jobs", "2"]
    assert (
        command_of("peers", given) == "python -m benchmarks.peers --data DIR --size full --jobs 2"
    )


def test_the_article_is_summed_up() -> None:
    runs = {
        "article+knn": np.array([[0.2, 0.7, 0.8, 0.9], [0.4, 0.5, 0.6, 0.7]]),
        "random+knn": np.array([[0.1, 0.2, 0.3, 0.4], [0.2, 0.3, 0.4, 0.5]]),
    }
    found = summary(runs, (0.6, 0.7, 0.85), (2, 4, 9))
    article, random = found["article+knn"], found["random+knn"]
    assert article["labels_to"] == {"0.6": 2, "0.7": 3, "0.85": None}
    assert article["by_seed"] == [4, None]
    assert article["accuracy"] == {"2": 0.6, "4": 0.8}
    assert article["mean"] == 0.6
    assert random["gain"] is None
    mean, low, high = article["gain"]
    assert (mean, low, high) == pytest.approx((0.3, 0.2, 0.4))


def test_the_articles_ordering_is_told_by_its_interval() -> None:
    def part(*gain: float) -> dict[str, object]:
        return {"contenders": {"article+knn": {"gain": list(gain)}}}

    line = _ordering({"a": part(0.02, 0.01, 0.03), "b": part(-0.02, -0.03, -0.01)})
    assert "split a it **holds** (+0.020, +0.010 to +0.030)" in line
    assert "split b it **does not hold**" in line
    assert "**is undecided**" in _ordering({"c": part(0.01, -0.01, 0.03)})
