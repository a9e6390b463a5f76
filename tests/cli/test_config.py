"""``knnal config``: options that a pool keeps, and where each value comes from."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import Any

import pytest

from knnal.project import Project

SETTINGS = ("strategy", "classifier", "target", "audit", "annotator")


def sources(done: Any) -> dict[str, str]:
    return {name: found["source"] for name, found in done.data.items()}


def test_a_pool_keeps_values_and_the_nearest_source_wins(vectors: Any) -> None:
    found = vectors("config", "--json")
    assert sources(found) == dict.fromkeys(("pool", *SETTINGS, "classes"), "default")
    values = ("strategy=entropy", "target=0.95", "audit=0", "annotator=eva", "classes=b,'a,c'")
    found = vectors("config", *values, "classifier=knn", "--json").data
    kept = {name: found[name]["value"] for name in (*SETTINGS, "classes")}
    assert kept == {
        "strategy": "entropy", "classifier": "knn", "target": 0.95, "audit": 0.0,
        "annotator": "eva", "classes": ["b", "'a", "c'"],
    }  # fmt: skip
    assert {found[name]["source"] for name in kept} == {"pool"}
    assert sources(vectors("config", "--json", "--pool", ".knnal"))["pool"] == "flag"
    found = vectors("config", "--json", KNNAL_AUDIT="0.2", KNNAL_POOL=".knnal").data
    assert found["audit"] == {"value": 0.2, "source": "environment"}
    assert found["pool"]["source"] == "environment"
    done = vectors("config", "--unset", "strategy", "--unset", "classes")
    assert "strategy    cdf-product  (default)\n" in done.out
    assert "classes     none  (default)\n" in done.out
    assert "classifier  knn  (pool)\n" in done.out


def test_commands_go_by_it_unless_a_flag_says_otherwise(vectors: Any, log: Any) -> None:
    vectors("config", "strategy=random", "annotator=eva", "audit=0.9", "target=0.5")
    vectors("tell", 0, "left")
    vectors("tell", 20, "right", "--annotator", "bob")
    assert [event["annotator"] for event in log(vectors.folder)] == ["eva", "bob"]
    vectors("config", "audit=0")
    assert vectors("next", "--json").data["score"]["strategy"] == "random"
    asked = vectors("next", "--json", "--strategy", "entropy").data
    assert asked["score"]["strategy"] == "entropy"
    assert vectors("rank", "--json", KNNAL_STRATEGY="entropy").data[0]["score"] == asked["score"]
    assert vectors("status", "--json").data["advice"]["target"] == 0.5
    assert vectors("status", "--json", "--target", "0.9").data["advice"]["target"] == 0.9
    done = vectors("simulate", "--labels", "1", "--seeds", "1", "--json", code=1)
    assert "Error" in done.err  # two known labels are too few to hold any out


@pytest.mark.parametrize("name", ["audit", "target"])
@pytest.mark.parametrize("value", ["much", "nan", "-1", "2", ""])
def test_what_is_no_share_is_refused(vectors: Any, name: str, value: str) -> None:
    vectors.fails("config", f"{name}={value}", saying=[name, "must be a number from", repr(value)])


def test_bad_settings_are_refused_and_nothing_is_kept(labeled: Any) -> None:
    allowed = {
        "strategy=entropi": ["no strategy named", "mean 'entropy'"],
        "classifier=svm": ["no classifier named 'svm'", "combined, graph, knn"],
        "annotator= ": ["no visible character"],
        "strateg=random": ["no setting 'strateg'", "did you mean 'strategy'", "audit"],
        "classes=left": ["'right' has labels", "Rename"],
    }
    for assignment, saying in allowed.items():
        labeled.fails("config", "target=0.9", assignment, saying=saying)
    labeled.fails("config", "--unset", "k", saying=["no setting 'k'"])
    assert "'audit=VALUE'" in labeled("config", "audit", code=2).err
    found = labeled("config", "--json").data
    assert found["target"] == {"value": None, "source": "default"}
    assert found["classes"] == {"value": ["left", "right"], "source": "pool"}


def test_python_gets_the_same(vectors: Any) -> None:
    project = Project.open(vectors.folder / ".knnal")
    project.settings.set(strategy="cdf( margin ,local)", annotator="eva", target=0.8)
    session = project.session()
    assert session.annotator == project.annotator() == "eva"
    session.tell("0", "left")
    session.tell("20", "right")
    question = session.ask()
    assert question is not None
    assert question.score is not None
    assert question.score.strategy == "cdf(smallest-margin, local)"
    assert project.session(annotator="bob").annotator == project.annotator("bob") == "bob"
    assert project.status().advice.target == 0.8
    project.settings.unset("annotator", "target")
    assert project.settings.stored() == {"strategy": "cdf(smallest-margin, local)"}
    project.close()


def test_a_value_is_durable_when_the_call_returns(vectors: Any) -> None:
    killed = """
import os, signal
from knnal.project import Project
Project.open().settings.set(audit=0.3)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", killed], cwd=vectors.folder, check=False)
    assert done.returncode == -signal.SIGKILL
    assert vectors("config", "--json").data["audit"] == {"value": 0.3, "source": "pool"}


def test_a_damaged_value_is_found_and_dropped_by_a_repair(vectors: Any) -> None:
    vectors("config", "audit=0.3", "target=0.9")
    with closing(sqlite3.connect(vectors.folder / ".knnal" / "labels.sqlite")) as db:
        db.execute("UPDATE settings SET value = '0.5' WHERE name = 'audit'")
        db.commit()
    vectors.fails("config", saying=["settings audit is not what was written"])
    vectors("check", "--repair")
    found = vectors("config", "--json").data
    assert [found[name]["source"] for name in ("audit", "target")] == ["default", "pool"]


@pytest.mark.parametrize(
    ("words", "place", "completed"),
    [
        ("knnal config st", 2, ["strategy="]),
        ("knnal config classifier=k", 2, ["classifier=knn"]),
        ("knnal config classifier = k", 4, ["knn"]),  # as bash parts words
        ("knnal config classifier =", 3, ["combined", "graph", "knn", "means", "ridge"]),
        ("knnal config --unset tar", 3, ["target"]),
        ("knnal next --classifier r", 3, ["ridge"]),
    ],
)
def test_keys_and_values_are_completed(
    knnal: Any, words: str, place: int, completed: list[str]
) -> None:
    asked = {"_KNNAL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(place)}
    assert knnal(**asked).out.split() == completed
