"""Another distribution's embedder, strategy and classifier: found by name, usable to the end."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from knnal.acquisition.strategies.base import STRATEGIES
from knnal.classifiers.base import CLASSIFIERS
from knnal.embedders.base import EMBEDDERS

METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"

PLUGIN = '''
import numpy as np

from knnal.classifiers.base import PoolClassifier
from knnal.errors import ItemError
from knnal.acquisition.strategies.base import Scores, Strategy
from knnal.types import EmbedderIdentity, Modality


class Letters:
    """A text as its counts of letters."""

    summary = "counts of letters"
    modality = Modality.TEXT
    license = "MIT"
    origin = "a test"
    assets = ()
    batch_size = 2
    lanes = 1
    identity = EmbedderIdentity("letters", "1" * 64, 26, "lower case")

    def load(self, narrator):
        narrator.say("Letters [are] ready.")

    def prepare(self, content):
        counts = [content.lower().count(chr(97 + n)) for n in range(26)]
        if not any(counts):
            raise ItemError("no letters")
        return counts

    def embed(self, batch):
        return np.array(batch, dtype=np.float32)


class Last(Strategy):
    summary = "the last item first"
    source = "a test"

    def score(self, pool):
        return Scores(pool.rows.astype(float), {"row": pool.rows.astype(float)})


class Commonest(PoolClassifier):
    summary = "the class with the most labels"

    def update(self, row, before, changed):
        return None

    def rebuild(self):
        pass

    def declare_classes(self):
        pass

    def probabilities(self, rows):
        sizes = self.labeling.class_sizes() + 1e-9
        return np.tile((sizes / sizes.sum()).astype(np.float32), (len(rows), 1))

    def predict(self, outsiders):
        return self.probabilities(outsiders.vectors)
'''

ENTRY_POINTS = """
[knnal.embedders]
letters = tiny_plugin:Letters

[knnal.acquisition.strategies]
last = tiny_plugin:Last

[knnal.classifiers]
commonest = tiny_plugin:Commonest
"""


class Site:
    """A folder of distributions that were installed by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def distribute(self, name: str, entry_points: str, module: str = "", code: str = "") -> None:
        metadata = self.folder / f"{name}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(METADATA.format(name=name), encoding="utf-8")
        (metadata / "entry_points.txt").write_text(entry_points, encoding="utf-8")
        if module:
            (self.folder / f"{module}.py").write_text(code, encoding="utf-8")
        forget()


def forget() -> None:
    """What a process knows of distributions after it has first asked for them."""
    for registry in (CLASSIFIERS, EMBEDDERS, STRATEGIES):
        vars(registry).pop("_entries", None)
    sys.modules.pop("tiny_plugin", None)
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


def test_a_plugin_from_its_listing_to_a_label(knnal: Any, site: Site) -> None:
    site.distribute("tiny_plugin", ENTRY_POINTS, "tiny_plugin", PLUGIN)
    told = "letters: counts of letters\n    license: MIT; origin: a test\n    nothing to fetch\n"
    assert told in knnal("models").out
    listed = knnal.process("strategies", PYTHONPATH=str(site.folder)).out
    assert "last\n    the last item first\n    a test\n" in listed
    (knnal.folder / "lines.txt").write_text("abc\nbca b\n123\nxyz\n", encoding="utf-8")
    done = knnal("embed", "lines.txt", "--embedder", "letters", code=3)
    assert done.out.startswith("3 added")
    assert "Letters [are] ready." in done.err
    assert "Skipped 1: no letters" in done.err
    status = knnal("status", "--json").data
    assert status["embedder"] == "letters (26-d, lower case, weights 111111111111)"
    question = knnal("next", "--strategy", "last", "--json").data
    assert question["text"] == "xyz"
    assert question["score"] == {"strategy": "last", "value": 2.0, "factors": {"row": 2.0}}
    knnal("tell", question["id"], "end")
    (prediction,) = knnal("predict", "zyx", "--json").data
    assert (prediction["label"], prediction["probability"]) == ("end", 1.0)
    question = knnal("next", "--classifier", "commonest", "--json").data
    knnal("tell", question["id"], "middle")
    (prediction,) = knnal("predict", "abc", "--classifier", "commonest", "--json").data
    assert prediction["probabilities"] == {"end": 0.5, "middle": 0.5}


def test_a_pool_whose_plugin_is_gone_can_still_be_labeled(knnal: Any, site: Site) -> None:
    site.distribute("tiny_plugin", ENTRY_POINTS, "tiny_plugin", PLUGIN)
    (knnal.folder / "lines.txt").write_text("abc\nxyz\n", encoding="utf-8")
    knnal("embed", "lines.txt", "--embedder", "letters")
    shutil.rmtree(site.folder)
    forget()
    item = knnal("next", "--json").data["id"]
    knnal("tell", item, "a")
    knnal.fails("predict", "abc", saying=["There is no embedder named 'letters'"])


BROKEN = """
[knnal.embedders]
broken = package_that_is_not_there:Embedder

[knnal.acquisition.strategies]
broken = package_that_is_not_there:Strategy
"""


@pytest.mark.parametrize(
    ("arguments", "code", "still"),
    [(["strategies"], 0, "random"), (["models"], 0, "use-lite")],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_broken_plugin_leaves_the_others_to_be_listed(
    knnal: Any, site: Site, arguments: list[str], code: int, still: str
) -> None:
    site.distribute("broken_plugin", BROKEN)
    done = knnal(*arguments, code=code)
    assert still in done.out
    assert "broken" in done.out + done.err


def test_a_broken_plugin_that_is_asked_for(knnal: Any, site: Site) -> None:
    site.distribute("broken_plugin", BROKEN)
    (knnal.folder / "lines.txt").write_text("abc\nxyz\n", encoding="utf-8")
    saying = ["'broken'", "package_that_is_not_there"]
    knnal.fails("embed", "lines.txt", "--embedder", "broken", saying=saying)
