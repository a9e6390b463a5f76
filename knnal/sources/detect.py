"""From a path to the source that reads it."""

from __future__ import annotations

from pathlib import Path

from knnal.errors import InputError
from knnal.sources.base import Source, reject_options
from knnal.sources.encodings import MARK_BYTES, marked_encoding
from knnal.sources.images import ImageFolder, is_image_name
from knnal.sources.parquet import ParquetRows, vector_columns
from knnal.sources.roles import TABLE_SUFFIXES
from knnal.sources.tables import TextTable, text_columns
from knnal.sources.text import TextLines, open_bytes, reading, suffix_of
from knnal.sources.vectors import ARRAY_SUFFIXES, VectorFile

SUPPORTED = (
    "a folder of images or one image; a table of texts (.csv, .tsv, .jsonl, .json, .parquet, "
    ".xlsx, .ods); a text file with one item a line (.txt); "
    "a file of vectors (.npy, .npz, .parquet)"
)

# Some of these look like text, so that their names must tell.
_NOT_LINES = frozenset({
    ".7z", ".arrow", ".bz2", ".db", ".doc", ".docx", ".feather", ".h5", ".hdf5",
    ".htm", ".html", ".mp3", ".mp4", ".odt", ".pdf", ".pickle", ".pkl", ".pptx", ".pt", ".rar",
    ".rtf", ".sqlite", ".svg", ".tar", ".tgz", ".wav", ".xml", ".xz", ".zip", ".zst",
})  # fmt: skip

_SNIFFED_BYTES = 8192


def open_source(
    location: Path | str,
    *,
    text_column: str | None = None,
    id_column: str | None = None,
    label_column: str | None = None,
    labels_from_folders: bool = False,
    folder_level: int | None = None,
    ids: Path | str | None = None,
    encoding: str | None = None,
    ignore_labels: bool = False,
) -> Source:
    """The source that reads what lies at the location, by its kind and extension.

    A Parquet file is a file of vectors if it has a column of them and neither a text column was
    named nor one shows by its name; otherwise it is a table of texts.

    Raises InputError if nothing lies there, no source reads it, or an option does not fit.
    """
    path = Path(location)
    columns = {
        "text_column": text_column,
        "id_column": id_column,
        "label_column": label_column,
    }
    if not path.exists():
        raise InputError(f"There is nothing at {path}. Check the path; supported are {SUPPORTED}.")
    if path.is_dir() or is_image_name(path.name):
        options = {"ids": ids, "encoding": encoding, "ignore_labels": ignore_labels}
        reject_options(path, "a source of images", {**columns, **options})
        return ImageFolder(path, labels_from_folders=labels_from_folders, folder_level=folder_level)
    folders = {"labels_from_folders": labels_from_folders, "folder_level": folder_level}
    reject_options(path, "a file", folders)
    if suffix_of(path) in ARRAY_SUFFIXES or _prefers_vectors(path, text_column):
        options = {"text_column": text_column, "encoding": encoding}
        reject_options(path, "a file of vectors", options)
        return VectorFile(
            path,
            ids=ids,
            id_column=id_column,
            label_column=label_column,
            ignore_labels=ignore_labels,
        )
    reject_options(path, "a file of texts", {"ids": ids, "ignore_labels": ignore_labels})
    if suffix_of(path) in TABLE_SUFFIXES:
        return TextTable(
            path,
            text_column=text_column,
            id_column=id_column,
            label_column=label_column,
            encoding=encoding,
        )
    if encoding is None:
        _require_lines(path)
    reject_options(path, "a text file without columns", columns)
    return TextLines(path, encoding=encoding)


def _prefers_vectors(path: Path, text_column: str | None) -> bool:
    if path.suffix.lower() != ".parquet" or text_column is not None:
        return False
    return len(text_columns(ParquetRows(path).columns())) != 1 and bool(vector_columns(path))


def _require_lines(path: Path) -> None:
    """Raise InputError for a file that is no plain text, by its extension or a zero byte."""
    if suffix_of(path) not in _NOT_LINES:
        with reading(path), open_bytes(path) as stream:
            start = stream.read(_SNIFFED_BYTES)
        # UTF-16 is full of zero bytes as well.
        if b"\0" not in start or marked_encoding(start[:MARK_BYTES]) is not None:
            return
    raise InputError(f"{path} is not supported. Convert it to one of: {SUPPORTED}.")
