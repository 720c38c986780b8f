"""Layers and groups of the parameters of model families, by their names."""

from collections import Counter

import pytest
import torch

from mtlens.evidence.gradients.parameter_blocks import Block, block_names

ENCODERS = {
    "bert": {},
    "roberta": {},
    "distilbert": {"hidden_dim": 32},
    "electra": {"embedding_size": 8},  # other than the hidden size, so that embeddings are projected
    "mpnet": {},
    "deberta-v2": {
        "relative_attention": True,
        "norm_rel_ebd": "layer_norm",
        "pos_att_type": ["p2c", "c2p"],
        "conv_kernel_size": 3,
    },
    "modernbert": {},
}
NORMS = {"deberta-v2": {0: 6}, "modernbert": {0: 1, 1: 1, 2: 2, 3: 3}}  # norm parameters per layer; others {0: 2, 1..3: 4}


@pytest.mark.parametrize("kind", list(ENCODERS))
def test_blocks_of_model_families(kind):
    """In each layer, what multiplies the 32 inner units of 16 hidden ones is feedforward, other matrices are attention."""
    from transformers import AutoConfig, AutoModel

    sizes = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}
    config = AutoConfig.for_model(kind, **(sizes | ENCODERS[kind]), vocab_size=50, pad_token_id=0)
    with torch.device("meta"):
        encoder = AutoModel.from_config(config)
    shapes = {f"encoder.{name}": tuple(weight.shape) for name, weight in encoder.named_parameters() if "pooler" not in name}
    blocks = dict(zip(shapes, block_names(list(shapes)), strict=True))
    norms = Counter(block.layer for block in blocks.values() if block.group == "norm")
    assert norms == {0: 2, 1: 4, 2: 4, 3: 4} | NORMS.get(kind, {})
    for name, (layer, group) in blocks.items():
        if group == "norm":
            assert shapes[name] in {(16,), (8,)}, name
        elif layer == 0:
            assert group == "embedding", name
        elif len(shapes[name]) == 2:
            inner = {32, 64} & set(shapes[name])  # 64: both halves of a gated layer
            assert group == ("feedforward" if inner else "attention"), name
    assert {layer for layer, group in blocks.values() if group == "attention"} == {1, 2, 3}
    assert {layer for layer, group in blocks.values() if group == "feedforward"} == {1, 2, 3}
    assert Block(0, "embedding") in blocks.values()


@pytest.mark.parametrize(
    ("name", "block"),
    [
        ("encoder.encoder.relative_attention_bias.weight", Block(0, "embedding")),
        ("encoder.encoder.rel_embeddings.weight", Block(0, "embedding")),
        ("encoder.embeddings_project.weight", Block(0, "embedding")),
        ("encoder.encoder.layer.11.attention.output.LayerNorm.bias", Block(12, "norm")),
        ("encoder.transformer.layer.2.sa_layer_norm.weight", Block(3, "norm")),
        ("encoder.base_model.model.encoder.layer.4.attention.self.query.lora_A.default.weight", Block(5, "attention")),
        ("encoder.base_model.model.layers.4.mlp.Wi.lora_B.default.weight", Block(5, "feedforward")),
        ("encoder.encoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight", Block(2, "attention")),
        ("encoder.encoder.albert_layer_groups.0.albert_layers.0.ffn.weight", Block(1, "feedforward")),
        ("encoder.ffns.3.lin1.weight", Block(4, "feedforward")),
    ],
)
def test_block_of_a_name(name, block):
    assert block_names([name]) == [block]


@pytest.mark.parametrize(
    "last_norm", ["encoder.final_norm.weight", "encoder.encoder.final_layer_norm.weight", "encoder.norm.weight"]
)
def test_a_norm_behind_all_layers_belongs_to_the_last(last_norm):
    names = ["encoder.embeddings.norm.weight", "encoder.layers.0.mlp.Wo.weight", "encoder.layers.1.mlp.Wo.weight", last_norm]
    assert block_names(names)[0] == Block(0, "norm")
    assert block_names(names)[-1] == Block(2, "norm")
