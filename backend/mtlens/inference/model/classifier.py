"""A model of one task as the sequence classifier of its architecture in `transformers`, which loads without mtlens.

The logits of mtlens are z = W p + b, where p is the mean of the hidden states h_t over the real tokens, or the first one. The
classifiers of BERT and RoBERTa compute B tanh(A h_1 + a) instead. These weights give the same logits:

- tanh: A = e W, a = e b and B = 1 / (e T), with e = 2^-20 and the temperature T of the calibration. For |z| < 300, tanh(e z)
  is e z to the rounding of float32, and powers of two round nothing.
- mean: one more layer. Its queries and keys are 0, so every token attends alike to all real tokens, and its values are
  W h_t + b, so the attended value is z. The output layer writes S z, and the constants S K and -S K on a quarter of the units.
  S = 2^32 makes the hidden states that are added negligible, and K = 2^16 makes the standard deviation of the units S K / 2, to
  a relative error of 2 |z|^2 / (d K^2). Both layer normalisations then give z again, less a constant that is common to all
  classes and that no softmax sees.

The probabilities are those of mtlens to about 1e-6 in float32. The constants are beyond the range of float16.

Tags need none of this: a token classifier of `transformers` is an encoder and one linear layer.

Shapes: d hidden units, C classes, b texts in a batch, L tokens.
"""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mtlens.config.sections import Pooling
from mtlens.config.task import Task
from mtlens.errors import EncoderError, reading
from mtlens.inference.model.weights import ATTENTION
from mtlens.tasks import kind_of
from mtlens.tasks.classes import Classes
from mtlens.tasks.tag_schemes import tag_names
from mtlens.training.model import MultiTaskModel
from mtlens.training.pretrained import described_encoder
from mtlens.training.token_types import add_token_types

_SMALL = 2.0**-20
_LARGE = 2.0**32
_SPREAD = 2.0**16


@dataclass(frozen=True, kw_only=True)
class _Head:
    """Names of the layers before and after the tanh."""

    dense: str
    out: str


_ROBERTA = _Head(dense="classifier.dense", out="classifier.out_proj")
_HEADS = {
    "bert": _Head(dense="bert.pooler.dense", out="classifier"),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
}


_LINEAR_ON_TOKENS = frozenset(
    {"bert", "roberta", "xlm-roberta", "camembert", "distilbert", "electra", "deberta-v2", "deberta", "mpnet"}
)
"""Types of encoders whose token classifier has one linear layer and nothing else after the encoder."""


def can_be_token_classifier(encoder: Any, task: Task) -> bool:
    """Whether `as_token_classifier` accepts the encoder and the task."""
    return encoder.config.model_type in _LINEAR_ON_TOKENS and kind_of(task).reads_tokens


@torch.no_grad()
def as_token_classifier(encoder: Any, head: nn.Linear, task: Task) -> Any:
    """The model in float32, an `AutoModelForTokenClassification`, whose softmax is the probabilities of the tags."""
    from transformers import AutoModelForTokenClassification

    names = tag_names(task.classes, task.scheme)
    config = copy.deepcopy(encoder.config)
    config.num_labels = len(names)
    config.id2label = dict(enumerate(names))
    config.label2id = {name: number for number, name in enumerate(names)}
    model: Any = AutoModelForTokenClassification.from_config(config, dtype=torch.float32)
    model.base_model.load_state_dict(encoder.state_dict(), strict=False)
    model.classifier.load_state_dict(head.state_dict())
    add_token_types(model.base_model, getattr(config, "sep_token_id", None))
    return model.eval()


def can_be_classifier(encoder: Any, task: Task) -> bool:
    """Whether `as_classifier` accepts the encoder and the task."""
    size = int(encoder.config.hidden_size)
    fits = size % 8 == 0 and len(task.classes) <= size - size // 4
    return encoder.config.model_type in _HEADS and task.kind == Classes.name and fits


@torch.no_grad()
def as_classifier(encoder: Any, head: nn.Linear, task: Task, *, pooling: Pooling, temperature: float) -> Any:
    """The model in float32, an `AutoModelForSequenceClassification`, whose softmax is the calibrated probabilities."""
    from transformers import AutoModelForSequenceClassification

    config = copy.deepcopy(encoder.config)
    config.num_labels = len(task.classes)
    config.id2label = dict(enumerate(task.classes))
    config.label2id = {name: number for number, name in enumerate(task.classes)}
    config.problem_type = "single_label_classification"
    config.calibration_temperature = temperature
    config.num_hidden_layers += int(pooling == "mean")
    model: Any = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)
    model.base_model.load_state_dict(encoder.state_dict(), strict=False)
    names = _HEADS[config.model_type]
    dense, out = model.get_submodule(names.dense), model.get_submodule(names.out)
    if pooling == "mean":
        _average(model.base_model.encoder.layer[-1], head.weight, head.bias)
        head = _identity(head)
    _fill(dense, weight=_SMALL * head.weight, bias=_SMALL * head.bias)
    _fill(out, weight=torch.eye(len(task.classes)) / (_SMALL * temperature))
    add_token_types(model.base_model, getattr(config, "sep_token_id", None))
    return model.eval()


