"""Tags of words and the spans that they stand for, by the schemes that say where a span begins and ends.

    BIO     B-X begins a span of type X, I-X goes on with it, O is of no span
    BILOU   L-X ends a span, and U-X is a span of one word (Ratinov and Roth 2009)

Shapes: n texts, W words of the longest, C types, K tags.
"""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Scheme = Literal["BIO", "BILOU"]
OUTSIDE = "O"
_PREFIXES: dict[Scheme, str] = {"BIO": "BI", "BILOU": "BILU"}
_TAG = re.compile(r"([BIOLUESMW])[-_](.+)")
_ALIKE = {"E": "L", "S": "U", "W": "U", "M": "I"}  # of BIOES and BMEWO
_CHUNK = 1024  # texts that are decoded together


class TagSpan(NamedTuple):
    """Words first to last, both included."""

    first: int
    last: int
    kind: str


def tag_names(classes: Sequence[str], scheme: Scheme) -> tuple[str, ...]:
    """The K tags: O, then those of each type."""
    return (OUTSIDE, *(f"{prefix}-{name}" for name in classes for prefix in _PREFIXES[scheme]))


def parsed(tag: str) -> tuple[str, str] | None:
    """B, I, L, U or O and the type of a tag of any scheme; None where it is none."""
    if tag == OUTSIDE:
        return OUTSIDE, ""
    found = _TAG.fullmatch(tag)
    return None if found is None else (_ALIKE.get(found[1], found[1]), found[2])


def spans_of(tags: Sequence[tuple[str, str]]) -> list[TagSpan]:
    """Spans of parsed tags, of any scheme. A word that goes on with no span begins one, as in files of CoNLL-2003 (IOB1)."""
    spans: list[TagSpan] = []
    going_on = False
    for place, (prefix, kind) in enumerate(tags):
        if prefix == OUTSIDE:
            going_on = False
        elif prefix in "IL" and going_on and spans[-1].kind == kind:
            spans[-1] = spans[-1]._replace(last=place)
            going_on = prefix == "I"
        else:
            spans.append(TagSpan(place, place, kind))
            going_on = prefix in "BI"
    return spans


def tags_of(
    first: NDArray[np.int64], last: NDArray[np.int64], kinds: NDArray[np.int64], count: int, scheme: Scheme
) -> NDArray[np.int16]:
    """Index of the tag of each of `count` words, from spans of words and the indices of their types."""
    prefixes = _PREFIXES[scheme]
    tags = np.zeros(count, dtype=np.int16)
    for begin, end, kind in zip(first.tolist(), last.tolist(), kinds.tolist(), strict=True):
        own = 1 + kind * len(prefixes)
        tags[begin : end + 1] = own + 1
        tags[begin] = own
        if scheme == "BILOU":
            tags[end] = own + (3 if begin == end else 2)
    return tags


def follows(classes: int, scheme: Scheme) -> NDArray[np.bool_]:
    """Which tag may stand after which, `[K, K]`."""
    prefixes = _PREFIXES[scheme]
    prefix = np.array([OUTSIDE, *prefixes * classes])
    kind = np.array([-1, *np.repeat(np.arange(classes), len(prefixes))])
    inside = np.isin(prefix, ["I", "L"])
    same = kind[:, None] == kind
    if scheme == "BIO":
        return ~inside | (same & (prefix != OUTSIDE)[:, None])
    is_open = np.isin(prefix, ["B", "I"])[:, None]
    return np.where(is_open, same & inside, ~inside)


def likeliest(probabilities: NDArray[np.float32], classes: int, scheme: Scheme) -> NDArray[np.int64]:
    """The most probable sequence of tags that the scheme allows, `[n, W, K]` -> `[n, W]` (Viterbi).

    The probability of a sequence is the product of those of its tags. Words that are not there are NaN, and get O.
    """
    parts = range(0, len(probabilities), _CHUNK)
    found = [_likeliest(probabilities[start : start + _CHUNK], follows(classes, scheme)) for start in parts]
    return np.concatenate(found) if found else np.zeros(probabilities.shape[:2], dtype=np.int64)


def _likeliest(probabilities: NDArray[np.float32], allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
    n, words, count = probabilities.shape
    costs = np.where(allowed, 0.0, -np.inf)
    with np.errstate(divide="ignore"):
        logs = np.log(np.maximum(probabilities.astype(np.float64), 1e-30))
    absent = np.isnan(logs[..., 0])
    logs[absent] = -np.inf
    logs[absent, 0] = 0.0
    came_from = np.zeros((words + 1, n, count), dtype=np.int64)
    best = np.full((n, count), -np.inf)
    best[:, 0] = 0.0  # as after an O
    for place in range(words):
        paths = best[:, :, None] + costs
        came_from[place] = paths.argmax(axis=1)
        best = paths.max(axis=1) + logs[:, place]
    tags = np.zeros((n, words), dtype=np.int64)
    now = (best + costs[:, 0]).argmax(axis=1)  # an O has to be allowed after the last word
    for place in range(words - 1, -1, -1):
        tags[:, place] = now
        now = came_from[place][np.arange(n), now]
    return tags


class Found(NamedTuple):
    """Spans of words in n texts, in their order: text, first and last word, and type of each."""

    text: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    kind: NDArray[np.int64]


def found_spans(tags: NDArray[np.int64], scheme: Scheme) -> Found:
    """The spans of sequences that the scheme allows, `[n, W]`."""
    prefixes = np.array([OUTSIDE, *_PREFIXES[scheme]])
    prefix = prefixes[np.where(tags > 0, (tags - 1) % (len(prefixes) - 1) + 1, 0)]
    begins = np.isin(prefix, ["B", "U"])
    following = np.pad(prefix, [(0, 0), (0, 1)], constant_values=OUTSIDE)[:, 1:]
    ends = np.isin(prefix, ["L", "U"]) if scheme == "BILOU" else (prefix != OUTSIDE) & (following != "I")
    text, first = np.nonzero(begins)
    return Found(text, first, np.nonzero(ends)[1], (tags[text, first] - 1) // (len(prefixes) - 1))
