"""Kernels: what their machine code is kept for, where, and on which releases of Numba."""

from __future__ import annotations

import inspect
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
import pytest
from filelock import FileLock, Timeout
from llvmlite import ir
from numba.core import caching, cgutils, codegen
from numba.core.registry import cpu_target
from numba.core.runtime import rtsys
from packaging.requirements import Requirement

from knnal.index.compilation import _globals_in, fingerprint, kernel, prefetch, reordered_kernel

ROOT = Path(__file__).parents[2]

CALLER = """
import house.tools
from house.tools import FACTOR, double
from knnal.index.compilation import kernel

@kernel
def answer(x):
    return between(x) * FACTOR + house.tools.SHIFT

@kernel
def between(x):
    return double(x)
"""
CALLED = '''
from knnal.index.compilation import kernel

FACTOR, SHIFT, UNUSED = 1.0, 0.0, 0

@kernel
def double(x):
    """Twice x."""
    return x * 2.0

@kernel
def unused(x):
    return x
'''


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of two modules, compiled: a kernel in one calls a kernel in the other."""
    folder = tmp_path_factory.mktemp("compiled")
    (folder / "house").mkdir()
    (folder / "house" / "__init__.py").write_text("")
    (folder / "house" / "caller.py").write_text(CALLER)
    (folder / "house" / "tools.py").write_text(CALLED)
    assert run(folder) == (6.0, "compiled", "")
    return folder


@pytest.fixture
def house(compiled: Path, tmp_path: Path) -> Path:
    """A copy of that package with its cache."""
    return Path(shutil.copytree(compiled, tmp_path, dirs_exist_ok=True))


def run(house: Path, **environment: str) -> tuple[float, str, str]:
    """``answer(3.0)`` in a new process, "compiled" or "loaded", and what was printed as errors."""
    program = (
        "from house.caller import answer; print(answer(3.0)); "
        "print('loaded' if answer.stats.cache_hits else 'compiled')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment, "PYTHONPATH": f"{house}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    value, origin = done.stdout.split()
    return float(value), origin, done.stderr


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("x * 2.0", "x * 5.0", (15.0, "compiled")),
        (
            "FACTOR, SHIFT, UNUSED = 1.0, 0.0",
            "FACTOR, SHIFT, UNUSED = 7.0, 0.0",
            (42.0, "compiled"),
        ),
        (
            "FACTOR, SHIFT, UNUSED = 1.0, 0.0",
            "FACTOR, SHIFT, UNUSED = 1.0, 8.0",
            (14.0, "compiled"),
        ),
        ("import kernel", "import reordered_kernel as kernel", (6.0, "compiled")),
        ("return x\n", "return x + 1\n", (6.0, "loaded")),
        ("UNUSED = 1.0, 0.0, 0", "UNUSED = 1.0, 0.0, 9", (6.0, "loaded")),
        ("Twice x.", "Two times x.", (6.0, "loaded")),
        ("double", "double", (6.0, "loaded")),
    ],
    ids=["body", "constant", "attribute", "options", "no call", "no use", "docstring", "nothing"],
)
def test_a_change_in_another_file_compiles_what_it_concerns(
    house: Path, old: str, new: str, expected: tuple[float, str]
) -> None:
    assert CALLED.count(old) == 1
    (house / "house" / "tools.py").write_text(CALLED.replace(old, new))
    assert run(house)[:2] == expected


def test_machine_code_from_the_cache_is_compiled_into_another_kernel(house: Path) -> None:
    for file in (house / "house" / "__pycache__").glob("caller.answer-*.nb?"):
        file.unlink()
    assert run(house) == (6.0, "compiled", "")
    assert run(house) == (6.0, "loaded", "")


def test_an_attribute_that_is_named_as_a_decorator_is_none() -> None:
    @kernel
    def of(edges: Any) -> Any:
        return edges.kernel + edges.reordered_kernel

    assert "numba" not in str(_globals_in(of.py_func.__code__, globals()))  # type: ignore[attr-defined]


def test_the_values_in_use_make_the_fingerprint() -> None:
    def of(value: object) -> str:
        @kernel
        def reads() -> object:
            return value

        return fingerprint(reads)

    array = np.arange(5000)
    values = [1, 1.0, True, np.float32(1), (1, 2), (2, 1), "1", array, array[::-1], {"a", "b"}]
    assert len({of(value) for value in values}) == len(values)
    assert of(array) == of(array.copy())
    assert of(prefetch) != of(len)


def test_a_kernel_that_calls_itself_has_a_fingerprint() -> None:
    @kernel
    def countdown(n: int) -> int:
        return 0 if n == 0 else countdown(n - 1)

    assert len(fingerprint(countdown)) == 64


# Where machine code is kept


def block(folder: Path) -> None:
    """Put a file in a folder's place, so that not even the superuser can write into it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.touch()


@pytest.mark.skipif(sys.platform != "linux", reason="sets the cache folder as Linux has it")
def test_a_package_that_is_read_only_is_cached_for_the_user(house: Path) -> None:
    block(house / "house" / "__pycache__")
    cache = house / "cache"
    assert run(house, XDG_CACHE_HOME=str(cache))[1] == "compiled"
    assert run(house, XDG_CACHE_HOME=str(cache))[1:] == ("loaded", "")
    assert list(cache.rglob("*.nbc"))


