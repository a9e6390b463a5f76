"""Another distribution's source, embedder, classifier, term and strategy, by the front door."""

from __future__ import annotations

import importlib
import shutil
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from knnal.registry import refresh

LETTERS = Path(__file__).parents[1] / "plugins" / "letters"


class Site:
    """A folder of installed distributions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, project: Path) -> None:
        """What an installer makes of a project with one package."""
        about = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        package = about["name"].replace("-", "_")
        shutil.copytree(project / package, self.folder / package)
        self.distribute(about["name"], about["entry-points"])

    def distribute(self, name: str, entry_points: Mapping[str, Mapping[str, str]]) -> None:
        metadata = self.folder / f"{name.replace('-', '_')}-1.0.dist-info"
        metadata.mkdir()
        about = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        (metadata / "METADATA").write_text(about, encoding="utf-8")
        lines = [
            line
            for group, entries in entry_points.items()
            for line in (f"[{group}]", *(f"{key} = {value}" for key, value in entries.items()))
        ]
        (metadata / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
        forget()


def forget() -> None:
    """What a process knows of distributions after it has first asked for them."""
    refresh()
    for module in [name for name in sys.modules if name.startswith("knnal_letters")]:
        del sys.modules[module]
    importlib.invalidate_caches()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """On the path of this process."""
    folder = tmp_path / "site"
    folder.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "path", [str(folder), *sys.path])
        yield Site(folder)
    forget()


@pytest.fixture
def letters(knnal: Any, site: Site) -> Site:
    """The plugin, and a file that it reads."""
    site.install(LETTERS)
    (knnal.folder / "some.words").write_text("abc bcab=start 123 xyz", encoding="utf-8")
    return site


@pytest.mark.usefixtures("letters")
def test_a_plugin_is_listed(knnal: Any) -> None:
    told = "letters: counts of letters\n    license: MIT; origin: a test\n    nothing to fetch\n"
    assert told in knnal("models").out
    listed = knnal("strategies").out
    assert "last\n    the last item first\n    a test\n" in listed
    assert "    shortness: one over the number of different letters\n" in listed
    explained = knnal("strategies", "cdf(shortness, margin)").out
    assert "shortness       shortness: one over the number of different letters" in explained


@pytest.mark.usefixtures("letters")
def test_a_plugin_from_its_source_to_a_label(knnal: Any) -> None:
    done = knnal("embed", "some.words", "--embedder", "letters", code=3)
    assert done.out.startswith("3 added")
    assert "Letters [are] ready." in done.err
    assert "Skipped 1: no letters" in done.err
    status = knnal("status", "--json").data
    assert status["embedder"] == "letters (26-d, lower case, weights 111111111111)"
    assert status["labels"] == {"start": 1}
    question = knnal("next", "--strategy", "last", "--json").data
    assert question["text"] == "xyz"
    assert question["score"] == {"strategy": "last", "value": 2.0, "factors": {"row": 2.0}}
    knnal("tell", question["id"], "end")
    (prediction,) = knnal("predict", "zyx", "--json").data
    assert prediction["label"] == "end"
    question = knnal("next", "--classifier", "commonest", "--json").data
    knnal("tell", question["id"], "start")
    (prediction,) = knnal("predict", "xyz", "--classifier", "commonest", "--json").data
    shares = {"start": pytest.approx(2 / 3), "end": pytest.approx(1 / 3)}
    assert prediction["probabilities"] == shares


@pytest.mark.usefixtures("letters")
def test_a_term_of_a_plugin_is_composed_with_others(knnal: Any) -> None:
    (knnal.folder / "some.words").write_text("abcd ab abc aaaa", encoding="utf-8")
    knnal("embed", "some.words", "--embedder", "letters")
    ranked = knnal("rank", "--strategy", "product(shortness, local)", "--json").data
    found = {one["text"]: one["score"]["factors"]["shortness"] for one in ranked}
    assert found == pytest.approx({"abcd": 1 / 4, "ab": 1 / 2, "abc": 1 / 3, "aaaa": 1.0})
    asked = knnal("next", "--strategy", "cdf(margin, shortness)", "--json").data
    assert asked["score"]["strategy"] == "cdf(smallest-margin, shortness)"


@pytest.mark.usefixtures("letters")
def test_options_of_a_plugins_source(knnal: Any) -> None:
    knnal.fails(
        "embed", "some.words", "--embedder", "letters", "--text-column", "a",
        saying=["a file of words (.words)", "takes no"],
    )  # fmt: skip
    knnal("embed", "some.words", "--embedder", "letters", "--ignore-labels", code=3)
    assert knnal("status", "--json").data["labels"] == {}
    missing = knnal.fails("embed", "none.words", "--embedder", "letters", saying=["nothing at"])
    assert "a file of words (.words)" in missing.err


def test_a_pool_whose_plugin_is_gone_can_still_be_labeled(knnal: Any, letters: Site) -> None:
    knnal("embed", "some.words", "--embedder", "letters", code=3)
    shutil.rmtree(letters.folder)
    forget()
    item = knnal("next", "--json").data["id"]
    knnal("tell", item, "a")
    knnal.fails("predict", "abc", saying=["There is no embedder named 'letters'"])


GONE = {"broken": "package_that_is_not_there:Name"}
BROKEN = {"knnal.embedders": GONE, "knnal.strategies": GONE, "knnal.terms": GONE}


@pytest.mark.parametrize(
    ("command", "still"), [("strategies", "random"), ("strategies", "entropy:"), ("models", "use")]
)
def test_a_broken_plugin_leaves_the_others_to_be_listed(
    knnal: Any, site: Site, command: str, still: str
) -> None:
    site.distribute("broken", BROKEN)
    done = knnal(command)
    assert still in done.out
    assert "broken" in done.out + done.err


def test_a_broken_plugin_that_is_asked_for(knnal: Any, site: Site) -> None:
    site.distribute("broken", BROKEN)
    (knnal.folder / "lines.txt").write_text("abc\nxyz\n", encoding="utf-8")
    saying = ["'broken'", "package_that_is_not_there"]
    knnal.fails("embed", "lines.txt", "--embedder", "broken", saying=saying)
