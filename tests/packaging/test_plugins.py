"""Another distribution's embedder, strategy and classifier: found by name, usable to the end."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"

PLUGIN = '''
import numpy as np

from knnal.classifiers.base import PoolClassifier
from knnal.errors import ItemError
from knnal.strategies.base import Scores, Strategy
from knnal.types import EmbedderIdentity, Modality


class Letters:
    """A text as its counts of letters."""

    summary = "counts of letters"
    modality = Modality.TEXT
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
        sizes = self.labelling.class_sizes() + 1e-9
        return np.tile((sizes / sizes.sum()).astype(np.float32), (len(rows), 1))

    def predict(self, outsiders):
        return self.probabilities(outsiders.vectors)
'''

ENTRY_POINTS = """
[knnal.embedders]
letters = tiny_plugin:Letters

[knnal.strategies]
last = tiny_plugin:Last

[knnal.classifiers]
commonest = tiny_plugin:Commonest
"""


class Shell:
    """Runs knnal in one folder, with distributions from another on the path."""

    def __init__(self, folder: Path, site: Path) -> None:
        places = [str(Path(sys.executable).parent), sysconfig.get_path("scripts")]
        self.script = shutil.which("knnal", path=os.pathsep.join(places))
        self.folder = folder
        self.site = site

    def distribute(self, name: str, entry_points: str, module: str = "", code: str = "") -> None:
        """Install a distribution by hand."""
        metadata = self.site / f"{name}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(METADATA.format(name=name), encoding="utf-8")
        (metadata / "entry_points.txt").write_text(entry_points, encoding="utf-8")
        if module:
            (self.site / f"{module}.py").write_text(code, encoding="utf-8")

    def __call__(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        """What a command prints on stdout and on stderr."""
        assert self.script is not None
        done = subprocess.run(
            [self.script, *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.site), "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == code, done.stderr
        return done.stdout, done.stderr


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    (tmp_path / "work").mkdir()
    return Shell(tmp_path / "work", tmp_path / "site")


def test_a_plugin_from_its_listing_to_a_label(shell: Shell) -> None:
    shell.distribute("tiny_plugin", ENTRY_POINTS, "tiny_plugin", PLUGIN)
    assert "letters: counts of letters\n    nothing to fetch\n" in shell("models")[0]
    assert "last\n    the last item first\n    a test\n" in shell("strategies")[0]
    (shell.folder / "lines.txt").write_text("abc\nbca b\n123\nxyz\n", encoding="utf-8")
    out, err = shell("embed", "lines.txt", "--embedder", "letters", code=3)
    assert out.startswith("3 added")
    assert "Letters [are] ready." in err
    assert "Skipped 1: no letters" in err
    status = json.loads(shell("status", "--json")[0])
    assert status["embedder"] == "letters (26-d, lower case, weights 111111111111)"
    question = json.loads(shell("next", "--strategy", "last", "--json")[0])
    assert question["text"] == "xyz"
    assert question["score"] == {"strategy": "last", "value": 2.0, "factors": {"row": 2.0}}
    shell("tell", question["id"], "end")
    (prediction,) = json.loads(shell("predict", "zyx", "--json")[0])
    assert (prediction["label"], prediction["probability"]) == ("end", 1.0)
    question = json.loads(shell("next", "--classifier", "commonest", "--json")[0])
    shell("tell", question["id"], "middle")
    (prediction,) = json.loads(shell("predict", "abc", "--classifier", "commonest", "--json")[0])
    assert prediction["probabilities"] == {"end": 0.5, "middle": 0.5}


def test_a_pool_whose_plugin_is_gone_can_still_be_labelled(shell: Shell) -> None:
    shell.distribute("tiny_plugin", ENTRY_POINTS, "tiny_plugin", PLUGIN)
    (shell.folder / "lines.txt").write_text("abc\nxyz\n", encoding="utf-8")
    shell("embed", "lines.txt", "--embedder", "letters")
    shutil.rmtree(shell.site)
    item = json.loads(shell("next", "--json")[0])["id"]
    shell("tell", item, "a")
    err = shell("predict", "abc", code=1)[1]
    assert "There is no embedder named 'letters'" in err


BROKEN = """
[knnal.embedders]
broken = package_that_is_not_there:Embedder

[knnal.strategies]
broken = package_that_is_not_there:Strategy
"""


@pytest.mark.parametrize(
    ("arguments", "code", "still"),
    [(["strategies"], 0, "random"), (["models"], 0, "use-lite")],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_broken_plugin_leaves_the_others_to_be_listed(
    shell: Shell, arguments: list[str], code: int, still: str
) -> None:
    shell.distribute("broken_plugin", BROKEN)
    out, err = shell(*arguments, code=code)
    assert still in out
    assert "broken" in out + err


def test_a_broken_plugin_that_is_asked_for(shell: Shell) -> None:
    shell.distribute("broken_plugin", BROKEN)
    (shell.folder / "lines.txt").write_text("abc\nxyz\n", encoding="utf-8")
    err = shell("embed", "lines.txt", "--embedder", "broken", code=1)[1]
    assert err.startswith("Error: ")
    assert "'broken'" in err
    assert "package_that_is_not_there" in err
