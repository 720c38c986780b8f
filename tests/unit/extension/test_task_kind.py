"""A kind of task that mtlens does not know: steps by independent logits, from the experiment file to the dashboard."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from mtlens.config.experiment import Experiment
from mtlens.errors import ExperimentError
from mtlens.execution.experiment import run_experiment
from mtlens.execution.plan import make_plan
from mtlens.store.database.reader import query
from mtlens.store.workspace.run_folder import RunFolder
from mtlens.store.workspace.workspace import Workspace
from mtlens.tasks import KINDS, MISSING, Labels, TaskKind, kind_of, register
from mtlens_dashboard import figures, queries


class Steps(TaskKind):
    """C ordered classes by C - 1 outputs, the logits of "above class c"; a cell is a number from 1 to C."""

    name = "steps"
    metric = "accuracy"

    def read(self, task, values, where):
        return Labels(codes=np.array([MISSING if not value else int(value) - 1 for value in values], dtype=np.int32))

    def outputs(self, task):
        return len(task.classes) - 1

    def loss(self, task, logits, labels, table, reduction):
        labelled = labels != MISSING
        above = (labels[labelled, None] > torch.arange(logits.shape[1], device=labels.device)).float()
        losses = functional.binary_cross_entropy_with_logits(logits[labelled], above, reduction="none").sum(dim=1)
        each = table[labels[labelled]]
        total = (losses * each).sum()
        return total if reduction == "sum" else total / each.sum()

    def probabilities(self, task, logits):
        above = functional.pad(logits.sigmoid().cummin(dim=1).values, (1, 1))
        above[:, 0] = 1.0
        return above[:, :-1] - above[:, 1:]


@pytest.fixture
def steps():
    register(Steps())
    yield
    del KINDS[Steps.name]


def test_a_new_kind_of_task_is_trained_beside_others_and_shown(steps, search_plan, tmp_path):
    made = search_plan(2, seeds=(0, 1, 2)).experiment.model_dump()
    generator = np.random.default_rng(0)
    grades = generator.integers(1, 4, 240)
    words = {1: "normal", 2: "mild", 3: "severe"}
    filler = [" ".join(generator.choice(["disc", "canal", "root", "left", "right", "with"], 6)) for _ in grades]
    rows = [f"{words[grade]} {more},{grade},{'xy'[int(grade > 1)]}" for grade, more in zip(grades, filler, strict=True)]
    (tmp_path / "notes.csv").write_text("\n".join(["note,grade,b", *rows]) + "\n")
    tasks = [{"name": "grade", "column": "grade", "classes": ["1", "2", "3"], "kind": "steps"}, made["tasks"][1]]
    content = {**made, "search": None, "tasks": tasks}
    plan = make_plan(Experiment.model_validate(content), [tmp_path])
    workspace = Workspace.open(tmp_path / "results")
    results = run_experiment(plan, workspace, local=True, address=None, show=lambda _: None)
    assert {result.reason for result in results} == {""}

    (run,) = [run for run in plan.distinct if len(run.tasks) == 1 and run.tasks[0].name == "grade" and run.seed == 0]
    weights = RunFolder(workspace, run.run_id).read_bytes("model.safetensors")
    assert weights is not None
    assert query(workspace, "SELECT task, task_kind, metric FROM task ORDER BY position").rows == [
        ("grade", "steps", "accuracy"),
        ("b", "classes", "macro_f1"),
    ]
    assert query(workspace, "SELECT task, metric FROM matching WHERE kind = 'multi'").rows == [
        ("grade", "accuracy"), ("b", "macro_f1"), (None, None),
    ]  # fmt: skip
    sums = query(workspace, "SELECT min(list_sum(probabilities)), max(list_sum(probabilities)) FROM prediction").rows[0]
    assert sums == pytest.approx((1.0, 1.0), abs=1e-5)
    assert (
        query(workspace, "SELECT count(*) FROM gradient_alignment WHERE task_a = 'grade' AND debiased IS NOT NULL").rows[0][0]
        > 0
    )
    info = queries.matching(workspace, plan.experiment.experiment_id, "multi")
    assert "grade" in figures.forest(info).to_json()
    matrices = queries.confusion(workspace, plan.experiment.experiment_id, "grade")
    assert [len(matrix.classes) for matrix in matrices] == [3, 3]


def test_a_kind_that_is_not_registered_is_named(search_plan):
    task = search_plan(2).experiment.tasks[0].model_copy(update={"kind": "steps"})
    with pytest.raises(ExperimentError, match=r"kind of task 'a' should be one of classes, .*; found 'steps'"):
        kind_of(task)
