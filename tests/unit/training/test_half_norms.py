"""Training in bfloat16 between the products too: its gradients against those of autocast and of float32, without dropout."""

import pytest
import torch
from torch.nn import functional

from mtlens.data.tokenize import collate
from mtlens.training.hardware import prepare
from mtlens.training.model import build_model


@pytest.fixture
def gradient(make_run, encoded, tiny_encoder):
    """Gradient of the encoder, as one vector, and the types of what the layers hand on, under a context."""
    model = build_model(make_run(), tiny_encoder, encoded.vocabulary).eval()
    tokens, mask = (torch.from_numpy(array) for array in collate(encoded, encoded.rows("train", [0, 1])[:32]))
    parameters = [parameter for parameter in model.encoder.parameters() if parameter.requires_grad]
    seen: set[torch.dtype] = set()
    for layer in model.encoder.encoder.layer:
        layer.register_forward_hook(lambda _, __, output: seen.add((output[0] if isinstance(output, tuple) else output).dtype))

    def measure(context):
        seen.clear()
        with context:
            logits = model(tokens, mask)
        loss = sum(functional.cross_entropy(logit, torch.arange(len(logit)) % logit.shape[1]) for logit in logits)
        found = torch.autograd.grad(loss, parameters, allow_unused=True)
        return torch.cat([one.flatten() for one in found if one is not None]), set(seen)

    return measure


def test_gradients_are_those_of_float32_to_the_precision_of_autocast(gradient):
    half = prepare("bfloat16", threads=1, gpu=False)
    exact, _ = gradient(prepare("float32", threads=1, gpu=False).training())
    by_autocast, wide = gradient(half.autocast())
    by_training, narrow = gradient(half.training())
    assert exact.dtype == by_training.dtype == torch.float32
    assert (wide, narrow) == ({torch.float32}, {torch.bfloat16})
    errors = [float((found - exact).norm() / exact.norm()) for found in (by_autocast, by_training)]
    assert errors[1] < 2 * errors[0] < 0.1


def test_in_float32_nothing_changes(gradient):
    hardware = prepare("float32", threads=1, gpu=False)
    assert torch.equal(gradient(hardware.training())[0], gradient(hardware.autocast())[0])
