"""The keymap and the keys of classes: what each front end has, its help, and the docs' tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from knnal_cli.class_keys import ClassKeys
from knnal_cli.keymap import ACTIONS, CLASS, CLASS_KEYS, Front, KeyMode, actions, as_markdown

DOCS = Path(__file__).parents[2] / "docs" / "reference" / "keys.md"


@pytest.mark.parametrize("front", Front)
@pytest.mark.parametrize("mode", KeyMode)
def test_a_key_does_one_thing_and_is_on_one_page_of_help(mode: KeyMode, front: Front) -> None:
    found = actions(mode, front)
    keys = [key for action in found for key in action.keys]
    assert len(keys) == len(set(keys))
    assert not set(keys) & set(CLASS_KEYS)
    assert len(found) <= 16 or front is Front.PAGE, "a screen has 24 lines"
    assert all(len(action.help) <= 60 for action in found), "and 80 columns"


def test_an_action_has_the_same_keys_everywhere() -> None:
    for name in {action.name for action in ACTIONS} - {CLASS, "leave"}:
        assert len({action.keys for action in ACTIONS if action.name == name}) == 1, name


def test_the_docs_have_the_keys() -> None:
    for action in ACTIONS:
        assert action.help in as_markdown()
    assert "::: knnal-keys" in DOCS.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("classes", "keys"),
    [
        ("0123456789", "0123456789"),
        (["3", "1", "x y", "2"], "31x2"),  # the place of "x y" is that of the class "3"
        (["cat", "dog", "2"], "1x2"),
        (["B", "b", "A", "q"], "1ba4"),
        (["12", "i\u0307"], "12"),
    ],
)
def test_a_class_whose_name_is_a_key_has_that_key(
    tmp_path: Any, classes: list[str], keys: str
) -> None:
    found = {name: key for key, name in ClassKeys(tmp_path).of(list(classes)).items()}
    assert len(found) == len(classes)
    free = next(key for key in CLASS_KEYS if key not in keys)
    assert [found[name] for name in classes] == [free if key == "x" else key for key in keys]


def test_a_key_that_was_assigned_goes_before_a_name(tmp_path: Any) -> None:
    keys = ClassKeys(tmp_path)
    keys.assign("cat", "3")
    assert keys.of(["cat", "3", "4"]) == {"3": "cat", "2": "3", "4": "4"}
