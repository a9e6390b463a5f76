"""VectorFile over real files written by NumPy and pyarrow."""

from __future__ import annotations

import hashlib
import tempfile
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from knnal.errors import InputError
from knnal.sources.base import Item, Skip
from knnal.sources.vectors import VectorFile
from knnal.types import Modality

from ..damage.files import HEADERS, array_with

X = np.arange(12, dtype=np.float32).reshape(4, 3) / 7
MATRICES = hnp.arrays(
    st.sampled_from([np.float16, np.float32, np.float64]),
    st.tuples(st.integers(0, 6), st.integers(1, 5)),
    elements=st.integers(-1000, 1000).map(float),
)


def npy(path: Path, matrix: Any) -> Path:
    np.save(path, matrix)
    return path


def npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def parquet(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def lists(matrix: Any, kind: Any = None) -> Any:
    return pa.array(matrix.tolist(), kind or pa.list_(pa.float32()))


def items(source: VectorFile) -> list[Item]:
    return [entry for entry in source if isinstance(entry, Item)]


def matrix_of(source: VectorFile) -> Any:
    return np.array([item.vector for item in items(source)])


def save(folder: Path, suffix: str, matrix: Any) -> Path:
    path = folder / f"vectors{suffix}"
    if suffix == ".npy":
        return npy(path, matrix)
    if suffix == ".npz":
        return npz(path, embeddings=matrix)
    return parquet(path, vector=lists(matrix, pa.list_(pa.from_numpy_dtype(matrix.dtype))))


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".parquet"])
def test_every_format_gives_the_same_items(tmp_path: Path, suffix: str) -> None:
    source = VectorFile(save(tmp_path, suffix, X))
    found = items(source)
    assert [item.id for item in found] == ["0", "1", "2", "3"]
    assert [item.stamp for item in found] == [hashlib.sha256(x.tobytes()).hexdigest() for x in X]
    assert all(item.vector is not None and item.vector.shape == (3,) for item in found)
    assert np.array_equal(matrix_of(source), X)
    assert source.count() == 4
    assert source.modality is Modality.VECTOR


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".parquet"])
@settings(deadline=None)  # files take what the disk takes
@given(matrix=MATRICES)
def test_round_trip(suffix: str, matrix: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = VectorFile(save(Path(folder), suffix, matrix))
        found = matrix_of(source)
        assert source.count() == len(matrix) == len(found)
    assert np.array_equal(found, matrix.reshape(found.shape if not len(matrix) else matrix.shape))
    assert not len(matrix) or found.dtype == matrix.dtype


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".parquet"])
def test_more_rows_than_one_block(tmp_path: Path, suffix: str) -> None:
    matrix = np.random.default_rng(0).normal(size=(2500, 4)).astype(np.float32)
    source = VectorFile(save(tmp_path, suffix, matrix))
    assert np.array_equal(matrix_of(source), matrix)
    assert [item.id for item in items(source)] == [str(number) for number in range(2500)]


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize("change", [np.asfortranarray, lambda x: x.astype(">f4")])
def test_memory_layouts(tmp_path: Path, suffix: str, change: Any) -> None:
    plain = items(VectorFile(save(tmp_path, suffix, X)))
    changed = items(VectorFile(save(tmp_path, suffix, change(X))))
    assert [item.stamp for item in changed] == [item.stamp for item in plain]
    assert all(item.vector is not None and item.vector.flags.c_contiguous for item in changed)


def test_precision_is_kept_but_not_part_of_the_stamp(tmp_path: Path) -> None:
    (single,) = items(VectorFile(npy(tmp_path / "a.npy", np.float32([[0.5, 2]]))))
    (double,) = items(VectorFile(npy(tmp_path / "b.npy", np.float64([[0.5, 2]]))))
    assert double.vector is not None
    assert double.vector.dtype == np.float64
    assert single.stamp == double.stamp


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".parquet"])
def test_vectors_that_are_not_finite_are_skipped(tmp_path: Path, suffix: str) -> None:
    matrix = np.array([[1, 2], [np.nan, 0], [0, np.inf], [1e300, 0], [3, 4]])
    found = list(VectorFile(save(tmp_path, suffix, matrix)))
    reason = "vector is not finite"
    assert found[1:4] == [Skip(f"row {row}", reason) for row in (2, 3, 4)]
    assert [entry.id for entry in found if isinstance(entry, Item)] == ["0", "4"]


