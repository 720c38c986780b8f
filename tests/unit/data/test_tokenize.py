"""Tokens, the compacted vocabulary, and batches by length."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtlens.data.tokenize import batches, collate, encode, ordered_batches
from mtlens.errors import EncoderError


def test_vocabulary_maps_back_to_the_tokenizers_ids(examples, encoded, tiny_encoder):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    for i in (0, 17, 239):
        ids = encoded.vocabulary[encoded.tokens[encoded.starts[i] : encoded.starts[i + 1]]]
        assert ids.tolist() == tokenizer(examples.texts[i])["input_ids"]


def test_vocabulary_is_compact_and_keeps_the_padding_id(encoded, tiny_encoder):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    assert len(encoded.vocabulary) < len(tokenizer)
    assert encoded.vocabulary[encoded.padding] == tokenizer.pad_token_id
    assert set(encoded.vocabulary[encoded.special]) <= set(tokenizer.all_special_ids)
    assert tokenizer.convert_tokens_to_ids("unused") not in encoded.vocabulary


def test_texts_are_cut_at_the_maximum_length(examples, tiny_encoder):
    short = encode(examples, tiny_encoder, max_length=8)
    assert short.lengths.max() == 8


def test_texts_are_cut_at_what_the_encoder_has_positions_for(examples, tiny_encoder):
    from dataclasses import replace

    long = replace(examples, texts=("disc " * 500, *examples.texts[1:]))
    assert encode(long, tiny_encoder, max_length=1000).lengths.max() == 64


@given(st.lists(st.integers(1, 60), min_size=1, max_size=300), st.integers(1, 17), st.integers(0, 5))
def test_batches_hold_every_row_once(lengths, batch_size, seed):
    rows = np.arange(len(lengths)) + 3
    all_lengths = np.concatenate([[1, 1, 1], lengths])
    cut = batches(all_lengths, rows, batch_size, np.random.default_rng(seed))
    assert sorted(np.concatenate(cut)) == rows.tolist()
    assert max(len(batch) for batch in cut) <= batch_size
    assert len(cut) == -(-len(rows) // batch_size)


def test_batches_by_length_need_less_padding_than_random_ones():
    generator = np.random.default_rng(0)
    lengths = generator.integers(5, 200, 2000)
    cut = batches(lengths, np.arange(2000), 32, generator)
    padded = sum(len(batch) * lengths[batch].max() for batch in cut)
    at_random = sum(len(batch) * lengths[batch].max() for batch in np.array_split(generator.permutation(2000), 63))
    assert padded < 1.15 * lengths.sum() < 0.7 * at_random


def test_batches_are_a_function_of_the_generators_seed():
    lengths = np.random.default_rng(0).integers(5, 50, 100)
    first, second = (batches(lengths, np.arange(100), 8, np.random.default_rng(7)) for _ in range(2))
    assert [batch.tolist() for batch in first] == [batch.tolist() for batch in second]


def test_collate_pads_to_the_longest_of_the_batch_only(encoded):
    rows = np.argsort(encoded.lengths)[:5]
    tokens, mask = collate(encoded, rows)
    assert tokens.shape == (5, encoded.lengths[rows].max())
    assert mask.sum(axis=1).tolist() == encoded.lengths[rows].tolist()
    assert (tokens[~mask] == encoded.padding).all()
    for i, row in enumerate(rows):
        assert tokens[i][mask[i]].tolist() == encoded.tokens[encoded.starts[row] : encoded.starts[row + 1]].tolist()


def test_evaluation_sees_every_row_once_longest_first(encoded):
    rows = np.arange(50)
    cut = list(ordered_batches(encoded.lengths, rows, 8))
    assert sorted(np.concatenate(cut)) == rows.tolist()
    assert (np.diff(encoded.lengths[np.concatenate(cut)]) <= 0).all()


def test_select_orders_the_label_columns(encoded, tasks):
    chosen = encoded.select((tasks[1], tasks[0]))
    assert chosen.labels.tolist() == encoded.labels[:, [1, 0]].tolist()


def test_an_encoder_without_tokenizer_is_named(tmp_path, examples):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(EncoderError, match="should come with a tokenizer"):
        encode(examples, tmp_path, max_length=32)
