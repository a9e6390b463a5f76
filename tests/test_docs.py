"""Every command and every piece of Python in the README and the docs runs as printed.

A page's ``sh`` and ``python`` blocks run in order in one folder, which holds the files that pages
speak of (``plant``). Guides begin with a pool; tutorials and the README begin with none.
"""

from __future__ import annotations

import importlib.util
import io
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from knnal.embedders.base import create_embedder
from knnal.errors import ModelUnavailableError
from knnal.project import Project
from knnal.types import LogNarrator

from .cli.conftest import Knnal, as_a_process
from .patience import PATIENCE_S

ROOT = Path(__file__).parents[1]
README = "README.md"
PAGES = [README, *sorted(page.relative_to(ROOT).as_posix() for page in ROOT.glob("docs/**/*.md"))]
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.DOTALL | re.MULTILINE)
NETWORKS = ("photos", "reviews.csv")
"""Sources that take a network; the other commands of a page take none."""

PORT = "8417"
NOT_RUN = ("python3 -m venv", "source .venv", "ssh ", "python -m http.server")
"""They install, reach other machines, or do not end."""
CHECKED_ONLY = (
    "python -m benchmarks.",
    "python -m pytest",
    "python check.py",
    "python -m zensical",
)
"""They take too long: their modules and files must exist."""
CLASSES = [("apple", "banana", "cherry")[number % 3] for number in range(96)]
NEW = 6
"""The last items, which are not labeled in the guides' pool."""
WRONG = (20, 25, 30, 35, 40)
"""The answers of the guides' pool that are mistakes, for a review to find."""


def blocks(page: str) -> list[tuple[str, str]]:
    """The language and the content of each block that runs, in order."""
    text = (ROOT / page).read_text(encoding="utf-8").replace("\\\n", " ")
    return BLOCK.findall(text)


def commands(page: str) -> list[str]:
    lines = (
        line for language, code in blocks(page) if language == "sh" for line in code.split("\n")
    )
    return [line for line in lines if line and not line.startswith("#")]


def write_table(file: Path, *rows: tuple[str, ...]) -> None:
    file.write_text("".join(",".join(row) + "\n" for row in rows), encoding="utf-8")


