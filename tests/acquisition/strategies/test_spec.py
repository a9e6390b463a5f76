"""Names of strategies as text and back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from knnal.acquisition.strategies.spec import Spec, parse_spec, split_names

WORDS = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
SPECS = st.builds(
    Spec, WORDS, st.one_of(st.none(), st.lists(WORDS, min_size=1, max_size=4).map(tuple))
)


@given(SPECS)
def test_what_is_written_is_read(spec: Spec) -> None:
    assert parse_spec(str(spec)) == spec
    assert parse_spec(str(spec).replace(" ", "")) == spec


@given(st.lists(SPECS, max_size=5))
def test_a_list_is_parted_outside_of_brackets(specs: list[Spec]) -> None:
    names = tuple(map(str, specs))
    assert split_names(", ".join(names)) == names
    assert split_names(f",{','.join(names)} , ") == names


def test_a_name_without_brackets_is_taken_as_it_is() -> None:
    assert parse_spec(" random") == Spec(" random")
    assert parse_spec("") == Spec("")
