"""Arms of the multi-task model, from the experiment file to the dashboard."""

import numpy as np
import pytest
from pydantic import ValidationError

from mtlens.cli import arms_output, output
from mtlens.config.experiment import Experiment
from mtlens.execution.experiment import run_experiment
from mtlens.execution.plan import make_plan
from mtlens.store.database.reader import query
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import arm_table, figures, queries
from tests.support.pages import open_page

TRAINED = ("joint", "uncertainty", "upgrad")
MERGED = ("average", "ties")


@pytest.fixture
def content(search_plan):
    """An experiment with three tasks."""
    made = search_plan(3, seeds=(0, 1, 2)).experiment.model_dump()
    return {**made, "search": None, "multi": [*TRAINED, *MERGED]}


@pytest.fixture
def trained(content, tmp_path):
    workspace = Workspace.open(tmp_path / "results")
    plan = make_plan(Experiment.model_validate(content), [tmp_path])
    results = run_experiment(plan, workspace, explain=False, local=True, address=None, show=lambda _: None)
    assert {result.reason for result in results} == {""}
    return workspace, plan.experiment.experiment_id


def test_arms_reach_store_command_line_and_dashboard(trained, monkeypatch, capsys):
    workspace, experiment_id = trained
    kinds = dict.fromkeys(kind for (kind,) in query(workspace, "SELECT kind FROM matching").rows)
    assert list(kinds) == ["multi", "uncertainty", "upgrad", "average", "ties"]
    columns = "arm, tasks, len(verdicts), seeds, peak_memory_bytes > 0, conflict_rate BETWEEN 0 AND 1"
    rows = query(workspace, f"SELECT {columns} FROM arms").rows
    assert rows == [
        *((arm, ["a", "b", "c"], 3, 3, True, True) for arm in TRAINED),
        *((arm, ["a", "b", "c"], 3, 3, True, None) for arm in MERGED),
    ]
    charged = query(workspace, "SELECT bool_and(seconds >= single_seconds) FROM arms WHERE arm IN ('average', 'ties')").rows
    assert charged == [(True,)]  # a merged model costs what its sources cost

    arms_output.print_arms(query(workspace, arms_output.ARMS, [experiment_id]))
    output.print_matching(query(workspace, output.MATCHING, [experiment_id]))
    printed = capsys.readouterr().out
    assert "Which single model matches?" in printed
    assert printed.count("against the task-specific models") == 1  # of the joint model; the others are one row each

    arms = queries.arms(workspace, experiment_id)
    assert [arm.arm for arm in arms] == [*TRAINED, *MERGED]
    assert "UPGrad" in figures.arms(arms).to_json()
    assert [row[0] for row in arm_table.of_arms(arms).rows] == [*TRAINED, *MERGED]
    app = open_page(monkeypatch, workspace, "single-multi", kind="UPGrad")
    assert not app.error
    assert any("single models match on average" in text.value for text in app.markdown)


def test_each_arm_has_the_seeds_and_the_grid_of_the_others(content, tmp_path):
    plan = make_plan(Experiment.model_validate({**content, "grid": {"learning_rate": [1e-4, 1e-3]}}), [tmp_path])
    by_role = {}
    for planned in plan.runs:
        if len(planned.run.tasks) > 1:
            by_role.setdefault(planned.role, []).append((planned.run.seed, planned.candidate, planned.run.training))
    assert by_role["multi"] == by_role["uncertainty"] == by_role["upgrad"]
    assert len({planned.run.run_id for planned in plan.runs}) == len(plan.runs)


def test_joint_alone_is_the_experiment_without_arms(content):
    alone = Experiment.model_validate({**content, "multi": ["joint"]})
    without = Experiment.model_validate({key: value for key, value in content.items() if key != "multi"})
    assert alone.experiment_id == without.experiment_id


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"multi": ["joint", "surgery"]}, "arms should be of joint, uncertainty, .*; found 'surgery'"),
        ({"multi": ["upgrad"]}, r"multi should include `joint`.*; found \['upgrad'\]"),
        ({"multi": ["joint", "joint"]}, "arms under multi should be distinct"),
        ({"runs": ["single"]}, "runs should include `multi` where multi names arms"),
        ({"resources": {"workers_per_run": 2}}, "arms other than `joint` should train with workers_per_run 1; found 2"),
    ],
)
def test_a_mistake_in_the_arms_is_told(content, changes, message):
    with pytest.raises(ValidationError, match=message):
        Experiment.model_validate({**content, **changes})


def test_on_twin_tasks_one_arm_of_each_sort_matches(tmp_path, tiny_encoder):
    """Two tasks with the same labels, which stand in the words: nothing conflicts, so whatever makes one model matches."""
    chosen = ["joint", "uncertainty", "pcgrad", "ties", "sequential"]
    generator = np.random.default_rng(0)
    sides = generator.choice(["left", "right"], 240)
    fillers = [" ".join(generator.choice(["disc", "canal", "root", "with", "the", "level"], 4)) for _ in sides]
    lines = [f"{filler} {side} {i},{side}" for i, (filler, side) in enumerate(zip(fillers, sides, strict=True))]
    (tmp_path / "notes.csv").write_text("\n".join(["note,side", *lines]) + "\n")
    content = {
        "name": "twin",
        "data": {"tables": [{"path": "notes.csv", "text": "note"}], "splits": {"validation": 0.15, "test": 0.5}},
        "tasks": [{"name": name, "column": "side", "classes": ["left", "right"]} for name in ("one", "twin")],
        "encoder": {"name": str(tiny_encoder)},
        "training": {
            "epochs": 5, "batch_size": 8, "learning_rate": 3e-3, "head_learning_rate": 1e-2, "precision": "float32",
            "lora": {"learning_rate": 3e-2},
        },
        "margin": 0.1,
        "multi": chosen,
    }  # fmt: skip
    workspace = Workspace.open(tmp_path / "results")
    plan = make_plan(Experiment.model_validate(content), [tmp_path])
    results = run_experiment(plan, workspace, explain=False, local=True, address=None, show=lambda _: None)
    assert {result.reason for result in results} == {""}
    verdicts = dict(query(workspace, "SELECT arm, verdicts FROM arms").rows)
    assert verdicts == {arm: ["matches", "matches"] for arm in chosen}
    assert query(workspace, "SELECT count(*) FROM arms WHERE recommended").rows == [(1,)]
