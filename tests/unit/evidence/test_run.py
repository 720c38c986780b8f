"""Evidence jobs from stored models: what they hold, what they cost, and what goes wrong."""

import math

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors import safe_open

from mtlens.config.experiment import Experiment
from mtlens.config.sections import Evidence
from mtlens.errors import EvidenceError
from mtlens.evidence.checkpoints import load_epoch, load_trained
from mtlens.evidence.jobs import Trained, plan_evidence
from mtlens.evidence.representations import hidden_states as states_module
from mtlens.evidence.representations.hidden_states import hidden_states
from mtlens.evidence.run import collect
from mtlens.evidence.samples import held_out_rows
from mtlens.store.workspace.evidence_folder import CKA, GRADIENTS, STATES, EvidenceFolder
from mtlens.store.workspace.run_folder import MODEL, RunFolder
from mtlens.store.workspace.workspace import Workspace
from mtlens.training.hardware import prepare
from mtlens.training.model import build_model
from mtlens.training.run import encoder_directory, execute

SETTINGS = Evidence(examples=40, microbatches=8, microbatch_size=15)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return Workspace.open(tmp_path_factory.mktemp("evidence"))


@pytest.fixture(scope="module")
def trained(make_run, encoded, workspace):
    """Two seeds of both task-specific models, the multi-task model, and one control."""
    runs = [("multi", make_run(seed=seed)) for seed in (0, 1)]
    runs += [("single", make_run(task, seed=seed)) for seed in (0, 1) for task in ("grade", "side")]
    shuffled = [task.model_copy(update={"shuffle_labels": True}) for task in make_run("grade").tasks]
    runs.append(("shuffled", make_run("grade", seed=0).model_copy(update={"tasks": tuple(shuffled)})))
    for _, run in runs:
        assert execute(run, encoded, workspace, threads=1).reason == ""
    return [Trained(role=role, run=run) for role, run in runs]


@pytest.fixture(scope="module")
def evidence_jobs(trained, tasks):
    experiment = Experiment(
        name="e", data={"spine": {"region": "lumbar"}}, tasks=tasks, margin=0.1, seeds=(0, 1), evidence=SETTINGS
    )
    return plan_evidence(experiment, trained)


@pytest.fixture(scope="module")
def collected(evidence_jobs, encoded, workspace):
    """Everything computed once; returns how many texts each encoder was shown."""
    shown = []
    original = states_module._pass

    def counting(encoder, encoded, batch, *rest):
        shown.append(len(batch))
        return original(encoder, encoded, batch, *rest)

    states_module._pass = counting
    try:
        for evidence_job in (*evidence_jobs[0], *evidence_jobs[1]):
            assert collect(evidence_job, encoded, workspace, threads=1).reason == ""
    finally:
        states_module._pass = original
    return shown


def rows_of(evidence_jobs, workspace, kind):
    found = [evidence_job for evidence_job in evidence_jobs[1] if evidence_job.kind == kind]
    name = CKA if kind == "similarity" else GRADIENTS
    return [
        row
        for evidence_job in found
        for row in pq.read_table(EvidenceFolder(workspace, evidence_job.job_id).path / name).to_pylist()
    ]


def test_m_models_cost_m_passes_over_the_texts(collected, evidence_jobs):
    assert len(evidence_jobs[0]) == 7 + 1 + 2  # trained, pretrained, untrained
    assert sum(collected) == len(evidence_jobs[0]) * SETTINGS.examples


def test_finished_pieces_are_not_computed_again(collected, evidence_jobs, encoded, workspace, monkeypatch):
    monkeypatch.setattr("mtlens.evidence.run._compute", None)
    assert collect(evidence_jobs[0][0], encoded, workspace, threads=1).reason == ""


