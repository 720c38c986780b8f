"""Whether a text is likely not English: by small words of other languages, and by letters of other scripts."""

import re
from typing import Final

_WORD = re.compile(r"[^\W\d_]+")
_ENGLISH: Final = frozenset(re.findall(r"\w+", "the of is are and with no at to in on there by for from not level mild"))
_OTHERS: Final = frozenset(
    re.findall(
        r"\w+",
        """
        der das und mit ohne kein keine ist ein eine im zu zur bei auf nicht auch
        le les des du et avec sans pas est une au aux sur dans
        el los las sin del se por para hay il lo gli di della senza che
        het een met van geen op niet zonder os com sem da dos em uma na
        """,
    )
)
"""Small words of German, French, Spanish, Italian, Dutch and Portuguese; none that reports use as an abbreviation."""


def looks_foreign(text: str) -> bool:
    """True where small words of other languages outnumber the English ones, or most letters are not Latin."""
    words = [word.lower() for word in _WORD.findall(text[:20_000])]
    letters = "".join(words)
    if sum(character > "\u024f" for character in letters) > len(letters) / 2:
        return True
    others = sum(word in _OTHERS for word in words)
    return others >= 3 and others > sum(word in _ENGLISH for word in words)
