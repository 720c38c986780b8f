"""The shared encoder and its heads."""

import copy

import numpy as np
import pytest
import torch

from mtlens.data.tokenize import collate
from mtlens.errors import EncoderError
from mtlens.training.model import _compact, build_model, pool
from mtlens.training.pretrained import count_multiplied


def logits_of(model, encoded, rows, pad=0):
    tokens, mask = collate(encoded, rows)
    tokens = np.pad(tokens, ((0, 0), (0, pad)), constant_values=encoded.padding)
    mask = np.pad(mask, ((0, 0), (0, pad)))
    with torch.no_grad():
        return model.eval()(torch.from_numpy(tokens), torch.from_numpy(mask))


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_padding_never_enters(make_run, encoded, tiny_encoder, pooling):
    run = make_run()
    run = run.model_copy(update={"encoder": run.encoder.model_copy(update={"pooling": pooling})})
    model = build_model(run, tiny_encoder, encoded.vocabulary)
    rows = np.arange(8)
    for plain, padded in zip(logits_of(model, encoded, rows), logits_of(model, encoded, rows, pad=17), strict=True):
        torch.testing.assert_close(plain, padded, atol=1e-6, rtol=1e-5)


def test_mean_pooling_is_the_mean_over_real_tokens():
    hidden = torch.randn(2, 4, 3)
    mask = torch.tensor([[True, True, False, False], [True, True, True, True]])
    expected = torch.stack([hidden[0, :2].mean(0), hidden[1].mean(0)])
    torch.testing.assert_close(pool(hidden, mask, "mean"), expected)


def test_compacting_the_vocabulary_changes_no_hidden_state(make_run, encoded, examples, tiny_encoder):
    from transformers import AutoModel, AutoTokenizer

    model = build_model(make_run(), tiny_encoder, encoded.vocabulary).eval()
    reference = AutoModel.from_pretrained(tiny_encoder, attn_implementation="eager").eval()
    batch = AutoTokenizer.from_pretrained(tiny_encoder)(list(examples.texts[:6]), padding=True, return_tensors="pt")
    tokens, mask = collate(encoded, np.arange(6))
    with torch.no_grad():
        ours = model.encoder(input_ids=torch.from_numpy(tokens), attention_mask=torch.from_numpy(mask)).last_hidden_state
        theirs = reference(**batch).last_hidden_state
    torch.testing.assert_close(ours[torch.from_numpy(mask)], theirs[batch["attention_mask"].bool()], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(("kind", "padding"), [("bert", 0), ("roberta", 1), ("distilbert", 0), ("electra", 0), ("mpnet", 1)])
def test_compacting_works_for_other_encoders(kind, padding):
    """Also where positions are counted from the padding id, as in RoBERTa."""
    from transformers import AutoConfig, AutoModel

    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = AutoConfig.for_model(kind, **sizes, vocab_size=50, max_position_embeddings=40, pad_token_id=padding)
    reference = AutoModel.from_config(config).eval()
    tokens = torch.tensor([[5, 40, 7, 49], [5, 12, padding, padding]])
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    vocabulary = np.union1d(tokens.numpy().ravel(), np.arange(padding + 1))
    compact = _compact(copy.deepcopy(reference), vocabulary)
    with torch.no_grad():
        expected = reference(input_ids=tokens, attention_mask=mask).last_hidden_state
        found = compact(
            input_ids=torch.from_numpy(np.searchsorted(vocabulary, tokens.numpy())), attention_mask=mask
        ).last_hidden_state
    torch.testing.assert_close(found[mask], expected[mask])


def test_a_task_starts_from_the_same_head_alone_and_together(make_run, encoded, tiny_encoder):
    alone = build_model(make_run("side"), tiny_encoder, encoded.vocabulary)
    together = build_model(make_run(), tiny_encoder, encoded.vocabulary)
    torch.testing.assert_close(alone.heads[0].weight, together.heads[1].weight, atol=0, rtol=0)


def test_seeds_and_tasks_start_from_other_heads(make_run, encoded, tiny_encoder):
    first, second = (build_model(make_run(seed=seed), tiny_encoder, encoded.vocabulary) for seed in (0, 1))
    assert not torch.equal(first.heads[0].weight, second.heads[0].weight)
    assert not torch.equal(first.heads[0].weight[:2], first.heads[1].weight)


def test_models_do_not_share_weights(make_run, encoded, tiny_encoder):
    first, second = (build_model(make_run(), tiny_encoder, encoded.vocabulary) for _ in range(2))
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.zero_()
    assert all(parameter.abs().sum() > 0 for name, parameter in second.named_parameters() if name.endswith("query.weight"))


def test_adapters_train_a_small_part_and_start_as_the_pretrained_encoder(make_run, encoded, tiny_encoder):
    full = build_model(make_run("grade"), tiny_encoder, encoded.vocabulary)
    lora = build_model(make_run("grade", method="lora"), tiny_encoder, encoded.vocabulary)
    trained = [name for name, parameter in lora.named_parameters() if parameter.requires_grad]
    assert trained
    assert all("lora_" in name or name.startswith("heads.") for name in trained)
    rows = np.arange(5)
    torch.testing.assert_close(logits_of(full, encoded, rows), logits_of(lora, encoded, rows), atol=1e-6, rtol=1e-5)


def test_token_ids_beyond_the_embeddings_are_refused(make_run, tiny_encoder):
    with pytest.raises(EncoderError, match="should be below the encoder's 18 embeddings; found 99"):
        build_model(make_run(), tiny_encoder, np.array([0, 1, 99]))


def test_multiplied_weights_leave_out_embeddings(tiny_encoder):
    weights, layers, width = count_multiplied(tiny_encoder)
    per_layer = 4 * (32 * 32 + 32) + (32 * 64 + 64) + (64 * 32 + 32) + 4 * 32
    assert (weights, layers, width) == (2 * per_layer + 2 * 32, 2, 32)
