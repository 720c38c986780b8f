"""Encoders and decoders of many architectures train as they are: pooling, padding, position limits, adapters, token types."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from mtlens.config.sections import Encoder
from mtlens.data.encoders import locate
from mtlens.data.tokenize import collate, encode
from mtlens.errors import EncoderError
from mtlens.evidence.representations.hidden_states import hidden_states
from mtlens.training.hardware import prepare
from mtlens.training.model import build_model, is_causal
from mtlens.training.trainer import Trainer
from tests.support.tiny_encoders import DECODERS, KINDS, tiny_encoder

HARDWARE = prepare("float32", threads=1, gpu=False)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Folder of the tiny encoder of each kind."""
    return {kind: tiny_encoder(tmp_path_factory.mktemp(kind), kind) for kind in KINDS}


@pytest.fixture
def pairs(examples):
    """The first examples, with the text of the next as the second of a pair."""
    return replace(examples, pairs=(*examples.texts[1:], None))


def run_of(make_run, folder, *tasks, pooling="mean", **changes):
    run = make_run(*tasks, **changes)
    encoder = Encoder(name=str(folder), pooling=pooling)
    return run.model_copy(update={"encoder": encoder, "pretrained": locate(str(folder)).fingerprint})


def states(model, encoded, rows):
    tokens, mask = map(torch.from_numpy, collate(encoded, rows))
    with torch.no_grad():
        return model.encoder(input_ids=tokens, attention_mask=mask).last_hidden_state, mask


@pytest.mark.parametrize("kind", KINDS)
def test_hidden_states_of_texts_and_pairs_are_those_of_transformers(folders, make_run, pairs, kind):
    """The reference pads and passes token types as the tokenizer of the encoder does."""
    encoded = encode(pairs, folders[kind], max_length=40)
    model = build_model(run_of(make_run, folders[kind]), folders[kind], encoded.vocabulary).eval()
    rows = np.array([0, 3, 5, 239])  # the last is a single text
    ours, mask = states(model, encoded, rows)
    reference = AutoModel.from_pretrained(folders[kind], attn_implementation="eager").eval()
    tokenizer = AutoTokenizer.from_pretrained(folders[kind])
    for place, row in enumerate(rows):
        with torch.no_grad():
            theirs = reference(**tokenizer(pairs.texts[row], pairs.pairs[row], return_tensors="pt")).last_hidden_state[0]
        torch.testing.assert_close(ours[place][mask[place]], theirs, atol=1e-5, rtol=1e-4)


def test_bert_is_told_which_text_of_a_pair_is_the_second(folders, make_run, pairs):
    encoded = encode(pairs, folders["bert"], max_length=40)
    model = build_model(run_of(make_run, folders["bert"]), folders["bert"], encoded.vocabulary).eval()
    before, _ = states(model, encoded, np.array([0]))
    with torch.no_grad():
        model.encoder.embeddings.token_type_embeddings.weight[1] += 1
    after, _ = states(model, encoded, np.array([0]))
    alone, _ = states(model, encoded, np.array([239]))
    with torch.no_grad():
        model.encoder.embeddings.token_type_embeddings.weight[1] -= 1
    assert not torch.allclose(before, after)
    torch.testing.assert_close(alone, states(model, encoded, np.array([239]))[0])


@pytest.mark.parametrize("kind", sorted(DECODERS))
def test_the_last_token_of_a_decoder_is_pooled_and_padding_has_no_say(folders, make_run, examples, kind):
    encoded = encode(examples, folders[kind], max_length=40)
    model = build_model(run_of(make_run, folders[kind], pooling="last"), folders[kind], encoded.vocabulary).eval()
    rows = np.argsort(encoded.lengths)[[0, -1]]
    tokens, mask = map(torch.from_numpy, collate(encoded, rows))
    with torch.no_grad():
        together = [logits[0] for logits in model(tokens, mask)]
        alone = [logits[0] for logits in model(tokens[:1, : encoded.lengths[rows[0]]], mask[:1, : encoded.lengths[rows[0]]])]
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_which_encoders_read_from_left_to_right(folders, make_run, encoded, kind, examples):
    encoder = build_model(
        run_of(make_run, folders[kind]), folders[kind], encode(examples, folders[kind], max_length=40).vocabulary
    )
    assert is_causal(encoder.encoder) == (kind in DECODERS)


