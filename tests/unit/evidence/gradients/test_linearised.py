"""Measurements for the linearised estimate: margins, projections and gradients against closed forms and finite steps."""

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from torch.nn import functional

from mtlens.config.task import Task
from mtlens.data.splits import in_split
from mtlens.data.tokenize import collate
from mtlens.evidence.checkpoints import load_trained
from mtlens.evidence.gradients.linearised import DIMENSIONS, Sketch, linearise
from mtlens.evidence.gradients.task_gradients import encoder_parameters
from mtlens.evidence.jobs import Linearisation
from mtlens.evidence.run import collect
from mtlens.grouping.estimators.linearised import linearised_affinity
from mtlens.store.workspace.evidence_folder import LINEARISED, EvidenceFolder
from mtlens.store.workspace.workspace import Workspace
from mtlens.tasks import TaskKind
from mtlens.tasks.classes import Classes
from mtlens.training.hardware import prepare
from mtlens.training.losses import label_tables
from mtlens.training.run import encoder_directory, execute

GRADE = Task(name="grade", column="grade", classes=("0", "1"))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return Workspace.open(tmp_path_factory.mktemp("linearised"))


@pytest.fixture(scope="module")
def twins(encoded):
    """The grade under two names, and the side."""
    grade, side = encoded.tasks
    return replace(encoded, tasks=(grade, side, grade.model_copy(update={"name": "twin"})), labels=encoded.labels[:, [0, 1, 0]])


@pytest.fixture(scope="module")
def run(make_run, twins, workspace):
    run = make_run(epochs=1).model_copy(update={"tasks": twins.tasks, "labels": ("l", "l", "l")})
    assert execute(run, twins, workspace, threads=1).reason == ""
    return run


def measure(run, encoded, workspace, train, held_out):
    hardware = prepare("float32", threads=1, gpu=False)
    model = load_trained(run, workspace, encoder_directory(run), encoded.vocabulary)
    labels = encoded.labels.astype(np.int64)
    tables = [torch.from_numpy(table) for table in label_tables(encoded, labels, run.training)]
    found = linearise(model, encoded, labels, tables, train, held_out, hardware, seed=5, report=lambda: None)
    return model, found


def rows_of(encoded, split, count):
    return np.flatnonzero(in_split(encoded.splits, split))[:count]


NO_TABLE = torch.ones(0)  # of label weights: margins of classes do not use it


@pytest.mark.parametrize("num_classes", [2, 5])
def test_the_loss_of_a_margin_is_the_cross_entropy(num_classes):
    logits = torch.randn(num_classes, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for label in range(num_classes):
        expected = functional.cross_entropy(logits, torch.tensor(label))
        assert functional.softplus(-Classes().margin(GRADE, logits[None], label, NO_TABLE)).item() == pytest.approx(
            expected.item()
        )


def test_the_margin_of_any_kind_is_that_of_its_probabilities():
    logits = torch.tensor([[0.5, -1.0, 2.0]], dtype=torch.float64)
    for label in range(3):
        expected = TaskKind.margin(Classes(), GRADE, logits, label, NO_TABLE)
        assert Classes().margin(GRADE, logits, label, NO_TABLE).item() == pytest.approx(expected.item())


def test_a_sketch_keeps_inner_products_exactly_where_there_is_room_and_otherwise_on_average():
    generator = torch.Generator().manual_seed(0)
    first, second = ([torch.randn(3, 7, generator=generator), torch.randn(11, generator=generator)] for _ in range(2))
    small = Sketch(first[:1], 21, seed=0)
    torch.testing.assert_close(small(first[:1]) @ small(second[:1]), (first[0] * second[0]).sum())
    exact = sum((a * b).sum().item() for a, b in zip(first, second, strict=True))
    found = np.array([(sketch(first) @ sketch(second)).item() for seed in range(800) for sketch in [Sketch(first, 4, seed)]])
    assert found.mean() == pytest.approx(exact, abs=4 * found.std() / len(found) ** 0.5)
    assert Sketch(first, 4, 0)([None, first[1]]).equal(Sketch(first, 4, 0)([torch.zeros(3, 7), first[1]]))


def test_margins_follow_a_small_step_of_the_weights(run, twins, workspace):
    train, held_out = rows_of(twins, "train", 6), rows_of(twins, "validation", 6)
    model, tasks = measure(run, twins, workspace, train, held_out)
    _, parameters = encoder_parameters(model)
    sketch, weights = Sketch(parameters, DIMENSIONS, 5), torch.randn(DIMENSIONS, generator=torch.Generator().manual_seed(1))
    zeros = [torch.zeros_like(one, requires_grad=True) for one in parameters]
    direction = torch.autograd.grad(sketch(zeros) @ weights, zeros)
    tokens, mask = map(torch.from_numpy, collate(twins, np.concatenate([train, held_out])))

    def margins_after(size):
        with torch.no_grad():
            for parameter, step in zip(parameters, direction, strict=True):
                parameter += size * step
            logits = model(tokens, mask)[0].double()
        of_text = zip(logits, twins.labels[[*train, *held_out], 0].tolist(), strict=True)
        return np.array([Classes().margin(GRADE, own[None], label, NO_TABLE).item() for own, label in of_text])

    size = 1e-3
    ahead, back = margins_after(size), margins_after(-2 * size)
    predicted = tasks[0].gradients[:, 1] @ weights.double().numpy()
    np.testing.assert_allclose(predicted, (ahead - back) / (2 * size), rtol=0.02, atol=0.02)


def test_a_task_without_held_out_labels_is_left_out_and_unlabelled_texts_too(run, twins, workspace):
    labels = twins.labels.copy()
    held_out = rows_of(twins, "validation", 5)
    labels[held_out, 1] = -1
    labels[rows_of(twins, "train", 2), 2] = -1
    _, tasks = measure(run, replace(twins, labels=labels), workspace, rows_of(twins, "train", 8), held_out)
    assert tasks[1] is None
    assert [len(tasks[j].labels) for j in (0, 2)] == [13, 11]
    assert tasks[0].is_training.sum() == 8


def test_a_twin_helps_more_than_another_task(run, twins, workspace):
    _, tasks = measure(run, twins, workspace, rows_of(twins, "train", 120), rows_of(twins, "validation", 40))
    affinity = linearised_affinity(tasks, seed=0).values
    assert affinity[2, 0] > affinity[1, 0]
    assert affinity[0, 2] > affinity[1, 2]


def test_a_piece_holds_each_ordered_pair_and_is_the_same_again(run, twins, workspace, tmp_path):
    evidence_job = Linearisation(run=run, microbatches=4, microbatch_size=10)
    assert collect(evidence_job, twins, workspace, threads=1).reason == ""
    path = EvidenceFolder(workspace, evidence_job.job_id).path
    rows = pq.read_table(path / LINEARISED).to_pylist()
    names = [task.name for task in run.tasks]
    assert [(row["task_from"], row["task_for"]) for row in rows] == [(i, j) for i in names for j in names if i != j]
    assert {(row["seed"], row["training_examples"], row["validation_examples"]) for row in rows} == {(0, 40, 40)}
    assert np.isfinite([row["affinity"] for row in rows]).all()
    path.rename(tmp_path / "first")
    assert collect(evidence_job, twins, workspace, threads=1).reason == ""
    assert pq.read_table(path / LINEARISED).to_pylist() == rows
