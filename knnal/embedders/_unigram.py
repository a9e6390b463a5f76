"""SentencePiece unigram tokenization, as the Universal Sentence Encoder Lite was trained with.

Kudo 2018, "Subword Regularization": of all ways to cut a text into pieces, the one whose scores
(log probabilities) sum highest. Deviations are those of the JavaScript tokenizer that is published
with the network; the network's vectors are reproduced only with them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

UNKNOWN = 0
_RESERVED = 6
_SPACE = "\u2581"


@dataclass(frozen=True, slots=True)
class _Piece:
    token: int
    score: float


class UnigramTokenizer:
    """Texts to token numbers.

    ``vocabulary`` lists pieces with their scores; a missing score counts as 0. The first six
    tokens (unknown, sentence marks, spares) stand for no text.
    """

    def __init__(self, vocabulary: Sequence[tuple[str, float | None]]) -> None:
        # A piece listed twice keeps its last place.
        self._pieces = {
            text: _Piece(token, score or 0.0)
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
        last: list[tuple[int, int]] = [(UNKNOWN, 1)] * (len(text) + 1)
        for start in range(len(text)):
            for length, piece in self._pieces_at(text, start):
                end = start + length
                total = best[start] + piece.score
                if best[end] == 0.0 or total >= best[end]:
                    best[end] = total
                    last[end] = (piece.token, length)
        tokens: list[int] = []
        position = len(text)
        while position > 0:
            token, length = last[position]
            tokens.append(token)
            position -= length
        return tokens[::-1]

    def _pieces_at(self, text: str, start: int) -> list[tuple[int, _Piece]]:
        """The pieces that begin at ``start``, with their lengths, shortest first."""
        found: list[tuple[int, _Piece]] = []
        end = start + 1
        while end <= len(text) and text[start:end] in self._beginnings:
            piece = self._pieces.get(text[start:end])
            if piece is not None:
                found.append((end - start, piece))
            end += 1
        return found or [(1, _Piece(UNKNOWN, 0.0))]