def test_the_first_token_of_a_decoder_is_no_pooling(folders, make_run, examples):
    encoded = encode(examples, folders["gpt2"], max_length=40)
    with pytest.raises(EncoderError, match="which reads from left to right, should be last or mean; found cls"):
        build_model(run_of(make_run, folders["gpt2"], pooling="cls"), folders["gpt2"], encoded.vocabulary)


@pytest.mark.parametrize("kind", KINDS)
def test_texts_are_cut_at_the_position_limit_of_the_encoder(folders, make_run, examples, kind):
    long = replace(examples, texts=("disc " * 100, *examples.texts[1:]))
    encoded = encode(long, folders[kind], max_length=1000)
    assert encoded.lengths.max() == encoded.longest == 40
    model = build_model(run_of(make_run, folders[kind]), folders[kind], encoded.vocabulary).eval()
    assert torch.isfinite(states(model, encoded, np.array([0]))[0]).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["full", "lora"])
def test_every_kind_learns(folders, make_run, examples, kind, method):
    pooling = "last" if kind in DECODERS else "mean"
    encoded = encode(examples, folders[kind], max_length=40)
    trainer = Trainer(
        run_of(make_run, folders[kind], pooling=pooling, method=method, epochs=1), encoded, folders[kind], HARDWARE
    )
    adapted = [name for name, parameter in trainer.model.encoder.named_parameters() if parameter.requires_grad]
    if method == "lora":
        assert len(adapted) >= 8  # two matrices for at least two layers with two projections each
        assert all("lora_" in name for name in adapted)
    losses: list[float] = []
    trainer.fit(lambda step: losses.append(sum(step.losses)), lambda _: None)
    assert np.isfinite(losses).all()


@pytest.mark.parametrize("kind", ["modernbert", "deberta-v2", "llama"])
def test_hidden_states_of_every_kind_are_compared(folders, make_run, examples, kind):
    encoded = encode(examples, folders[kind], max_length=40)
    model = build_model(run_of(make_run, folders[kind]), folders[kind], encoded.vocabulary)
    found = hidden_states(model.encoder, encoded, np.arange(8), HARDWARE, kind, lambda _: None)
    assert found.mean.shape == found.cls.shape == (3, 8, 32)
    assert found.cls[1:].std(dim=1).min() > 0  # of a decoder that is the last token


def test_the_vocabulary_stays_small_where_the_padding_has_a_large_id(folders, examples, tmp_path):
    """The tokenizer of ModernBERT pads with id 50,283."""
    tokenizer = AutoTokenizer.from_pretrained(folders["modernbert"])
    tokenizer.add_tokens([f"word{number}" for number in range(2000)])
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text((folders["modernbert"] / "config.json").read_text())
    encoded = encode(examples, tmp_path, max_length=40)
    assert len(encoded.vocabulary) < 20
    assert encoded.vocabulary[encoded.padding] == tokenizer.pad_token_id > 2000


@pytest.mark.parametrize("method", ["full", "lora"])
def test_bfloat16_weights_stay_so_where_they_do_not_learn(make_run, examples, tmp_path, method):
    folder = tiny_encoder(tmp_path, "llama", "bfloat16")
    encoded = encode(examples, folder, max_length=40)
    trainer = Trainer(run_of(make_run, folder, pooling="last", method=method, epochs=1), encoded, folder, HARDWARE)
    types = {parameter.requires_grad: parameter.dtype for parameter in trainer.model.encoder.parameters()}
    assert types == ({True: torch.float32} if method == "full" else {True: torch.float32, False: torch.bfloat16})
    losses: list[float] = []
    trainer.fit(lambda step: losses.append(sum(step.losses)), lambda _: None)
    assert np.isfinite(losses).all()
