"""The benchmark of wrong labels: how they are made, cleaned, judged and summed up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.noise import __main__ as noise
from benchmarks.noise import cleaning, summary
from benchmarks.noise.cleaning import Noisy, Task, cleaned, do, measure, ranking
from benchmarks.noise.sizes import SIZES, Size, batches, inject
from benchmarks.sets.catalog import EmbeddedSet, keep, kept_file
from knnal.index.linalg import unit_rows
from knnal.index.parallel import thread_count, use_threads
from knnal.quality.review import Mode

SIZE = Size(160, 100, 40, 60, 30, 3, 2)
RATES = (0.0, 0.4)
FEW = ("no cleaning", "slim", "clean labels")


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Task]:
    """Four clusters of 40, of which 60 items get labels."""
    rng = np.random.default_rng(0)
    classes = np.repeat(np.arange(4), 40)
    X = unit_rows(2.0 * rng.normal(size=(4, 8))[classes] + rng.normal(size=(160, 8)))
    made = EmbeddedSet("cifar10", X, classes, list("abcd"), None, "made")
    keep(made, kept_file("cifar10", tmp_path, SIZE.items))
    for module in (cleaning, summary):
        monkeypatch.setattr(module, "RATES", RATES)
        monkeypatch.setattr(module, "CONTENDERS", FEW)
    monkeypatch.setattr(summary, "ORDER", FEW)
    monkeypatch.setattr(summary, "VOTES", FEW[:1])
    cleaning._set.cache_clear()
    threads = thread_count()
    use_threads(1)
    yield Task("cifar10", 0, SIZE, tmp_path)
    use_threads(threads)


@pytest.fixture
def noisy(task: Task) -> Noisy:
    clean = cleaning._problem(task)
    rng = np.random.default_rng(0)
    return replace(clean, given=inject(clean.truth, 4, 0.3, SIZE.batch, rng))


def test_each_batch_has_its_share_of_wrong_labels() -> None:
    classes = np.random.default_rng(1).integers(0, 5, 20_050)
    given = inject(classes, 5, 0.3, 100, np.random.default_rng(2))
    shares = [np.mean(given[at] != classes[at]) for at in batches(len(classes), 100)]
    assert len(shares) == 201
    assert np.mean(shares) == pytest.approx(0.3, abs=0.02)
    assert np.std(shares) == pytest.approx(0.06, abs=0.015)
    wrong = given != classes
    steps = np.bincount((given - classes)[wrong] % 5, minlength=5) / wrong.sum()
    assert steps[0] == 0
    assert steps[1:] == pytest.approx([0.25] * 4, abs=0.03)
    assert np.array_equal(inject(classes, 5, 0.0, 100, np.random.default_rng(2)), classes)


def test_what_each_review_leaves(noisy: Noisy) -> None:
    wrong = int(np.sum(noisy.given != noisy.truth))
    rows, labels, questions = cleaned(noisy, Mode.SLIM, SIZE.batch)
    assert np.array_equal(rows, np.arange(60))
    assert questions >= np.sum(labels != noisy.given)
    assert np.sum(labels != noisy.truth) < wrong / 4
    rows, labels, questions = cleaned(noisy, Mode.SUSPICION, SIZE.batch)
    assert questions == 2 * SIZE.questions
    fixed = labels != noisy.given
    assert np.array_equal(labels[fixed], noisy.truth[fixed])
    rows, labels, questions = cleaned(noisy, Mode.VOTING, 60)
    assert questions == 0
    assert np.mean(labels != noisy.truth[rows]) < wrong / 60


def test_the_ranking_counts_what_is_wrong(noisy: Noisy) -> None:
    found = ranking(noisy)
    wrong = int(np.sum(noisy.given != noisy.truth))
    assert found["wrong"] == wrong
    assert 0.5 * wrong < found["found"] <= wrong
    assert found["confident_found"] <= min(found["confident"], wrong)


def test_a_contender_is_judged_by_both_classifiers(noisy: Noisy) -> None:
    dirty, clean = measure(noisy, "no cleaning"), measure(noisy, "clean labels")
    assert (dirty["labels"], clean["wrong"]) == (60, 0)
    assert dirty["wrong"] == np.sum(noisy.given != noisy.truth)
    assert clean["accuracy"]["knn"] > dirty["accuracy"]["knn"]


def test_results_are_kept_and_summed_up(task: Task, capsys: pytest.CaptureFixture[str]) -> None:
    other = replace(task, seed=1)
    for one in (task, other):
        do(one)
        assert one.missing() == []
    found = summary.summed_up([task, other])
    results = [[t.store.read(t.key(rate), t.settings) for rate in RATES] for t in (task, other)]
    gains = [of[1]["slim"]["accuracy"]["knn"] - of[1]["no cleaning"]["accuracy"]["knn"]
             for of in results]  # fmt: skip
    slim = found["contenders"]["slim"]
    assert slim["gain"]["knn"][0] == pytest.approx(np.mean(gains), abs=1e-4)
    assert slim["gain"]["knn"][1] == pytest.approx(min(gains), abs=1e-4)
    assert found["ranking"][1]["wrong"] == sum(of[1]["ranking"]["wrong"] for of in results)
    assert found["ranking"][0]["wrong"] == 0
    lines = "\n".join(
        summary.noise_lines(
            {"size": SIZE.settings(), "sets": {"cifar10": {"title": "CIFAR", "pool": 100, **found}}}
        )
    )
    assert f"| {slim['accuracy']['combined'][1]:.3f} |" in lines
    assert "60 labels drawn at random come in batches of 30" in lines


def of_accuracy(**means: float) -> dict[str, Any]:
    names = {name: means[name.partition(",")[0].replace(" ", "_")] for name in summary.ORDER}
    return {"contenders": {n: {"accuracy": {"knn": [1.0, m, m]}} for n, m in names.items()}}


def test_the_order_holds_where_each_step_is_worth_something() -> None:
    rising = of_accuracy(no_cleaning=0.5, voting=0.6, active=0.7, slim=0.8, clean_labels=0.9)
    assert summary.ordering({"x": rising}, "knn") == ([0.5, 0.6, 0.7, 0.8, 0.9], True)
    level = of_accuracy(no_cleaning=0.5, voting=0.5, active=0.7, slim=0.8, clean_labels=0.9)
    assert summary.ordering({"x": level}, "knn")[1] is False
    assert summary.ordering({"x": rising, "y": level}, "knn")[0][1] == 0.55


def test_the_command_names_the_sets_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        noise.main(["--sets", "pictures"])
    assert "banking77" in capsys.readouterr().err
    assert SIZES["small"].labels % SIZES["small"].batch == 0


def test_votes_are_said_to_help_where_they_do_on_every_set() -> None:
    def of(soft: float, hard: float) -> Any:
        of_votes = {}
        for name, gain in zip(cleaning.VOTES, (soft, hard), strict=True):
            of_votes[name] = {"gain": {judge: [gain, 0.0, 0.0] for judge in cleaning.JUDGES}}
        return {"contenders": of_votes}

    line = summary._votes_line({"x": of(0.1, 0.2), "y": of(0.2, -0.1)})
    assert line.count("soft with `knn` **holds** (+0.150 on average)") == 1
    assert line.count("hard with `knn` **does not hold** (+0.050 on average)") == 1
