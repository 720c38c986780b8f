"""From an experiment to its runs and their cost."""

from datetime import UTC, datetime

import pytest

from mtlens.config.experiment import Experiment
from mtlens.data.data_remarks import ONE_TASK
from mtlens.execution.cost import epoch_flops, estimate
from mtlens.execution.plan import make_plan, unfold
from mtlens.training.pretrained import count_multiplied


@pytest.fixture
def experiment(tiny_encoder):
    def make(**changes):
        content = {
            "name": "planned",
            "data": {"spine": {"region": "cervical", "reports": 30}},
            "tasks": [
                {"name": "disc", "column": "disc_any", "classes": ["absent", "present"], "weight": 3.0},
                {"name": "canal", "column": "canal_any", "classes": ["absent", "present"]},
            ],
            "encoder": {"name": str(tiny_encoder)},
            "training": {"epochs": 2, "batch_size": 8, "precision": "float32"},
            "margin": 0.05,
            "seeds": [0, 1],
            **changes,
        }
        return Experiment.model_validate(content)

    return make


def roles(plan):
    return [planned.role for planned in plan.runs]


def test_every_seed_gets_every_role(experiment):
    plan = make_plan(experiment(runs=["single", "multi", "adapters", "controls"]), [])
    assert roles(plan) == ["multi", "single", "single", "adapter", "adapter", "shuffled", "shuffled"] * 2
    assert len(plan.distinct) == 14
    assert {planned.run.method for planned in plan.runs if planned.role == "adapter"} == {"lora"}
    assert all(planned.run.tasks[0].shuffle_labels == (planned.role == "shuffled") for planned in plan.runs)


def test_single_and_multi_are_tuned_over_the_same_grid(experiment):
    plan = make_plan(experiment(grid={"learning_rate": [1e-4, 1e-3], "epochs": [1, 2]}), [])
    grids = {}
    for planned in plan.runs:
        training = planned.run.training
        grids.setdefault(planned.role, set()).add((planned.candidate, training.learning_rate, training.epochs))
    expected = {(0, 1e-4, 1), (1, 1e-4, 2), (2, 1e-3, 1), (3, 1e-3, 2)}
    assert grids == {"single": expected, "multi": expected}


def test_adapters_leave_the_grids_learning_rates_alone(experiment):
    plan = make_plan(experiment(runs=["single", "adapters"], grid={"learning_rate": [1e-4, 1e-3], "epochs": [1, 2]}), [])
    adapters = [planned for planned in plan.runs if planned.role == "adapter"]
    assert {(planned.candidate, planned.run.training.epochs) for planned in adapters} == {(0, 1), (1, 2)}


def test_the_order_of_tasks_and_the_weight_of_a_lone_task_do_not_matter(experiment):
    plan = make_plan(experiment(), [])
    turned = experiment()
    turned = turned.model_copy(update={"tasks": (turned.tasks[1], turned.tasks[0].model_copy(update={"weight": 1.0}))})
    other = make_plan(turned, [])
    ids = {planned.run.run_id for planned in plan.runs if planned.role == "single"}
    assert ids == {planned.run.run_id for planned in other.runs if planned.role == "single"}
    assert {planned.run.run_id for planned in plan.runs} != {planned.run.run_id for planned in other.runs}


def test_a_lone_task_has_no_multi_task_model(experiment):
    one = experiment()
    plan = make_plan(one.model_copy(update={"tasks": one.tasks[:1]}), [])
    assert roles(plan) == ["single", "single"]


def test_other_labels_or_texts_make_other_runs(experiment):
    plan = make_plan(experiment(), [])
    again = unfold(plan.experiment, plan.examples, plan.pretrained)
    assert again == plan.runs
    other = make_plan(experiment(data={"spine": {"region": "cervical", "reports": 30, "seed": 1}}), [])
    assert not {p.run.run_id for p in plan.runs} & {p.run.run_id for p in other.runs}


def test_rare_classes_are_noted_where_classes_have_no_weights(experiment):
    rare = {"name": "haemangioma", "column": "haemangioma", "classes": ["absent", "present"]}
    data = {"spine": {"region": "cervical", "reports": 15}}
    plan = make_plan(experiment(tasks=[rare | {"metric": "accuracy"}], data=data, runs=["single"]), [])
    assert [note for note in plan.notes if "few training examples of class present" in note]
    weighted = make_plan(experiment(tasks=[rare], data=data, runs=["single"]), [])  # judged by macro-F1
    assert weighted.notes == (ONE_TASK, *weighted.examples.notes)


def test_the_manifest_holds_no_text(experiment):
    plan = make_plan(experiment(), [])
    manifest = plan.manifest()
    assert all(text not in str(manifest.document()) for text in plan.examples.texts)
    assert plan.example_table().column_names == ["example_id", "split", "fold", "cluster"]
    assert manifest.tasks[0].class_counts["train"].keys() == {"absent", "present"}


def test_a_manifest_says_when_it_was_made(experiment):
    before = datetime.now(UTC)
    manifest = make_plan(experiment(), []).manifest()
    assert before <= manifest.created <= datetime.now(UTC)
    assert manifest.document()["created"].endswith("+00:00")


def test_the_count_of_flops_is_that_of_pytorch(experiment, tiny_encoder):
    """One epoch forward and backward, counted by torch's own counter."""
    from torch.utils.flop_counter import FlopCounterMode

    from mtlens.training.hardware import prepare
    from mtlens.training.trainer import Trainer

    plan = make_plan(experiment(seeds=[0]), [])
    run = plan.distinct[0]
    trainer = Trainer(run, plan.encoded, tiny_encoder, prepare("float32", threads=1, gpu=False))
    with FlopCounterMode(display=False) as counter:
        trainer.train_epoch(lambda _: None)
    weights, layers, width = count_multiplied(tiny_encoder)
    estimated = epoch_flops(plan.encoded.select(run.tasks), run, weights, 4 * layers * width)
    assert estimated == pytest.approx(counter.get_total_flops(), rel=0.1)


def test_more_lanes_take_less_time_until_the_runs_run_out(experiment):
    plan = make_plan(experiment(), [])
    one, two, many = (estimate(plan, plan.distinct, lanes=lanes, threads=1, gpu=False) for lanes in (1, 2, 100))
    assert one.seconds * one.rate == pytest.approx(2 * two.seconds * two.rate)
    assert estimate(plan, [], lanes=2, threads=1, gpu=False).seconds == 0
    assert many.seconds * many.rate == pytest.approx(one.seconds * one.rate / len(plan.distinct))


def test_the_cost_is_between_the_earliest_end_and_all_epochs(experiment):
    def seconds(**training):
        plan = make_plan(experiment(training={"batch_size": 8, "precision": "float32", **training}), [])
        found = estimate(plan, plan.distinct, lanes=1, threads=1, gpu=False)
        return found.least_seconds * found.rate, found.seconds * found.rate

    (least, most), (none, all_epochs) = seconds(epochs=20, patience=3), seconds(epochs=20, patience=0)
    assert most == pytest.approx(all_epochs)
    assert none == pytest.approx(all_epochs)
    assert least == pytest.approx(seconds(epochs=4, patience=0)[1])
    assert seconds(epochs=3, patience=3) == pytest.approx(seconds(epochs=3, patience=0))
