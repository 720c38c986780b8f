"""Exported models without mtlens: sequence classifiers of `transformers`, and the code that the model card gives."""

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
from transformers import AutoModel, BertConfig, DistilBertConfig, RobertaConfig

from mtlens.config.task import Task
from mtlens.errors import EncoderError
from mtlens.inference.export.usage import usage
from mtlens.inference.model.classifier import as_classifier, can_be_classifier
from mtlens.inference.model.family import load, read_config
from mtlens.training.model import MultiTaskModel
from tests.support.trained_family import fabricate_whole

TEXTS = ["The disc is normal.", "Severe canal stenosis with bulge of the disc, and mild narrowing.", "Zebra."]
SIZES = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96, "vocab_size": 50}
WITHOUT_MTLENS = """
import json, sys
sys.modules["mtlens"] = None  # importing it is an error
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline
torch.set_num_threads(1)
tokenizer = AutoTokenizer.from_pretrained("disc")
model = AutoModelForSequenceClassification.from_pretrained("disc")
batch = tokenizer(json.loads(sys.argv[1]), padding=True, truncation=True, return_tensors="pt")
classify = pipeline("text-classification", model="disc", top_k=None)
print(json.dumps({
    "labels": model.config.id2label,
    "model": model(**batch).logits.softmax(dim=1).tolist(),
    "pipeline": [{one["label"]: one["score"] for one in of} for of in classify(json.loads(sys.argv[1]), truncation=True)],
}))
"""


def task(classes: int) -> Task:
    return Task(name="disc", column="disc", classes=tuple(f"grade {number}" for number in range(classes)))


def encoder(config):
    torch.manual_seed(1)
    return AutoModel.from_config(config, attn_implementation="eager").eval()


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("config", [BertConfig(**SIZES), RobertaConfig(**SIZES)], ids=["bert", "roberta"])
@pytest.mark.parametrize("classes", [2, 48])
def test_the_logits_are_those_of_pooling_and_head(config, pooling, classes):
    """Large logits, of texts of several lengths in one batch."""
    base, head = encoder(config), torch.nn.Linear(64, classes)
    torch.nn.init.normal_(head.weight, std=2.0)
    tokens = torch.randint(3, 50, (5, 17))
    mask = torch.arange(17) < torch.tensor([17, 3, 9, 1, 12])[:, None]
    tokens[~mask] = config.pad_token_id
    with torch.inference_mode():
        (expected,) = MultiTaskModel(base, [head], pooling=pooling, dropout=0.0).eval()(tokens, mask)
        classifier = as_classifier(base, head, task(classes), pooling=pooling, temperature=1.7)
        logits = classifier(input_ids=tokens, attention_mask=mask).logits
    assert expected.abs().max() > 10
    torch.testing.assert_close(1.7 * _centred(logits), _centred(expected), atol=2e-5, rtol=1e-6)
    torch.testing.assert_close(logits.softmax(dim=1), (expected / 1.7).softmax(dim=1), atol=2e-6, rtol=0)


def _centred(logits):
    """Less what is common to all classes."""
    return logits - logits.mean(dim=1, keepdim=True)


def test_what_has_no_such_classifier_keeps_its_heads():
    assert can_be_classifier(encoder(BertConfig(**SIZES)), task(48))
    assert not can_be_classifier(encoder(BertConfig(**SIZES)), task(49))
    assert not can_be_classifier(encoder(DistilBertConfig(dim=64, n_heads=4, n_layers=1, hidden_dim=96)), task(2))


@pytest.fixture(scope="module", params=["mean", "cls"])
def family(request, tmp_path_factory):
    return fabricate_whole(tmp_path_factory.mktemp("family"), request.param)


def test_transformers_alone_gives_the_same_probabilities(tmp_path):
    """Bit for bit in float32 from the model; the softmax of the pipeline is NumPy's and may differ in the last bit."""
    folder = fabricate_whole(tmp_path)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", WITHOUT_MTLENS, json.dumps(TEXTS)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    ours = load(folder, threads=1)
    assert found["labels"] == {"0": "absent", "1": "present"}
    np.testing.assert_array_equal(np.array(found["model"], dtype=np.float32), ours.classify(TEXTS)["disc"])
    for text, scores in zip(TEXTS, found["pipeline"], strict=True):
        alone = ours.classify([text])["disc"][0]
        np.testing.assert_allclose([scores["absent"], scores["present"]], alone, rtol=2e-7)


def test_the_code_of_the_card_gives_the_same_probabilities(family, monkeypatch, capsys):
    blocks = re.findall(r"```python\n(.*?)```", usage(read_config(family), family), flags=re.DOTALL)
    assert len(blocks) == 2
    monkeypatch.chdir(family)
    for block in blocks:
        assert len(block.splitlines()) <= 20
        assert "mtlens" not in block
        exec(block, {})
    printed = capsys.readouterr().out
    ours = load(family, threads=torch.get_num_threads()).classify(["The disc is bulging."])
    for name in ("canal", "cord"):
        (row,) = json.loads(re.search(rf"^{name} (\[\[.*?\]\])", printed, flags=re.MULTILINE)[1])
        np.testing.assert_array_equal(np.array(row, dtype=np.float32), ours[name][0])
    scores = {label: float(score) for label, score in re.findall(r"'label': '(\w+)', 'score': ([\d.e-]+)", printed)}
    np.testing.assert_allclose([scores["absent"], scores["present"]], ours["disc"][0], rtol=2e-7)


def test_a_damaged_classifier_is_an_error(family, tmp_path):
    damaged = tmp_path / "family"
    shutil.copytree(family, damaged)
    weights = load_file(damaged / "disc" / "model.safetensors")
    del weights["classifier.weight"]
    save_file(weights, damaged / "disc" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EncoderError, match="disc should hold an exported model: 1 weights are missing"):
        load(damaged)
