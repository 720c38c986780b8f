"""Heads for a frozen encoder: convex fits on its features."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mtlens.config.task import Task
from mtlens.data.tokenize import Encoded, collate, ordered_batches
from mtlens.tasks import kind_of
from mtlens.training.hardware import Hardware
from mtlens.training.model import MultiTaskModel, pool
from mtlens.training.windows import Windows, cut_windows

TEXTS_AT_ONCE = 64


@torch.no_grad()
def head_features(model: MultiTaskModel, encoded: Encoded, rows: NDArray[np.int64], hardware: Hardware) -> Tensor:
    """Inputs of heads of whole texts, without dropout, [n, d], in the order of `rows`, which is ascending."""
    found = torch.empty(0)
    for batch, windows, hidden in _passes(model, encoded, rows, hardware):
        pooled = windows.mean(pool(hidden, windows.mask, model.pooling))
        if not len(found):
            found = torch.empty(len(rows), pooled.shape[1], device=pooled.device)
        found[torch.from_numpy(np.searchsorted(rows, batch)).to(pooled.device)] = pooled
    return found


@torch.no_grad()
def word_features(
    model: MultiTaskModel,
    encoded: Encoded,
    rows: NDArray[np.int64],
    table: Tensor,
    codes: NDArray[np.int64],
    hardware: Hardware,
) -> tuple[Tensor, Tensor]:
    """Inputs of a head of tags for each word of the texts `rows`, [m, d], and the words' tags, [m].

    codes: label of each text, a row of the label table.
    """
    states: list[Tensor] = []
    tags: list[Tensor] = []
    for batch, windows, hidden in _passes(model, encoded, rows, hardware):
        length = int(encoded.lengths[batch].max())
        own = table[torch.from_numpy(codes[np.searchsorted(rows, batch)]).to(table.device)][:, :length].long()
        is_word = own >= 0
        states.append(windows.joined(hidden.float(), length)[:, : own.shape[1]][is_word])
        tags.append(own[is_word])
    return torch.cat(states), torch.cat(tags)


def _passes(
    model: MultiTaskModel, encoded: Encoded, rows: NDArray[np.int64], hardware: Hardware
) -> Iterator[tuple[NDArray[np.int64], Windows, Tensor]]:
    """Rows, windows and hidden states of batches of texts, without dropout."""
    model.eval()
    for batch in ordered_batches(encoded.lengths, rows, TEXTS_AT_ONCE):
        tokens, mask = (torch.from_numpy(array).to(hardware.device) for array in collate(encoded, batch))
        with hardware.autocast():
            windows = cut_windows(tokens, mask, model.window)
            hidden = model.encoder(input_ids=windows.tokens, attention_mask=windows.mask).last_hidden_state
        yield batch, windows, hidden


def fit_head(task: Task, head: nn.Module, features: Tensor, labels: Tensor, table: Tensor, penalty: float) -> None:
    """Minimise the task's weighted loss plus `penalty` times the squared weights of standardised features, in place.

    features: [n, d]; labels: [n], without missing ones; table: what the loss needs for each label. The problem is convex, so
    the initial weights do not matter; the standardisation is folded into the head. For a head of tags, features are of words.
    """
    assert isinstance(head, nn.Linear)
    mean = features.mean(dim=0)
    deviates = len(features) > 1  # a single text has no standard deviation
    scale = features.std(dim=0).clamp_min(1e-6) if deviates else torch.ones_like(mean)
    scaled = (features - mean) / scale
    weight = torch.zeros_like(head.weight, requires_grad=True)
    bias = torch.zeros_like(head.bias, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        logits = scaled @ weight.T + bias
        if kind_of(task).reads_tokens:
            loss = nn.functional.cross_entropy(logits, labels)
        else:
            loss = kind_of(task).loss(task, logits, labels, table, "mean")
        loss = loss + penalty * weight.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    with torch.no_grad():
        head.weight.copy_(weight / scale)
        head.bias.copy_(bias - (weight / scale) @ mean)
