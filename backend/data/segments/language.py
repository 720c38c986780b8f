"""Whether a text is likely not English: by small words of other languages, and by letters of other scripts."""

import re
from typing import Final

_WORD = re.compile(r"[^\W\d_]+")
_ENGLISH: Final = frozenset(
    [
        "the",
        "of",
        "is",
        "are",
        "and",
        "with",
        "no",
        "at",
        "to",
        "in",
        "on",
        "there",
        "by",
        "for",
        "from",
        "not",
        "level",
        "normal",
        "mild",
        "both",
    ]
)
_OTHERS: Final = frozenset(
    [
        "der",
        "die",
        "das",
        "und",
        "mit",
        "ohne",
        "kein",
        "keine",
        "ist",
        "ein",
        "eine",
        "im",
        "zu",
        "zur",
        "bei",
        "auf",
        "nicht",
        "auch",
    ]  # German
    + [
        "le",
        "la",
        "les",
        "des",
        "du",
        "et",
        "avec",
        "sans",
        "pas",
        "est",
        "une",
        "un",
        "au",
        "aux",
        "sur",
        "de",
        "en",
        "dans",
    ]  # French
    + ["el", "los", "las", "con", "sin", "del", "una", "y", "se", "por", "para", "al", "no", "hay"]  # Spanish
    + ["il", "lo", "gli", "di", "della", "e", "senza", "con", "nel", "che", "per", "si"]  # Italian
    + ["het", "een", "en", "met", "van", "geen", "op", "niet", "zonder", "er"]  # Dutch
    + ["o", "os", "as", "com", "sem", "do", "da", "dos", "em", "uma", "na", "no", "e"]  # Portuguese
) - {"no", "die", "as", "do", "en", "per", "al", "un", "la", "con", "y", "e", "o", "a"}
"""Without those that are English too, or that reports use as abbreviations."""


def looks_foreign(text: str) -> bool:
    """True where small words of other languages outnumber the English ones, or most letters are not Latin."""
    words = [word.lower() for word in _WORD.findall(text[:20_000])]
    letters = "".join(words)
    if sum(character > "\u024f" for character in letters) > len(letters) / 2:
        return True
    others = sum(word in _OTHERS for word in words)
    return others >= 3 and others > sum(word in _ENGLISH for word in words)
