"""Plain torch training of one run, independent of Ray.

Every random choice is a function of the run's seed and the epoch, so an interrupted run continues as if it had not been
interrupted, and a run gives the same numbers wherever it is trained. With several processes, each takes its part of every
batch, and their losses add up to the loss of the whole batch.
"""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from mtlens.config.run import Run
from mtlens.data.splits import TEST, TRAIN, VALIDATION, SplitName, in_split
from mtlens.data.tokenize import Encoded, collate
from mtlens.errors import TrainingError
from mtlens.tasks import MISSING
from mtlens.training.balancing import make_balancing
from mtlens.training.balancing.base import Batch
from mtlens.training.batches import epoch_batches, learning_rate_factor
from mtlens.training.checkpoint import capture, change_to_bytes, restore, trained_tensors
from mtlens.training.conflicts import MEASURED_EVERY, ConflictMeter
from mtlens.training.distributed import ALONE, World
from mtlens.training.dropout import BulkDropout
from mtlens.training.evaluation import Prediction, predict
from mtlens.training.hardware import Hardware
from mtlens.training.losses import BatchLoss, label_tables
from mtlens.training.model import MultiTaskModel, build_model
from mtlens.training.optimiser import make_optimiser
from mtlens.training.progress import Epoch, Progress, Step

ATTEMPTS_APART = 2**32  # between the seeds of order and dropout of a run's attempts: no experiment counts so far
CHECK_EVERY = 16  # updates between looks at the losses: a look makes a GPU wait


