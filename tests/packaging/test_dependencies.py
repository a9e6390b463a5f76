"""Every package that is imported is declared, and what only an extra brings is named by it."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
OWN = {"knnal", "knnal_cli", "benchmarks", "docs", "tests"}
INSTALLED = packages_distributions()
FEATURES = ["excel", "heic", "map", "tensorflow"]

NEVER_IMPORTED = {
    "pip",  # run as a program
    "setuptools",  # imported by tensorflow-hub
    "hatchling",  # builds the wheel
    "pytest-xdist",
    "pytest-cov",
    "coverage",
    "ruff",
    "mypy",
    "build",
    "import-linter",
}


def declared(requirements: list[str]) -> set[str]:
    """The packages of requirements, and of the extras of knnal among them."""
    found = set()
    for requirement in map(Requirement, requirements):
        if requirement.name == "knnal":
            found |= {name for e in requirement.extras for name in declared(EXTRAS[e])}
        else:
            found.add(canonicalize_name(requirement.name))
    return found


CORE = declared(PROJECT["dependencies"])


def imports_of(folder: Path) -> Iterator[tuple[str, str | None, str]]:
    """The top-level module of each import, the extra that guards it, and where it stands."""
    for file in sorted(folder.rglob("*.py")):
        place = file.relative_to(ROOT).as_posix()
        for module, extra in _imports_in(ast.parse(file.read_text(encoding="utf-8")), None):
            if module not in OWN and module not in sys.stdlib_module_names:
                yield module, extra, place


def _imports_in(node: ast.AST, extra: str | None) -> Iterator[tuple[str, str | None]]:
    if isinstance(node, ast.Import):
        yield from ((name.name.partition(".")[0], extra) for name in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level:
        yield (node.module or "").partition(".")[0], extra
    elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "require_extra":
        name, _, *modules = (arg.value for arg in node.args if isinstance(arg, ast.Constant))
        yield from ((str(module), str(name)) for module in modules)
    elif isinstance(node, ast.With):
        for item in node.items:
            call = item.context_expr
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "extra":
                assert isinstance(call.args[0], ast.Constant)
                extra = str(call.args[0].value)
    for child in ast.iter_child_nodes(node):
        yield from _imports_in(child, extra)


def packages_of(module: str) -> set[str]:
    return {canonicalize_name(name) for name in INSTALLED.get(module, [module])}


@pytest.mark.parametrize("folder", ["knnal", "cli/knnal_cli"])
def test_imports_are_declared_by_the_core_or_by_the_extra_that_guards_them(folder: str) -> None:
    undeclared = {
        (module, extra, place)
        for module, extra, place in imports_of(ROOT / folder)
        if not packages_of(module) & (CORE | (declared(EXTRAS[extra]) if extra else set()))
    }
    assert not undeclared


@pytest.mark.parametrize(
    ("folder", "extras"), [("tests", ["test", "dev"]), ("benchmarks", ["test", "bench"])]
)
def test_imports_of_tests_and_benchmarks_are_declared(folder: str, extras: list[str]) -> None:
    known = CORE.union(*(declared(EXTRAS[extra]) for extra in extras))
    undeclared = {
        (module, place)
        for module, _, place in imports_of(ROOT / folder)
        if not packages_of(module) & known
    }
    assert not undeclared


def test_nothing_is_declared_that_is_not_imported() -> None:
    imported = {
        package
        for folder in ("knnal", "cli/knnal_cli")
        for module, *_ in imports_of(ROOT / folder)
        for package in packages_of(module)
    }
    needed = CORE.union(*(declared(EXTRAS[name]) for name in FEATURES))
    assert needed - NEVER_IMPORTED <= imported


def test_all_is_what_the_features_need() -> None:
    assert declared(EXTRAS["all"]) == set().union(*(declared(EXTRAS[name]) for name in FEATURES))


def test_every_module_imports_without_the_extras() -> None:
    program = """
import importlib, pkgutil, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

blocked = set(sys.argv[1:])
sys.meta_path.insert(0, Blocker())
import knnal, knnal_cli
for package in (knnal, knnal_cli):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
from knnal import *
"""
    only_extra = {"h5py", "google", "openTSNE", "pillow_heif", "python_calamine", "tensorflow"}
    blocked = {*only_extra, "tensorflow_hub", "keras", "tf_keras"}
    done = subprocess.run(
        [sys.executable, "-c", program, *sorted(blocked)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
