"""Exported adapters: `peft` alone, mtlens and its server give the bits of the trained model; damaged folders are refused."""

import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from starlette.testclient import TestClient

from mtlens.errors import EncoderError
from mtlens.inference.export import export as module
from mtlens.inference.export.onnx_family import _plain
from mtlens.inference.export.recommended import FamilyMember
from mtlens.inference.export.stored_models import StoredModels
from mtlens.inference.extraction import server
from mtlens.inference.extraction.reader import Reader
from mtlens.inference.model.family import load, read_config
from mtlens.training.hardware import prepare
from tests.support import trained_family

# longest first, as mtlens batches them: the place of a text in a batch can change the last bit
TEXTS = ["The canal is narrowing.\nThe disc is bulge. 3", "The disc is normal.", "The disc is bulging."]
WITHOUT_MTLENS = """
import json, sys, warnings
sys.modules["mtlens"] = None  # importing it is an error
import torch
torch.set_num_threads(1)
exec(sys.stdin.read())
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Models of two tasks and one seed; one is the multi-task model by a shared adapter."""
    return trained_family.train_on_notes(tmp_path_factory.mktemp("trained"), seeds=[0], arms=("joint", "lora"))


@pytest.fixture(scope="module")
def run(trained):
    (found,) = [planned.run for planned in trained.plan.runs if planned.run.method == "lora"]
    return found


@pytest.fixture(scope="module")
def folder(trained, run, tmp_path_factory):
    """A family of that run alone."""
    member = FamilyMember(serves=("canal", "disc"), run_ids=(run.run_id,), why=("a test", "a test"))
    out = tmp_path_factory.mktemp("exported") / "family"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "recommended", lambda *_: (member,))
        module.export(trained.plan, trained.workspace, out)
    return out


@pytest.fixture(scope="module")
def in_float32(folder, tmp_path_factory):
    """The same where nothing is multiplied in bfloat16, which the processor decides otherwise."""
    copied = tmp_path_factory.mktemp("float32") / "family"
    shutil.copytree(folder, copied)
    config = read_config(copied).model_copy(update={"precision": "float32"})
    (copied / "config.json").write_text(config.model_dump_json())
    return copied


def test_the_exported_model_gives_the_bits_of_the_trained_one(trained, run, in_float32):
    """The trained one reads the token ids of its training data, the exported one those of the tokenizer."""
    model = StoredModels(plan=trained.plan, workspace=trained.workspace).load_adapted(run)
    changed = [name for name, tensor in model.named_parameters() if "lora_B" in name and tensor.any()]
    assert len(changed) > 5
    encoded = trained.plan.encoded
    (ours,) = load(in_float32, threads=1).models
    texts = trained.plan.examples.texts[:20]
    tokenizer = load(in_float32, threads=1).tokenizer
    ids = np.array(tokenizer(list(texts), padding=True)["input_ids"])
    places = np.searchsorted(encoded.vocabulary, ids)
    mask = torch.from_numpy(ids != tokenizer.pad_token_id)
    prepare("float32", threads=1, gpu=False)
    with torch.inference_mode():
        expected = model(torch.from_numpy(places), mask)
        found = ours(torch.from_numpy(ids), mask)
    for one, other in zip(expected, found, strict=True):
        assert torch.equal(one, other)


def test_peft_alone_gives_the_same_bits(in_float32):
    """By the code of the card, in a process that cannot import mtlens."""
    card = (in_float32 / "README.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", card, flags=re.DOTALL)
    assert len(block.splitlines()) <= 20
    code = block.replace('["The disc is bulging."]', json.dumps(TEXTS))
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_MTLENS], input=code, cwd=in_float32, env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = load(in_float32, threads=1).classify(TEXTS)
    for name in ("canal", "disc"):
        rows = json.loads(re.search(rf"^{name} (\[\[.*?\]\])", done.stdout, flags=re.MULTILINE)[1])
        np.testing.assert_array_equal(np.array(rows, dtype=np.float32), said[name])


def test_it_is_served_as_it_is_read(in_float32):
    reader = Reader(load(in_float32, threads=1), 0.0)
    said = reader.family.classify(TEXTS[:1])
    with TestClient(server.create(reader), base_url="http://127.0.0.1:8600") as client:
        answer = client.post("/findings", json={"reports": TEXTS[:1]}).json()
    served = {one["task"]: one["probability"] for one in answer["reports"][0]["findings"]}
    assert served == {name: round(float(rows[0].max()), 4) for name, rows in said.items()}


def test_the_encoder_is_the_pretrained_one_and_the_adapters_are_small(trained, folder):
    pretrained = trained.plan.pretrained.directory
    for name in ("config.json", "model.safetensors"):
        assert (folder / "encoder" / name).read_bytes() == (pretrained / name).read_bytes()
    adapter = folder / "1-multi"
    assert sorted(path.name for path in adapter.iterdir()) == [
        "adapter_config.json", "adapter_model.safetensors", "heads.safetensors",
    ]  # fmt: skip
    assert json.loads((adapter / "adapter_config.json").read_text())["base_model_name_or_path"] == "encoder"


def test_a_graph_has_the_adapters_in_its_weights(in_float32):
    family = load(in_float32, threads=1)
    plain = _plain(family.config, family.models[0])
    assert not [name for name, _ in plain.named_parameters() if "lora" in name]
    assert [name for name, _ in family.models[0].named_parameters() if "lora" in name]
    ids = torch.tensor(family.tokenizer(TEXTS, padding=True)["input_ids"])
    mask = ids != family.tokenizer.pad_token_id
    with torch.inference_mode():
        for one, other in zip(plain(ids, mask), family.models[0](ids, mask), strict=True):
            torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def _change(folder, **values):
    path = folder / "1-multi" / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def _without_a_weight(folder):
    path = folder / "1-multi" / "adapter_model.safetensors"
    weights = load_file(path)
    del weights[min(weights)]
    save_file(weights, path)


def _pickled(folder):
    path = folder / "1-multi" / "adapter_model.safetensors"
    torch.save(load_file(path), path.with_suffix(".bin"))
    path.unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: _change(folder, r=4), "should hold the weights of its config's adapters"),
        (lambda folder: _change(folder, r=10**9), "should hold an exported adapter; found: ValidationError"),
        (lambda folder: _change(folder, use_rslora=True), "should hold an exported adapter; found: ValidationError"),
        (lambda folder: _change(folder, target_modules=".*"), "should hold an exported adapter; found: ValidationError"),
        (lambda folder: _change(folder, peft_type="IA3"), "should hold an exported adapter; found: ValidationError"),
        (_without_a_weight, "should hold the weights of its config's adapters"),
        (_pickled, "should hold an exported adapter; found: FileNotFoundError"),
        (lambda folder: (folder / "1-multi" / "heads.safetensors").unlink(), "found: FileNotFoundError"),
        (lambda folder: shutil.rmtree(folder / "encoder"), "should hold|should be"),
    ],
)
def test_a_damaged_adapter_is_one_line(folder, tmp_path, damage, message):
    damaged = tmp_path / "family"
    shutil.copytree(folder, damaged)
    damage(damaged)
    with pytest.raises(EncoderError, match=message) as caught:
        load(damaged, threads=1)
    assert "\n" not in str(caught.value)
