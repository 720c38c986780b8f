"""Heads for an encoder that was not trained with them: linear probes, so that its initial gradients are meaningful.

Gradients through random heads point in random directions. A head fitted to the frozen encoder's features gives the
direction in which the encoder would have to move for the task (linear probing before fine-tuning, Kumar et al. 2022).
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtlens.data.splits import TRAIN, in_split
from mtlens.data.tokenize import Encoded
from mtlens.tasks import MISSING, kind_of
from mtlens.training.hardware import Hardware
from mtlens.training.heads import fit_head, head_features, word_features
from mtlens.training.model import MultiTaskModel

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

    without: rows on which gradients will be computed. On texts that a head was fitted to, its gradient is nearly zero, so these
    rows are left out, unless too few texts remain for every class of every task.
    """
    train = np.flatnonzero(in_split(encoded.splits, TRAIN) & (labels != MISSING).any(axis=1))
    others = np.setdiff1d(train, without)
    chosen = others if _all_classes(encoded, labels[others]) == _all_classes(encoded, labels[train]) else train
    rows = np.sort(np.random.default_rng(0).permutation(chosen)[:MOST_EXAMPLES])
    features = head_features(model, encoded, rows, hardware)
    for j, (task, head, table) in enumerate(zip(encoded.tasks, model.heads, tables, strict=True)):
        known = labels[rows, j] != MISSING
        if kind_of(task).reads_tokens:
            seen, own = word_features(model, encoded, rows[known], table, labels[rows[known], j], hardware)
        else:
            seen, own = features[torch.from_numpy(known)], torch.from_numpy(labels[rows[known], j]).to(hardware.device)
        if len(own):
            fit_head(task, head, seen, own, table, PENALTY)


def _all_classes(encoded: Encoded, labels: NDArray[np.int64]) -> list[set[int]]:
    """Per task the classes that occur; of a task of numbers, whether there are some."""
    known = [column[column != MISSING] for column in labels.T]
    of_classes = [True] * len(known) if not encoded.values else [values is None for values in encoded.values]
    return [set(codes.tolist()) if own else {int(codes.size > 0)} for own, codes in zip(of_classes, known, strict=True)]
