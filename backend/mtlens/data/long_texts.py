"""Token sequences of texts, as the encoder reads them, with their lengths before they were cut.

A text longer than L tokens is read in one of three ways. `head`: its first L tokens. `head_and_tail`: a quarter of them from
its beginning and three quarters from its end, which served best in Sun et al. 2019 (How to fine-tune BERT for text
classification). `windows`: all of it, in windows of L tokens one after another; a sequence then has more than L tokens, each
window but the last exactly L, and the model averages the logits of the windows. A pair is cut from the longer of its texts.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mtlens.config.sections import LongTexts
from mtlens.errors import EncoderError

CHUNK = 1000  # texts that are tokenised together: a tokenizer takes 100 times the memory of the token ids that it gives
_HEAD = 0.25
Place = tuple[int, int]
_NOWHERE: Place = (0, 0)  # of tokens that are not of the text


class Tokens(NamedTuple):
    """One text as the encoder reads it.

    whole: number of tokens before it was cut. places: characters of each token, for a single text if asked for.
    """

    ids: list[int]
    whole: int
    places: NDArray[np.int32] | None = None


class _Content(NamedTuple):
    """Token ids of a text or pair, and the places of the tokens."""

    ids: list[int]
    places: list[Place]


def token_ids(
    tokenizer: Any,
    texts: Sequence[str],
    pairs: Sequence[str | None] | None,
    longest: int,
    long_texts: LongTexts,
    *,
    places: bool = False,
) -> Iterator[Tokens]:
    """Tokens of each text in turn. pairs: second texts of pairs. places: also where each token stands in its text.

    Raises EncoderError where these are asked for and the tokenizer does not tell.
    """
    if places and not tokenizer.is_fast:
        raise EncoderError("tags should go with a fast tokenizer, which tells where in a text a token is; found a slow one")
    remaining = zip(texts, pairs if pairs is not None else [None] * len(texts), strict=True)
    while chunk := list(islice(remaining, CHUNK)):
        for content, whole in zip(chunk, _encode(tokenizer, chunk, places), strict=True):
            kept = whole if len(whole.ids) <= longest else _cut(tokenizer, content, longest, long_texts, places)
            found = np.array(kept.places, dtype=np.int32).reshape(-1, 2) if places else None
            yield Tokens(kept.ids, len(whole.ids), found)


def _encode(tokenizer: Any, chunk: Sequence[tuple[str, str | None]], places: bool) -> list[_Content]:
    """Whole texts and pairs."""
    found: list[_Content] = [_Content([], [])] * len(chunk)
    for is_pair in (False, True):
        rows = [row for row, (_, second) in enumerate(chunk) if (second is not None) is is_pair]
        if rows:
            firsts, seconds = [chunk[row][0] for row in rows], [chunk[row][1] for row in rows] if is_pair else None
            for row, content in zip(rows, _encode_alike(tokenizer, firsts, seconds, places), strict=True):
                found[row] = content
    return found


def _encode_alike(tokenizer: Any, firsts: list[str], seconds: list[str | None] | None, places: bool) -> Iterator[_Content]:
    """Whole texts, or whole pairs. A fast tokenizer is asked directly, which takes a quarter less time than transformers."""
    if tokenizer.is_fast:
        backend = tokenizer.backend_tokenizer
        backend.no_truncation()  # transformers leaves it as it was for a text that was cut
        backend.no_padding()
        encode = backend.encode_batch if places else backend.encode_batch_fast
        answers = encode(firsts if seconds is None else list(zip(firsts, seconds, strict=True)))
        return (_Content(answer.ids, answer.offsets if places else []) for answer in answers)
    answer = tokenizer(firsts, seconds, verbose=False, return_attention_mask=False)
    return (_Content(ids, []) for ids in answer["input_ids"])


def _cut(tokenizer: Any, content: tuple[str, str | None], longest: int, long_texts: LongTexts, places: bool) -> _Content:
    """A text that is too long."""
    text, second = content
    with_places = {"return_offsets_mapping": True} if places else {}
    if second is not None or long_texts == "head":
        answer = tokenizer(text, second, truncation=True, max_length=longest, return_attention_mask=False, **with_places)
        return _Content(list(answer["input_ids"]), list(answer["offset_mapping"]) if places else [])
    answer = tokenizer(text, add_special_tokens=False, verbose=False, **with_places)
    before, after = _around(tokenizer)
    room = longest - len(before) - len(after)
    count = len(answer["input_ids"])
    if long_texts == "head_and_tail":
        head = int(_HEAD * room)
        parts = [[*range(head), *range(count - (room - head), count)]]
    else:
        parts = [list(range(start, min(start + room, count))) for start in range(0, count, room)]

    def joined(words: Sequence[Any], first: Sequence[Any], last: Sequence[Any]) -> list[Any]:
        return [word for part in parts for word in (*first, *(words[place] for place in part), *last)]

    own = joined(answer["offset_mapping"], [_NOWHERE] * len(before), [_NOWHERE] * len(after)) if places else []
    return _Content(joined(answer["input_ids"], before, after), own)


def _around(tokenizer: Any) -> tuple[list[int], list[int]]:
    """Special tokens before and after a text."""
    marker = list(tokenizer("a", add_special_tokens=False)["input_ids"])
    ids = list(tokenizer("a")["input_ids"])
    start = next(place for place in range(len(ids)) if ids[place : place + len(marker)] == marker)
    return ids[:start], ids[start + len(marker) :]
