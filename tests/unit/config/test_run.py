"""What names a run, and what does not."""

import pytest
from pydantic import ValidationError

from mtlens.config.experiment import Experiment
from mtlens.config.hashing import content_hash
from mtlens.config.run import Run
from mtlens.config.sections import Grid, Lora, Resources, Splits
from mtlens.config.task import Task
from mtlens.data.sources.spine import Spine, SpineReports


@pytest.fixture
def experiment():
    task = Task(name="disc", column="disc", classes=("a", "b"))
    return Experiment(name="e", data=SpineReports(spine=Spine(region="cervical")), tasks=(task,), margin=0.02)


def test_a_content_hash_does_not_depend_on_the_order_of_keys():
    assert content_hash({"a": 1, "b": [1, 2]}) == content_hash({"b": [1, 2], "a": 1}) != content_hash({"a": 1, "b": [2, 1]})


def test_resources_do_not_change_the_question(experiment):
    faster = experiment.model_copy(update={"resources": Resources(lanes=8)})
    assert faster.experiment_id == experiment.experiment_id


@pytest.mark.parametrize("change", [{"margin": 0.03}, {"seeds": (0, 1)}, {"grid": Grid(epochs=(1, 2))}, {"name": "f"}])
def test_everything_else_does(experiment, change):
    assert experiment.model_copy(update=change).experiment_id != experiment.experiment_id


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"method": "lora"}, {"data": "other"}, {"labels": ("x", "y")}, {"pretrained": "other"}]
)
def test_what_decides_a_result_is_in_the_run_id(make_run, change):
    run = make_run()
    assert run.model_copy(update=change).run_id != run.run_id


def test_training_settings_are_in_the_run_id(make_run):
    assert len({make_run(epochs=epochs, batch_size=size).run_id for epochs in (1, 2) for size in (8, 16)}) == 4


def test_the_name_of_an_encoder_is_not_but_its_weights_are(make_run):
    run = make_run()
    moved = run.model_copy(update={"encoder": run.encoder.model_copy(update={"name": "elsewhere"})})
    assert moved.run_id == run.run_id


def test_adapter_settings_matter_to_adapters_only(make_run):
    def with_rank(method, rank):
        return make_run(method=method, lora=Lora(rank=rank)).run_id

    assert with_rank("full", 4) == with_rank("full", 8)
    assert with_rank("lora", 4) != with_rank("lora", 8)


def test_a_run_survives_json(make_run):
    run = make_run()
    again = Run.model_validate_json(run.model_dump_json())
    assert again == run
    assert again.run_id == run.run_id


def test_run_ids_are_stable():
    """A change here means that every stored result is trained again: do it on purpose or not at all."""
    run = Run.model_validate(
        {
            "tasks": [{"name": "disc", "column": "disc", "classes": ["a", "b"]}],
            "method": "full",
            "seed": 0,
            "encoder": {},
            "pretrained": "w",
            "training": {"epochs": 5, "patience": 0, "class_weights": "none"},
            "data": "d",
            "labels": ["l"],
        }
    )
    assert run.run_id == "79e2bb2e6f8d8926"


def test_splits_leave_something_to_train_on():
    for validation, test in ((0.5, 0.5), (0.0, 0.2), (0.9, 0.2)):
        with pytest.raises(ValidationError, match="should leave a share for validation, test and training"):
            Splits(validation=validation, test=test)
