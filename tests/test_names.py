"""Which texts can name a class, and which known name a misspelled one means."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knnal.errors import InvalidNameError
from knnal.names import checked_name, close_name, did_you_mean

WRITTEN = (
    "plain", "two words", "\u06af\u0644\u200c\u0647\u0627", "Qualité\u00a0: bonne", "赤\u3000い",
    "\U0001f469\u200d\U0001f33e", "Home, Garden & Tools", "Books/Comics", "-1", '"quoted"', "=1+1",
    "'", "a\u2028b", "\u00a0at ends\u3000",
)  # fmt: skip


@pytest.mark.parametrize("name", WRITTEN)
def test_what_people_write_is_taken_as_it_is(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize(
    ("text", "name"), [(" cat\t", "cat"), ("\r\ncat\n", "cat"), ("Cafe\u0301", "Caf\u00e9")]
)
def test_ascii_space_at_the_ends_and_other_unicode_forms_make_no_other_name(
    text: str, name: str
) -> None:
    assert checked_name(text) == name


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("two\nlines", "control characters"), ("a\tb", "control characters"),
        ("\x1b[31mred", "control characters"), ("\x9b1m", "control characters"),
        ("a\x7f", "control characters"), ("\x00", "control characters"),
        ("a\ud800", "invalid Unicode"), ("", "no visible character"),
        ("  \t", "no visible character"), ("\u3000\u00a0", "no visible character"),
        ("\u200d\u200b", "no visible character"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_name_says_why(text: str, reason: str) -> None:
    with pytest.raises(InvalidNameError, match="class name: it has") as refused:
        checked_name(text)
    assert refused.value.reason == reason
    assert repr(text) in str(refused.value)


@given(st.text(st.characters(), max_size=12))
def test_the_rule_holds_for_any_text(text: str) -> None:
    composed = unicodedata.normalize("NFC", text)
    trimmed = composed.lstrip(" \t\n\r\f\v").rstrip(" \t\n\r\f\v")
    controls = any(c < " " or "\x7f" <= c <= "\x9f" for c in trimmed)
    surrogates = any("\ud800" <= c <= "\udfff" for c in trimmed)
    visible = any(unicodedata.category(c)[0] not in "ZC" or unicodedata.category(c) in ("Co", "Cn")
                  for c in trimmed)  # fmt: skip
    try:
        name = checked_name(text)
    except InvalidNameError:
        assert controls or surrogates or not visible
    else:
        assert name == trimmed
        assert not controls
        assert not surrogates
        assert visible
        assert checked_name(name) == name


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("rottn apple", "rotten apple"),
        ("Rotten Apple", "rotten apple"),
        ("rotton aple", "rotten apple"),
        ("fresh", None),
        ("rotten apple", None),  # it is one of them
        ("cta", None),
        ("caat", "cat"),
    ],
)
def test_the_name_that_is_meant(name: str, meant: str | None) -> None:
    assert close_name(name, ["banana", "rotten apple", "cat"]) == meant
    said = f" (did you mean '{meant}'?)" if meant else ""
    assert did_you_mean(name, ["banana", "rotten apple", "cat"]) == said
