"""Which single model is recommended: chosen without the test split."""

import pytest

from mtlens.config.experiment import Experiment
from mtlens.execution.experiment import run_experiment
from mtlens.execution.plan import make_plan
from mtlens.inference.export.recommended import recommended, recommended_kind
from mtlens.store.analysis.arm_choice import Arm, choose
from mtlens.store.database.reader import query
from mtlens.store.workspace.workspace import Workspace
from tests.support.fake_training import fake_training


def test_the_cheapest_that_falls_short_by_half_a_margin_at_most_is_chosen():
    joint = Arm(kind="multi", shortfall=0.8, seconds=10)
    dear, near = Arm(kind="upgrad", shortfall=-0.2, seconds=30), Arm(kind="dwa", shortfall=0.5, seconds=11)
    assert choose([joint, near, dear]) == near
    assert choose([joint, dear]) == dear
    assert choose([joint, Arm(kind="pcgrad", shortfall=0.6, seconds=99)]).kind == "pcgrad"  # none is near enough
    hardly_cheaper = Arm(kind="cagrad", shortfall=0.0, seconds=10.5)
    assert choose([near, hardly_cheaper]) == near


@pytest.fixture
def chosen(search_plan, tmp_path, monkeypatch):
    """An experiment whose models are right as often as is said, by kind of balancing, on validation and test."""

    def run(multi, right, *, seeds=(0, 1, 2)):
        content = search_plan(2, seeds=seeds).experiment.model_dump()
        plan = make_plan(Experiment.model_validate({**content, "search": None, "multi": multi}), [tmp_path])
        workspace = Workspace.open(tmp_path / "results")

        def chance(run, task):
            return 0.95 if len(run.tasks) == 1 else right[run.balancing]

        monkeypatch.setattr("mtlens.execution.local.perform", fake_training(plan, chance))
        run_experiment(plan, workspace, explain=False, local=True, address=None, show=lambda _: None)
        return workspace, plan.experiment.experiment_id

    return run


def test_the_arm_that_validation_chose_is_recommended_and_exported(chosen):
    workspace, experiment_id = chosen(["joint", "uncertainty", "pcgrad"], {"none": 0.6, "uncertainty": 0.7, "pcgrad": 0.95})
    rows = query(workspace, "SELECT arm, recommended, statement <> '' FROM arms").rows
    assert rows == [("joint", False, False), ("uncertainty", False, False), ("pcgrad", True, True)]
    assert recommended_kind(workspace, experiment_id) == "pcgrad"
    (statement,) = query(workspace, "SELECT statement FROM arm_choice WHERE recommended").rows[0]
    assert statement.startswith("PCGrad: ")
    matched = query(workspace, "SELECT task FROM matching WHERE kind = 'pcgrad' AND verdict IN ('matches', 'better')").rows
    roles = dict(query(workspace, "SELECT run_id, role FROM experiment_run").rows)
    served = {task: roles[member.exported] for member in recommended(workspace, experiment_id) for task in member.serves}
    assert served == {task: "pcgrad" if (task,) in matched else "single" for task in ("a", "b")}
    assert matched


def test_nothing_is_recommended_where_the_joint_model_is_the_only_one(chosen):
    workspace, experiment_id = chosen(["joint"], {"none": 0.95})
    assert query(workspace, "SELECT count(*) FROM arm_choice").rows == [(0,)]
    assert recommended_kind(workspace, experiment_id) == "multi"
