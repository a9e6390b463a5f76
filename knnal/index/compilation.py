"""How kernels are compiled: to machine code, cached on disk, and free of Python's lock.

A cached kernel is compiled anew when its own file changes, not when a kernel that it calls from
another file does: after changing such a one, delete the ``__pycache__`` folders.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from filelock import FileLock
from llvmlite import ir
from numba.core import cgutils
from numba.core.caching import FunctionCache
from numba.core.registry import cpu_target
from numba.extending import intrinsic

Kernel = TypeVar("Kernel", bound=Callable[..., object])


class _SharedCache(FunctionCache):  # type: ignore[misc]
    """Kernels on disk, which processes read and write one at a time.

    Numba's own cache has an index and numbered files that nothing guards: two processes that
    compile a kernel for different types at once may give both the same number, and then one is
    loaded in the other's place.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        with _alone_in(self.cache_path):
            return super().load_overload(sig, target_context)

    def save_overload(self, sig: Any, data: Any) -> None:
        with _alone_in(self.cache_path):
            super().save_overload(sig, data)


@functools.cache
def _lock_of(folder: str) -> FileLock:
    return FileLock(Path(folder) / "kernels.lock")


if hasattr(os, "register_at_fork"):  # a lock is its process's own: a forked one opens it again
    os.register_at_fork(after_in_child=_lock_of.cache_clear)


def _alone_in(folder: str) -> AbstractContextManager[object]:
    return _lock_of(folder).acquire(poll_interval=0.002)  # a kernel is read within milliseconds


def _compiled(function: Kernel, **options: Any) -> Kernel:
    compiled = numba.njit(nogil=True, error_model="numpy", **options)(function)
    compiled._cache = _SharedCache(function)
    return cast(Kernel, compiled)


def kernel(function: Kernel) -> Kernel:
    """Compile a function as written: sums run in the order in which they stand."""
    return _compiled(function)


def reordered_kernel(function: Kernel) -> Kernel:
    """Compile a function whose float sums may run in any order, which lets them use SIMD.

    The order is settled when it is compiled and is the same at every call.
    """
    return _compiled(function, fastmath={"reassoc", "contract"})


CACHE_LINE = 64


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(_: Any, array: Any, row: Any, byte: Any) -> Any:  # noqa: ARG001
    """Send for the cache line that lies so many bytes after the start of a row of an array.

    ``(array, row, byte)``, for use within kernels that will soon read it.
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
    """A pointer to the byte so many bytes after the start of an array's data."""
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
"""How many dot products ``tile_dots`` adds up beside each other."""

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
