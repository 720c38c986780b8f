"""Runs that were still improving when they ended, and the warning on verdicts that rest on them."""

import pytest

from mtlens.store.analysis.training_end import improving_kinds, warning, was_improving
from mtlens.store.database.reader import query
from mtlens.store.ingest import ingest
from mtlens.store.workspace.workspace import Workspace
from tests.support.fake_runs import fake_experiment, finish, save


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ((0.5, 0.6, 0.7), True),
        ((0.5, 0.7, 0.6), False),
        ((0.5, 0.7, 0.7), False),  # no better than before, whatever the loss says
        ((0.5,), None),  # one epoch does not show what the next would do
        ((), None),
    ],
)
def test_a_run_was_improving_if_its_last_score_is_its_best(scores, expected):
    assert was_improving([{"epoch": 1, "validation": score, "loss": 0.1} for score in scores]) is expected


@pytest.mark.parametrize("history", [None, [{"epoch": 1}], 3, [{"validation": "high"}, {"validation": 1}]])
def test_facts_without_a_history_tell_nothing(history):
    assert was_improving(history) is None


def test_most_seeds_decide_for_a_kind():
    pairs = {0: ("s0", "m0"), 1: ("s1", "m1"), 2: ("s2", "m2")}
    assert improving_kinds("multi", pairs, {"s0": True, "m0": True, "m1": True, "m2": None}) == ["multi"]
    assert improving_kinds("multi", pairs, {}) == []
    assert warning(["multi", "single"]).startswith("task-specific and multi-task models were still improving")
    assert warning([]) == ""


def test_a_verdict_carries_the_warning(tmp_path):
    workspace = Workspace.open(tmp_path / "results")
    fake = fake_experiment()
    save(workspace, fake)
    for run in fake.runs:
        rising = len(run.tasks) > 1 or (run.tasks[0].name == "bulge" and run.seed != 0)
        finish(workspace, run, validation=(0.6, 0.7) if rising else (0.7, 0.6))
    ingest(workspace)
    found = query(workspace, "SELECT coalesce(task, 'mean'), still_improving FROM matching").rows
    assert [(task, list(kinds)) for task, kinds in found] == [
        ("bulge", ["single", "multi"]),
        ("stenosis", ["multi"]),
        ("mean", ["multi", "single"]),
    ]
    per_run = query(workspace, "SELECT DISTINCT run_id, still_improving FROM learning_curves").rows
    assert sum(improving for _, improving in per_run) == 5
