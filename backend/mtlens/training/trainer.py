"""Plain torch training of one run; Ray knows nothing of it and it knows nothing of Ray.

Every random choice is a function of the run's seed and the epoch, so an interrupted run goes on as if nothing had
happened, and a run gives the same numbers wherever it is trained. In a world of several processes each takes its part of
every batch, and their losses add up to the loss of the whole batch.
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
from mtlens.training.batches import epoch_batches, learning_rate_factor
from mtlens.training.checkpoint import capture, change_to_bytes, restore, trained_tensors
from mtlens.training.distributed import ALONE, World
from mtlens.training.evaluation import Prediction, predict
from mtlens.training.hardware import Hardware
from mtlens.training.losses import BatchLoss, label_tables
from mtlens.training.model import MultiTaskModel, build_model
from mtlens.training.optimiser import encoder_rate, make_optimiser
from mtlens.training.progress import Epoch, Progress, Step

CHECK_EVERY = 16  # updates between looks at the losses: a look makes a GPU wait


class Trainer:
    """A run in training: its model, its optimiser, and where it stands."""

    def __init__(self, run: Run, encoded: Encoded, directory: Path, hardware: Hardware, world: World = ALONE):
        """encoded: examples with at least the run's tasks. directory: the pretrained encoder."""
        self.run, self.hardware, self.world = run, hardware, world
        self.encoded = encoded.select(run.tasks, run.fold)
        self.labels = training_labels(self.encoded, run)
        self.model = build_model(run, directory, encoded.vocabulary).to(hardware.device)
        self.optimiser = make_optimiser(self.model, run)
        self.loss = BatchLoss(run.tasks, label_tables(self.encoded, self.labels, run.training), hardware.device)
        self.progress = Progress(task_updates=[0] * len(run.tasks))
        self.inference_seconds = 0.0  # in which the test split was predicted
        self._initial = self.best = self._copy_weights()
        self._best_validation: list[Prediction] | None = None
        self._model = DistributedDataParallel(self.model) if world.size > 1 else self.model

    def resume(self, state: bytes) -> None:
        """Go on after the last whole epoch of an earlier process; TrainingError if the state is not this run's."""
        self.progress, self.best = restore(state, self.model, self.optimiser)
        self._best_validation = None

    def fit(self, on_step: Callable[[Step], None], on_epoch: Callable[[Epoch], None]) -> None:
        """Train to the last epoch or until patience runs out, then put the best epoch's weights back."""
        training, progress = self.run.training, self.progress
        while progress.epoch < training.epochs and not progress.exhausted(training.patience):
            started = time.perf_counter()
            training_loss = self.train_epoch(on_step)
            predictions = self.predict(VALIDATION)
            validation = float(np.mean([np.nan_to_num(prediction.score()) for prediction in predictions]))  # 0 where undefined
            loss = float(
                np.mean([self._finite(prediction.task.name, prediction.loss(), VALIDATION) for prediction in predictions])
            )
            improved = progress.finish_epoch(validation, loss)
            progress.seconds += time.perf_counter() - started
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
                    state=lambda: capture(progress, self.model, self.best, self.optimiser),
                    change=lambda: change_to_bytes(self.model, self._initial),
                )
            )
        with torch.no_grad():
            for name, tensor in trained_tensors(self.model).items():
                tensor.copy_(self.best[name])

    def predict(self, split: SplitName) -> list[Prediction]:
        """What the model says of every task on the labelled examples of a split; on validation, with what is chosen there."""
        batch_size = 2 * self.run.training.batch_size
        found = predict(self.model, self.encoded, split, batch_size=batch_size, hardware=self.hardware, world=self.world)
        return [prediction.with_own_choice() for prediction in found] if split == VALIDATION else found

    def final_predictions(self) -> dict[SplitName, list[Prediction]]:
        """Validation and test under the best epoch's weights; what that epoch has predicted already is not repeated."""
        validation = self.predict(VALIDATION) if self._best_validation is None else self._best_validation
        started = time.perf_counter()
        test = self.predict(TEST)
        self.inference_seconds = time.perf_counter() - started
        test = [replace(one, tuned=chosen.tuned) for one, chosen in zip(test, validation, strict=True)]
        return {VALIDATION: validation, TEST: test}

    def train_epoch(self, on_step: Callable[[Step], None]) -> float:
        """The updates of the next epoch, without validation; `fit` calls it and counts the epoch.

        Returns the training loss in nats: per task the mean over the updates with a label of it, then the mean over tasks.
        """
        epoch = self.progress.epoch
        torch.manual_seed(int(np.random.SeedSequence([self.run.seed, epoch, self.world.rank]).generate_state(1)[0]))
        schedule = epoch_batches(self.encoded, self.run.training, seed=self.run.seed, epoch=epoch)
        total = len(schedule) * self.run.training.epochs
        self.model.train()
        pending: list[Tensor] = []
        sums, counts = torch.zeros(len(self.run.tasks)), torch.zeros(len(self.run.tasks))
        for index, rows in enumerate(schedule):
            step = epoch * len(schedule) + index
            pending.append(self._update(rows, learning_rate_factor(step, total, self.run.training.warmup)))
            if len(pending) == CHECK_EVERY or index == len(schedule) - 1:
                losses, updates = self._count(torch.stack(pending))
                sums, counts = sums + losses, counts + updates
                on_step(Step(epoch=epoch + 1, step=step + 1, fraction=(step + 1) / total, losses=(losses / updates).tolist()))
                pending = []
        return float((sums / counts).nanmean())

    def _update(self, rows: NDArray[np.int64], factor: float) -> Tensor:
        """One optimiser step on the batch `rows`. Returns [2, T]: this part's losses, and which tasks had a label."""
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * factor
        tokens, mask, labels = self._part(rows)
        totals = self.loss.totals(self.labels[rows])
        with self.hardware.autocast():
            logits = self._model(tokens, mask)
        loss, losses = self.loss(logits, labels, totals)
        (loss * self.world.size).backward()
        _forget_absent(self.model, totals)
        nn.utils.clip_grad_norm_(self.model.parameters(), self.run.training.gradient_clip)
        self.optimiser.step()
        self.optimiser.zero_grad()
        present = torch.from_numpy((totals > 0) / np.float32(self.world.size))
        return torch.stack([losses, present.to(losses.device)])

    def _part(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens, mask and labels of this process' part of a batch; a part without rows is one row without labels."""
        part = self.world.part(rows)
        labels = self.labels[part] if len(part) else np.full_like(self.labels[rows[:1]], MISSING)
        tokens, mask = collate(self.encoded, part if len(part) else rows[:1])
        return self._on_device(tokens), self._on_device(mask), self._on_device(labels)

    def _count(self, pending: Tensor) -> tuple[Tensor, Tensor]:
        """Per task, sum of the losses of the pending updates [k, 2, T], and how many of them had a label of it.

        TrainingError at the first loss that is not finite.
        """
        losses, present = self.world.add(pending).cpu().unbind(dim=1)
        for step, values in enumerate(losses.tolist(), start=self.progress.updates + 1):
            for task, value in zip(self.run.tasks, values, strict=True):
                self._finite(task.name, value, f"step {step}")
        counts = present.round().sum(dim=0)
        self.progress.updates += len(losses)
        for j, count in enumerate(counts.tolist()):
            self.progress.task_updates[j] += int(count)
        return losses.sum(dim=0), counts

    def _finite(self, task: str, loss: float, where: str) -> float:
        if not math.isfinite(loss):
            rate = encoder_rate(self.run)
            raise TrainingError(f"loss of task {task!r} should be finite; found {loss} at {where} (learning rate {rate:g})")
        return loss

    def _copy_weights(self) -> dict[str, Tensor]:
        return {name: tensor.clone() for name, tensor in trained_tensors(self.model).items()}

    def _on_device(self, array: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(array).to(self.hardware.device)


def training_labels(encoded: Encoded, run: Run) -> NDArray[np.int64]:
    """Labels [n, T] to train on: as given, or permuted among a task's labelled training examples (the control).

    Each task has a permutation of its own: one for all would leave them as related as they are.
    """
    labels = encoded.labels.astype(np.int64)
    generator = np.random.default_rng(run.seed)
    for j, task in enumerate(run.tasks):
        if task.shuffle_labels:
            train = np.flatnonzero(in_split(encoded.splits, TRAIN) & (labels[:, j] != MISSING))
            labels[train, j] = generator.permutation(labels[train, j])
    return labels


def _forget_absent(model: MultiTaskModel, totals: NDArray[np.float32]) -> None:
    """A head without a label in the batch must not move, but on a gradient of zero Adam's momentum would move it."""
    if len(model.heads) > 1:
        for head, total in zip(model.heads, totals, strict=True):
            if total == 0:
                head.zero_grad(set_to_none=True)
