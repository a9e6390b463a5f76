"""The commands of ``knnal`` on real pools: in this process, or by the script in one of its own."""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir, closing, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from knnal.index.parallel import thread_count, use_threads
from knnal.pool.pool import Pool
from knnal.project import Project
from knnal_cli.main import app

from ..patience import PATIENCE_S

ANNOTATOR = "ann"
REVIEWS = (
    ("r0", "a warm and funny film", "good"),
    ("r1", "dull from start to end", "bad"),
    ("r2", "the best cast of the year", "good"),
    ("r3", "I left after an hour", ""),
    ("r4", "superb music, superb pictures", ""),
    ("r5", "the plot makes no sense", ""),
    ("r6", "I would watch it again", ""),
    ("r7", "a waste of an evening", ""),
)


def find_script() -> str:
    """The script that the installation put beside its interpreter."""
    places = [str(Path(sys.executable).parent), sysconfig.get_path("scripts")]
    script = shutil.which("knnal", path=os.pathsep.join(places))
    assert script is not None, f"no knnal script in {places}"
    return script


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Its stdout, which is one JSON document on one line."""
        assert self.out.count("\n") == 1
        return json.loads(self.out)


@contextmanager
def as_a_process(folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """What a process would begin with, and what it would leave behind: nothing that is open."""
    threads, opened = thread_count(), list[Pool]()
    make = Pool.__init__

    def remember(pool: Pool, *arguments: Any, **options: Any) -> None:
        make(pool, *arguments, **options)
        opened.append(pool)

    with (
        chdir(folder),
        patch.dict(os.environ, environment, clear=True),
        patch.object(Pool, "__init__", remember),
    ):
        try:
            yield
        finally:
            use_threads(threads)
            for pool in opened:
                pool.close()


class Knnal:
    """Runs commands in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        inherited = {name: value for name, value in os.environ.items() if name != "KNNAL_POOL"}
        self.environment = {
            **inherited,
            "COLUMNS": "200",
            "LOGNAME": ANNOTATOR,
            "NO_COLOR": "1",
            "PYTHONIOENCODING": "utf-8",
            "TERM": "dumb",
        }

    @property
    def script(self) -> str:
        return find_script()

    def __call__(
        self, *arguments: Any, code: int = 0, stdin: str | bytes = b"", **environment: str
    ) -> Done:
        """Run a command as the script would, but here; it must end with the exit code."""
        done = self.run(*arguments, stdin=stdin, **environment)
        return self._checked(done, code)

    def run(self, *arguments: Any, stdin: str | bytes = b"", **environment: str) -> Done:
        """Run a command, however it ends but in a traceback."""
        variables = {**self.environment, **environment}
        encoding = variables["PYTHONIOENCODING"]
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding) for _ in range(2))
        given = stdin if isinstance(stdin, bytes) else stdin.encode()
        with (
            as_a_process(self.folder, variables),
            patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), encoding)),
            redirect_stdout(out),
            redirect_stderr(err),
            pytest.raises(SystemExit) as end,
        ):
            app([str(argument) for argument in arguments], prog_name="knnal")
        return _done(int(end.value.code or 0), _content(out), _content(err))

    def process(self, *arguments: Any, code: int = 0, **environment: str) -> Done:
        """Run the script; it must end with the exit code, without traceback."""
        done = subprocess.run(
            [self.script, *map(str, arguments)],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
        return self._checked(_done(done.returncode, done.stdout, done.stderr), code)

    def _checked(self, done: Done, code: int) -> Done:
        assert done.code == code, f"exit code {done.code}\n{done.out}\n{done.err}"
        return done

    def fails(self, *arguments: Any, saying: Sequence[str], **options: Any) -> Done:
        """Run a command that must fail with one error, a sentence that holds all the phrases."""
        done = self(*arguments, code=1, **options)
        assert done.out == ""
        assert done.err.startswith("Error: ")
        for phrase in saying:
            assert phrase in done.err
        return done


def _done(code: int, *streams: bytes) -> Done:
    out, err = (stream.decode().replace("\r\n", "\n") for stream in streams)
    assert "Traceback" not in err, err
    return Done(code, out, err)


def _content(stream: io.TextIOWrapper) -> bytes:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue()


def read_log(folder: Path, pool: str = ".knnal") -> list[dict[str, Any]]:
    """The pool's events in order, read without knnal; but for classes and predictions."""
    with closing(sqlite3.connect(folder / pool / "labels.sqlite")) as db:
        db.row_factory = sqlite3.Row
        rows = [dict(row) for row in db.execute("SELECT * FROM events ORDER BY seq")]
    for row in rows:
        row["scores"] = json.loads(row["scores"] or "{}")
    return [row for row in rows if row["kind"] not in ("class", "prediction")]


@pytest.fixture
def log() -> Callable[..., list[dict[str, Any]]]:
    return read_log


@pytest.fixture
def knnal(tmp_path: Path) -> Knnal:
    """Commands in an empty folder."""
    return Knnal(tmp_path)


@pytest.fixture(scope="session")
def made_vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vectors")
    rng = np.random.default_rng(0)
    centers = np.repeat([[3.0, 0.0, 0.0, 0.0], [0.0, 3.0, 0.0, 0.0]], 20, axis=0)
    np.save(folder / "vectors.npy", (centers + rng.normal(size=(40, 4))).astype(np.float32))
    Knnal(folder)("embed", "vectors.npy")
    return folder


@pytest.fixture(scope="session")
def made_texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("texts")
    lines = ["id,text,verdict", *(",".join((i, f'"{t}"', v)) for i, t, v in REVIEWS)]
    (folder / "reviews.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    Knnal(folder)("embed", "reviews.csv", "--id-column", "id")
    return folder


@pytest.fixture(scope="session")
def made_labeled(made_vectors: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = shutil.copytree(made_vectors, tmp_path_factory.mktemp("labeled") / "vectors")
    labels = '{"id": "0", "label": "left"}\n{"id": "20", "label": "right"}\n'
    Knnal(folder)("tell", stdin=labels)
    return folder


@pytest.fixture(scope="session")
def made_studied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clusters of 80, 70 of their items labeled, about half of these for the audit."""
    folder = tmp_path_factory.mktemp("studied")
    rng = np.random.default_rng(0)
    X = np.repeat([[4.0, 0.0, 0.0, 0.0], [0.0, 4.0, 0.0, 0.0]], 80, axis=0)
    np.save(folder / "vectors.npy", (X + rng.normal(size=X.shape)).astype(np.float32))
    project = Project.create(folder / ".knnal")
    project.embed(folder / "vectors.npy")
    session = project.session(audit=0.5, annotator=ANNOTATOR)
    for _ in range(70):
        question = session.ask()
        assert question is not None
        session.tell(question.item, "left" if int(question.item) < 80 else "right")
    project.close()
    return folder


@pytest.fixture(scope="session")
def told(made_vectors: Path) -> str:
    """A pool for tests that change nothing: the vectors, of which item "0" is labeled "left"."""
    pool = made_vectors / "told"
    shutil.copytree(made_vectors / ".knnal", pool)
    Knnal(made_vectors)("tell", 0, "left", "--pool", pool)
    return str(pool)


@pytest.fixture
def vectors(made_vectors: Path, tmp_path: Path) -> Knnal:
    """Commands beside ``vectors.npy``, embedded: items "0" to "39", two clusters of 20."""
    ignored = shutil.ignore_patterns("told")
    return Knnal(shutil.copytree(made_vectors, tmp_path / "vectors", ignore=ignored))


@pytest.fixture
def labeled(made_labeled: Path, tmp_path: Path) -> Knnal:
    """The same with items "0", labeled "left", and "20", labeled "right"."""
    return Knnal(shutil.copytree(made_labeled, tmp_path / "vectors"))


@pytest.fixture
def studied(made_studied: Path, tmp_path: Path) -> Knnal:
    """Commands beside a pool whose 70 labels, many of them audited, say when one could stop."""
    return Knnal(shutil.copytree(made_studied, tmp_path / "studied"))


@pytest.fixture
def texts(made_texts: Path, tmp_path: Path) -> Knnal:
    """Commands beside ``reviews.csv``, embedded: items "r0" to "r7", the first three with a
    verdict that was not taken in.
    """
    return Knnal(shutil.copytree(made_texts, tmp_path / "texts"))