@torch.no_grad()
def as_heads(classifier: Any, *, pooling: Pooling) -> MultiTaskModel:
    """The inverse of `as_classifier`, except for the temperature: a model of one task without constants and added layer.

    A token classifier gives its encoder and head.
    """
    if "ForTokenClassification" in type(classifier).__name__:
        own = copy.deepcopy(classifier)
        return MultiTaskModel(own.base_model, [own.classifier], pooling=pooling, dropout=0.0, reads_tokens=[True]).eval()
    model, classes = copy.deepcopy(classifier), int(classifier.config.num_labels)
    dense = model.get_submodule(_HEADS[model.config.model_type].dense)
    head = nn.Linear(dense.in_features, classes)
    encoder = model.base_model
    if pooling == "mean":
        value = encoder.encoder.layer[-1].attention.self.value
        _fill(head, weight=value.weight[:classes], bias=value.bias[:classes])
        encoder.encoder.layer = encoder.encoder.layer[:-1]
        encoder.config.num_hidden_layers -= 1
    else:
        _fill(head, weight=dense.weight[:classes] / _SMALL, bias=dense.bias[:classes] / _SMALL)
    encoder.pooler = None
    return MultiTaskModel(encoder, [head], pooling=pooling, dropout=0.0).eval()


def _average(layer: Any, weight: Tensor, bias: Tensor) -> None:
    """Make a layer whose first C outputs are, for every token, the mean of W h_t + b over the real tokens."""
    size, attention = weight.shape[1], layer.attention
    for linear in (attention.self.query, attention.self.key, layer.intermediate.dense, layer.output.dense):
        _fill(linear)
    _fill(attention.self.value, weight=weight, bias=bias)
    constants = torch.zeros(size)
    constants[size - size // 4 :] = _SPREAD * torch.tensor([1.0, -1.0]).repeat(size // 8)
    _fill(attention.output.dense, weight=_LARGE * torch.eye(len(weight)), bias=_LARGE * constants)
    for norm in (attention.output.LayerNorm, layer.output.LayerNorm):
        norm.weight.fill_(_SPREAD / 2)
        norm.bias.zero_()


def _identity(head: nn.Linear) -> nn.Linear:
    """A head that takes its first C inputs as they are."""
    same = nn.Linear(head.in_features, head.out_features)
    _fill(same, weight=torch.eye(head.out_features))
    return same


def _fill(linear: Any, *, weight: Tensor | None = None, bias: Tensor | None = None) -> None:
    """Set the first rows and columns of a linear layer, and all others to 0."""
    for parameter, values in ((linear.weight, weight), (linear.bias, bias)):
        parameter.zero_()
        if values is not None:
            parameter[tuple(slice(length) for length in values.shape)] = values


class ClassifierModel(nn.Module):
    """A classifier that is called like a `MultiTaskModel` of one task."""

    def __init__(self, classifier: Any):
        super().__init__()
        self.classifier = classifier

    def forward(self, tokens: Tensor, mask: Tensor) -> list[Tensor]:
        """tokens [b, L], mask [b, L] (true = a real token) -> one tensor of logits in float32.

        The logits are [b, C], calibrated, or [b, L, K] for tags.
        """
        return [self.classifier(input_ids=tokens, attention_mask=mask).logits.float()]


def load_classifier(folder: Path, *, of_tokens: bool = False) -> ClassifierModel:
    """The classifier of an exported folder, in float32; EncoderError where it is damaged."""
    from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    config, _ = described_encoder(folder)
    with reading(EncoderError, f"{folder} should hold an exported model"):
        kind: Any = AutoModelForTokenClassification if of_tokens else AutoModelForSequenceClassification
        model, found = kind.from_pretrained(
            str(folder), config=config, trust_remote_code=False, local_files_only=True, use_safetensors=True,
            dtype=torch.float32, output_loading_info=True, attn_implementation=ATTENTION,
        )  # fmt: skip
    if found["missing_keys"]:
        raise EncoderError(f"{folder} should hold an exported model: {len(found['missing_keys'])} weights are missing")
    add_token_types(model.base_model, getattr(model.config, "sep_token_id", None))
    return ClassifierModel(model)