def plant(folder: Path) -> None:
    """The files that pages speak of."""
    rng = np.random.default_rng(0)
    for name in [f"photos/{c}/{n}.jpg" for c in ("fresh", "rotten") for n in range(6)] + [
        "new-photo.jpg"
    ]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((160, 120)).save(folder / name)
    words = ["great value", "broke at once", "love it", "never again", "works well", "too loud"]
    reviews = [(f"r{n}", f"{text} number {n}") for n, text in enumerate(words * 3)]
    write_table(folder / "reviews.csv", ("id", "review"), *reviews)
    write_table(folder / "more-labels.csv", ("id", "label"), ("r4", "good"), ("r5", "bad"))
    centers = np.tile(3 * np.eye(3, 8), (len(CLASSES) // 3, 1))
    vectors = (centers + rng.normal(size=centers.shape)).astype(np.float32)
    names = [f"IMG_{n:04}.jpg" for n in range(len(CLASSES))]
    for name, count in (("vectors", None), ("old-vectors", -NEW)):
        np.save(folder / f"{name}.npy", vectors[:count])
    (folder / "names.txt").write_text("\n".join(names), encoding="utf-8")
    (folder / "old-names.txt").write_text("\n".join(names[:-NEW]), encoding="utf-8")
    np.save(folder / "new-vectors.npy", vectors[:2])
    truth = list(zip(names, CLASSES, strict=True))
    write_table(folder / "truth.csv", ("id", "label"), *truth)
    write_table(folder / "labels-made-elsewhere.csv", ("id", "label"), *truth[5::9])
    scenes = [(name, f"scene-{n // 3}") for n, name in enumerate(names)]
    write_table(folder / "scenes.csv", ("id", "group"), *scenes)


@pytest.fixture(scope="session")
def without_pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    plant(folder)
    return folder


@pytest.fixture(scope="session")
def with_pool(without_pool: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a pool of the vectors, half of them labeled, a third of those for the audit."""
    folder = tmp_path_factory.mktemp("guides") / "files"
    shutil.copytree(without_pool, folder)
    project = Project.create(folder / ".knnal")
    project.embed(folder / "old-vectors.npy", ids=folder / "old-names.txt")
    session = project.session(audit=0.5, annotator="ann")
    for number in range(45):
        question = session.ask()
        assert question is not None
        right = CLASSES[int(question.item[4:8])]
        session.tell(question.item, "apple" if number in WRONG else right)
    for file in ("old-vectors.npy", "old-names.txt"):
        (folder / file).unlink()
    project.embed(folder / "vectors.npy", ids=folder / "names.txt")
    project.close()
    return folder


class Tour:
    """Runs a page: commands and Python in one folder, with what earlier ones left."""

    def __init__(self, folder: Path, port: int) -> None:
        self.knnal = Knnal(folder)
        self.knnal.environment["KNNAL_THREADS"] = "1"  # more processes start longer than they work
        self._names: dict[str, Any] = {"__name__": "__main__"}
        self._port = str(port)
        self._servers: list[subprocess.Popen[str]] = []
        self._until_closed = ExitStack()
        self._until_closed.enter_context(as_a_process(folder, self.knnal.environment))

    def run(self, language: str, code: str) -> None:
        code = code.replace(PORT, self._port)
        if language == "python":
            self._python(code)
            return
        for line in code.splitlines():
            if line and not line.startswith(("#", *NOT_RUN, *CHECKED_ONLY)):
                self._command(line)

    def close(self) -> None:
        self._stop_servers()
        self._until_closed.close()

    def _stop_servers(self) -> None:
        while self._servers:
            with self._servers.pop() as server:
                server.send_signal(signal.SIGINT)
                server.wait(timeout=PATIENCE_S)

    def _python(self, code: str) -> None:
        with redirect_stdout(io.StringIO()):
            exec(compile(code, "a page", "exec"), self._names)  # the page is the test

    def _command(self, line: str) -> None:
        before, _, last = line.rpartition(" | ")
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").partition("=")
            self.knnal.environment[name] = os.environ[name] = value
        elif line.startswith("knnal serve"):
            self._serve(line)
        elif re.match(r"knnal (label|review)\b(?!.*--(json|oracle|mode voting))", line):
            self._answer(line)
        elif last.startswith("knnal "):
            stdin = self._shell(before) if before else ""
            self.knnal(*shlex.split(last)[1:], stdin=stdin)
        else:
            self._shell(line)

    def _shell(self, line: str) -> str:
        done = subprocess.run(
            line,
            shell=True,
            cwd=self.knnal.folder,
            env=self.knnal.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _answer(self, line: str) -> None:
        """Answer two questions in a terminal, with the first two classes; leave a review."""
        import pexpect

        child = pexpect.spawn(
            self.knnal.script,
            shlex.split(line)[1:],
            cwd=str(self.knnal.folder),
            env={**self.knnal.environment, "TERM": "xterm-256color"},
            dimensions=(24, 80),
        )
        for key in "q" if line.startswith("knnal review") else "12q":
            child.expect("help", timeout=PATIENCE_S)
            child.send(key)
        child.expect("Everything is stored|reviewed", timeout=PATIENCE_S)
        child.expect(pexpect.EOF, timeout=PATIENCE_S)
        child.close()
        assert child.exitstatus == 0, line

    def _serve(self, line: str) -> None:
        port = () if "--port" in line else ("--port", "0")  # which no other test has
        server = subprocess.Popen(
            [self.knnal.script, *shlex.split(line.removesuffix("&"))[1:], *port],
            cwd=self.knnal.folder,
            env=self.knnal.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._servers.append(server)
        assert server.stdout is not None
        assert "token=" in server.stdout.readline(), line
        if not line.endswith("&"):
            self._stop_servers()


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def weights() -> None:
    try:
        create_embedder("mobilenet-v2").load(LogNarrator())
    except ModelUnavailableError as error:
        pytest.skip(f"MobileNet-v2 is unavailable: {error}")


def marks(page: str) -> list[Any]:
    lines = commands(page)
    needs_network = any(f"embed {source}" in line for line in lines for source in NETWORKS)
    found = [pytest.mark.slow] if lines else []
    if needs_network:
        found.append(pytest.mark.model)
    if any(line.startswith(("export ", "knnal label", "knnal review")) for line in lines):
        found.append(
            pytest.mark.skipif(sys.platform == "win32", reason="printed for a POSIX shell")
        )
    return found


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=marks(page), id=page) for page in PAGES if blocks(page)]
)
def test_a_page_runs(
    page: str,
    request: pytest.FixtureRequest,
    without_pool: Path,
    with_pool: Path,
    tmp_path: Path,
    free_port: int,
) -> None:
    if request.node.get_closest_marker("model"):
        request.getfixturevalue("weights")
    begins_empty = page == README or "/tutorials/" in page
    folder = shutil.copytree(without_pool if begins_empty else with_pool, tmp_path / "page")
    tour = Tour(folder, free_port)
    try:
        for language, code in blocks(page):
            tour.run(language, code)
    finally:
        tour.close()


def test_what_is_not_run_exists() -> None:
    lines = [line for page in PAGES for line in commands(page) if line.startswith(CHECKED_ONLY)]
    for line in lines:
        for module in re.findall(r"-m (benchmarks[\w.]*)", line):
            assert importlib.util.find_spec(module), line
        for file in re.findall(r"\b(?:tests|docs)/\S*|\w+\.py", line):
            assert (ROOT / file).exists(), line
    for prefix in (*NOT_RUN, *CHECKED_ONLY):
        assert any(line.startswith(prefix) for page in PAGES for line in commands(page)), prefix


def test_ci_runs_every_command_that_makes_an_environment() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    installing = [line for line in commands(README) if line.startswith("python3 -m venv")]
    endings = re.findall(r"command_of '([^']+)'", ci)
    assert len(installing) == len(endings) == 3
    for line in installing:
        assert sum(line.endswith(ending) for ending in endings) == 1


def test_the_readme_is_short() -> None:
    assert len((ROOT / README).read_text(encoding="utf-8").splitlines()) <= 150


def options_in(text: str) -> set[str]:
    """The flags that a text names, without those of other programs."""
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    others = ("python", "pip", "ssh", "pytest", "git", "ruff")
    return {
        flag
        for span in spans
        if not span.startswith(others)
        for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]+", span)
    }


def all_options() -> Iterator[str]:
    from typer.main import get_command

    from knnal_cli.main import app

    def walk(command: Any) -> Iterator[str]:
        for parameter in command.params:
            yield from parameter.opts
        for subcommand in getattr(command, "commands", {}).values():
            yield from walk(subcommand)

    return walk(get_command(app))


@pytest.mark.parametrize("page", PAGES)
def test_every_option_in_prose_exists(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert options_in(text) <= {
        *all_options(),
        "--help",
        "--data",
        "--size",
        "--jobs",
        "--publish",
        "--pictures",
    }


LINK = re.compile(r"\]\(([^)#\s]+)(#[\w-]+)?\)")


@pytest.mark.parametrize("page", [*PAGES, "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_links_lead_somewhere(page: str) -> None:
    found = LINK.findall((ROOT / page).read_text(encoding="utf-8"))
    here = (ROOT / page).parent
    assert not [t for t, _ in found if "://" not in t and not (here / t).exists()]


@pytest.mark.slow
def test_the_site_builds_and_needs_no_network() -> None:
    pytest.importorskip("zensical", reason="zensical is in the extra 'docs'")
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {page: page.read_text(encoding="utf-8") for page in ROOT.glob("site/**/*.html")}
    assert len(pages) > len(PAGES) - 1
    for page, html in pages.items():
        loaded = re.findall(r"<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=\"?([^\" >]+)", html)
        assert not [address for address in loaded if "://" in address], page
    commands_page = (ROOT / "site" / "reference" / "cli.html").read_text(encoding="utf-8")
    assert "--strategy" in commands_page
    assert "::: knnal" not in "".join(pages.values())
