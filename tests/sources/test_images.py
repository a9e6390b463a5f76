"""ImageFolder over real folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from knnal.errors import InputError
from knnal.sources.base import Item, Skip
from knnal.sources.images import ImageFolder
from knnal.types import Modality

SUFFIXES = [
    *("jpg", "jpeg", "jpe", "jfif", "png", "webp", "bmp", "tif", "tiff", "gif"),
    *("avif", "heic", "heif", "hif"),
]


def plant(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return root


def link(path: Path, target: Path) -> None:
    try:
        path.symlink_to(target, target_is_directory=target.is_dir())
    except OSError:
        pytest.skip("this system grants no links")


def items(source: ImageFolder) -> list[Item]:
    return [entry for entry in source if isinstance(entry, Item)]


def skips(source: ImageFolder) -> list[Skip]:
    return [entry for entry in source if isinstance(entry, Skip)]


def test_ids_are_the_sorted_posix_paths(tmp_path: Path) -> None:
    names = ["b.png", "a/z.png", "a-b/x.png", "a.png", "a/deep/er/y.png", "ab.png", "a/B.png"]
    found = [item.id for item in items(ImageFolder(plant(tmp_path, *names)))]
    assert found == sorted(names)


def test_every_extension_counts_in_any_case(tmp_path: Path) -> None:
    names = [f"lower.{suffix}" for suffix in SUFFIXES] + [f"UP.{s.upper()}" for s in SUFFIXES]
    source = ImageFolder(plant(tmp_path, *names))
    assert {item.id for item in items(source)} == set(names)
    assert skips(source) == []


def test_other_files_are_skipped_with_their_extension(tmp_path: Path) -> None:
    source = ImageFolder(plant(tmp_path, "a.txt", "sub/b.TXT", "README", "ok.png"))
    assert skips(source) == [
        Skip("README", "not an image file (no extension)"),
        Skip("a.txt", "not an image file (.txt)"),
        Skip("sub/b.TXT", "not an image file (.txt)"),
    ]


def test_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    plant(tmp_path, ".x.png", ".DS_Store", ".knnal/a.png", "d/.git/b.png", "d/c.png")
    assert [entry.id for entry in ImageFolder(tmp_path) if isinstance(entry, Item)] == ["d/c.png"]
    assert skips(ImageFolder(tmp_path)) == []


def test_a_hidden_root_is_read(tmp_path: Path) -> None:
    plant(tmp_path, ".photos/a.png")
    assert [item.id for item in items(ImageFolder(tmp_path / ".photos"))] == ["a.png"]


def test_a_single_image_is_a_source_of_one(tmp_path: Path) -> None:
    plant(tmp_path, "one.PNG")
    source = ImageFolder(tmp_path / "one.PNG", labels_from_folders=True)
    (item,) = items(source)
    assert (item.id, item.path, item.label) == ("one.PNG", tmp_path / "one.PNG", None)
    assert source.count() == 1


def test_paths_are_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(tmp_path, "folder/a.png")
    monkeypatch.chdir(tmp_path)
    (item,) = items(ImageFolder("folder"))
    assert item.path is not None
    assert item.path.is_absolute()
    assert item.path.read_bytes() == b"folder/a.png"


def test_labels_are_first_level_folders_on_request(tmp_path: Path) -> None:
    plant(tmp_path, "cat/a.png", "cat/deep/b.png", "dog/c.png", "root.png")
    labeled = {i.id: i.label for i in items(ImageFolder(tmp_path, labels_from_folders=True))}
    assert labeled == {
        "cat/a.png": "cat",
        "cat/deep/b.png": "cat",
        "dog/c.png": "dog",
        "root.png": None,
    }
    assert {item.label for item in items(ImageFolder(tmp_path))} == {None}


def test_the_stamp_is_size_and_times(tmp_path: Path) -> None:
    plant(tmp_path, "a.png")
    state = (tmp_path / "a.png").stat()
    (item,) = items(ImageFolder(tmp_path))
    assert item.stamp == f"{state.st_size}:{state.st_mtime_ns}:{state.st_ctime_ns}"


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps the creation time instead")
def test_the_stamp_sees_a_rewrite_that_restores_the_modification_time(tmp_path: Path) -> None:
    path = plant(tmp_path, "a.png") / "a.png"
    (before,) = items(ImageFolder(tmp_path))
    state = path.stat()
    while path.stat().st_ctime_ns == state.st_ctime_ns:
        path.write_bytes(b"other"[: state.st_size].ljust(state.st_size))
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    (after,) = items(ImageFolder(tmp_path))
    assert path.stat().st_mtime_ns == state.st_mtime_ns
    assert before.stamp != after.stamp


def test_count_is_the_number_of_items_here(tmp_path: Path) -> None:
    plant(tmp_path, "a.png", "b/c.jpg", "b/d.txt", ".e.png")
    source = ImageFolder(tmp_path)
    assert source.count() == len(items(source)) == 2


def test_iterating_anew_starts_from_the_beginning(tmp_path: Path) -> None:
    source = ImageFolder(plant(tmp_path, "a.png", "b.png"))
    assert next(iter(source)) == next(iter(source))
    assert list(source) == list(source)


def test_an_empty_folder_has_nothing(tmp_path: Path) -> None:
    assert list(ImageFolder(tmp_path)) == []
    assert ImageFolder(tmp_path).count() == 0


def test_a_link_to_a_folder_above_ends_there(tmp_path: Path) -> None:
    plant(tmp_path, "a/b/x.png")
    link(tmp_path / "a" / "b" / "up", tmp_path / "a")
    link(tmp_path / "a" / "self", tmp_path)
    source = ImageFolder(tmp_path)
    assert [item.id for item in items(source)] == ["a/b/x.png"]
    assert skips(source) == [
        Skip("a/b/up", "link to a folder above it"),
        Skip("a/self", "link to a folder above it"),
    ]


def test_links_elsewhere_are_followed(tmp_path: Path) -> None:
    plant(tmp_path, "far/x.png", "here/y.png")
    link(tmp_path / "here" / "linked", tmp_path / "far")
    link(tmp_path / "here" / "z.png", tmp_path / "far" / "x.png")
    found = items(ImageFolder(tmp_path / "here"))
    assert [item.id for item in found] == ["linked/x.png", "y.png", "z.png"]


@pytest.mark.parametrize("target", ["nowhere.png", "broken.png"], ids=["missing", "itself"])
def test_a_broken_link_is_skipped(tmp_path: Path, target: str) -> None:
    plant(tmp_path, "a.png")
    link(tmp_path / "broken.png", tmp_path / target)
    source = ImageFolder(tmp_path)
    assert [item.id for item in items(source)] == ["a.png"]
    (skip,) = skips(source)
    assert skip.where == "broken.png"
    assert skip.reason.startswith("cannot be read (")


def test_an_unreadable_folder_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Taking rights away does not stop an administrator, so that the system call itself refuses.
    plant(tmp_path, "a/x.png", "shut/y.png", "z.png")
    scan = os.scandir

    def guarded(path: str) -> object:
        if Path(path).name == "shut":
            raise PermissionError(13, "no")
        return scan(path)

    monkeypatch.setattr(os, "scandir", guarded)
    assert list(map(_name, ImageFolder(tmp_path))) == ["a/x.png", "shut", "z.png"]
    assert skips(ImageFolder(tmp_path)) == [Skip("shut", "folder cannot be read (PermissionError)")]


def _name(entry: Item | Skip) -> str:
    return entry.id if isinstance(entry, Item) else entry.where


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pipes in folders")
def test_what_is_no_regular_file_is_skipped(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert list(ImageFolder(tmp_path)) == [Skip("pipe.png", "not a regular file")]


def test_a_name_of_invalid_bytes_is_skipped_printably(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"\xff.png")).write_bytes(b"")
    except (OSError, UnicodeError):
        pytest.skip("this system refuses such names")
    (skip,) = ImageFolder(tmp_path)
    assert skip == Skip("\\udcff.png", "file name is not valid Unicode")
    assert isinstance(skip, Skip)
    skip.where.encode()


def test_a_folder_named_like_an_image_is_a_folder(tmp_path: Path) -> None:
    source = ImageFolder(plant(tmp_path, "album.png/a.png"))
    assert [item.id for item in items(source)] == ["album.png/a.png"]
    assert source.count() == 1


@pytest.mark.parametrize(("name", "message"), [("none", "no folder or image"), ("a.txt", "end in")])
def test_a_location_of_no_use_is_an_input_error(tmp_path: Path, name: str, message: str) -> None:
    plant(tmp_path, "a.txt")
    with pytest.raises(InputError, match=message):
        ImageFolder(tmp_path / name)


def test_it_says_that_it_holds_images(tmp_path: Path) -> None:
    assert ImageFolder(tmp_path).modality is Modality.IMAGE
    assert ImageFolder(tmp_path).location == tmp_path
