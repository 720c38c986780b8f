"""`mtlens check`: equal where nothing changed, not equal where the tokenizer or a weight did."""

import json
import shutil

import pytest
from safetensors.torch import load_file, save_file

from mtlens.errors import EncoderError
from mtlens.inference.model.family import load
from mtlens.inference.model.stored_sample import differences, read_sample, take_sample, write_sample
from tests.support.trained_family import fabricate_whole


@pytest.fixture
def folder(tmp_path):
    family = fabricate_whole(tmp_path)
    write_sample(family, take_sample(load(family, threads=1)))
    return family


def test_an_untouched_family_is_equal(folder, mtlens):
    code, out, _ = mtlens("check", folder)
    assert code == 0
    assert out.splitlines()[-1].startswith("equal: ")
    assert "disc: equal, probabilities differ by at most 0" in out


def test_another_tokenizer_is_noticed(folder, mtlens):
    """Two words change places in the vocabulary."""
    path = folder / "tokenizer" / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    words = tokenizer["model"]["vocab"]
    words["disc"], words["zebra"] = words["zebra"], words["disc"]
    path.write_text(json.dumps(tokenizer))
    lines = {"disc": "zebra", "zebra": "disc"}
    path = folder / "tokenizer" / "vocab.txt"
    path.write_text("\n".join(lines.get(word, word) for word in path.read_text().split("\n")))
    code, out, _ = mtlens("check", folder)
    assert code == 1
    assert out.splitlines()[-1].startswith("not equal: ")


def test_other_weights_and_other_versions_are_told(folder, mtlens, monkeypatch):
    weights = load_file(folder / "multi" / "heads.safetensors")
    weights["canal.bias"][0] += 0.1
    save_file(weights, folder / "multi" / "heads.safetensors")
    monkeypatch.setattr("mtlens.inference.model.stored_sample.versions", lambda: dict.fromkeys(
        ("torch", "transformers", "tokenizers", "processor"), "another"))  # fmt: skip
    code, out, _ = mtlens("check", folder)
    assert code == 1
    assert "canal: not equal" in out
    assert "disc: equal" in out
    assert "torch: " in out
    assert "at export, another here" in out


def test_a_family_without_a_sample_is_one_line(folder, mtlens):
    (folder / "sample.json").unlink()
    code, _, err = mtlens("check", folder)
    assert code == 2
    assert "sample.json should hold a sample of outputs" in err
    with pytest.raises(EncoderError):
        read_sample(folder)


def test_a_sample_survives_a_copy(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    found = differences(read_sample(tmp_path / "copy"), load(tmp_path / "copy", threads=1))
    assert found == dict.fromkeys(("canal", "cord", "disc"), 0.0)
