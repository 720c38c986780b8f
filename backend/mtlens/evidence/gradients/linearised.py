"""Input of the linearised estimate: each text's loss to first order around a trained multi-task model (Grad-TAE).

With p the probability that a model gives to a text's class, m = log(p / (1 - p)) is its margin, and the loss of the text is
log(1 + exp(-m)), whatever the number of classes. Around the trained weights m = m_0 + phi.w to first order, where phi is the
gradient of m in the encoder's weights, projected to d numbers. So there is one gradient for each text and task.

Li et al. 2024, "Scalable multitask learning using gradient-based estimation of task affinity"; the margin is that of Park et
al. 2023, "TRAK: attributing model behavior at scale". Heads do not change. One gradient is in memory at a time.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mtlens.data.splits import VALIDATION, in_split
from mtlens.data.tokenize import Encoded, collate
from mtlens.errors import EvidenceError
from mtlens.evidence.checkpoints import load_trained
from mtlens.evidence.gradients.gradient_rows import Report, Steps, gradient_batches_of
from mtlens.evidence.gradients.task_gradients import encoder_parameters
from mtlens.evidence.jobs import Linearisation
from mtlens.grouping.estimators.linearised import Linearised, linearised_affinity
from mtlens.store.workspace.evidence_tables import LinearisedRow
from mtlens.store.workspace.workspace import Workspace
from mtlens.tasks import MISSING, kind_of
from mtlens.training.hardware import Hardware
from mtlens.training.model import MultiTaskModel

DIMENSIONS = 256  # of a projected gradient: inner products are off by about 1 / 16 of the lengths
Rows = NDArray[np.int64]


def linearised_rows(
    evidence_job: Linearisation, encoded: Encoded, workspace: Workspace, directory: Path, hardware: Hardware, report: Report
) -> list[LinearisedRow]:
    """Rows of every ordered pair of tasks: fitted to the texts of the microbatches, evaluated on as many validation texts.

    Raises `EvidenceError` where no two tasks have labels in both.
    """
    run = evidence_job.run
    encoded = encoded.select(run.tasks, run.fold)
    batches = gradient_batches_of(encoded, run, evidence_job.microbatches, evidence_job.microbatch_size, hardware)
    train = np.concatenate(batches.rows)
    held_out = _held_out(encoded, len(train), run.seed)
    model = load_trained(run, workspace, directory, encoded.vocabulary)
    steps = Steps(len(train) + len(held_out), report)
    measured = linearise(model, encoded, batches.labels, batches.tables, train, held_out, hardware, seed=run.seed, report=steps)
    known = [j for j, task in enumerate(measured) if task is not None]
    if len(known) < 2:
        raise EvidenceError(f"two tasks at least should have training and validation labels; found {len(known)}")
    affinity = linearised_affinity([task for task in measured if task is not None], seed=run.seed)
    return [
        LinearisedRow(
            seed=run.seed,
            task_from=run.tasks[i].name,
            task_for=run.tasks[j].name,
            affinity=float(affinity.values[a, b]),
            training_examples=len(train),
            validation_examples=len(held_out),
        )
        for a, i in enumerate(known)
        for b, j in enumerate(known)
        if i != j
    ]


def linearise(
    model: MultiTaskModel,
    encoded: Encoded,
    labels: NDArray[np.int64],
    tables: Sequence[Tensor],
    train: Rows,
    held_out: Rows,
    hardware: Hardware,
    *,
    seed: int,
    report: Callable[[], None],
) -> list[Linearised | None]:
    """The labelled texts of each of T tasks, those of rows `train` and `held_out`; None for a task that lacks either.

    labels: [n, T] of all examples, as trained on; tables: the label table of each task. Each text becomes a binary
    classification: its class against all others.
    """
    model.eval().to(hardware.device)
    _, parameters = encoder_parameters(model)
    sketch = Sketch(parameters, DIMENSIONS, seed)
    margins: list[list[float]] = [[] for _ in model.heads]
    gradients: list[list[Tensor]] = [[] for _ in model.heads]
    is_training: list[list[bool]] = [[] for _ in model.heads]
    for row, of_train in [*((row, True) for row in train), *((row, False) for row in held_out)]:
        tokens, mask = (torch.from_numpy(array).to(hardware.device) for array in collate(encoded, np.array([row])))
        with hardware.autocast():
            logits = model(tokens, mask)
        for j in np.flatnonzero(labels[row] != MISSING).tolist():
            found = kind_of(encoded.tasks[j]).margin(encoded.tasks[j], logits[j], int(labels[row, j]), tables[j])
            own = torch.autograd.grad(found, parameters, retain_graph=True, allow_unused=True)
            margins[j].append(found.item())
            gradients[j].append(sketch(own).cpu())
            is_training[j].append(of_train)
        report()
    return [_task(*parts) for parts in zip(margins, gradients, is_training, strict=True)]


class Sketch:
    """Projects gradients to d numbers, of which number k is the sum of s_i g_i over all i with i mod d = k.

    Signs s_i of +1 and -1 are drawn at random, so inner products are preserved in expectation, with a variance that falls as
    1/d: a count sketch (Charikar et al. 2002, "Finding frequent items in data streams") with buckets assigned in turn.
    """

    def __init__(self, parameters: Sequence[Tensor], dimensions: int, seed: int):
        generator = torch.Generator().manual_seed(seed)
        coins = [torch.randint(2, (parameter.numel(),), generator=generator, dtype=torch.int8) for parameter in parameters]
        self._signs = [(2 * coin - 1).to(parameter.device) for coin, parameter in zip(coins, parameters, strict=True)]
        self._dimensions = dimensions

    def __call__(self, gradients: Sequence[Tensor | None]) -> Tensor:
        """`[d]` of one gradient in all parameters, in their order; None stands for zeros."""
        total = torch.zeros(self._dimensions, device=self._signs[0].device)
        for gradient, signs in zip(gradients, self._signs, strict=True):
            if gradient is not None:
                flat = gradient.reshape(-1).float() * signs
                total = total + functional.pad(flat, (0, -len(flat) % self._dimensions)).view(-1, self._dimensions).sum(dim=0)
        return total


def _held_out(encoded: Encoded, count: int, seed: int) -> Rows:
    validation = in_split(encoded.splits, VALIDATION) & (encoded.labels != MISSING).any(axis=1)
    return np.random.default_rng(seed).permutation(np.flatnonzero(validation))[:count]


def _task(margins: list[float], gradients: list[Tensor], is_training: list[bool]) -> Linearised | None:
    if not 0 < sum(is_training) < len(is_training):
        return None
    offsets, features = np.array(margins), torch.stack(gradients).double().numpy()
    return Linearised(
        offsets=np.stack([np.zeros_like(offsets), offsets], axis=1),
        gradients=np.stack([np.zeros_like(features), features], axis=1),
        labels=np.ones(len(margins), dtype=np.int64),
        is_training=np.array(is_training),
    )