# .npy


def test_ids_from_a_file(tmp_path: Path) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_bytes("\ufeffa\r\n\r\nc c\nb\xff\n".encode())
    found = list(VectorFile(npy(tmp_path / "a.npy", X), ids=ids))
    assert [e.id if isinstance(e, Item) else e for e in found] == [
        "a",
        Skip("row 2", "empty id"),
        "c c",
        "b\xff",
    ]


@pytest.mark.parametrize("lines", ["a\nb\nc\n", "a\nb\nc\nd\ne\n", ""])
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_a_wrong_number_of_ids(tmp_path: Path, lines: str, suffix: str) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text(lines)
    with pytest.raises(InputError, match=rf"must have 4 lines.*got {len(lines) // 2}\."):
        VectorFile(save(tmp_path, suffix, X), ids=ids)


def test_a_missing_file_of_ids(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        VectorFile(npy(tmp_path / "a.npy", X), ids=tmp_path / "none.txt")


@pytest.mark.parametrize(
    "array",
    [X[0], X[None], X.astype(int), X.astype(bool), X.astype(complex), X.astype(str), X[:, :0]],
)
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_another_shape_or_type_is_an_input_error(tmp_path: Path, array: Any, suffix: str) -> None:
    with pytest.raises(InputError, match=r"floats of shape \(n, d\)") as caught:
        VectorFile(save(tmp_path, suffix, array))
    assert f"{array.dtype} of shape {array.shape}" in str(caught.value)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_object_arrays_are_never_loaded(tmp_path: Path, suffix: str) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return (pytest.fail, ("unpickled",))

    matrix = np.array([[Trap(), Trap()]], dtype=object)
    with pytest.raises(InputError, match="object of shape"):
        VectorFile(save(tmp_path, suffix, matrix))


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".parquet"])
def test_a_file_that_is_not_what_it_is_called(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"this is none")
    with pytest.raises(InputError, match="cannot be read to its end"):
        VectorFile(path)


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_an_array_with_a_damaged_header(tmp_path: Path, header: str) -> None:
    alone, within = tmp_path / "a.npy", tmp_path / "a.npz"
    alone.write_bytes(array_with(header))
    with zipfile.ZipFile(within, "w") as archive:
        archive.writestr("embeddings.npy", array_with(header))
    for path in (alone, within):
        with pytest.raises(InputError, match="cannot be read to its end"):
            VectorFile(path)


def test_a_truncated_array(tmp_path: Path) -> None:
    path = npy(tmp_path / "a.npy", X)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(InputError, match="complete"):
        list(VectorFile(path))


# .npz


@pytest.mark.parametrize("save_archive", [np.savez, np.savez_compressed])
def test_ids_and_labels_in_an_archive(tmp_path: Path, save_archive: Any) -> None:
    path = tmp_path / "a.npz"
    save_archive(path, embeddings=X, ids=[7, 8, 9, 10], labels=["x", "", " y ", "x"], other=X)
    found = items(VectorFile(path))
    assert [(item.id, item.label) for item in found] == [
        ("7", "x"),
        ("8", None),
        ("9", "y"),
        ("10", "x"),
    ]


def test_a_file_of_ids_goes_before_those_in_the_archive(tmp_path: Path) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text("a\nb\nc\nd\n")
    source = VectorFile(npz(tmp_path / "a.npz", embeddings=X, ids=list("wxyz")), ids=ids)
    assert [item.id for item in items(source)] == list("abcd")


