"""How a strategy is named: a registered name, or a composition such as ``cdf(margin, local)``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from knnal.errors import InputError

EXAMPLE = "cdf(margin, local, uncovered)"
_COMPOSITION = re.compile(r"\s*([^(),\s]*)\s*\(([^()]*)\)\s*")


@dataclass(frozen=True, slots=True)
class Spec:
    """A name, and of a composition the terms between its brackets; None for a plain name."""

    name: str
    terms: tuple[str, ...] | None = None

    def __str__(self) -> str:
        return self.name if self.terms is None else f"{self.name}({', '.join(self.terms)})"


def parse_spec(text: str) -> Spec:
    """What a text names. Raises InputError for brackets that do not match, or with an empty place.

    Whether there is anything of that name is not looked at here.
    """
    if not set(text) & set("(),"):
        return Spec(text)
    found = _COMPOSITION.fullmatch(text)
    if found is None:
        raise _malformed(text, "its brackets or commas do not match")
    name, inside = found.groups()
    if not name:
        raise _malformed(text, "there is no name before the bracket")
    terms = tuple(term.strip() for term in inside.split(","))
    if not all(terms):
        raise _malformed(text, "a term is missing between the brackets")
    return Spec(name, terms)


def split_names(text: str) -> tuple[str, ...]:
    """The names of a comma-separated list; commas within brackets do not separate."""
    names = (name.strip() for name in re.split(r",(?![^(]*\))", text))
    return tuple(name for name in names if name)


def _malformed(text: str, why: str) -> InputError:
    return InputError(
        f"'{text}' is neither the name of a strategy nor a composition such as '{EXAMPLE}': {why}."
    )
