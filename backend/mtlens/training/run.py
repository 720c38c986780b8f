"""One run from claim to DONE: train, evaluate, write its folder; the same code alone, on a Ray worker, and data-parallel."""

import contextlib
import os
import platform
import time
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mtlens.config.run import Outcome, Run
from mtlens.data.encoders import Pretrained, locate
from mtlens.data.splits import TEST, SplitName
from mtlens.data.tokenize import Encoded
from mtlens.errors import EncoderError, TrainingError, WorkspaceError
from mtlens.store.workspace.job_runner import attempt, claimed, outcome_of
from mtlens.store.workspace.journal import Journal
from mtlens.store.workspace.run_folder import MODEL, RESUME, RunFolder, epoch_file
from mtlens.store.workspace.run_tables import MetricRow, PredictionBlock
from mtlens.store.workspace.workspace import Workspace
from mtlens.training.checkpoint import trained_tensors, weights_to_bytes
from mtlens.training.derived import derive
from mtlens.training.distributed import ALONE, Decision, World
from mtlens.training.evaluation import Prediction
from mtlens.training.hardware import Hardware, describe, gpu_utilisation, prepare, reset_peak_memory
from mtlens.training.progress import Epoch, Step
from mtlens.training.trainer import Trainer

SECONDS_BETWEEN_REPORTS = 1.0
SAVING_SHARE = 0.02  # of a run's time at most goes into saving states to resume from
PACKAGES = ("mtlens", "torch", "transformers", "ray", "peft", "numpy")


def execute(
    run: Run, encoded: Encoded, workspace: Workspace, *, threads: int, gpu: bool = False, world: World = ALONE
) -> Outcome:
    """Train a run unless its folder is done; a failure is recorded in the folder and does not affect other runs.

    A run that another process is training is waited for. An unfinished run continues after its last saved epoch. In a
    data-parallel run, an error in one process is raised: the other processes wait for it, so Ray Train has to end them all.
    """
    folder = RunFolder(workspace, run.run_id)
    hardware = prepare(run.training.precision, threads=threads, gpu=gpu)
    if world.rank > 0:
        return _follow(run, encoded, hardware, world)
    try:
        with claimed(folder):
            decision = world.share(Decision(train=folder.state != "done", state=folder.read_bytes(RESUME)))
            return _train(run, encoded, folder, hardware, world, decision) if decision.train else Outcome(job_id=run.run_id)
    except WorkspaceError as error:
        if world.size > 1:
            raise
        return outcome_of(run.run_id, error)


def encoder_directory(run: Run) -> Path:
    """The run's encoder on this node; EncoderError if it is not the one that the run was planned with."""
    encoder = _locate(run.encoder.name)
    if encoder.fingerprint != run.pretrained:
        raise EncoderError(
            f"{run.encoder.name} should have fingerprint {run.pretrained[:12]}; found {encoder.fingerprint[:12]} on this node"
        )
    return encoder.directory


@lru_cache
def _locate(name: str) -> Pretrained:
    """Once per process: hashing the weights takes a moment."""
    return locate(name)


def _follow(run: Run, encoded: Encoded, hardware: Hardware, world: World) -> Outcome:
    """The other processes of a data-parallel run: the same steps, the same end, and nothing written."""
    decision = world.share(None)
    if not decision.train:
        return Outcome(job_id=run.run_id)
    try:
        trainer = Trainer(run, encoded, encoder_directory(run), hardware, world)
        if decision.state is not None:
            with contextlib.suppress(TrainingError):
                trainer.resume(decision.state)
        trainer.fit(lambda _: None, lambda _: None)
        trainer.final_predictions()
    except TrainingError as error:
        return outcome_of(run.run_id, error)
    return Outcome(job_id=run.run_id)


def _train(run: Run, encoded: Encoded, folder: RunFolder, hardware: Hardware, world: World, decision: Decision) -> Outcome:
    def start() -> Journal:
        return folder.start(run, {name: version(name) for name in PACKAGES}, describe(hardware))

    def work(journal: Journal) -> None:
        reset_peak_memory(hardware.device)
        trainer = Trainer(run, encoded, encoder_directory(run), hardware, world)
        if run.derivation is None:
            _train_and_finish(trainer, decision.state, folder, journal)
        else:
            _derive_and_finish(trainer, folder, journal)

    error = attempt(folder, start, work)
    if error is not None and world.size > 1 and not isinstance(error, TrainingError):
        raise error
    return outcome_of(run.run_id, error)


def _train_and_finish(trainer: Trainer, state: bytes | None, folder: RunFolder, journal: Journal) -> None:
    started = time.perf_counter()
    _resume(trainer, state, journal)
    keep = trainer.run.keep_epochs and len(trainer.run.tasks) > 1
    on_step = _StepReporter(journal, trainer.hardware)

    def on_retry(tasks: list[str]) -> None:
        journal.write("retry", epoch=trainer.progress.epoch, step=trainer.progress.updates, fraction=0.0, collapsed=tasks)
        folder.forget_epochs()

    trainer.fit(on_step, _epoch_reporter(journal, folder, keep=keep), on_retry)
    _finish(trainer, folder, journal, started, {"gpu_utilisation": on_step.busy})


def _derive_and_finish(trainer: Trainer, folder: RunFolder, journal: Journal) -> None:
    started = time.perf_counter()
    journal.write("start", fraction=0.0, **_where())
    _finish(trainer, folder, journal, started, derive(trainer, folder.workspace))


