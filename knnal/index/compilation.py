"""Kernels: functions compiled to machine code, cached on disk, and free of Python's lock.

The one module that knows Numba and llvmlite, whose private interfaces it uses: ``pyproject.toml``
bounds their versions, and ``tests/index/test_compiled.py`` says what a new release lacks.

Machine code is kept in ``NUMBA_CACHE_DIR``, else in the ``__pycache__`` folder next to the source,
else, where the package is read-only, in Numba's cache folder of the user.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import EnumType
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, TypeVar, cast

import numba
import numpy as np
from filelock import FileLock
from llvmlite import binding as llvm
from llvmlite import ir
from numba.core import cgutils
from numba.core.caching import FunctionCache, NullCache
from numba.core.codegen import JITCodeLibrary
from numba.core.registry import cpu_target
from numba.core.runtime import rtsys
from numba.extending import intrinsic

Kernel = TypeVar("Kernel", bound=Callable[..., object])


def fingerprint(kernel: Any) -> str:
    """Digest of all that a kernel's machine code follows from, in whichever modules it lies.

    That is the byte code and the options of the kernel and of all that it calls, directly or not,
    with the values of the constants in use. Comments, docstrings and other functions of the same
    modules do not count. Values without a stable ``repr`` give another digest in every process: a
    needless compilation, and never stale code.

    Parameters
    ----------
    kernel
        What ``kernel`` or ``reordered_kernel`` returned, once its module is fully imported.

    Returns
    -------
    str
        A sha256, in hexadecimal.
    """
    digest, functions = hashlib.sha256(), [kernel]
    for function in functions:  # grows meanwhile
        python = getattr(function, "py_func", getattr(function, "_defn", function))
        options = getattr(function, "targetoptions", None)
        parts: list[Any] = [python.__qualname__, options, python.__defaults__]
        codes, cells = [python.__code__], python.__closure__ or ()
        used = {n: c.cell_contents for n, c in zip(codes[0].co_freevars, cells, strict=True)}
        for code in codes:  # grows too
            codes += [const for const in code.co_consts if isinstance(const, CodeType)]
            used |= _globals_in(code, python.__globals__)
            constants = [c for c in code.co_consts if not isinstance(c, CodeType)]
            parts += [code.co_code, code.co_names, code.co_varnames]
            parts.append([c for c in constants if c != python.__doc__])
        for name, value in sorted(used.items(), key=lambda item: item[0]):
            calls = isinstance(value, FunctionType) or hasattr(value, "py_func")
            if calls or hasattr(value, "_defn"):  # a kernel has py_func, an intrinsic _defn
                parts.append(name)
                functions += [value] if all(value is not f for f in functions) else []
            else:
                parts.append((name, value))
        digest.update(_stable_text(parts).encode())
    return digest.hexdigest()


def _globals_in(code: CodeType, scope: dict[str, Any]) -> dict[str, Any]:
    """What the names in byte code stand for, also as attributes of modules of the same package."""
    found = {name: scope[name] for name in code.co_names if name in scope}
    for decorator in (kernel, reordered_kernel):  # no kernel calls one; an attribute has its name
        found = {name: value for name, value in found.items() if value is not decorator}
    own = scope["__name__"].partition(".")[0]
    modules = [value for value in found.values() if isinstance(value, ModuleType)]
    for module in modules:  # grows meanwhile
        if module.__name__.partition(".")[0] == own:
            inner = {n: vars(module)[n] for n in code.co_names if n in vars(module)}
            found |= {f"{module.__name__}.{name}": value for name, value in inner.items()}
            modules += [v for v in inner.values() if isinstance(v, ModuleType) and v not in modules]
    return found


def _stable_text(value: Any) -> str:
    """Text that is the same in every process for the same value, and differs for another."""
    if isinstance(value, (list, tuple)):
        return f"({','.join(map(_stable_text, value))})"
    if isinstance(value, (set, frozenset)):
        return f"{{{','.join(sorted(map(_stable_text, value)))}}}"
    if isinstance(value, dict):
        return _stable_text(
            frozenset(f"{_stable_text(k)}:{_stable_text(v)}" for k, v in value.items())
        )
    if isinstance(value, EnumType):
        return _stable_text(list(value))
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{value.shape}{value.tobytes()!r}"
    return value.__name__ if isinstance(value, ModuleType) else repr(value)


class _KernelLibrary(JITCodeLibrary):  # type: ignore[misc]
    """Machine code whose bitcode, if it is cached, is parsed once it is compiled into another."""

    _module: Any = None
    _bitcode: bytes | None = None

    @classmethod
    def _unserialize(cls, codegen: Any, state: Any) -> Any:
        name, kind, data = state
        if kind != "object":
            return super()._unserialize(codegen, state)
        library = codegen.create_library(name)
        code, library._bitcode = data
        library.enable_object_caching()
        library._set_compiled_object(code)
        library._finalize_final_module()
        return library

    def get_pointer_to_function(self, name: str) -> Any:
        if self._bitcode is None:
            return super().get_pointer_to_function(name)
        return self._codegen._engine.get_function_address(name)

    @property
    def _shared_module(self) -> Any:
        bitcode, self._bitcode = self._bitcode, None
        if bitcode is not None:
            self._module = llvm.parse_bitcode(bitcode)
            self._codegen._engine._load_defined_symbols(self._module)
        return self._module

    @_shared_module.setter
    def _shared_module(self, module: Any) -> None:
        self._module = module


cpu_target.target_context.codegen()._library_class = _KernelLibrary


class _KernelCache(FunctionCache):  # type: ignore[misc]
    """Machine code on disk that is never stale, and that processes read and write one at a time.

    Numba's own cache knows the kernel's file and no other. Its index and numbered files are
    unguarded: two processes that compile a kernel for different types at once may give both the
    same number, and then one is loaded in the other's place.
    """

    def __init__(self, kernel: Any) -> None:
        super().__init__(kernel.py_func)
        self._kernel = kernel

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        found = None
        with self._guarded("read"):
            try:
                # Numba's own method loads all that compiles first, SciPy included.
                rtsys.initialize(target_context)
                found = self._load_overload(sig, target_context)
            except Exception:
                self.flush()  # or what is damaged stays in the way of what is written
                raise
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        with self._guarded("written"):
            super().save_overload(sig, data)

    @contextmanager
    def _guarded(self, verb: str) -> Iterator[None]:
        # Now, not in __init__: what the kernel calls may be defined after it.
        self._cache_file._source_stamp = fingerprint(self._kernel)
        try:
            with _lock_of(self.cache_path).acquire(poll_interval=0.002):  # held for milliseconds
                yield
        except Exception as error:  # a damaged file unpickles to an error of any kind
            reason = getattr(error, "strerror", None) or type(error).__name__
            _warn_of_slow_start(f"{self.cache_path} cannot be {verb}: {reason}")


class _UnopenedCache:
    """A kernel's cache, whose folder is looked for at the first call; most kernels have none."""

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel

    def __getattr__(self, name: str) -> Any:
        try:
            self._kernel._cache = _KernelCache(self._kernel)
        except RuntimeError:
            self._kernel._cache = NullCache()
            _warn_of_slow_start("none of the folders for them can be written to")
        return getattr(self._kernel._cache, name)