class Trainer:
    """A run in training: its model, its optimiser and its progress."""

    def __init__(self, run: Run, encoded: Encoded, directory: Path, hardware: Hardware, world: World = ALONE):
        """encoded: examples with at least the run's tasks. directory: the pretrained encoder."""
        self.run, self.hardware, self.world = run, hardware, world
        self.encoded = encoded.select(run.tasks, run.fold)
        self.labels = training_labels(self.encoded, run)
        self.model = build_model(run, directory, encoded.vocabulary).to(hardware.device)
        self.balancing = make_balancing(run)
        self.model.add_module("balancing", self.balancing.weights.to(hardware.device))  # saved and resumed with the model
        self.optimiser = make_optimiser(self.model, run, self.balancing.weights)
        self.conflicts = ConflictMeter(run.tasks, hardware.device)
        self._shared = [parameter for parameter in self.model.encoder.parameters() if parameter.requires_grad]
        self._dropout = BulkDropout([run.seed])  # replaced in each epoch
        self._epoch_losses = torch.zeros(2, len(run.tasks))  # sums of the losses of an epoch, and their numbers
        self.tables = label_tables(self.encoded, self.labels, run.training)  # what the loss of a task knows of its labels
        self.loss = BatchLoss(run.tasks, self.tables, hardware.device)
        self.progress = Progress(task_updates=[0] * len(run.tasks))
        self.inference_seconds = 0.0  # in which the test split was predicted
        self._initial = self.best = self._copy_weights()
        self._best_validation: list[Prediction] | None = None
        self._model = DistributedDataParallel(self.model) if world.size > 1 else self.model

    def resume(self, state: bytes) -> None:
        """Continue after the last whole epoch of an earlier process; TrainingError if the state is of another run."""
        self.progress, self.best = restore(state, self.model, self.optimiser)
        if self.progress.conflicts:
            self.conflicts.tallies = np.array(self.progress.conflicts)
        self._best_validation = None

    def fit(
        self,
        on_step: Callable[[Step], None],
        on_epoch: Callable[[Epoch], None],
        on_retry: Callable[[list[str]], None] = lambda _: None,
    ) -> None:
        """Train to the last epoch or until patience ends it, then restore the weights of the best epoch.

        If they predict only one class for a task, train anew from the same start in another order, at most `retries` times;
        on_retry is called with these tasks.
        """
        self._fit(on_step, on_epoch)
        while self.progress.attempt < self.run.training.retries and (tasks := self.collapsed()):
            on_retry(tasks)
            self._restart()
            self._fit(on_step, on_epoch)

    def collapsed(self) -> list[str]:
        """Tasks for which the best epoch's weights predict one class only on validation; none for runs on permuted labels."""
        if any(task.shuffle_labels for task in self.run.tasks):
            return []
        return _collapsed(self._of_best())

    def _restart(self) -> None:
        """Everything as it was at the start, but for the order of batches and dropout."""
        self._put(self._initial)
        self.best, self._best_validation = self._copy_weights(), None
        self.optimiser = make_optimiser(self.model, self.run, self.balancing.weights)
        self.progress = self.progress.restarted()
        self.conflicts.tallies[:] = 0

    def _fit(self, on_step: Callable[[Step], None], on_epoch: Callable[[Epoch], None]) -> None:
        """One attempt."""
        training, progress = self.run.training, self.progress
        while progress.epoch < training.epochs and not progress.exhausted(training.patience):
            started, measured = time.perf_counter(), self.conflicts.seconds
            training_loss = self.train_epoch(on_step)
            predictions, validation, loss = self.validate()
            improved = progress.finish_epoch(validation, loss)
            progress.seconds += time.perf_counter() - started - (self.conflicts.seconds - measured)
            if improved:
                self.best, self._best_validation = self._copy_weights(), predictions
            on_epoch(
                Epoch(
                    epoch=progress.epoch,
                    step=progress.updates,
                    fraction=progress.epoch / training.epochs,
                    validation=validation,
                    loss=loss,
                    training_loss=training_loss,
                    improved=improved,
                    collapsed=_collapsed(predictions),
                    state=lambda: capture(progress, self.model, self.best, self.optimiser),
                    change=lambda: change_to_bytes(self.model, self._initial),
                )
            )
        self._put(self.best)

    @torch.no_grad()
    def _put(self, weights: dict[str, Tensor]) -> None:
        for name, tensor in trained_tensors(self.model).items():
            tensor.copy_(weights[name])

    def validate(self) -> tuple[list[Prediction], float, float]:
        """Predictions on validation, and the means over tasks of score and loss; TrainingError where a loss is not finite."""
        predictions = self.predict(VALIDATION)
        losses = [self._finite(prediction.task.name, prediction.loss(), VALIDATION) for prediction in predictions]
        scores = [np.nan_to_num(prediction.score()) for prediction in predictions]  # 0 where undefined
        return predictions, float(np.mean(scores)), float(np.mean(losses))

    def predict(self, split: SplitName) -> list[Prediction]:
        """Predictions for every task on the labelled examples of a split; on validation, with their tuned settings."""
        batch_size = 2 * self.run.training.batch_size
        found = predict(self.model, self.encoded, split, batch_size=batch_size, hardware=self.hardware, world=self.world)
        return [prediction.with_own_choice() for prediction in found] if split == VALIDATION else found

    def final_predictions(self) -> dict[SplitName, list[Prediction]]:
        """Predictions on validation and test with the best epoch's weights; existing ones on validation are not repeated."""
        validation = self._of_best()
        started = time.perf_counter()
        test = self.predict(TEST)
        self.inference_seconds = time.perf_counter() - started
        test = [replace(prediction, tuned=chosen.tuned) for prediction, chosen in zip(test, validation, strict=True)]
        return {VALIDATION: validation, TEST: test}

    def _of_best(self) -> list[Prediction]:
        """Predictions of the best epoch's weights on validation; processes that train together ask for them together."""
        if self._best_validation is None:
            self._best_validation = self.predict(VALIDATION)
        return self._best_validation

    def train_epoch(self, on_step: Callable[[Step], None]) -> float:
        """The updates of the next epoch, without validation; `fit` calls it and counts the epoch.

        Returns the training loss in nats: for each task the mean over updates with a label of the task, then the mean over
        tasks.
        """
        epoch, seed = self.progress.epoch, self.run.seed + ATTEMPTS_APART * self.progress.attempt
        torch.manual_seed(int(np.random.SeedSequence([seed, epoch, self.world.rank]).generate_state(1)[0]))
        self._dropout = BulkDropout([seed, epoch, self.world.rank])
        schedule = epoch_batches(self.encoded, self.run.training, seed=seed, epoch=epoch)
        total = len(schedule) * self.run.training.epochs
        self.model.train()
        self.balancing.start_epoch(self.progress.task_losses)
        pending: list[Tensor] = []
        self._epoch_losses = torch.zeros(2, len(self.run.tasks))
        for index, rows in enumerate(schedule):
            step = epoch * len(schedule) + index
            factor = learning_rate_factor(step, total, self.run.training.warmup)
            pending.append(self.update(rows, factor, measure=index % MEASURED_EVERY == 0))
            if len(pending) == CHECK_EVERY or index == len(schedule) - 1:
                losses = self._count(torch.stack(pending))
                on_step(Step(epoch=epoch + 1, step=step + 1, fraction=(step + 1) / total, losses=losses))
                pending = []
        of_tasks = self._epoch_losses[0] / self._epoch_losses[1]
        self.progress.task_losses.append(of_tasks.tolist())
        self.progress.conflicts = self.conflicts.tallies.tolist()
        return float(of_tasks.nanmean())

    def update(self, rows: NDArray[np.int64], factor: float, *, measure: bool) -> Tensor:
        """One optimiser step on the batch `rows`. Returns [2, T]: this part's losses, and which tasks had a label."""
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * factor
        tokens, mask, labels = self._part(rows)
        totals = self.loss.totals(self.labels[rows])
        batch = self._forward(tokens, mask, labels, totals)
        if measure and self.run.measure_conflicts and not self.balancing.measures:
            self.conflicts.measure(batch)
        gramian = self.balancing.backward(batch)
        if gramian is not None:
            self.conflicts.add(batch, gramian)
        _forget_absent(self.model, totals)
        nn.utils.clip_grad_norm_(self.model.parameters(), self.run.training.gradient_clip)
        self.optimiser.step()
        self.optimiser.zero_grad()
        present = torch.from_numpy((totals > 0) / np.float32(self.world.size))
        return torch.stack([batch.losses.detach(), present.to(batch.losses.device)])

    def _forward(self, tokens: Tensor, mask: Tensor, labels: Tensor, totals: NDArray[np.float32]) -> Batch:
        """Losses of this process' part of a batch, with their graph. totals: [T] of the whole batch."""
        with self.hardware.training(), self._dropout.step():
            features = self.model.features(tokens, mask) if self.world.size == 1 else None
            logits = self._model(tokens, mask) if features is None else self.model.classify(features)
        losses, shares = self.loss(logits, labels, totals)
        return Batch(
            losses=losses,
            shares=shares,
            present=np.flatnonzero(totals > 0).tolist(),
            features=None if features is None else features.tensors,
            heads=list(self.model.heads),
            shared=self._shared,
            processes=self.world.size,
        )

    def _part(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens, mask and labels of this process' part of a batch; a part without rows is one row without labels."""
        part = self.world.part(rows)
        labels = self.labels[part] if len(part) else np.full_like(self.labels[rows[:1]], MISSING)
        tokens, mask = collate(self.encoded, part if len(part) else rows[:1])
        return self._on_device(tokens), self._on_device(mask), self._on_device(labels)

    def _count(self, pending: Tensor) -> list[float]:
        """Mean loss per task over the pending updates [k, 2, T]; TrainingError at the first that is not finite."""
        losses, present = self.world.add(pending).cpu().unbind(dim=1)
        for step, values in enumerate(losses.tolist(), start=self.progress.updates + 1):
            for task, value in zip(self.run.tasks, values, strict=True):
                self._finite(task.name, value, f"step {step}")
        counts = present.round().sum(dim=0)
        self._epoch_losses += torch.stack([losses.sum(dim=0), counts])
        self.progress.updates += len(losses)
        for j, count in enumerate(counts.tolist()):
            self.progress.task_updates[j] += int(count)
        return (losses.sum(dim=0) / counts).tolist()

    def _finite(self, task: str, loss: float, where: str) -> float:
        if not math.isfinite(loss):
            rate = self.run.encoder_rate
            raise TrainingError(f"loss of task {task!r} should be finite; found {loss} at {where} (learning rate {rate:g})")
        return loss

    def _copy_weights(self) -> dict[str, Tensor]:
        return {name: tensor.clone() for name, tensor in trained_tensors(self.model).items()}

    def _on_device(self, array: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(array).to(self.hardware.device)


def _collapsed(predictions: list[Prediction]) -> list[str]:
    return [prediction.task.name for prediction in predictions if prediction.collapsed]


def training_labels(encoded: Encoded, run: Run) -> NDArray[np.int64]:
    """Labels [n, T] to train on: as given, or permuted among a task's labelled training examples (the control).

    Each task has its own permutation: a common one would preserve the relations between tasks.
    """
    labels = encoded.labels.astype(np.int64)
    generator = np.random.default_rng(run.seed)
    for j, task in enumerate(run.tasks):
        if task.shuffle_labels:
            train = np.flatnonzero(in_split(encoded.splits, TRAIN) & (labels[:, j] != MISSING))
            labels[train, j] = generator.permutation(labels[train, j])
    return labels


def _forget_absent(model: MultiTaskModel, totals: NDArray[np.float32]) -> None:
    """Drop the gradients of heads without a label in the batch: with a zero gradient, Adam's momentum would move them."""
    if len(model.heads) > 1:
        for head, total in zip(model.heads, totals, strict=True):
            if total == 0:
                head.zero_grad(set_to_none=True)