@pytest.mark.skipif(sys.platform != "linux", reason="sets the cache folder as Linux has it")
def test_without_any_folder_kernels_run_and_the_slow_start_is_said_once(house: Path) -> None:
    block(house / "house" / "__pycache__")
    block(house / "cache")
    value, origin, said = run(house, XDG_CACHE_HOME=str(house / "cache"))
    assert (value, origin) == (6.0, "compiled")
    assert said.count("every start takes longer") == 1
    assert "NUMBA_CACHE_DIR" in said


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
def test_a_damaged_cache_is_said_and_replaced(house: Path, suffix: str) -> None:
    (file,) = (house / "house" / "__pycache__").glob(f"caller.answer*.{suffix}")
    file.write_bytes(file.read_bytes()[:20])
    value, origin, said = run(house)
    assert (value, origin) == (6.0, "compiled")
    assert "cannot be read" in said
    assert run(house) == (6.0, "loaded", "")


@pytest.mark.parametrize("decorate", [kernel, reordered_kernel])
def test_kernels_are_read_and_written_by_one_process_at_a_time(
    decorate: Callable[[Any], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    done: list[str] = []

    def watched(name: str) -> Callable[..., Any]:
        whole = getattr(caching.IndexDataCacheFile, name)

        def alone(file: Any, *arguments: Any) -> Any:
            with pytest.raises(Timeout):
                FileLock(Path(file._cache_path) / "kernels.lock").acquire(timeout=0)
            done.append(name)
            return whole(file, *arguments)

        return alone

    for name in ("load", "save"):
        monkeypatch.setattr(caching.IndexDataCacheFile, name, watched(name))
    for _ in range(2):  # the second time it is there

        @decorate
        def total(values: Any) -> Any:
            return values[0] + values[1]

        assert total(np.array([1.5, 2.0])) == 3.5
        assert total(np.array([1, 2])) == 3
    assert done == ["load", "save", "load", "save", "load", "load"]
    assert len(list(tmp_path.rglob("*.nbc"))) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no process is forked on this system")
def test_a_forked_process_compiles_too(tmp_path: Path) -> None:
    program = tmp_path / "program.py"  # kernels are cached for files only
    program.write_text(_FORKING, encoding="utf-8")
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True)
    assert done.stdout == "42\n", done.stderr


_FORKING = """
import os

import numpy as np

from knnal.index.compilation import kernel


@kernel
def total(values):
    return values[0] + values[1]


total(np.array([1.5, 2.0]))
if not (child := os.fork()):
    os._exit(total(np.array([40, 2])))
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status))
"""


# Private interfaces


@kernel
def _plain(x: float) -> float:
    return x


PRIVATE: dict[str, Callable[[], bool]] = {
    "Dispatcher._cache": lambda: hasattr(_plain, "_cache"),
    "Dispatcher.py_func": lambda: inspect.isfunction(_plain.py_func),  # type: ignore[attr-defined]
    "Dispatcher.targetoptions": lambda: "nogil" in _plain.targetoptions,  # type: ignore[attr-defined]
    "_Intrinsic._defn": lambda: inspect.isfunction(prefetch._defn),
    "FunctionCache.load_overload": lambda: _parameters(caching.FunctionCache.load_overload) == 3,
    "FunctionCache._load_overload": lambda: _parameters(caching.FunctionCache._load_overload) == 3,
    "JITCodeLibrary._unserialize": lambda: _parameters(codegen.JITCodeLibrary._unserialize) == 2,
    "JitEngine._load_defined_symbols": lambda: (
        _parameters(codegen.JitEngine._load_defined_symbols) == 2
    ),
    "JITCPUCodegen._library_class": lambda: issubclass(
        cpu_target.target_context.codegen()._library_class, codegen.JITCodeLibrary
    ),
    "rtsys.initialize": lambda: _parameters(rtsys.initialize) == 1,
    "FunctionCache.save_overload": lambda: _parameters(caching.FunctionCache.save_overload) == 3,
    "FunctionCache.flush": lambda: _parameters(caching.FunctionCache.flush) == 1,
    "FunctionCache.cache_path": lambda: Path(_plain._cache.cache_path).is_dir(),  # type: ignore[attr-defined]
    "IndexDataCacheFile._source_stamp": lambda: hasattr(
        _plain._cache._cache_file,  # type: ignore[attr-defined]
        "_source_stamp",
    ),
    "cgutils.unpack_tuple": lambda: _parameters(cgutils.unpack_tuple) == 3,
    "cgutils.get_or_insert_function": lambda: _parameters(cgutils.get_or_insert_function) == 3,
    "magic_tuple": lambda: len(cpu_target.target_context.codegen().magic_tuple()) == 3,
    "ir.Type.as_pointer": lambda: str(ir.IntType(8).as_pointer()) == "i8*",
}


def _parameters(function: Callable[..., object]) -> int:
    return len(inspect.signature(function).parameters)


@pytest.mark.parametrize("name", PRIVATE)
def test_this_release_of_numba_has_what_is_private_and_used(name: str) -> None:
    try:
        found = PRIVATE[name]()
    except (AttributeError, ValueError):
        found = False
    assert found, (
        f"numba {numba.__version__} with llvmlite {llvmlite.__version__} has changed {name}, "
        f"which {fingerprint.__module__} uses. Adapt that module, or lower the upper bound in "
        f"pyproject.toml."
    )


@pytest.mark.parametrize("package", [numba, llvmlite], ids=lambda package: package.__name__)
def test_versions_are_bounded_by_the_release_that_is_tested(package: Any) -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    requirements = map(Requirement, settings["project"]["dependencies"])
    (declared,) = [one for one in requirements if one.name == package.__name__]
    assert any(bound.operator == "<" for bound in declared.specifier), "no upper bound"
    assert declared.specifier.contains(package.__version__), (
        f"{package.__name__} {package.__version__} lies outside of {declared.specifier}. Run these "
        f"tests with it, then raise the bound in pyproject.toml."
    )
