"""Heads for an encoder that was not trained with them: linear probes, so that its first gradients mean something.

Gradients through random heads point in random directions. A head fitted to the frozen encoder's features gives the
direction in which the encoder would have to move for the task (linear probing before fine-tuning, Kumar et al. 2022).
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mtlens.config.sections import Task
from mtlens.data.splits import TRAIN, in_split
from mtlens.data.tokenize import Encoded, collate, ordered_batches
from mtlens.tasks import MISSING, kind_of
from mtlens.training.hardware import Hardware
from mtlens.training.model import MultiTaskModel, pool
from mtlens.training.windows import cut_windows

MOST_EXAMPLES = 512
PENALTY = 1e-2  # on squared weights of standardised features: keeps separable classes finite


def fit_heads(
    model: MultiTaskModel,
    encoded: Encoded,
    labels: NDArray[np.int64],
    tables: list[Tensor],
    hardware: Hardware,
    *,
    without: NDArray[np.int64],
) -> None:
    """Fit every head by the weighted loss of its task on at most 512 training texts, in place.

    labels: [n, T]; tables: the label table of each task.

    without: rows on which gradients will be looked at. On texts that a head was fitted to, its gradient is nearly zero; so
    they are left out, unless too few texts remain to see every class of every task.
    """
    train = np.flatnonzero(in_split(encoded.splits, TRAIN) & (labels != MISSING).any(axis=1))
    others = np.setdiff1d(train, without)
    chosen = others if _all_classes(encoded, labels[others]) == _all_classes(encoded, labels[train]) else train
    rows = np.sort(np.random.default_rng(0).permutation(chosen)[:MOST_EXAMPLES])
    features = _features(model, encoded, rows, hardware)
    for j, (task, head, table) in enumerate(zip(encoded.tasks, model.heads, tables, strict=True)):
        own = torch.from_numpy(labels[rows, j]).to(hardware.device)
        _fit(task, head, features[own != MISSING], own[own != MISSING], table)


def _all_classes(encoded: Encoded, labels: NDArray[np.int64]) -> list[set[int]]:
    """Per task the classes that occur; of a task of numbers, whether there are some."""
    known = [column[column != MISSING] for column in labels.T]
    of_classes = [True] * len(known) if not encoded.values else [values is None for values in encoded.values]
    return [set(codes.tolist()) if own else {int(codes.size > 0)} for own, codes in zip(of_classes, known, strict=True)]


@torch.no_grad()
def _features(model: MultiTaskModel, encoded: Encoded, rows: NDArray[np.int64], hardware: Hardware) -> Tensor:
    """What the heads see, [n, d], in the order of rows."""
    model.eval()
    found = torch.empty(0)
    for batch in ordered_batches(encoded.lengths, rows, 64):
        tokens, mask = (torch.from_numpy(array).to(hardware.device) for array in collate(encoded, batch))
        with hardware.autocast():
            windows = cut_windows(tokens, mask, model.window)
            hidden = model.encoder(input_ids=windows.tokens, attention_mask=windows.mask).last_hidden_state
        pooled = windows.mean(pool(hidden, windows.mask, model.pooling))
        if not len(found):
            found = torch.empty(len(rows), pooled.shape[1], device=pooled.device)
        found[torch.from_numpy(np.searchsorted(rows, batch)).to(pooled.device)] = pooled
    return found


def _fit(task: Task, head: nn.Module, features: Tensor, labels: Tensor, table: Tensor) -> None:
    """Convex, so the start does not matter; features are standardised for the fit, and the head takes that back."""
    assert isinstance(head, nn.Linear)
    mean, scale = features.mean(dim=0), features.std(dim=0).clamp_min(1e-6)
    scaled = (features - mean) / scale
    weight = torch.zeros_like(head.weight, requires_grad=True)
    bias = torch.zeros_like(head.bias, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = kind_of(task).loss(task, scaled @ weight.T + bias, labels, table, "mean")
        loss = loss + PENALTY * weight.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)  # pyright: ignore[reportArgumentType] - torch types closures as returning float
    with torch.no_grad():
        head.weight.copy_(weight / scale)
        head.bias.copy_(bias - (weight / scale) @ mean)