@functools.cache
def _lock_of(folder: str) -> FileLock:
    return FileLock(Path(folder) / "kernels.lock")


if hasattr(os, "register_at_fork"):  # a lock is its process's own: a forked one opens it again
    os.register_at_fork(after_in_child=_lock_of.cache_clear)


@functools.cache
def _warn_of_slow_start(reason: str) -> None:
    logging.getLogger("knnal").warning(
        f"Compiled kernels are not cached ({reason}), so every start takes longer. Set "
        f"NUMBA_CACHE_DIR to a folder that can be written to."
    )


def _compiled(function: Kernel, **options: Any) -> Kernel:
    compiled = numba.njit(nogil=True, error_model="numpy", **options)(function)
    compiled._cache = _UnopenedCache(compiled)
    return cast(Kernel, compiled)


def kernel(function: Kernel) -> Kernel:
    """Compile a function as written: sums run in the order of the source."""
    return _compiled(function)


def reordered_kernel(function: Kernel) -> Kernel:
    """Compile a function whose float sums may run in any order, which lets them use SIMD.

    The order is fixed when it is compiled and is the same at every call.
    """
    return _compiled(function, fastmath={"reassoc", "contract"})


CACHE_LINE = 64


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(_: Any, array: Any, row: Any, byte: Any) -> Any:  # noqa: ARG001
    """``prefetch(array, row, byte)``: request the cache line at an offset in bytes from a row.

    For kernels that will soon read it.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = signature.args[0]
        its = context.make_array(kind)(context, builder, values[0])
        stride = cgutils.unpack_tuple(builder, its.strides, kind.ndim)[0]
        start, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        instruction = builder.module.declare_intrinsic(
            "llvm.prefetch", [start], ir.FunctionType(ir.VoidType(), [start, flag, flag, flag])
        )
        place = builder.add(builder.mul(values[1], stride), values[2])
        address = builder.gep(builder.bitcast(its.data, start), [place])
        to_read, keep_close, data = flag(0), flag(3), flag(1)
        builder.call(instruction, [address, to_read, keep_close, data])
        return context.get_dummy_value()

    return numba.types.void(array, numba.types.intp, numba.types.intp), generate


def _bytes_on(context: Any, builder: Any, kind: Any, value: Any, offset: Any) -> Any:
    """A pointer to the byte at an offset from the start of an array's data."""
    array = context.make_array(kind)(context, builder, value)
    return builder.gep(builder.bitcast(array.data, ir.IntType(8).as_pointer()), [offset])


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def byte_dot(
    _: Any,
    signed: Any,
    row: Any,  # noqa: ARG001
    unsigned: Any,
    other: Any,  # noqa: ARG001
    size: Any,
) -> Any:
    """The dot product of a row of signed bytes and one of unsigned bytes, as an int32.

    ``(signed, row, unsigned, other, size)``: contiguous arrays whose rows have ``size`` bytes, a
    number known to the compiler. A loop is put on vectors of 16-bit products; said all at once as
    here, it becomes the instructions that multiply bytes, where the processor has them.
    """
    length = size.literal_value
    wide = ir.VectorType(ir.IntType(32), length)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        def load(at: int) -> Any:
            place = builder.mul(values[at + 1], ir.IntType(64)(length))
            start = _bytes_on(context, builder, signature.args[at], values[at], place)
            vector = ir.VectorType(ir.IntType(8), length).as_pointer()
            loaded = builder.load(builder.bitcast(start, vector))
            loaded.align = 1
            return loaded

        total = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.IntType(32), [wide]),
            f"llvm.vector.reduce.add.v{length}i32",
        )
        products = builder.mul(builder.sext(load(0), wide), builder.zext(load(2), wide))
        return builder.call(total, [products])

    indices = numba.types.intp
    return numba.types.int32(signed, indices, unsigned, indices, size), generate


