"""Typing and scanning errors in words of letters only: level names and numbers stay as they are."""

import re
from typing import Final

import numpy as np

SLIP: Final = 0.04
"""Share of sentences with one misspelt word."""

_WORD = re.compile(r"\b[a-z]{5,}\b")
_MISREAD = (("rn", "m"), ("m", "rn"), ("l", "1"), ("o", "0"), ("i", "l"), ("e", "c"))


def with_slips(text: str, rng: np.random.Generator) -> str:
    """The text, in SLIP of the cases with one word that is mistyped or misread."""
    if rng.random() >= SLIP:
        return text
    words = list(_WORD.finditer(text))
    if not words:
        return text
    word = words[int(rng.random() * len(words))]
    garble = _mistyped if rng.random() < 0.6 else _misread
    return text[: word.start()] + garble(word.group(), rng) + text[word.end() :]


def _mistyped(word: str, rng: np.random.Generator) -> str:
    """Two neighbours swapped, or one letter lost."""
    at = 1 + int(rng.random() * (len(word) - 2))
    swap = word[at + 1] + word[at] if rng.random() < 0.5 else word[at + 1]
    return word[:at] + swap + word[at + 2 :]


def _misread(word: str, rng: np.random.Generator) -> str:
    """One shape taken for another, as by optical character recognition."""
    shapes = [pair for pair in _MISREAD if pair[0] in word]
    if not shapes:
        return word
    seen, read = shapes[int(rng.random() * len(shapes))]
    return word.replace(seen, read, 1)
