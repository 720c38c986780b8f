"""Texts that are longer than the encoder reads, and pairs: token ids as the tokenizer gives them."""

from dataclasses import replace

import numpy as np
import pytest
from transformers import AutoTokenizer

from mtlens.data.long_texts import token_ids
from mtlens.data.tokenize import encode

WORDS = ["disc", "canal", "root", "normal", "mild", "severe", "left", "right", "with", "without", "the", "level"]
LONG = " ".join(np.random.default_rng(0).choice(WORDS, 50))


@pytest.fixture(scope="module")
def tokenizer(tiny_encoder):
    return AutoTokenizer.from_pretrained(tiny_encoder)


def ids_of(tokenizer, text, long_texts, longest=16):
    ((ids, whole, _),) = token_ids(tokenizer, [text], None, longest, long_texts)
    assert whole == len(text.split()) + 2
    return ids


def test_the_head_is_what_the_tokenizer_keeps(tokenizer):
    assert ids_of(tokenizer, LONG, "head") == tokenizer(LONG, truncation=True, max_length=16)["input_ids"]


def test_head_and_tail_are_a_quarter_and_three_quarters(tokenizer):
    ids, words = ids_of(tokenizer, LONG, "head_and_tail"), tokenizer(LONG, add_special_tokens=False)["input_ids"]
    assert ids == [tokenizer.cls_token_id, *words[:3], *words[-11:], tokenizer.sep_token_id]


def test_windows_hold_every_word_once(tokenizer):
    ids, words = ids_of(tokenizer, LONG, "windows"), tokenizer(LONG, add_special_tokens=False)["input_ids"]
    windows = [ids[start : start + 16] for start in range(0, len(ids), 16)]
    assert [len(window) for window in windows] == [16, 16, 16, 10]
    assert all(window[0] == tokenizer.cls_token_id and window[-1] == tokenizer.sep_token_id for window in windows)
    assert [token for window in windows for token in window[1:-1]] == words


@pytest.mark.parametrize("long_texts", ["head", "head_and_tail", "windows"])
def test_short_texts_are_read_whole(tokenizer, long_texts):
    assert ids_of(tokenizer, "disc mild", long_texts) == tokenizer("disc mild")["input_ids"]


def test_pairs_are_as_the_tokenizer_writes_them_and_cut_from_the_longer_text(tokenizer, examples, tiny_encoder):
    texts, pairs = (LONG, "disc", "left", *examples.texts[3:]), ("root mild", LONG, None, *examples.texts[3:])
    encoded = encode(replace(examples, texts=texts, pairs=pairs), tiny_encoder, max_length=16)
    for row in (0, 1, 2, 7):
        ids = encoded.vocabulary[encoded.tokens[encoded.starts[row] : encoded.starts[row + 1]]].tolist()
        assert ids == tokenizer(texts[row], pairs[row], truncation=True, max_length=16)["input_ids"]
    assert encoded.uncut[:3].tolist() == [55, 54, 3]


def test_many_texts_are_tokenised_in_chunks_that_give_the_same(tokenizer):
    texts = [f"disc {'mild ' * (i % 7)}" for i in range(2500)]
    assert [ids for ids, *_ in token_ids(tokenizer, texts, None, 16, "head")] == tokenizer(texts)["input_ids"]


class Slow:
    """A tokenizer that is written in Python, as transformers has for a few encoders."""

    is_fast = False

    def __init__(self, tokenizer):
        self._tokenizer = tokenizer

    def __call__(self, *texts, **options):
        return self._tokenizer(*texts, **options)


@pytest.mark.parametrize("kind", [lambda tokenizer: tokenizer, Slow])
def test_a_text_that_was_cut_leaves_those_of_the_next_chunk_whole(tokenizer, kind):
    texts = [LONG, *["disc mild"] * 1000, LONG, "left"]
    pairs = [None] * 1001 + ["right " * 20, None]
    found = list(token_ids(kind(tokenizer), texts, pairs, 16, "head"))
    assert [tokens.whole for tokens in found] == [52, *[4] * 1000, 73, 3]
    assert [len(tokens.ids) for tokens in found] == [16, *[4] * 1000, 16, 3]
