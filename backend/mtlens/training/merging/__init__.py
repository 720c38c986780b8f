"""One encoder from the encoders of task-specific models, without training: mean, task arithmetic, TIES and DARE.

A task vector is the change of an encoder's weights by training; all encoders begin at the same pretrained weights. A method
makes one vector from T task vectors, and the merged encoder is pretrained + coefficient x that vector, with the coefficient
that is best on validation.

To add a method: a file with a function from task vectors to one vector, a line in `METHODS`, and an arm in
`mtlens.config.arms`.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from mtlens.training.merging.average import average
from mtlens.training.merging.dare import dare
from mtlens.training.merging.task_arithmetic import task_arithmetic
from mtlens.training.merging.ties import ties

Vectors = Tensor
"""Task vectors of one experiment, [T, P], all parameters of an encoder in one row."""

METHODS: dict[str, Callable[[Vectors, torch.Generator], Tensor]] = {
    "average": average,
    "task_arithmetic": task_arithmetic,
    "ties": ties,
    "dare": dare,
}
"""Name in `Run.derivation` -> function from task vectors [T, P] and a generator of random numbers to one vector [P]."""

COEFFICIENTS: Mapping[str, tuple[float, ...]] = {
    "average": (1.0,),
    "task_arithmetic": tuple(tenth / 10 for tenth in range(1, 11)),
    "ties": tuple(fifth / 5 for fifth in range(1, 11)),
    "dare": tuple(tenth / 10 for tenth in range(1, 11)),
}
"""Coefficients that are tried on validation; for a mean, only 1."""
