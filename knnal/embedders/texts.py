"""What every text embedder does before it tokenizes."""

from __future__ import annotations

from knnal.embedders.base import Content
from knnal.errors import ItemError

MAX_CHARACTERS = 20_000
"""Memory grows with a text's length; a sentence encoder has long stopped gaining by then."""


def prepare_text(content: Content) -> str:
    """The text, cut to ``MAX_CHARACTERS``. Raises ItemError("empty text") if nothing shows in it.

    Lone surrogates, which some files decode to, become the replacement character.
    """
    assert isinstance(content, str)
    if not content.strip():
        raise ItemError("empty text")
    return content[:MAX_CHARACTERS].encode("utf-16", "surrogatepass").decode("utf-16", "replace")
