"""The words of texts, for tasks of tags: the position of each in its text, and the token at which its tag is predicted."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Parting = Literal["blanks", "punctuation"]
"""Words are separated by blanks alone, or are runs of letters and digits, and single marks of punctuation."""

_WORD = {"blanks": re.compile(r"\S+"), "punctuation": re.compile(r"\w+|[^\w\s]")}
PLACES = 2
"""Numbers that stand after the probabilities of a word: its first character, and the one after its last."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Words:
    """The words of n texts, text after text. Only words that the model reads are included.

    starts: `[n + 1]`, text i has the words starts[i] to starts[i + 1]. begin, end: `[m]`, characters. token: `[m]`, place of
    the word's first token among those of the text. tags: `[m]`, index of its true tag, -1 where the text has no labels.
    """

    parting: Parting
    starts: NDArray[np.int64]
    begin: NDArray[np.int32]
    end: NDArray[np.int32]
    token: NDArray[np.int32]
    tags: NDArray[np.int16]

    def of_text(self, index: int) -> slice:
        """Where the words of a text are."""
        return slice(int(self.starts[index]), int(self.starts[index + 1]))

    def most(self, rows: NDArray[np.int64]) -> int:
        """Largest number of words of a text among `rows`."""
        return int((self.starts[rows + 1] - self.starts[rows]).max(initial=0))

    def places(self, rows: NDArray[np.int64], most: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Where each word of the texts `rows` is, `[b, most]`, and which of them exist; 0 for those that do not."""
        starts, counts = self.starts[rows], self.starts[rows + 1] - self.starts[rows]
        offsets = np.arange(most)
        exists = offsets < counts[:, None]
        return np.where(exists, starts[:, None] + offsets, 0), exists

    def said(self, of_tokens: NDArray[np.float32], rows: NDArray[np.int64], most: int) -> NDArray[np.float32]:
        """Predictions for the words of the texts `rows`, `[b, most, K + PLACES]`, from those for tokens `[b, L, K]`.

        NaN for words that do not exist.
        """
        said = np.full((len(rows), most, of_tokens.shape[2] + PLACES), np.nan, dtype=np.float32)
        if not len(self.token) or not most:
            return said
        place, exists = self.places(rows, most)
        text = np.broadcast_to(np.arange(len(rows))[:, None], place.shape)[exists]
        word = place[exists]
        said[exists] = np.concatenate(
            [of_tokens[text, self.token[word]], np.stack([self.begin[word], self.end[word]], axis=1)], axis=1
        )
        return said


def bounds(text: str, parting: Parting) -> NDArray[np.int64]:
    """First character of each word and the one after its last, `[w, 2]`."""
    return np.array([word.span() for word in _WORD[parting].finditer(text)], dtype=np.int64).reshape(-1, 2)


def read_words(text: str, tokens: NDArray[Any], parting: Parting) -> NDArray[np.int64]:
    """First character, end and first token of each word of a text that the tokens hold, `[w, 3]`.

    tokens: `[L, 2]`, characters of each token, equal for one that is not of the text. Words that share their first token are
    one word.
    """
    real = np.flatnonzero(tokens[:, 1] > tokens[:, 0])
    words = bounds(text, parting)
    if not len(real) or not len(words):
        return np.zeros((0, 3), dtype=np.int64)
    nearest = np.searchsorted(tokens[real, 1], words[:, 0], side="right")
    known = nearest < len(real)
    known[known] = tokens[real[nearest[known]], 0] < words[known, 1]
    words, token = words[known], real[nearest[known]]
    if not len(words):
        return np.zeros((0, 3), dtype=np.int64)
    first = np.flatnonzero(np.concatenate([[True], token[1:] != token[:-1]]))
    return np.stack([words[first, 0], np.maximum.reduceat(words[:, 1], first), token[first]], axis=1)


def parting_of(texts: Sequence[str], spans: Sequence[NDArray[Any]]) -> Parting:
    """How words are separated: by blanks where every span begins and ends at one. spans: `[s, 2]` for each text."""
    for text, own in zip(texts, spans, strict=True):
        for begin, end in own.tolist():
            if (begin > 0 and not text[begin - 1].isspace()) or (end < len(text) and not text[end].isspace()):
                return "punctuation"
    return "blanks"
