"""SentencePiece unigram tokenization, as the Universal Sentence Encoder Lite was trained with.

Source: T. Kudo, "Subword Regularization", ACL 2018: of all ways to cut a text into pieces, the one
with the highest sum of scores (log probabilities). Deviations are those of the JavaScript tokenizer
that is published with the network, and needed to reproduce its vectors.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

UNKNOWN = 0
_RESERVED = 6
_SPACE = "\u2581"


class UnigramTokenizer:
    """Texts to token numbers.

    ``vocabulary`` lists pieces with their scores; a missing score counts as 0. The first six
    tokens (unknown, sentence marks, spares) stand for no text.
    """

    def __init__(self, vocabulary: Sequence[tuple[str, float | None]]) -> None:
        # A piece listed twice keeps its last place.
        self._pieces = {
            text: (token, score or 0.0)
            for token, (text, score) in enumerate(vocabulary)
            if token >= _RESERVED
        }
        self._beginnings = {text[:end] for text in self._pieces for end in range(1, len(text) + 1)}

    def encode(self, text: str, limit: int) -> list[int]:
        """The first ``limit`` token numbers of a text; runs of unknown characters become one."""
        normal = unicodedata.normalize("NFKC", text)
        if not normal:
            return []
        pieces = self._best_pieces(_SPACE + normal.replace(" ", _SPACE))
        merged = [
            token
            for previous, token in zip([None, *pieces], pieces, strict=False)
            if not previous == token == UNKNOWN
        ]
        return merged[:limit]

    def _best_pieces(self, text: str) -> list[int]:
        """Viterbi search over the positions between characters, then back from the end.

        Two traits are the original's. A character that begins no piece scores 0, better than any
        piece. And a total of exactly 0 counts as "not reached yet", so that any path replaces it.
        """
        best = [0.0] * (len(text) + 1)
        last = [(UNKNOWN, 1)] * (len(text) + 1)
        for start in range(len(text)):
            for end, token, score in self._pieces_at(text, start):
                total = best[start] + score
                if best[end] == 0.0 or total >= best[end]:
                    best[end], last[end] = total, (token, end - start)
        tokens: list[int] = []
        position = len(text)
        while position > 0:
            token, length = last[position]
            tokens.append(token)
            position -= length
        return tokens[::-1]

    def _pieces_at(self, text: str, start: int) -> list[tuple[int, int, float]]:
        """The end, token and score of each piece that begins at ``start``, shortest first."""
        found, end = [], start + 1
        while end <= len(text) and text[start:end] in self._beginnings:
            if text[start:end] in self._pieces:
                found.append((end, *self._pieces[text[start:end]]))
            end += 1
        return found or [(start + 1, UNKNOWN, 0.0)]
