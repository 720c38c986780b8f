"""Does the cost of storing a run grow with what is already stored?

    python -m experiments.benchmarks.ingest

prints JSON in about three minutes. A thousand runs of at least a thousand predictions each, in experiments of 24 runs
(five tasks and one multi-task model, four seeds), are written as run folders and taken in one by one, as by an experiment
that calls `ingest` after each run; snapshots are published and comparisons computed at most every two seconds. Only
`ingest` is timed. `ratio` compares the last hundred runs with the first hundred, by the clock and by this process's CPU
time, which other work on the machine disturbs less.
"""

import json
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from mtlens.config.experiment import Experiment
from mtlens.config.run import Run
from mtlens.config.sections import Encoder, Training
from mtlens.config.task import Task
from mtlens.data.sources.spine import Spine, SpineReports
from mtlens.store.database import reader
from mtlens.store.ingest import ingest
from mtlens.store.workspace.manifest import Manifest, ManifestRun, ManifestTask, save_manifest
from mtlens.store.workspace.run_folder import MetricRow, PredictionBlock, RunFolder
from mtlens.store.workspace.workspace import Workspace

NUM_RUNS = 1000
NUM_EXAMPLES = 1000  # per task, half validation and half test
TASKS = tuple(Task(name=name, column=name, classes=("no", "yes")) for name in "abcde")
SEEDS = (0, 1, 2, 3)
IDS = [f"report-{i:05d}" for i in range(NUM_EXAMPLES)]
SPLITS = ("validation", "test")


def runs_of(experiment: Experiment) -> Iterator[tuple[str, Run]]:
    """Roles and runs of one experiment: each task alone and all together, under each seed."""
    for seed in SEEDS:
        for role, tasks in [("multi", TASKS), *(("single", (task,)) for task in TASKS)]:
            yield (
                role,
                Run(
                    tasks=tasks,
                    method="full",
                    seed=seed,
                    encoder=Encoder(),
                    pretrained="none",
                    training=Training(),
                    data=experiment.name,
                    labels=("none",) * len(tasks),
                ),
            )


def save(workspace: Workspace, experiment: Experiment) -> None:
    """Manifest and examples."""
    counts = {split: {"no": NUM_EXAMPLES // 4, "yes": NUM_EXAMPLES // 4} for split in SPLITS}
    manifest = Manifest(
        created=datetime.now(UTC),
        experiment_id=experiment.experiment_id,
        name=experiment.name,
        spec=experiment,
        tasks=tuple(
            ManifestTask(name=task.name, column=task.column, classes=task.classes, weight=1.0, class_counts=counts)
            for task in TASKS
        ),
        runs=tuple(ManifestRun(run_id=run.run_id, role=role, candidate=0) for role, run in runs_of(experiment)),
        notes=(),
    )
    splits = [SPLITS[i % 2] for i in range(NUM_EXAMPLES)]
    clusters = pa.array(np.arange(NUM_EXAMPLES, dtype=np.int32))
    save_manifest(workspace, manifest, pa.table({"example_id": IDS, "split": splits, "cluster": clusters}))


def finish(workspace: Workspace, run: Run, generator: np.random.Generator) -> None:
    """A finished run that is right about nine examples of ten."""
    folder = RunFolder(workspace, run.run_id)
    journal = folder.start(run, {}, {})
    journal.write("epoch", epoch=1, step=1, fraction=1.0)
    journal.close()
    blocks: list[PredictionBlock] = []
    for task in run.tasks:
        labels = (np.arange(NUM_EXAMPLES) // 2 % 2).astype(np.int16)
        predicted = labels ^ (generator.random(NUM_EXAMPLES) < 0.1)
        probabilities = np.eye(2, dtype=np.float32)[predicted]
        for start, split in enumerate(SPLITS):
            rows = slice(start, None, 2)
            blocks.append(
                PredictionBlock(
                    split=split,
                    task=task.name,
                    example_ids=IDS[rows],
                    columns={"label": labels[rows], "predicted": predicted[rows], "probabilities": probabilities[rows]},
                )
            )
    folder.finish([MetricRow(split=b.split, task=b.task, name="macro_f1", value=0.9) for b in blocks], blocks, {})


def main() -> None:
    """Write, take in, time."""
    generator = np.random.default_rng(0)
    seconds: list[tuple[float, float]] = []  # clock and CPU of each call
    snapshots = 0
    with tempfile.TemporaryDirectory() as directory:
        workspace = Workspace.open(Path(directory) / "results")
        for number in range(-(-NUM_RUNS // (len(SEEDS) * (1 + len(TASKS))))):
            experiment = Experiment(
                name=f"e{number}", data=SpineReports(spine=Spine(region="lumbar")), tasks=TASKS, seeds=SEEDS, margin=0.02
            )
            save(workspace, experiment)
            for _, run in list(runs_of(experiment))[: NUM_RUNS - len(seconds)]:
                finish(workspace, run, generator)
                clock, cpu = time.perf_counter(), time.process_time()
                snapshots += ingest(workspace).snapshot is not None
                seconds.append((time.perf_counter() - clock, time.process_time() - cpu))
        start = time.perf_counter()
        ingest(workspace, force=True)
        last_snapshot = time.perf_counter() - start
        start = time.perf_counter()
        rows = len(reader.query(workspace, "FROM matching").rows)
        query = time.perf_counter() - start
        size = workspace.master.stat().st_size
    milliseconds = 1000 * np.array(seconds)
    first, last = milliseconds[:100].mean(axis=0), milliseconds[-100:].mean(axis=0)
    report = {
        "runs": len(seconds),
        "first_100_ms_per_run": {"clock": round(first[0], 1), "cpu": round(first[1], 1)},
        "last_100_ms_per_run": {"clock": round(last[0], 1), "cpu": round(last[1], 1)},
        "ratio": {"clock": round(last[0] / first[0], 2), "cpu": round(last[1] / first[1], 2)},
        "median_ms_per_run": round(float(np.median(milliseconds[:, 0])), 1),
        "snapshots": snapshots,
        "forced_snapshot_ms": round(1000 * last_snapshot, 1),
        "matching_rows": rows,
        "matching_query_ms": round(1000 * query, 1),
        "database_mib": round(size / 2**20, 1),
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
