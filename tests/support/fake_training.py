"""Stands in for training: a run is finished at once, with predictions that are right with a chosen probability."""

import zlib
from collections.abc import Callable

import numpy as np

from mtlens.config.run import Outcome, Run
from mtlens.data.splits import SCORED, in_split
from mtlens.execution.plan import Plan
from mtlens.store.workspace.run_folder import PredictionBlock
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs

Right = Callable[[Run, str], float]
"""Chance that a run gets an example of a task right."""


def fake_training(plan: Plan, right: Right) -> Callable[..., Outcome]:
    """To put in place of `mtlens.execution.local.perform`. Models of one task err on the same examples more often than not."""

    def perform(run: Run, encoded: object, workspace: Workspace, **_: object) -> Outcome:
        folder, journal = fake_runs.start(workspace, run)
        journal.write("done", epoch=1, step=1, fraction=1.0)
        journal.close()
        blocks = [_block(plan, run, task.name, split, right(run, task.name)) for task in run.tasks for split in SCORED]
        facts = {"seconds": 60.0, "wall_seconds": 60.0, "epochs_run": 1, "best_epoch": 1, "updates": 1, "parameters": 1000}
        folder.finish([row for block in blocks for row in fake_runs.score(block)], blocks, facts)
        return Outcome(job_id=run.run_id)

    return perform


def _block(plan: Plan, run: Run, task: str, split: str, right: float) -> PredictionBlock:
    column = [listed.name for listed in plan.experiment.tasks].index(task)
    rows = np.flatnonzero(in_split(plan.examples.splits, split))
    labels = plan.examples.labels[rows, column].astype(np.int16)
    hard = np.random.default_rng([zlib.crc32(task.encode()), len(rows)]).normal(size=len(rows))
    own = np.random.default_rng([run.seed, len(run.tasks), zlib.crc32(task.encode())]).normal(size=len(rows))
    order = np.argsort(np.argsort(hard + 0.7 * own)) / len(rows)
    predicted = np.where(order < right, labels, 1 - labels).astype(np.int16)
    probabilities = np.where(predicted[:, None] == np.arange(2), 0.9, 0.1).astype(np.float32)
    ids = [plan.examples.ids[row] for row in rows]
    return PredictionBlock(
        split=split, task=task, example_ids=ids,
        columns={"label": labels, "predicted": predicted, "probabilities": probabilities},
    )  # fmt: skip
