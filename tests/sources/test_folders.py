"""Which folders name classes: the first ones, or those below the parts of a data set."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knnal.errors import InputError
from knnal.sources.base import Item
from knnal.sources.images import (
    SPLITS,
    AmbiguousFoldersError,
    ClassFolders,
    ImageFolder,
    find_class_folders,
    folder_at,
)


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([], ClassFolders(1)),
        (["1.png"], ClassFolders(1)),
        (["cat/1.png", "dog/a/1.png"], ClassFolders(1)),
        (["train/cat/1.png", "val/dog/1.png"], ClassFolders(2, splits=("train", "val"))),
        (["Train/cat/1.png", "Test/cat/1.png"], ClassFolders(2, splits=("Test", "Train"))),
        (["test/cat/1.png"], ClassFolders(2, splits=("test",))),
        (["train/cat/1.png", "test/1.png", "2.png"], ClassFolders(2, splits=("test", "train"))),
        (["bus/1.png", "train/1.png", "car/1.png"], ClassFolders(1, doubtful=("train",))),
    ],
)
def test_the_level_of_classes(paths: list[str], expected: ClassFolders) -> None:
    found = find_class_folders(iter(paths))
    assert found == expected
    assert (found.remark() is None) == (found == ClassFolders(1))


@pytest.mark.parametrize(
    ("paths", "saying"),
    [
        (["train/1.png", "test/2.png"], "test and train look like .* contain no folders"),
        (["train/1.png"], "level to 1 to take train as the classes"),
        (["train/cat/1.png", "extra/1.png"], "lie beside extra"),
    ],
)
def test_what_cannot_be_told_is_refused_unless_the_level_is_given(
    paths: list[str], saying: str
) -> None:
    with pytest.raises(AmbiguousFoldersError, match=saying):
        find_class_folders(paths)
    for level in (1, 2):
        assert find_class_folders(paths, level) == ClassFolders(level)


def test_a_level_below_one_is_refused() -> None:
    with pytest.raises(InputError, match="at least 1, got 0"):
        find_class_folders([], 0)


def test_a_folder_on_a_path() -> None:
    assert [folder_at("a/b/c.png", level) for level in (1, 2, 3)] == ["a", "b", None]
    assert folder_at("c.png", 1) is None


names = st.sampled_from(["cat", "dog", "train", "VAL", "test"])


@given(st.lists(st.lists(names, max_size=3).map(lambda folders: "/".join([*folders, "1.png"]))))
def test_splits_are_never_classes_in_silence(paths: list[str]) -> None:
    try:
        found = find_class_folders(paths)
    except AmbiguousFoldersError:
        return
    first = {folder for path in paths if (folder := folder_at(path, 1)) is not None}
    named_alike = {name for name in first if name.lower() in SPLITS}
    assert set(found.splits) | set(found.doubtful) == named_alike
    assert (found.level == 2) == bool(found.splits)
    for name in named_alike:
        assert name in str(found.remark())


def test_labels_of_images(tmp_path: Path) -> None:
    for name in ("train/cat/1.png", "train/dog/x/2.png", "val/cat/3.png", "val/4.png", "5.png"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    source = ImageFolder(tmp_path, labels_from_folders=True)
    labels = {item.id: item.label for item in source if isinstance(item, Item)}
    assert labels == {
        "5.png": None, "train/cat/1.png": "cat", "train/dog/x/2.png": "dog", "val/4.png": None,
        "val/cat/3.png": "cat",
    }  # fmt: skip
    assert source.count() == 5
    source = ImageFolder(tmp_path, folder_level=1)
    labels = {item.id: item.label for item in source if isinstance(item, Item)}
    assert set(labels.values()) == {None, "train", "val"}
    assert source.count() == 5
    assert ImageFolder(tmp_path).class_folders is None