def multiplies_bytes() -> bool:
    """Whether kernels are compiled for a processor with AVX-512's products of bytes (VNNI)."""
    *_, features = cpu_target.target_context.codegen().magic_tuple()
    return "+avx512vnni" in features.split(",")


LANES = 16
"""Dot products that ``tile_dots`` computes in one vector."""

TOGETHER = 4
"""Of how many rows, so that what is loaded of a tile serves them all."""


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def tile_dots(
    _: Any,
    signed: Any,
    row: Any,  # noqa: ARG001
    tiles: Any,
    tile: Any,  # noqa: ARG001
    out: Any,
    size: Any,
) -> Any:
    """The dot products of TOGETHER rows of signed bytes with a tile of LANES unsigned ones, into
    ``out`` ``(TOGETHER, tiles * LANES)`` int32. Only where the processor ``multiplies_bytes``.

    ``(signed, row, tiles, tile, out, size)``: ``size`` bytes a row, a number known to the compiler;
    ``tiles`` ``(tiles, size / 4, LANES * 4)`` have four bytes of one vector, then those of the
    next. Nothing is left to be added up across a vector, which takes longer than the products.
    """
    groups = size.literal_value // 4
    word, place = ir.IntType(32), ir.IntType(64)
    sums, octets = ir.VectorType(word, LANES), ir.VectorType(ir.IntType(8), LANES * 4)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        def start(at: int, offset: Any, kind: Any) -> Any:
            place = _bytes_on(context, builder, signature.args[at], values[at], offset)
            return builder.bitcast(place, kind.as_pointer())

        def load(pointer: Any, at: int, align: int) -> Any:
            loaded = builder.load(builder.gep(pointer, [place(at)]))
            loaded.align = align
            return loaded

        step = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(sums, [sums, octets, octets]),
            "llvm.x86.avx512.vpdpbusd.512",
        )
        zeros, nothing = ir.Constant(sums, [0] * LANES), ir.Constant(sums, ir.Undefined)
        own = builder.mul(values[3], place(groups * LANES * 4))
        tile_start = start(2, own, octets)
        rows = [
            start(0, builder.mul(builder.add(values[1], place(r)), place(groups * 4)), word)
            for r in range(TOGETHER)
        ]
        totals = [zeros] * TOGETHER
        for group in range(groups):
            others = load(tile_start, group, 1)
            for r in range(TOGETHER):
                four = builder.insert_element(nothing, load(rows[r], group, 1), word(0))
                spread = builder.bitcast(builder.shuffle_vector(four, nothing, zeros), octets)
                totals[r] = builder.call(step, [totals[r], others, spread])
        array = context.make_array(signature.args[4])(context, builder, values[4])
        stride = cgutils.unpack_tuple(builder, array.strides, 2)[0]
        for r in range(TOGETHER):
            at = builder.add(
                builder.mul(place(r), stride), builder.mul(values[3], place(LANES * 4))
            )
            stored = builder.store(totals[r], start(4, at, sums))
            stored.align = 4
        return context.get_dummy_value()

    indices = numba.types.intp
    return numba.types.void(signed, indices, tiles, indices, out, size), generate


@intrinsic  # type: ignore[untyped-decorator]
def float_of(_: Any, bits: Any) -> Any:  # noqa: ARG001
    """The float32 that is made up of the bits of an int32."""

    def generate(_: Any, builder: Any, __: Any, values: Any) -> Any:
        return builder.bitcast(values[0], ir.FloatType())

    return numba.types.float32(numba.types.int32), generate


@intrinsic  # type: ignore[untyped-decorator]
def bits_of(_: Any, value: Any) -> Any:  # noqa: ARG001
    """The bits of a float32 as an int32."""

    def generate(_: Any, builder: Any, __: Any, values: Any) -> Any:
        return builder.bitcast(values[0], ir.IntType(32))

    return numba.types.int32(numba.types.float32), generate


@intrinsic  # type: ignore[untyped-decorator]
def lowest_bit(_: Any, value: Any) -> Any:
    """The place of the lowest bit that is set in a number other than 0, counted from 0."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        count = builder.cttz(values[0], ir.IntType(1)(1))
        return context.cast(builder, count, signature.args[0], signature.return_type)

    return numba.types.intp(value), generate
