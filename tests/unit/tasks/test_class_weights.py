"""Which tasks have balanced class weights, and which run an experiment without the key asks for."""

import pytest

from mtlens.config.experiment import Experiment
from mtlens.config.sections import Training
from mtlens.config.task import Task
from mtlens.execution.plan import make_plan
from mtlens.tasks import metric_of
from mtlens.tasks.class_weights import is_balanced, of_tasks

CLASSES = {"name": "canal", "column": "canal_any", "classes": ("absent", "present")}
NUMBER = {"name": "size", "column": "size", "kind": "number"}


@pytest.mark.parametrize(
    ("task", "balanced"),
    [
        (CLASSES, True),
        (CLASSES | {"metric": "balanced_accuracy"}, True),
        (CLASSES | {"metric": "matthews"}, True),
        (CLASSES | {"metric": "accuracy"}, False),
        (CLASSES | {"metric": "f1(present)"}, False),
        (CLASSES | {"metric": "roc_auc"}, False),
        (CLASSES | {"metric": "loss", "margin": 0.1}, False),
        (CLASSES | {"kind": "ordinal"}, True),
        (CLASSES | {"kind": "ordinal", "metric": "mean_absolute_error", "margin": 0.1}, False),
        (CLASSES | {"kind": "multilabel", "separator": ";"}, False),
        (NUMBER, False),
        ({"name": "words", "column": "tags", "kind": "tags", "classes": ("level",)}, False),
    ],
)
def test_classes_have_weights_where_the_metric_counts_them_alike(task, balanced):
    task = Task.model_validate(task)
    assert is_balanced(task, "auto") == balanced, metric_of(task)
    assert is_balanced(task, "balanced")
    assert not is_balanced(task, "none")


def test_runs_say_what_auto_means_for_their_tasks():
    classes, number = Task.model_validate(CLASSES), Task.model_validate(NUMBER)
    assert of_tasks(Training(), [classes]).class_weights == "balanced"
    assert of_tasks(Training(), [number]).class_weights == "none"
    assert of_tasks(Training(), [classes, number]).class_weights == "auto"  # of each task what it means
    assert of_tasks(Training(class_weights="none"), [classes]).class_weights == "none"


@pytest.mark.parametrize(("metric", "same"), [("macro_f1", "balanced"), ("accuracy", "none")])
def test_runs_without_the_key_are_those_of_the_value_that_it_means(tiny_encoder, metric, same):
    def run_ids(**training):
        content = {
            "name": "weights",
            "data": {"spine": {"region": "cervical", "reports": 30}},
            "tasks": [CLASSES | {"metric": metric}, CLASSES | {"name": "disc", "column": "disc_any", "metric": metric}],
            "encoder": {"name": str(tiny_encoder)},
            "training": {"epochs": 2, **training},
            "margin": 0.05,
            "seeds": [0],
        }
        return [planned.run.run_id for planned in make_plan(Experiment.model_validate(content), []).runs]

    assert run_ids() == run_ids(class_weights=same)
    assert run_ids() != run_ids(class_weights="none" if same == "balanced" else "balanced")
