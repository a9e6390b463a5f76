"""``python -m benchmarks.peers``: contenders, judges, figures and claims, on made vectors."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, auc

from benchmarks.article import first_at
from benchmarks.engine.seeds import made_seeds
from benchmarks.peers import curves, scikit_activeml, summary
from benchmarks.peers.__main__ import main
from benchmarks.peers.bars import bars
from benchmarks.peers.base import Setting
from benchmarks.peers.contenders import CONTENDERS, PEERS, asked_by, random_beginning
from benchmarks.peers.costs import AHEAD, YARDSTICK, measure, measure_costs
from benchmarks.peers.curves import Task, do, waiting
from benchmarks.peers.judges import Problem, ceiling, curve, points
from benchmarks.peers.models import LOGISTIC_C, neighbor_gamma
from benchmarks.peers.sizes import SIZES
from benchmarks.peers.summary import Curves, SetResults
from benchmarks.sets.catalog import EmbeddedSet, keep, kept_file
from knnal.classifiers.estimator import KNNClassifier

SMALL = SIZES["small"]
SETTING_SEED = 3


@pytest.fixture(scope="module")
def problem() -> Problem:
    seeds = made_seeds(16, 0)
    X, y = seeds.vectors[:160], seeds.classes[:160] % 4
    return Problem(X[:100], y[:100], X[100:], y[100:], 4, SETTING_SEED)


def setting(problem: Problem, ahead: int = 1) -> Setting:
    return Setting(problem.X, problem.class_count, problem.seed, ahead)


@pytest.mark.parametrize("name", CONTENDERS)
def test_a_contender_asks_about_every_item_once_and_the_same_again(
    name: str, problem: Problem
) -> None:
    entry = CONTENDERS[name]
    if not entry.here:
        pytest.skip(f"{entry.library} is in the extra 'bench'")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        asked = asked_by(entry, setting(problem, 24), problem.classes, 24)
        assert asked == asked_by(entry, setting(problem, 24), problem.classes, 24)
    assert len(set(asked)) == len(asked) == 24
    assert set(asked) <= set(range(100))
    assert (
        asked[: entry.classes_first]
        == random_beginning(entry, setting(problem), problem.classes)[: entry.classes_first]
    )


def test_one_batch_of_maxherding_is_what_single_queries_are(problem: Problem) -> None:
    pytest.importorskip("skactiveml", reason="scikit-activeml is in the extra 'bench'")
    entry = CONTENDERS["scikit-activeml MaxHerding"]
    at_once, one_by_one = (
        asked_by(entry, setting(problem, ahead), problem.classes, 15) for ahead in (15, 1)
    )
    assert at_once == one_by_one


def test_maxherding_maximizes_the_kernel_coverage(problem: Problem) -> None:
    pytest.importorskip("skactiveml", reason="scikit-activeml is in the extra 'bench'")
    assert scikit_activeml.neighbor_gamma is neighbor_gamma
    X, gamma = problem.X.astype(np.float64), neighbor_gamma(problem.X)
    distances = np.square(X[:, None] - X[None]).sum(axis=2)
    assert gamma == pytest.approx(1 / np.median(np.sort(distances, axis=1)[:, 10]), rel=1e-4)
    K = np.exp(-gamma * distances)
    covered = np.zeros(len(X))
    for row in asked_by(
        CONTENDERS["scikit-activeml MaxHerding"], setting(problem), problem.classes, 6
    ):
        gain = np.maximum(K - covered, 0).sum(axis=1)
        assert gain[row] == pytest.approx(gain.max(), rel=1e-6)
        covered = np.maximum(covered, K[row])


def test_knnal_is_judged_on_what_it_asked(problem: Problem) -> None:
    asked = asked_by(CONTENDERS["random"], setting(problem), problem.classes, 30)
    at = points(30)
    by_knn = curve("knn", problem, asked, at)
    by_model = curve("logistic", problem, asked, at)
    for count, knn, logistic in zip(at, by_knn, by_model, strict=True):
        X, y = problem.X[asked[:count]], problem.classes[asked[:count]]
        plain = (
            KNNClassifier(n_neighbors=5).fit(X, y).score(problem.held_out, problem.held_out_classes)
        )
        assert knn == pytest.approx(plain)
        if len(set(y)) > 1:
            model = LogisticRegression(C=LOGISTIC_C, max_iter=1000, tol=1e-3).fit(X, y)
            score = accuracy_score(problem.held_out_classes, model.predict(problem.held_out))
            assert logistic == pytest.approx(score)
    everything = list(range(100))
    assert ceiling(problem) == curve("combined", problem, everything, [100])[0]


def test_sequences_are_judged_often_at_first_and_at_their_end() -> None:
    assert points(300)[:20] == list(range(1, 21))
    assert points(300)[20:23] == [25, 30, 35]
    assert points(300)[-3:] == [280, 290, 300]
    assert points(7) == [1, 2, 3, 4, 5, 6, 7]
    assert points(33)[-2:] == [30, 33]


def test_an_area_is_the_mean_of_the_curve() -> None:
    coarse = Curves(np.array([1.0, 2.0, 6.0]), np.array([[0.0, 0.5, 0.9], [0.2, 0.2, 0.2]]))
    assert coarse.dense(6)[0] == pytest.approx([0.0, 0.5, 0.6, 0.7, 0.8, 0.9])
    assert coarse.areas(6) == pytest.approx([3.5 / 6, 0.2])
    fine = Curves(np.arange(1.0, 402.0), np.sqrt(np.arange(401.0) / 400)[None])
    assert fine.areas(401)[0] == pytest.approx(
        auc(np.linspace(0, 1, 401), fine.accuracy[0]), abs=2e-3
    )


def results(gap: float, seeds: int = 10, peers: Sequence[str] = PEERS) -> SetResults:
    """Knnal ahead of everybody by ``gap``, and at 90 % with the first label."""
    labels = np.arange(1.0, 301.0)
    rising = np.minimum(0.5 + labels / 600, 0.94) + np.linspace(0, 0.001, seeds)[:, None]
    found = {}
    for name in ("knnal", "random", *peers):
        for judge in ("knn", "combined", "logistic", "svc"):
            found[name, judge] = Curves(labels, rising + (gap if name == "knnal" else 0.0))
    return SetResults("fruits", list(range(seeds)), found, np.full(seeds, 0.97))


def verdicts(
    found: SetResults, seconds: float, size: str = "full", peers: Sequence[str] = PEERS
) -> dict[str, str]:
    """By claim, where every peer takes so many seconds and knnal a thousandth of one."""
    costs = {
        "1500": {
            **{name: {"seconds": 0.001} for name in ("knnal", AHEAD)},
            **{n: {"seconds": seconds} for n in peers},
        }
    }
    sets = {"fruits": found, "cifar10": replace(found, name="cifar10")}
    alone = {(name, pool): of for name, of in sets.items() for pool in SIZES[size].own_pools}
    rows = bars(sets, alone, costs, SIZES[size])
    return {
        row["claim"]: row["verdict"]
        for row in rows
        if not row["claim"].startswith(("sentiment140", "banking77"))
    }


@pytest.mark.parametrize(
    ("gap", "seconds", "verdict"), [(0.45, 0.1, "met"), (-0.1, 0.09, "not met")]
)
def test_claims_are_held_against_what_was_measured(
    gap: float, seconds: float, verdict: str
) -> None:
    assert set(verdicts(results(gap), seconds).values()) == {verdict}


def test_nothing_is_claimed_of_few_seeds_few_peers_or_small_pools() -> None:
    few = verdicts(results(0.45, seeds=9), 0.1)
    assert {verdict for claim, verdict in few.items() if "seconds" not in claim} == {
        "not measured: 9 of 10 seeds"
    }
    some = verdicts(results(0.45, peers=PEERS[:3]), 0.1, peers=PEERS[:3])
    about_peers = {verdict for claim, verdict in some.items() if "peer" in claim}
    assert about_peers == {f"not measured: 3 of {len(PEERS)} peers"}
    assert set(verdicts(results(0.45), 0.1, "small").values()) == {"not measured: size small"}


def test_a_target_that_is_not_reached_is_none() -> None:
    assert first_at(np.array([0.1, 0.9, 0.2]), 0.9) == 2
    assert first_at(np.array([0.1, 0.8]), 0.9) is None


def test_seconds_and_memory_of_a_query(work: Path) -> None:
    cost = measure("knnal with kNN", 150, replace(SMALL, start=10, queries=4), work)
    assert len(cost.seconds) == 4
    assert all(seconds > 0 for seconds in cost.seconds)
    assert cost.memory is None or cost.memory >= 0


def test_a_pass_over_the_vectors_is_measured_beside_the_contenders(work: Path) -> None:
    size = replace(SMALL, cost_pools=(150,), start=10, queries=3)
    measure_costs(["random"], size, work)
    costs = summary.costs(["random"], size, work)
    assert list(costs["150"]) == ["random", YARDSTICK]
    assert costs["150"][YARDSTICK]["seconds"] > 0


def test_looking_ahead_is_measured_beside_the_default(work: Path) -> None:
    size = replace(SMALL, cost_pools=(150,), start=10, queries=3)
    measure_costs(["knnal"], size, work)
    costs = summary.costs(["knnal"], size, work)
    assert list(costs["150"]) == ["knnal", AHEAD, YARDSTICK]
    ahead = costs["150"][AHEAD]
    assert 0 < ahead["seconds"] < ahead["preparing"]
    assert "preparing" not in costs["150"]["knnal"]


def test_the_wait_is_claimed_beside_the_seconds_that_a_query_takes() -> None:
    timed = {"knnal": {"seconds": 0.002}, AHEAD: {"seconds": 0.0005, "preparing": 0.0123}}
    costs = {"1500": {**timed, **{n: {"seconds": 0.06} for n in PEERS}}}
    finding, waiting = bars({}, {}, costs, SIZES["full"])[-2:]
    assert "to find" in finding["claim"]
    assert (finding["measured"].split()[0], finding["verdict"]) == ("1/30.0", "not met")
    assert "to wait" in waiting["claim"]
    assert (waiting["measured"].split()[0], waiting["verdict"]) == ("1/120.0", "met")
    assert waiting["measured"].endswith("prepared in 12 ms")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    seeds = made_seeds(16, 0)
    for name in ("fruits", "mnist"):
        groups = np.arange(200) // 2 if name == "fruits" else None
        made = EmbeddedSet(
            name, seeds.vectors[:200], seeds.classes[:200], seeds.names, groups, "made"
        )
        keep(made, kept_file(name, folder, SMALL.items))
    return folder


def times_of(folder: Path) -> dict[Path, int]:
    """When the results below were written."""
    return {file: file.stat().st_mtime_ns for file in folder.rglob("*.json")}


def test_what_others_asked_outlives_another_knnal(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curves, "OURS", frozenset())  # so that random labels are another's
    task = Task("fruits", 7, "random", SMALL, work)
    assert waiting([task]) == [task]
    do(task)
    assert waiting([task]) == []
    before = times_of(work / "peers" / "small" / "fruits" / "7")
    monkeypatch.setattr(curves, "source_digest", lambda *parts: "another")
    assert waiting([task]) == [task]
    do(task)
    after = times_of(work / "peers" / "small" / "fruits" / "7")
    assert [file.stem for file in before if before[file] != after[file]] == ["judged"]


@pytest.mark.slow
def test_the_command_measures_once_and_goes_on(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    some = ["--work", str(work), "--sets", "fruits,mnist", "--jobs", "1", "--skip-costs"]
    some += ["--seeds", "1", "--contenders", "knnal;random"]
    assert main(some) == 0
    assert "9/9 " in capsys.readouterr().err
    first = times_of(work / "peers")
    assert main(some) == 0
    assert first == times_of(work / "peers")
    printed = capsys.readouterr()
    assert "| knnal |" in printed.out
    assert "1/9 " not in printed.err
    found = json.loads((work / "results" / "peers.json").read_text(encoding="utf-8"))
    assert found["about"]["command"].startswith("python -m benchmarks.peers --data DIR --sets")
    assert str(work) not in json.dumps(found)
    for name in ("fruits", "mnist"):
        ours = found["sets"][name]["contenders"]["knnal"]["judges"]
        assert set(ours) == {"knn", "combined", "logistic", "svc"}
        folder = work / "peers" / "small" / name / "0" / "knnal"
        asked = json.loads((folder / "asked.json").read_text())["result"]["asked"]
        assert len(set(asked)) == SMALL.labels
        judged = json.loads((folder / "judged.json").read_text())["result"]
        accuracy = judged["curves"]["combined"]["accuracy"]
        assert ours["combined"]["area"] == pytest.approx(np.mean(accuracy), abs=1e-4)
    assert (work / "results" / "peers.png").read_bytes().startswith(b"\x89PNG")


def test_peers_are_the_libraries_that_the_extra_brings() -> None:
    assert {CONTENDERS[name].library for name in PEERS} == {
        "scikit-activeml",
        "modAL",
        "small-text",
        "cleanlab",
    }


@pytest.mark.parametrize("wrong", [["--sets", "fruit"], ["--contenders", "modAL"]])
def test_names_that_are_not_known_are_refused(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(wrong)
    assert "Expected some of" in capsys.readouterr().err