@pytest.mark.usefixtures("collected")
def test_similarities_of_all_pairs_layers_and_ways(evidence_jobs, workspace):
    rows = rows_of(evidence_jobs, workspace, "similarity")
    ways = {(row["pooling"], row["features"], row["estimator"]) for row in rows}
    assert ways == {
        ("mean", "hidden", "debiased"), ("mean", "hidden", "biased"), ("mean", "hidden", "standardised"),
        ("mean", "hidden", "procrustes"), ("mean", "changes", "debiased"), ("cls", "hidden", "debiased"),
    }  # fmt: skip
    main = [row for row in rows if row["estimator"] == "debiased" and row["pooling"] == "mean" and row["features"] == "hidden"]
    equal = [row for row in main if row["layer_a"] == row["layer_b"] and row["role_b"] != "permuted"]
    assert len(equal) == 45 * 3  # ten models, three layers
    assert all(row["low"] <= row["value"] <= row["high"] for row in equal)
    mapped = {(row["role_a"], row["role_b"]) for row in main if row["layer_a"] != row["layer_b"]}
    assert mapped == {("multi", "single"), ("single", "single"), ("single", "pretrained")}
    permuted = [row["value"] for row in main if row["role_b"] == "permuted" and row["layer_a"] > 0]
    assert abs(np.mean(permuted)) < 0.15


@pytest.mark.usefixtures("collected")
def test_the_cls_token_of_the_embeddings_is_constant_and_so_undefined(evidence_jobs, workspace):
    rows = rows_of(evidence_jobs, workspace, "similarity")
    constant = [row for row in rows if row["pooling"] == "cls" and row["layer_a"] == row["layer_b"] == 0]
    assert {row["value"] for row in constant} == {None}
    assert {row["reason"] for row in constant} == {"constant features"}


@pytest.mark.usefixtures("collected")
def test_gradients_at_each_moment_in_each_block(evidence_jobs, workspace, trained):
    rows = [row for row in rows_of(evidence_jobs, workspace, "gradients") if row["seed"] == 0]
    best = RunFolder(workspace, trained[0].run.run_id).facts()["best_epoch"]
    stages = {(row["stage"], row["epoch"]) for row in rows}
    assert stages == {("start", 0), ("training", None), ("end", best), *(("epoch", epoch) for epoch in (1, 2, 3))}
    assert {row["layer"] for row in rows} == {None, 0, 1, 2}
    assert {row["parameters"] for row in rows} == {"all", "embedding", "attention", "feedforward", "norm"}
    end = {(row["layer"], row["parameters"], row["task_a"], row["task_b"]): row for row in rows if row["stage"] == "end"}
    for pair in (("grade", "side"), ("grade", "grade")):
        layers = [end[layer, "all", *pair]["inner"] for layer in (0, 1, 2)]
        assert end[None, "all", *pair]["inner"] == pytest.approx(math.fsum(layers), rel=1e-9)
        parts = [end[1, group, *pair]["inner"] for group in ("attention", "feedforward", "norm")]
        assert end[1, "all", *pair]["inner"] == pytest.approx(math.fsum(parts), rel=1e-9)
    assert any(row["permuted"] is not None for row in rows if row["stage"] == "end")
    undefined = [row for row in rows if row["debiased"] is None]
    assert all("is noise" in row["reason"] for row in undefined)


@pytest.mark.usefixtures("collected")
def test_across_task_specific_models(evidence_jobs, workspace):
    rows = rows_of(evidence_jobs, workspace, "cross")
    assert {row["setting"] for row in rows} == {"cross", "task_vectors"}
    vectors = [row for row in rows if row["setting"] == "task_vectors" and row["task_a"] == row["task_b"]]
    assert all(row["debiased"] == pytest.approx(1) for row in vectors if row["debiased"] is not None)


def test_an_epochs_weights_come_back_to_within_their_rounding(trained, encoded, workspace):
    run = trained[0].run
    directory = encoder_directory(run)
    best = RunFolder(workspace, run.run_id).facts()["best_epoch"]
    start = build_model(run, directory, encoded.vocabulary)
    exact, kept = (
        load_trained(run, workspace, directory, encoded.vocabulary),
        load_epoch(run, best, workspace, directory, encoded.vocabulary),
    )
    tensors = ([parameter.detach() for parameter in model.parameters()] for model in (exact, kept, start))
    for a, b, c in zip(*tensors, strict=True):
        assert torch.allclose(a, b, rtol=0, atol=float((a - c).abs().max()) * 2**-8 + 1e-7)
    assert load_epoch(run, 99, workspace, directory, encoded.vocabulary) is None


