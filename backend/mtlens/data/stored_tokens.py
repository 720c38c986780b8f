"""Token sequences with a compact vocabulary: of many texts on disk, computed once for each content, and mapped into memory.

Token ids are written a part at a time, and replaced by their places in the vocabulary once all of it is known.
"""

import io
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mtlens.config.sections import LongTexts
from mtlens.data.cache import WORTH_KEEPING, find_entry, keep_entry
from mtlens.data.long_texts import CHUNK, token_ids
from mtlens.data.tokenizer import load_tokenizer, most_tokens

_MOST_KEPT = 1000  # ids below which all are kept for the padding
_PART = 10_000_000  # tokens that are replaced together
_TOKENS, _PLACES, _OTHERS = "tokens.bin", "places.bin", "others.npz"


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenSequences:
    """n sequences. tokens: [sum of lengths], places in `vocabulary` [V], the token ids that occur, ascending.

    lengths: [n]. uncut: [n], before a text was cut. special: [V], whether a token is a separator of the tokenizer. padding:
    place of that token. longest: tokens at which a text is cut. places: [sum of lengths, 2], characters of each token, where
    these were asked for; equal for one that is not of the text.
    """

    tokens: NDArray[np.int32]
    lengths: NDArray[np.int64]
    uncut: NDArray[np.int64]
    vocabulary: NDArray[np.int64]
    special: NDArray[np.bool_]
    padding: int
    longest: int
    places: NDArray[np.int32] | None


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Texts to tokenise, and how. pairs: second texts. directory: of the encoder. places: whether these are asked for."""

    texts: Sequence[str]
    pairs: Sequence[str | None] | None
    directory: Path
    max_length: int
    long_texts: LongTexts
    places: bool


def token_sequences(wanted: Wanted, key: tuple[str, str] | None) -> TokenSequences:
    """Tokens of each text or pair, cut if longer than `max_length` or than the encoder can take.

    key: fingerprints of texts and encoder, with which the tokens of many texts are kept on disk.
    """
    if key is not None and len(wanted.texts) >= WORTH_KEEPING:
        content = _content(wanted, key)
        if find_entry(*content) is None:
            keep_entry(lambda folder: _write(wanted, folder), *content)
        if (entry := find_entry(*content)) is not None:
            return _load(entry)
    return _in_memory(wanted)


def are_stored(wanted: Wanted, key: tuple[str, str]) -> bool:
    """Whether the tokens of these texts are on disk."""
    return find_entry(*_content(wanted, key)) is not None


def _content(wanted: Wanted, key: tuple[str, str]) -> tuple[str, *tuple[object, ...]]:
    return ("tokens", *key, wanted.max_length, wanted.long_texts, wanted.places)


def _in_memory(wanted: Wanted) -> TokenSequences:
    tokens, places = io.BytesIO(), io.BytesIO()
    others = _collect(wanted, tokens, places)
    ids = np.frombuffer(tokens.getbuffer(), dtype=np.int32)
    _make_compact(ids, others["vocabulary"])
    return _sequences(ids, np.frombuffer(places.getbuffer(), dtype=np.int32) if wanted.places else None, others)


def _write(wanted: Wanted, folder: Path) -> None:
    """Fill an empty folder, without ever holding all tokens in memory."""
    with (folder / _TOKENS).open("wb") as tokens, (folder / _PLACES).open("wb") as places:
        others = _collect(wanted, tokens, places)
    _make_compact(np.memmap(folder / _TOKENS, dtype=np.int32, mode="r+"), others["vocabulary"])
    np.savez(folder / _OTHERS, **others)


def _load(folder: Path) -> TokenSequences:
    """From an entry, mapped. The arrays are plain ones, as only these are pickled without a copy."""
    with np.load(folder / _OTHERS, allow_pickle=False) as stored:
        others = {name: stored[name] for name in stored.files}
    tokens, places = (
        np.asarray(np.memmap(folder / name, dtype=np.int32, mode="r")) if (folder / name).stat().st_size else None
        for name in (_TOKENS, _PLACES)
    )
    assert tokens is not None  # every text has a token
    return _sequences(tokens, places, others)


def _sequences(tokens: NDArray[np.int32], places: NDArray[np.int32] | None, others: dict[str, Any]) -> TokenSequences:
    padding, longest = (int(others.pop(name)) for name in ("padding", "longest"))
    return TokenSequences(
        tokens=tokens,
        places=None if places is None else places.reshape(-1, 2),
        padding=padding,
        longest=longest,
        **others,
    )


def _collect(wanted: Wanted, tokens: BinaryIO, places: BinaryIO) -> dict[str, Any]:
    """Write token ids and places as int32 into files; returns the other fields of `TokenSequences`."""
    tokenizer = load_tokenizer(wanted.directory)
    longest = min(wanted.max_length, most_tokens(tokenizer, wanted.directory))
    lengths, uncut = array("q"), array("q")
    padding = int(tokenizer.pad_token_id)
    occurs = np.zeros(padding + 1, dtype=np.bool_)
    occurs[0 if padding < _MOST_KEPT else padding :] = True
    sequences = token_ids(tokenizer, wanted.texts, wanted.pairs, longest, wanted.long_texts, places=wanted.places)
    while part := list(islice(sequences, CHUNK)):
        ids = array("i")
        for own in part:
            ids.extend(own.ids)
            lengths.append(len(own.ids))
            uncut.append(own.whole)
            if own.places is not None:
                places.write(own.places.tobytes())
        tokens.write(ids.tobytes())
        occurs = _marked(occurs, np.frombuffer(ids, dtype=np.int32))
    vocabulary = np.flatnonzero(occurs)
    return {
        "lengths": np.array(lengths, dtype=np.int64),
        "uncut": np.array(uncut, dtype=np.int64),
        "vocabulary": vocabulary,
        "special": np.isin(vocabulary, tokenizer.all_special_ids),
        "padding": np.searchsorted(vocabulary, padding),
        "longest": longest,
    }


def _marked(occurs: NDArray[np.bool_], ids: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which token ids occur, with these ones."""
    largest = int(ids.max(initial=0))
    if largest >= len(occurs):
        occurs = np.pad(occurs, (0, largest + 1 - len(occurs)))
    occurs[ids] = True
    return occurs


def _make_compact(ids: NDArray[np.int32], vocabulary: NDArray[np.int64]) -> None:
    """Replace token ids by their places in the vocabulary."""
    places = np.zeros(int(vocabulary[-1]) + 1, dtype=np.int32)
    places[vocabulary] = np.arange(len(vocabulary), dtype=np.int32)
    for start in range(0, len(ids), _PART):
        ids[start : start + _PART] = places[ids[start : start + _PART]]
