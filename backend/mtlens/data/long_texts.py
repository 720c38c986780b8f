"""Token sequences of texts: each as the encoder reads it, and how long it was before it was cut.

A text longer than L tokens is read in one of three ways. `head`: its first L tokens. `head_and_tail`: a quarter of them from
its beginning and three quarters from its end, which served best in Sun et al. 2019 (How to fine-tune BERT for text
classification). `windows`: all of it, in windows of L tokens one after another; a sequence then has more than L tokens, each
window but the last exactly L, and the model averages the logits of the windows. A pair is cut from the longer of its texts.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from mtlens.config.sections import LongTexts

CHUNK = 1000  # texts that are tokenised together: a tokenizer takes 100 times the memory of the token ids that it gives
_HEAD = 0.25


def token_ids(
    tokenizer: Any, texts: Sequence[str], pairs: Sequence[str | None] | None, longest: int, long_texts: LongTexts
) -> Iterator[tuple[list[int], int]]:
    """Token ids of each text in turn, and their number before the text was cut. pairs: second texts of pairs."""
    remaining = zip(texts, pairs if pairs is not None else [None] * len(texts), strict=True)
    while chunk := list(islice(remaining, CHUNK)):
        whole = _encode(tokenizer, chunk)
        for content, ids in zip(chunk, whole, strict=True):
            yield (ids if len(ids) <= longest else _cut(tokenizer, content, longest, long_texts)), len(ids)


def _encode(tokenizer: Any, chunk: Sequence[tuple[str, str | None]]) -> list[list[int]]:
    """Token ids of whole texts and pairs."""
    ids: list[list[int]] = [[] for _ in chunk]
    for is_pair in (False, True):
        rows = [row for row, (_, second) in enumerate(chunk) if (second is not None) is is_pair]
        if rows:
            seconds = [chunk[row][1] for row in rows] if is_pair else None
            answer = tokenizer([chunk[row][0] for row in rows], seconds, verbose=False, return_attention_mask=False)
            for row, own in zip(rows, answer["input_ids"], strict=True):
                ids[row] = own
    return ids


def _cut(tokenizer: Any, content: tuple[str, str | None], longest: int, long_texts: LongTexts) -> list[int]:
    """Token ids of a text that is too long."""
    text, second = content
    if second is not None or long_texts == "head":
        return list(tokenizer(text, second, truncation=True, max_length=longest, return_attention_mask=False)["input_ids"])
    words = list(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
    before, after = _around(tokenizer)
    room = longest - len(before) - len(after)
    if long_texts == "head_and_tail":
        head = int(_HEAD * room)
        return [*before, *words[:head], *words[len(words) - (room - head) :], *after]
    starts = range(0, len(words), room)
    return [token for start in starts for token in (*before, *words[start : start + room], *after)]


def _around(tokenizer: Any) -> tuple[list[int], list[int]]:
    """Special tokens before and after a text."""
    marker = list(tokenizer("a", add_special_tokens=False)["input_ids"])
    ids = list(tokenizer("a")["input_ids"])
    start = next(place for place in range(len(ids)) if ids[place : place + len(marker)] == marker)
    return ids[:start], ids[start + len(marker) :]