def test_the_only_matrix_of_an_archive(tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", anything=X, labels=list("abab"), scale=np.float64(3))
    assert np.array_equal(matrix_of(VectorFile(path)), X)


def test_two_matrices_are_ambiguous(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="2 2-d arrays among 'a', 'b'"):
        VectorFile(npz(tmp_path / "a.npz", a=X, b=X))


@pytest.mark.parametrize("name", ["ids", "labels"])
def test_columns_of_an_archive_that_do_not_fit(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=rf"'{name}' .*must have shape \(4,\)"):
        VectorFile(npz(tmp_path / "a.npz", embeddings=X, **{name: ["a", "b"]}))
    with pytest.raises(InputError, match="dtype=str"):
        VectorFile(npz(tmp_path / "b.npz", embeddings=X, **{name: np.array([None] * 4)}))


# .parquet


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.float32()),
        pa.list_(pa.float64()),
        pa.large_list(pa.float32()),
        pa.list_(pa.float32(), 3),
    ],
    ids=str,
)
def test_kinds_of_lists(tmp_path: Path, kind: Any) -> None:
    vectors = pa.array([X[0].tolist(), None, X[2].tolist()], kind)
    path = parquet(tmp_path / "a.parquet", id=["a", "b", None], vector=vectors, n=[1, 2, 3])
    found = list(VectorFile(path))
    assert isinstance(found[0], Item)
    assert np.array_equal(np.float32(found[0].vector), X[0])
    assert found[0].id == "a"
    assert found[1:] == [Skip("row 2", "empty vector"), Skip("row 3", "empty id")]


def test_lists_after_a_missing_one_keep_their_values(tmp_path: Path) -> None:
    for number, kind in enumerate((pa.list_(pa.float32()), pa.list_(pa.float32(), 3))):
        vectors = pa.array([None, X[1].tolist(), None, X[3].tolist()], kind)
        found = items(VectorFile(parquet(tmp_path / f"{number}.parquet", v=vectors)))
        assert [item.id for item in found] == ["1", "3"]
        assert np.array_equal([item.vector for item in found], X[[1, 3]])


def test_lists_of_other_lengths_are_skipped(tmp_path: Path) -> None:
    vectors = pa.array([[], [1.0, 2.0], [3.0], [None, 1.0], [5.0, 6.0]], pa.list_(pa.float64()))
    found = list(VectorFile(parquet(tmp_path / "a.parquet", v=vectors)))
    assert [e.id if isinstance(e, Item) else (e.where, e.reason) for e in found] == [
        ("row 1", "empty vector"),
        "1",
        ("row 3", "vector of another length than the first"),
        ("row 4", "vector is not finite"),
        "4",
    ]


def test_named_columns(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "a.parquet",
        id=[1, 2, 3, 4],
        key=list("abcd"),
        kind=["x", None, " y ", ""],
        one=lists(X),
        two=lists(X + 1),
    )
    source = VectorFile(path, id_column="key", vector_column="two", label_column="kind")
    assert [(item.id, item.label) for item in items(source)] == [
        ("a", "x"),
        ("b", None),
        ("c", "y"),
        ("d", None),
    ]
    assert np.array_equal(matrix_of(source), X + 1)
    with pytest.raises(InputError, match="the columns 'one', 'two'; exactly one"):
        VectorFile(path)
    with pytest.raises(InputError, match="'kind'"):
        VectorFile(path, vector_column="kind")
    for role in ("id_column", "vector_column", "label_column"):
        with pytest.raises(InputError, match="no column"):
            VectorFile(path, **{role: "nope"})  # type: ignore[arg-type]


def test_a_table_without_vectors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lists of floats in the columns none"):
        VectorFile(parquet(tmp_path / "a.parquet", a=[1], b=pa.array([[1]])))


# Options and memory


def test_options_that_do_not_fit(tmp_path: Path) -> None:
    arrays, table = npy(tmp_path / "a.npy", X), parquet(tmp_path / "a.parquet", v=lists(X))
    with pytest.raises(InputError, match="no `id_column` or `label_column`"):
        VectorFile(arrays, id_column="a", label_column="b")
    with pytest.raises(InputError, match="no `vector_column`"):
        VectorFile(arrays, vector_column="v")
    with pytest.raises(InputError, match="no `ids`"):
        VectorFile(table, ids=arrays)


def test_other_files_are_input_errors(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("1 2 3")
    for name in ("a.txt", "none.npy", "."):
        with pytest.raises(InputError, match=r"is a folder|no file|not a file"):
            VectorFile(tmp_path / name)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_memory_stays_flat(tmp_path: Path, suffix: str) -> None:
    source = VectorFile(save(tmp_path, suffix, np.ones((50_000, 64), np.float32)))
    tracemalloc.start()
    try:
        assert sum(1 for _ in source) == 50_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3_000_000
