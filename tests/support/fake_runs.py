"""Workspaces with finished runs that were not trained: predictions are right with a chosen probability."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from mtlens.config.experiment import Experiment
from mtlens.config.run import Run
from mtlens.config.run_kinds import asked_kinds
from mtlens.config.sections import Encoder, Grid, Lora, Training
from mtlens.config.task import Task
from mtlens.data.sources.spine import Spine, SpineReports
from mtlens.statistics.metrics import find_metric
from mtlens.store.workspace.journal import Journal
from mtlens.store.workspace.manifest import Manifest, ManifestRun, ManifestTask, save_manifest
from mtlens.store.workspace.run_folder import MetricRow, PredictionBlock, RunFolder
from mtlens.store.workspace.workspace import Workspace

CLASSES = ("none", "mild", "severe")


@dataclass(frozen=True, kw_only=True)
class Planned:
    role: str
    candidate: int
    run: Run


@dataclass(frozen=True, kw_only=True)
class FakeExperiment:
    experiment: Experiment
    planned: tuple[Planned, ...]
    num_examples: int

    @property
    def runs(self) -> tuple[Run, ...]:
        """The distinct runs."""
        return tuple({planned.run.run_id: planned.run for planned in self.planned}.values())

    def of_role(self, role: str) -> tuple[Run, ...]:
        return tuple(planned.run for planned in self.planned if planned.role == role)


def fake_experiment(
    name: str = "fake",
    *,
    tasks: tuple[str, ...] = ("bulge", "stenosis"),
    seeds: tuple[int, ...] = (0, 1, 2),
    runs: tuple[str, ...] = ("single", "multi"),
    learning_rates: tuple[float, ...] = (1e-4,),
    num_examples: int = 60,
    margin: float = 0.1,
) -> FakeExperiment:
    """An experiment and its runs. A third of the examples is validation and a third test; two make a cluster."""
    experiment = Experiment(
        name=name,
        data=SpineReports(spine=Spine(region="lumbar", reports=num_examples)),
        tasks=tuple(Task(name=task, column=task, classes=CLASSES) for task in tasks),
        training=Training(epochs=2, lora=Lora(learning_rate=5e-3)),
        grid=Grid(learning_rate=learning_rates if len(learning_rates) > 1 else ()),
        seeds=seeds,
        margin=margin,
        runs=runs,
    )
    planned: list[Planned] = []
    for kind in (kind for word in runs for kind in asked_kinds([word])):
        for of_run in kind.task_sets(experiment.tasks):
            for candidate, rate in enumerate(learning_rates):
                for seed in seeds:
                    run = Run(
                        tasks=of_run,
                        method=kind.method,
                        seed=seed,
                        encoder=Encoder(),
                        pretrained="0" * 64,
                        training=experiment.training.model_copy(update={"learning_rate": rate}),
                        data=f"{num_examples:016x}",
                        labels=("0" * 16,) * len(of_run),
                    )
                    planned.append(Planned(role=kind.name, candidate=candidate, run=run))
    return FakeExperiment(experiment=experiment, planned=tuple(planned), num_examples=num_examples)


def example_splits(num_examples: int) -> list[str]:
    return [("train", "validation", "test")[i // 2 % 3] for i in range(num_examples)]


def save(workspace: Workspace, fake: FakeExperiment, created: str = "2030-01-01T00:00:00+00:00") -> None:
    """Write the manifest."""
    splits = example_splits(fake.num_examples)
    examples = pa.table(
        {
            "example_id": [f"e{i}" for i in range(fake.num_examples)],
            "split": splits,
            "fold": pa.nulls(fake.num_examples, pa.int32()),
            "cluster": pa.array([i // 2 for i in range(fake.num_examples)], pa.int32()),
        }
    )
    counts = {split: dict.fromkeys(CLASSES, 1) for split in ("train", "validation", "test")}
    experiment = fake.experiment
    manifest = Manifest(
        created=datetime.fromisoformat(created),
        experiment_id=experiment.experiment_id,
        name=experiment.name,
        spec=experiment,
        tasks=tuple(
            ManifestTask(name=task.name, column=task.column, classes=task.classes, weight=task.weight, class_counts=counts)
            for task in experiment.tasks
        ),
        runs=tuple(
            ManifestRun(run_id=planned.run.run_id, role=planned.role, candidate=planned.candidate) for planned in fake.planned
        ),
        notes=("a note",),
    )
    save_manifest(workspace, manifest, examples)


def start(workspace: Workspace, run: Run) -> tuple[RunFolder, Journal]:
    """Begin a run; returns its folder and its open journal."""
    folder = RunFolder(workspace, run.run_id)
    journal = folder.start(run, {"mtlens": "0"}, {"cpu": "none", "threads": 1, "device": "cpu"})
    journal.write("start", fraction=0.0)
    return folder, journal


def finish(
    workspace: Workspace,
    run: Run,
    *,
    right: float | Mapping[str, float] = 0.8,
    num_examples: int = 60,
    validation: tuple[float, ...] = (),
) -> RunFolder:
    """A finished run whose predictions are right with probability `right`, which can differ by task.

    validation: score after each epoch, as far as its facts tell it.
    """
    folder, journal = start(workspace, run)
    for epoch in (1, 2):
        journal.write("epoch", epoch=epoch, step=10 * epoch, fraction=epoch / 2, loss=1 / epoch)
    journal.write("done", epoch=2, step=20, fraction=1.0)
    journal.close()
    rights = right if isinstance(right, Mapping) else {task.name: right for task in run.tasks}
    blocks = [block for task in run.tasks for block in predict(run, task.name, rights[task.name], num_examples)]
    facts = {
        "seconds": 1.5,
        "wall_seconds": 2.5,
        "epochs_run": 2,
        "best_epoch": 1,
        "updates": 20,
        "parameters": 1000,
        "gpu_utilisation": 0.5,
        "history": [{"epoch": number, "validation": score, "loss": 1.0} for number, score in enumerate(validation, start=1)],
    }
    folder.finish([row for block in blocks for row in score(block)], blocks, {**facts, "precision": "float32"})
    return folder


def finish_all(workspace: Workspace, fake: FakeExperiment, right: float = 0.8) -> None:
    """Manifest and all runs of an experiment, finished."""
    save(workspace, fake)
    for run in fake.runs:
        finish(workspace, run, right=right, num_examples=fake.num_examples)


def predict(run: Run, task: str, right: float, num_examples: int) -> list[PredictionBlock]:
    """Validation and test predictions; the labels depend on the task alone, the errors on the run too."""
    labels = np.random.default_rng(zlib.crc32(task.encode())).integers(3, size=num_examples).astype(np.int16)
    generator = np.random.default_rng([int(run.run_id, 16), zlib.crc32(task.encode())])
    missed = (generator.random(num_examples) >= right) * generator.integers(1, 3, size=num_examples)
    predicted = ((labels + missed) % 3).astype(np.int16)
    probabilities = np.full((num_examples, 3), 0.1, np.float32)
    probabilities[np.arange(num_examples), predicted] = 0.8
    blocks: list[PredictionBlock] = []
    for split in ("validation", "test"):
        rows = [i for i, of_example in enumerate(example_splits(num_examples)) if of_example == split]
        ids = [f"e{i}" for i in rows]
        blocks.append(
            PredictionBlock(
                split=split,
                task=task,
                example_ids=ids,
                columns={"label": labels[rows], "predicted": predicted[rows], "probabilities": probabilities[rows]},
            )
        )
    return blocks


def score(block: PredictionBlock) -> list[MetricRow]:
    return [
        MetricRow(
            split=block.split,
            task=block.task,
            name=name,
            value=find_metric(name).value(block.columns["label"], block.columns["predicted"], 3),
        )
        for name in ("macro_f1", "accuracy")
    ]


def dump(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table in a database, sorted; the time when the database was made is left out."""
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE NOT internal ORDER BY ALL"
        ).fetchall()
        return {
            name: connection.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall()
            for (name,) in tables
            if name != "main.store_info"
        }


def block(n: int = 2) -> PredictionBlock:
    """Predictions of one task on n test examples, all of them wrong."""
    return PredictionBlock(
        split="test",
        task="t",
        example_ids=[f"e{i}" for i in range(n)],
        columns={
            "label": np.zeros(n, np.int16),
            "predicted": np.ones(n, np.int16),
            "probabilities": np.tile(np.array([0.25, 0.75], np.float32), (n, 1)),
        },
    )
