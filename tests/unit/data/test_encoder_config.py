"""What an encoder's config.json may say, and what is dropped of it."""

import json
import shutil

import pytest

from mtlens.data.encoder_config import encoder_config, read_encoder_config
from mtlens.errors import EncoderError
from mtlens.training.pretrained import count_multiplied, load_pretrained


@pytest.fixture
def folder(tiny_encoder, tmp_path):
    return shutil.copytree(tiny_encoder, tmp_path / "encoder")


def change(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


CODE = {
    "_attn_implementation": "evil/kernel",
    "attn_implementation": "evil/kernel",
    "_attn_implementation_internal": "evil/kernel",
    "_experts_implementation": "evil/kernel",
    "auto_map": {"AutoModel": "evil--modeling.Model"},
    "quantization_config": {"quant_method": "evil"},
    "kernel_config": {"a": "b"},
    "use_kernels": True,
    "text_config": {"_attn_implementation": "evil/kernel", "hidden_size": 8},
}


def test_keys_that_choose_code_are_dropped(folder):
    before = read_encoder_config(folder)
    change(folder, **CODE)
    assert read_encoder_config(folder) == {**before, "text_config": {"hidden_size": 8}}


def test_an_encoder_that_names_a_kernel_is_loaded_without_it(folder, tiny_encoder):
    change(folder, _attn_implementation="evil/kernel", use_kernels=True)
    encoder, absent = load_pretrained(folder, eager=True)
    assert absent == []
    assert encoder.config._attn_implementation == "eager"
    assert count_multiplied(folder) == count_multiplied(tiny_encoder)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"num_hidden_layers": 10_000_000}, "num_hidden_layers should be at most 1,000; found 10,000,000"),
        ({"num_hidden_groups": 10_000_000}, "num_hidden_groups should be at most 1,000"),
        ({"hidden_size": 10**12}, "hidden_size should be at most 100,000,000"),
        ({"vocab_size": 50_000_000}, r"should describe the weights beside it, which have [\d,]+ bytes; found a model of"),
        ({"model_type": "no-such-type"}, "should name a model_type that transformers knows; found 'no-such-type'"),
        ({"model_type": 3}, "should name the model_type of an encoder"),
        ({"hidden_size": "wide"}, "should describe an encoder"),
        ({"hidden_act": "__import__"}, "should describe an encoder"),
        ({"num_attention_heads": 0}, "should describe an encoder"),
        ({"num_attention_heads": 7}, "should describe an encoder"),
    ],
)
def test_a_config_that_cannot_be_built_is_one_line(folder, values, message):
    change(folder, **values)
    with pytest.raises(EncoderError, match=message) as caught:
        load_pretrained(folder, eager=True)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content", ["", "[]", "{", "[" * 100_000, '{"model_type": "bert", "x": ' + "9" * 5000 + "}", "x" * 1_000_001]
)
def test_a_config_that_is_no_object_is_one_line(folder, content):
    (folder / "config.json").write_text(content)
    with pytest.raises(EncoderError) as caught:
        encoder_config(folder)
    assert "\n" not in str(caught.value)


def test_an_adapter_of_another_model_is_refused(folder):
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "evil/model"}')
    with pytest.raises(EncoderError, match="should hold a whole encoder; found an adapter of another one"):
        load_pretrained(folder, eager=True)
