"""The optimiser of a run: AdamW with separate learning rates for the encoder and the heads."""

from collections.abc import Iterable

import torch
from torch import nn

from mtlens.config.run import Run
from mtlens.training.model import MultiTaskModel


def make_optimiser(model: MultiTaskModel, run: Run, weights: Iterable[nn.Parameter] = ()) -> torch.optim.AdamW:
    """AdamW with a learning rate for the encoder and one for the heads; biases, norms and embeddings are not decayed.

    weights: learned weights of the tasks, trained at the rate of the heads.
    """
    training = run.training
    rate = run.encoder_rate
    embeddings = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    encoder = [parameter for parameter in model.encoder.parameters() if parameter.requires_grad]
    heads = list(model.heads.parameters())
    decayed = [p for p in encoder if p.ndim > 1 and id(p) not in embeddings]
    plain = [p for p in encoder if p.ndim <= 1 or id(p) in embeddings]
    groups = [
        {"params": decayed, "peak": rate, "weight_decay": training.weight_decay},
        {"params": plain, "peak": rate, "weight_decay": 0.0},
        {"params": heads, "peak": training.head_learning_rate, "weight_decay": 0.0},
        {"params": list(weights), "peak": training.head_learning_rate, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=rate, fused=True)