def test_states_do_not_depend_on_padding_batches_or_separators(trained, encoded, monkeypatch):
    run = trained[0].run
    model = build_model(run, encoder_directory(run), encoded.vocabulary)
    hardware = prepare("float32", threads=1, gpu=False)
    rows = held_out_rows(encoded, 33)
    found = hidden_states(model.encoder, encoded, rows, hardware, "x", lambda _: None)
    monkeypatch.setattr(states_module, "BATCH_SIZE", 8)  # other batches, other padding, and a last batch of one
    again = hidden_states(model.encoder, encoded, rows, hardware, "x", lambda _: None)
    assert torch.allclose(found.mean, again.mean, atol=1e-5)
    assert torch.allclose(found.cls, again.cls, atol=1e-5)
    words = encoded.tokens[encoded.starts[rows[0]] : encoded.starts[rows[0] + 1]]
    kept = ~encoded.special[words]
    assert 0 < kept.sum() < len(words)
    with torch.no_grad():
        alone = model.encoder(input_ids=torch.from_numpy(words.astype(np.int64))[None]).last_hidden_state[0]
    assert torch.allclose(alone[torch.from_numpy(kept)].mean(dim=0), found.mean[-1, 0], atol=1e-5)
    assert torch.allclose(alone[0], found.cls[-1, 0], atol=1e-5)


class Blank(torch.nn.Module):
    """An encoder whose answer is chosen."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, input_ids, **_):
        states = self.answer
        layers = states and tuple(torch.full((*input_ids.shape, 4), x) for x in states)
        return type("Answer", (), {"hidden_states": layers, "last_hidden_state": layers and layers[-1]})()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "encoder should give its hidden states; that of disc s0 gives none"),
        ((1.0, float("nan")), "hidden states of disc s0 should be finite; found NaN or infinity at layer 1, example 'x1"),
        ((float("inf"), 1.0), "found NaN or infinity at layer 0"),
    ],
)
def test_hidden_states_that_cannot_be_compared(encoded, answer, message):
    hardware = prepare("float32", threads=1, gpu=False)
    with pytest.raises(EvidenceError, match=message):
        hidden_states(Blank(answer), encoded, held_out_rows(encoded, 20), hardware, "disc s0", lambda _: None)


def fresh(make_run, encoded, tmp_path, seed):
    """A workspace with one trained run, and the evidence job with its states."""
    workspace = Workspace.open(tmp_path / "fresh")
    run = make_run("grade", seed=seed)
    execute(run, encoded, workspace, threads=1)
    experiment = Experiment(
        name="e", data={"spine": {"region": "lumbar"}}, tasks=run.tasks, margin=0.1, seeds=(seed,), evidence=SETTINGS
    )
    return workspace, run, plan_evidence(experiment, [Trained(role="single", run=run)])


@pytest.mark.parametrize("damage", ["cut", "missing"])
def test_a_checkpoint_that_is_not_what_it_was(make_run, encoded, tmp_path, damage):
    workspace, run, (states, _) = fresh(make_run, encoded, tmp_path, 7)
    path = RunFolder(workspace, run.run_id).path / MODEL
    path.unlink() if damage == "missing" else path.write_bytes(path.read_bytes()[:-100])
    outcome = collect(states[0], encoded, workspace, threads=1)
    assert str(path) in outcome.reason
    assert "found none" in outcome.reason if damage == "missing" else "it has changed" in outcome.reason
    assert EvidenceFolder(workspace, states[0].job_id).state == "failed"


def test_similarity_needs_all_states_of_the_same_examples(make_run, encoded, tmp_path):
    workspace, _, (states, (similarity,)) = fresh(make_run, encoded, tmp_path, 8)
    assert "found none" in collect(similarity, encoded, workspace, threads=1).reason
    for evidence_job in states:
        collect(evidence_job, encoded, workspace, threads=1)
    other = EvidenceFolder(workspace, states[1].job_id).path / STATES
    with safe_open(other, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    from safetensors.torch import save_file

    save_file(tensors, other, metadata={"examples": "others"})
    assert "same examples in the same order" in collect(similarity, encoded, workspace, threads=1).reason


def test_too_few_examples(make_run, encoded, tmp_path):
    workspace, _, (states, _) = fresh(make_run, encoded, tmp_path, 9)
    from dataclasses import replace

    empty = replace(encoded, splits=np.where(np.arange(240) == 239, 2, 0).astype(np.int8))
    outcome = collect(states[0], empty, workspace, threads=1)
    assert "4 held-out texts at least; found 1" in outcome.reason