def _finish(trainer: Trainer, folder: RunFolder, journal: Journal, started: float, more: dict[str, object]) -> None:
    """Predict, and write weights, facts and, last, DONE."""
    predictions = trainer.final_predictions()
    folder.save_bytes(MODEL, weights_to_bytes(trained_tensors(trainer.model)), durable=True)
    facts = {**_facts(trainer), **more, "wall_seconds": time.perf_counter() - started}
    # before DONE is written: the store reads the journals of a finished run once
    journal.write("done", epoch=trainer.progress.epoch, step=trainer.progress.updates, fraction=1.0)
    folder.finish(_metrics(predictions), _blocks(predictions, trainer.encoded), facts)


def _resume(trainer: Trainer, state: bytes | None, journal: Journal) -> None:
    """Resume from a saved state; where it is damaged, training starts anew."""
    if state is None:
        journal.write("start", fraction=0.0, **_where())
        return
    try:
        trainer.resume(state)
    except TrainingError as error:
        journal.write("start", fraction=0.0, discarded=str(error), **_where())
        return
    progress = trainer.progress
    fraction = progress.epoch / trainer.run.training.epochs
    journal.write("resume", epoch=progress.epoch, step=progress.updates, fraction=fraction, **_where())


def _where() -> dict[str, Any]:
    """Node and process; a run that is resumed may go on in another."""
    return {"node": platform.node(), "process": os.getpid()}


class _StepReporter:
    """Writes progress into the journal, at most once a second, with how busy the GPU is."""

    def __init__(self, journal: Journal, hardware: Hardware) -> None:
        self._journal, self._device = journal, hardware.device
        self._last = time.monotonic()
        self._samples: list[float] = []

    def __call__(self, step: Step) -> None:
        if time.monotonic() - self._last < SECONDS_BETWEEN_REPORTS:
            return
        self._last = time.monotonic()
        busy = gpu_utilisation(self._device)
        more = {} if busy is None else {"gpu_utilisation": busy}
        self._samples += more.values()
        self._journal.write("progress", epoch=step.epoch, step=step.step, fraction=step.fraction, losses=step.losses, **more)

    @property
    def busy(self) -> float | None:
        """Mean share of time in which the GPU computed, 0 to 1; None on a CPU."""
        return sum(self._samples) / len(self._samples) if self._samples else None


def _epoch_reporter(journal: Journal, folder: RunFolder, *, keep: bool) -> Callable[[Epoch], None]:
    """A function that records every epoch. keep: also keep the weight changes of each epoch, for the gradients."""
    saver = _Saver(folder)

    def report(epoch: Epoch) -> None:
        if keep:
            folder.save_bytes(epoch_file(epoch.epoch), epoch.change(), durable=False)
        if epoch.fraction < 1:
            saver.save(epoch)
        journal.write(
            "epoch",
            epoch=epoch.epoch,
            step=epoch.step,
            fraction=epoch.fraction,
            validation=epoch.validation,
            loss=epoch.loss,
            training_loss=epoch.training_loss,
            improved=epoch.improved,
            collapsed=epoch.collapsed,
        )

    return report


class _Saver:
    """Saves the state after an epoch, unless that would make saving cost more than its share of the time."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._ended, self._cost = time.monotonic(), 0.0

    def save(self, epoch: Epoch) -> None:
        started = time.monotonic()
        if self._cost <= SAVING_SHARE * (started - self._ended):
            self._folder.save_bytes(RESUME, epoch.state(), durable=False)
            self._ended = time.monotonic()
            self._cost = self._ended - started


def _facts(trainer: Trainer) -> dict[str, object]:
    """What DONE says of the training; `seconds` counts training and validation of all processes that worked on it."""
    progress, parameters = trainer.progress, list(trainer.model.parameters())
    return {
        "seconds": progress.seconds,
        "inference_seconds": trainer.inference_seconds,
        "inference_texts": len(trainer.encoded.rows(TEST, list(range(len(trainer.run.tasks))))),
        "epochs_run": progress.epoch,
        "best_epoch": progress.best_epoch,
        "updates": progress.updates,
        "retries": progress.attempt,
        "collapsed": trainer.collapsed(),
        "task_updates": {task.name: count for task, count in zip(trainer.run.tasks, progress.task_updates, strict=True)},
        "history": progress.history,
        "parameters": sum(parameter.numel() for parameter in parameters),
        "trainable_parameters": sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
        "peak_memory_bytes": trainer.conflicts.peak,
        **trainer.conflicts.facts(),
        **describe(trainer.hardware),
    }


def _metrics(predictions: dict[SplitName, list[Prediction]]) -> list[MetricRow]:
    return [
        MetricRow(split=split, task=prediction.task.name, name=name, value=value, label=label)
        for split, block in predictions.items()
        for prediction in block
        for name, label, value in prediction.scores()
    ]


def _blocks(predictions: dict[SplitName, list[Prediction]], encoded: Encoded) -> list[PredictionBlock]:
    return [
        PredictionBlock(
            split=split,
            task=prediction.task.name,
            example_ids=[encoded.ids[row] for row in prediction.rows],
            columns=prediction.columns,
        )
        for split, block in predictions.items()
        for prediction in block
    ]
