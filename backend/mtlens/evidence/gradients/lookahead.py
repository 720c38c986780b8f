"""Effect of training on one task on the others: inter-task affinities by look-ahead steps, and to first order.

    Z_i->j = (1 - L_j(theta + u_i) / L_j(theta)) / eta        to first order  g_i.g_j / L_j

with theta the shared weights, u_i the step that the optimiser takes for task i alone, eta its learning rate, and both losses on
the batch that the step was taken on, without dropout. Positive: a step for i lowers the loss of j. Heads do not change. Fifty
et al. 2021, "Efficiently identifying task groupings for multi-task learning" (TAG).
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mtlens.config.run import Run
from mtlens.data.tokenize import Encoded
from mtlens.evidence.checkpoints import trained_models
from mtlens.evidence.gradients.gradient_rows import Report, Steps, gradient_batches_of
from mtlens.evidence.gradients.gramian import task_gradients
from mtlens.evidence.gradients.task_gradients import GradientBatches, encoder_parameters, losses_of
from mtlens.evidence.jobs import LookAhead
from mtlens.grouping.estimators.affinity import first_order_affinity
from mtlens.store.workspace.evidence_tables import LookaheadRow
from mtlens.store.workspace.run_folder import RunFolder
from mtlens.store.workspace.workspace import Workspace
from mtlens.training.hardware import Hardware
from mtlens.training.model import MultiTaskModel
from mtlens.training.optimiser import make_optimiser

Floats = NDArray[np.float64]
Losses = Callable[[], list[Tensor | None]]  # of T tasks on one batch, at the present weights; None without a label


def lookahead_rows(
    evidence_job: LookAhead, encoded: Encoded, workspace: Workspace, directory: Path, hardware: Hardware, report: Report
) -> list[LookaheadRow]:
    """Rows of every ordered pair of tasks at each epoch with kept weights; `report` is called with the share that is done."""
    run = evidence_job.run
    encoded = encoded.select(run.tasks, run.fold)
    batches = gradient_batches_of(encoded, run, evidence_job.microbatches, evidence_job.microbatch_size, hardware)
    facts = RunFolder(workspace, run.run_id).facts()
    best, last = int(facts["best_epoch"]), int(facts["epochs_run"])
    steps = Steps(2 * last * len(batches.rows), report)
    rows: list[LookaheadRow] = []
    for epoch, model in trained_models(run, best, last, workspace, directory, encoded.vocabulary):
        lookahead, first_order = look_ahead(model, run, batches, hardware, steps)
        for i, task_from in enumerate(run.tasks):
            for j, task_for in enumerate(run.tasks):
                if i != j:
                    rows.append(
                        LookaheadRow(
                            seed=run.seed,
                            epoch=epoch,
                            task_from=task_from.name,
                            task_for=task_for.name,
                            lookahead=_mean(lookahead[:, i, j]),
                            first_order=_mean(first_order[:, i, j]),
                            microbatches=int((~np.isnan(lookahead[:, i, j])).sum()),
                        )
                    )
    return rows


def look_ahead(
    model: MultiTaskModel, run: Run, batches: GradientBatches, hardware: Hardware, report: Callable[[], None]
) -> tuple[Floats, Floats]:
    """Affinities on each of K microbatches, by look-ahead and to first order, `[K, T, T]` each, NaN where a task has no label.

    The optimiser is the run's at its peak learning rate. Stored models lack the optimiser's moments: they are estimated
    from the gradients of all tasks on the microbatches, at fixed weights.
    """
    model.eval().to(hardware.device)
    _, parameters = encoder_parameters(model)
    optimiser = make_optimiser(model, run)
    losses_of_batches: list[Losses] = [lambda rows=rows: losses_of(model, batches, rows, hardware) for rows in batches.rows]
    rates = [float(group["lr"]) for group in optimiser.param_groups]
    for group in optimiser.param_groups:
        group["lr"] = 0.0
    for losses in losses_of_batches:
        present = [loss for loss in losses() if loss is not None]
        _step(optimiser, parameters, task_gradients([torch.stack(present).mean()], parameters)[0], run.training.gradient_clip)
        report()
    for group, rate in zip(optimiser.param_groups, rates, strict=True):
        group["lr"] = rate
    found: list[tuple[Floats, Floats]] = []
    for losses in losses_of_batches:
        found.append(affinities(losses, parameters, optimiser, rate=run.encoder_rate, clip=run.training.gradient_clip))
        report()
    return np.stack([lookahead for lookahead, _ in found]), np.stack([first_order for _, first_order in found])


def affinities(
    losses: Losses, parameters: Sequence[Tensor], optimiser: torch.optim.Optimizer, *, rate: float, clip: float = np.inf
) -> tuple[Floats, Floats]:
    """Affinities of T tasks on one batch, by look-ahead and to first order, `[T, T]` each: row i, column j is i for j.

    NaN for a task without a label, or without a loss to lower. Leaves weights and optimiser exactly as they were. clip: largest
    norm of a task's gradient, in the look-ahead only.
    """
    before = losses()
    present = [j for j, loss in enumerate(before) if loss is not None and loss.item() > 0]
    lookahead, first_order = np.full((2, len(before), len(before)), np.nan)
    chosen = [loss for j, loss in enumerate(before) if loss is not None and j in present]
    if not chosen:
        return lookahead, first_order
    gradients = task_gradients(chosen, parameters)
    start = np.array([loss.item() for loss in chosen])
    places = np.ix_(present, present)
    first_order[places] = first_order_affinity(_products(gradients), start)
    restore = _snapshot(parameters, optimiser)
    for i, gradient in zip(present, gradients, strict=True):
        _step(optimiser, parameters, gradient, clip)
        with torch.no_grad():
            after = losses()
        restore()
        ahead = np.array([loss.item() for j, loss in enumerate(after) if loss is not None and j in present])
        lookahead[i, present] = (1 - ahead / start) / rate
    return lookahead, first_order


def _step(optimiser: torch.optim.Optimizer, parameters: Sequence[Tensor], gradient: Sequence[Tensor], clip: float) -> None:
    for parameter, own in zip(parameters, gradient, strict=True):
        parameter.grad = own.detach().clone()
    nn.utils.clip_grad_norm_(parameters, clip)
    optimiser.step()
    optimiser.zero_grad()


def _snapshot(parameters: Sequence[Tensor], optimiser: torch.optim.Optimizer) -> Callable[[], None]:
    """Keeps weights and the optimiser's state; what it returns puts them back, as often as it is called."""
    weights = [parameter.detach().clone() for parameter in parameters]
    state = _copied(optimiser)

    @torch.no_grad()
    def restore() -> None:
        for parameter, kept in zip(parameters, weights, strict=True):
            parameter.copy_(kept)
        optimiser.state.clear()
        for parameter, own in state.items():
            optimiser.state[parameter] = {name: _copy(value) for name, value in own.items()}

    return restore


def _copied(optimiser: torch.optim.Optimizer) -> dict[Tensor, dict[str, object]]:
    return {parameter: {name: _copy(value) for name, value in own.items()} for parameter, own in optimiser.state.items()}


def _copy(value: object) -> object:
    return value.clone() if isinstance(value, Tensor) else value


def _products(gradients: Sequence[Sequence[Tensor]]) -> Floats:
    """g_i.g_j, `[T, T]`, in float64."""
    products = np.zeros((len(gradients), len(gradients)))
    for column in zip(*gradients, strict=True):
        matrix = torch.stack([tensor.reshape(-1) for tensor in column]).double()
        products += (matrix @ matrix.T).cpu().numpy()
    return products


def _mean(values: Floats) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None
