"""Models that are made of finished ones: their weights, their choices on validation, and what they refuse."""

import numpy as np
import pytest
import torch

from mtlens.config.run import Derivation
from mtlens.errors import TrainingError
from mtlens.store.workspace.run_folder import MODEL, RunFolder
from mtlens.store.workspace.workspace import Workspace
from mtlens.training.derived import derive
from mtlens.training.hardware import prepare
from mtlens.training.run import execute
from mtlens.training.stored_weights import trained_weights
from mtlens.training.trainer import Trainer


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return Workspace.open(tmp_path_factory.mktemp("derived"))


@pytest.fixture(scope="module")
def singles(make_run, encoded, workspace):
    """Two task-specific models, trained."""
    runs = [make_run(name, epochs=4) for name in ("grade", "side")]
    assert [execute(run, encoded, workspace, threads=1).reason for run in runs] == ["", ""]
    return runs


@pytest.fixture(scope="module")
def derived(make_run, singles):
    def make(method, *, refit=False, sources=None):
        run_ids = tuple(run.run_id for run in sources or singles)
        derivation = Derivation(method=method, sources=run_ids, refit_heads=refit)
        return make_run(epochs=4).model_copy(update={"derivation": derivation, "keep_epochs": False})

    return make


@pytest.fixture
def made(encoded, tiny_encoder, workspace):
    def make(run):
        trainer = Trainer(run, encoded, tiny_encoder, prepare("float32", threads=1, gpu=False))
        return trainer, derive(trainer, workspace)

    return make


def test_the_average_is_the_mean_of_the_encoders_with_each_tasks_head(derived, made, singles, workspace):
    trainer, facts = made(derived("average"))
    stored = [trained_weights(run.run_id, "", workspace) for run in singles]
    for name, parameter in trainer.model.encoder.named_parameters():
        mean = torch.stack([weights[f"encoder.{name}"] for weights in stored]).mean(dim=0)
        torch.testing.assert_close(parameter.detach(), mean, rtol=1e-5, atol=1e-6)
    for head, weights in zip(trainer.model.heads, stored, strict=True):
        assert torch.equal(head.weight, weights["heads.0.weight"])
    assert facts["coefficient"] == 1
    assert facts["source_seconds"] == sum(RunFolder(workspace, run.run_id).facts()["seconds"] for run in singles)


def test_the_coefficient_is_the_best_on_validation(derived, made):
    trainer, facts = made(derived("task_arithmetic"))
    merged = [parameter.detach().clone() for parameter in trainer.model.encoder.parameters()]
    score = trainer.validate()[1]
    fresh, _ = made(derived("average"))
    start = Trainer(fresh.run, fresh.encoded, fresh_directory(fresh), fresh.hardware)
    scores = []
    for tenth in range(1, 11):
        with torch.no_grad():
            pairs = zip(start.model.encoder.parameters(), merged, trainer.model.encoder.parameters(), strict=True)
            for begin, end, parameter in pairs:
                parameter.copy_(begin + tenth / 10 / facts["coefficient"] * (end - begin))
        scores.append(trainer.validate()[1])
    assert score == pytest.approx(max(scores))
    assert facts["coefficient"] in [tenth / 10 for tenth in range(1, 11)]


def fresh_directory(trainer):
    from mtlens.training.run import encoder_directory

    return encoder_directory(trainer.run)


def test_refitted_heads_are_no_worse_on_validation(derived, made):
    plain, _ = made(derived("average"))
    refitted, _ = made(derived("average", refit=True))
    scores = [[prediction.score() for prediction in trainer.predict("validation")] for trainer in (plain, refitted)]
    assert (np.array(scores[1]) >= np.array(scores[0])).all()
    assert sum(scores[1]) > sum(scores[0])
    for parameter, other in zip(plain.model.encoder.parameters(), refitted.model.encoder.parameters(), strict=True):
        assert torch.equal(parameter, other)


def test_a_merged_run_is_stored_as_any_other(derived, encoded, workspace):
    run = derived("ties")
    assert execute(run, encoded, workspace, threads=1).reason == ""
    folder = RunFolder(workspace, run.run_id)
    facts = folder.facts()
    assert (facts["epochs_run"], facts["updates"]) == (0, 0)
    assert facts["source_seconds"] > facts["seconds"] / 100
    assert folder.verify() == []
    assert (folder.path / MODEL).exists()
    assert run.label == "grade + side ties s0"


def test_a_source_that_is_not_finished_is_told(derived, make_run, encoded, workspace):
    missing = make_run("grade", seed=9)
    outcome = execute(derived("average", sources=[missing, missing]), encoded, workspace, threads=1)
    assert "should hold the trained weights" in outcome.reason


def test_weights_of_another_model_are_refused(derived, made, workspace):
    run = derived("average")
    path = RunFolder(workspace, run.derivation.sources[0]).path / MODEL
    before = path.read_bytes()
    try:
        path.write_bytes(before[:-4] + b"\0\0\0\1")
        with pytest.raises(TrainingError, match="it has changed"):
            made(run)
    finally:
        path.write_bytes(before)
