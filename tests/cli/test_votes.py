"""How neighbors vote, from the command line to the library, in every command that lets them."""

from __future__ import annotations

import csv
import inspect
import json
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from knnal.classifiers.vote import VoteOptions
from knnal.project import Project
from knnal_cli.options import grouped

GIVEN = {
    "--k 3": VoteOptions(k=3),
    "--temperature 0.5": VoteOptions(temperature=0.5),
    "--votes uniform": VoteOptions(uniform=True),
    "--class-weights guided": VoteOptions(balanced=True),
    "--bootstrap soft --beta 0.25": VoteOptions(bootstrap="soft", beta=0.25),
    "--bootstrap hard": VoteOptions(bootstrap="hard"),
    "--votes distance --class-weights none": VoteOptions(),
}


@pytest.mark.parametrize("options", GIVEN)
def test_votes_are_cast_as_the_options_say(studied: Any, options: str) -> None:
    arguments = ["--classifier", "knn", *options.split()]
    done = studied("predict", "--pool-all", "--json", *arguments)
    project = Project.open(studied.folder / ".knnal")
    ids = [record.id for record in project.pool.catalog.records()]
    expected = project.session(classifier="knn", vote=GIVEN[options]).predict(ids)
    project.close()
    assert [p["probabilities"] for p in json.loads(done.out)] == [
        dict(p.probabilities) for p in expected
    ]


def test_every_command_that_predicts_takes_them(studied: Any) -> None:
    arguments = ["--classifier", "knn", "--votes", "uniform", "--k", "4", "--bootstrap", "hard"]
    (asked,) = json.loads(studied("next", "-n", "1", "--json", *arguments).out)
    (ranked,) = json.loads(studied("rank", "--limit", "1", "--json", *arguments).out)
    studied("export", "all.csv", *arguments)
    with (studied.folder / "all.csv").open(newline="", encoding="utf-8") as file:
        exported = {row["id"]: float(row["p:left"]) for row in csv.DictReader(file)}
    for record in (asked, ranked):
        assert len(record["neighbors"]) == 4
        assert {n["share"] for n in record["neighbors"]} == {0.25}
        assert record["prediction"]["probabilities"]["left"] == exported[record["id"]]
    simulated = studied(
        "simulate", "--labels", "5", "--seeds", "1", "--classifiers", "knn", "--json",
        *arguments[2:], KNNAL_THREADS="1",
    )  # fmt: skip
    settings = json.loads(simulated.out)["settings"]
    assert (settings["k"], settings["uniform"], settings["bootstrap"]) == (4, True, "hard")


def test_what_votes_cannot_be(studied: Any) -> None:
    done = studied("rank", "--votes", "loud", code=2)
    assert "--votes" in done.err
    studied.fails("rank", "--temperature", "0", saying=["The temperature must be above 0"])
    arguments = ["--classifier", "ridge", "--bootstrap", "soft"]
    studied.fails(
        "predict",
        "--pool-all",
        *arguments,
        saying=["do: knn, graph, means"],
    )
    arguments[0] = "--classifiers"
    studied.fails("simulate", *arguments, saying=["do: knn, graph, means"])


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("knnal predict --votes ", ["distance", "uniform"]),
        ("knnal label --bootstrap s", ["soft"]),
        ("knnal export --class-w", ["--class-weights"]),
    ],
)
def test_completion_knows_the_options(knnal: Any, words: str, completed: list[str]) -> None:
    environment = {"_KNNAL_COMPLETE": "complete_bash", "COMP_WORDS": words}
    done = knnal(**environment, COMP_CWORD=str(len(words.split(" ")) - 1))
    assert done.out.split() == completed


@dataclass(frozen=True)
class Paint:
    color: Annotated[str, typer.Option(help="Which one.")] = "red"
    coats: int = 1


def test_a_group_is_an_option_for_each_field() -> None:
    painted = []

    @grouped
    def paint(*, wall: str, paint: Paint, dry: bool = False) -> None:
        """Paint a wall."""
        painted.append((wall, paint, dry))

    assert list(inspect.signature(paint).parameters) == ["wall", "color", "coats", "dry"]
    app = typer.Typer()
    app.command()(paint)
    runner = CliRunner()
    told = runner.invoke(app, ["--help"]).output
    assert all(text in told for text in ("Paint a wall.", "--color", "Which one.", "[default: 1]"))
    assert runner.invoke(app, ["east", "--coats", "2", "--dry"]).exit_code == 0
    assert runner.invoke(app, ["west", "--color", "blue"]).exit_code == 0
    assert painted == [("east", Paint("red", 2), True), ("west", Paint("blue", 1), False)]
