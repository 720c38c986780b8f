"""Hidden states of one model: one forward pass over the held-out texts, every layer, pooled in two ways."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mtlens.data.tokenize import Encoded, collate, ordered_batches
from mtlens.errors import EvidenceError
from mtlens.training.hardware import Hardware
from mtlens.training.model import is_causal, pool
from mtlens.training.windows import cut_windows

BATCH_SIZE = 64


@dataclass(frozen=True, kw_only=True)
class HiddenStates:
    """Hidden states of the embeddings and L transformer layers, [L + 1, n, d] in float32.

    mean: over the tokens of the text, without separators and padding. cls: of the first token, or the last one of a decoder;
    the mean over the windows of a text that is read in several.
    """

    mean: Tensor
    cls: Tensor


@torch.inference_mode()
def hidden_states(
    encoder: nn.Module,
    encoded: Encoded,
    rows: NDArray[np.int64],
    hardware: Hardware,
    label: str,
    report: Callable[[float], None],
) -> HiddenStates:
    """States of the texts `rows` [n], in their order; `report` is called with the share that is done.

    Raises EvidenceError for an encoder without hidden states, and for states that are not finite, with model and layer.
    """
    encoder.eval().to(hardware.device)
    done, seen, found = 0, list[NDArray[np.int64]](), list[HiddenStates]()
    position = {int(row): index for index, row in enumerate(rows)}
    for batch in ordered_batches(encoded.lengths, rows, BATCH_SIZE):
        found.append(_pass(encoder, encoded, batch, hardware, label))
        seen.append(np.asarray([position[int(row)] for row in batch]))
        done += len(batch)
        report(done / len(rows))
    order = torch.from_numpy(np.argsort(np.concatenate(seen)))
    states = HiddenStates(
        mean=torch.cat([of_batch.mean for of_batch in found], dim=1)[:, order],
        cls=torch.cat([of_batch.cls for of_batch in found], dim=1)[:, order],
    )
    _check_finite(states.mean, encoded, rows, label)
    return states


def _pass(encoder: nn.Module, encoded: Encoded, batch: NDArray[np.int64], hardware: Hardware, label: str) -> HiddenStates:
    tokens, mask = collate(encoded, batch)
    words = mask & ~(encoded.special[tokens] & mask)
    words[~words.any(axis=1)] = mask[~words.any(axis=1)]  # a text of separators alone keeps them
    on_device = [torch.from_numpy(array).to(hardware.device) for array in (tokens, mask, words)]
    windows = cut_windows(on_device[0], on_device[1], encoded.longest)
    kept = cut_windows(on_device[2].long(), on_device[1], encoded.longest).tokens.unsqueeze(-1)
    with hardware.autocast():
        answer: Any = encoder(input_ids=windows.tokens, attention_mask=windows.mask, output_hidden_states=True)
    layers = getattr(answer, "hidden_states", None)
    if not layers:
        raise EvidenceError(f"encoder should give its hidden states; that of {label} gives none")
    weights = kept.float()
    counts = windows.sum(weights.sum(dim=1))
    means = [windows.sum((layer.float() * weights).sum(dim=1)) / counts for layer in layers]
    edge = "last" if is_causal(encoder) else "cls"
    edges = [windows.mean(pool(layer, windows.mask, edge)) for layer in layers]
    return HiddenStates(mean=torch.stack(means).cpu(), cls=torch.stack(edges).cpu())


def _check_finite(states: Tensor, encoded: Encoded, rows: NDArray[np.int64], label: str) -> None:
    wrong = ~torch.isfinite(states).all(dim=2)
    if wrong.any():
        layer, example = (int(value) for value in wrong.nonzero()[0])
        raise EvidenceError(
            f"hidden states of {label} should be finite; found NaN or infinity at layer {layer}, "
            f"example {encoded.ids[rows[example]]!r}"
        )
