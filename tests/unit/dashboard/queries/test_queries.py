"""Infos say what the store says, whatever the names and values in it are."""

import math
from dataclasses import fields, is_dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mtlens.errors import WorkspaceError
from mtlens.store.database.reader import query
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import queries
from tests.support import fake_stores
from tests.support.fake_evidence import EXPERIMENT
from tests.support.fake_stores import HOSTILE, START

NAMES = ("disc", "canal", "cord", "foramina")


def read_all(workspace: Workspace, task: str) -> dict[str, Any]:
    """Everything that can be read of the experiment."""
    pairs = queries.matrices(workspace, EXPERIMENT)
    return {
        "experiments": queries.experiments(workspace),
        "tasks": queries.tasks(workspace, EXPERIMENT),
        "matching": queries.matching(workspace, EXPERIMENT).rows,
        "runs": queries.runs(workspace, EXPERIMENT),
        "evidence_jobs": queries.evidence_jobs(workspace, EXPERIMENT),
        "curves": queries.curves(workspace, EXPERIMENT),
        "scores": queries.scores(workspace, EXPERIMENT),
        "confusion": queries.confusion(workspace, EXPERIMENT, task),
        "costs": queries.costs(workspace, EXPERIMENT),
        "profiles": queries.profiles(workspace, EXPERIMENT),
        "choices": queries.choices(workspace, EXPERIMENT),
        "matrices": pairs,
        "cell": queries.cell(workspace, EXPERIMENT, pairs[0], 2, 2) if pairs else (),
        "stages": queries.stages(workspace, EXPERIMENT),
        "alignments": queries.alignments(workspace, EXPERIMENT),
        "explanations": queries.explanations(workspace, EXPERIMENT),
        "groupings": queries.groupings(workspace, EXPERIMENT),
        "group_scores": queries.trial(workspace, EXPERIMENT).scores,
    }


def leaves(value: Any) -> list[Any]:
    if is_dataclass(value):
        return [leaf for field in fields(value) for leaf in leaves(getattr(value, field.name))]
    return [leaf for inner in value for leaf in leaves(inner)] if isinstance(value, tuple) else [value]


def test_workspace_without_experiments(tmp_path: Path) -> None:
    workspace = fake_stores.empty(tmp_path)
    assert queries.experiments(workspace) == ()
    assert queries.runs(workspace) == ()
    assert not any(read_all(workspace, "disc").values())
    matching = queries.matching(workspace, EXPERIMENT)
    assert (matching.rows, matching.pooled) == ((), None)


def test_workspace_without_snapshot(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="nothing here yet"):
        queries.snapshot(Workspace.open(tmp_path))


def test_snapshot_has_a_new_name_after_each_change(tmp_path: Path) -> None:
    workspace = fake_stores.empty(tmp_path)
    before = queries.snapshot(workspace)
    fake_stores.change(workspace, "DELETE FROM run")
    assert queries.snapshot(workspace).name != before.name
    assert before.published.tzinfo is None


def test_experiment(full: Workspace) -> None:
    (one,) = queries.experiments(full)
    assert (one.name, one.latest, one.tasks, one.seeds) == ("spine", True, NAMES, (0, 1, 2))
    assert (one.runs, one.done, one.failed, one.compared) == (15, 15, 0, True)


def test_tasks_count_their_classes(full: Workspace) -> None:
    tasks = queries.tasks(full, EXPERIMENT)
    assert tuple(task.task for task in tasks) == NAMES
    assert tasks[0].train == tasks[0].test == (10, 10, 10)


def test_matching_keeps_the_order_of_the_experiment(full: Workspace) -> None:
    matching = queries.matching(full, EXPERIMENT)
    assert [match.task for match in matching.rows] == [*NAMES, None]
    assert matching.pooled is not None
    assert matching.pooled.verdict == "matches"
    first = matching.tasks[0]
    assert first.difference_per_seed == pytest.approx((-0.002, 0.004, 0.010))
    assert [match.task for match in matching.only(["cord"]).rows] == ["cord", None]


def test_some_tasks_keep_their_evidence_with_all_others(full: Workspace) -> None:
    whole = queries.case(full, EXPERIMENT)
    case = whole.only(["disc"])
    assert [match.task for match in case.matching.rows] == ["disc", None]
    assert case.matching.tasks == whole.matching.tasks
    assert (case.profiles, case.alignments) == (whole.profiles, whole.alignments)


def test_unknown_experiment_reads_as_empty(full: Workspace) -> None:
    assert queries.matching(full, "'; DROP TABLE run; --").rows == ()
    assert queries.curves(full, "'; DROP TABLE run; --") == ()


def test_no_info_holds_nan_or_lists(hostile: Workspace) -> None:
    found = read_all(hostile, HOSTILE[1])
    assert all(value for name, value in found.items() if name not in ("groupings", "group_scores"))
    assert not [leaf for leaf in leaves(tuple(found.values())) if isinstance(leaf, float) and not math.isfinite(leaf)]
    assert not [leaf for leaf in leaves(tuple(found.values())) if isinstance(leaf, list)]
    assert found["matching"][0].difference is None


def test_scores_are_means_over_the_seeds(full: Workspace) -> None:
    (score,) = [one for one in queries.scores(full, EXPERIMENT)
                if (one.role, one.task, one.metric) == ("single", "disc", "macro_f1")]  # fmt: skip
    assert (score.mean, score.deviation) == pytest.approx((0.86, 0.01))
    assert (score.low, score.high, score.seeds) == pytest.approx((0.85, 0.87, 3))


def test_scores_leave_out_what_is_not_a_number(hostile: Workspace) -> None:
    score = next(one for one in queries.scores(hostile, EXPERIMENT) if one.metric == "macro_f1")
    assert score.seeds == 2


@pytest.mark.parametrize("role", ["single", "multi"])
def test_confusion_counts_every_prediction(full: Workspace, role: str) -> None:
    (matrix,) = [cell for cell in queries.confusion(full, EXPERIMENT, "cord") if cell.role == role]
    sql = """
        SELECT label, predicted FROM prediction JOIN experiment_run USING (run_id) WHERE task = 'cord' AND role = $role
    """
    expected = np.zeros((3, 3), int)
    for label, predicted in query(full, sql, {"role": role}).rows:
        expected[label, predicted] += 1
    assert (np.array(matrix.counts) == expected).all()
    assert matrix.seeds == 3


def test_costs_sum_over_models_and_average_over_seeds(full: Workspace) -> None:
    single, multi = queries.costs(full, EXPERIMENT)
    assert (single.models, single.parameters, single.seconds) == (4, 4 * 11_001_000, 200)
    assert (multi.models, multi.parameters, multi.seconds) == (1, 11_004_000, 80)
    assert single.inference_seconds is None


def test_costs_know_inference_time_only_where_every_model_says(tmp_path: Path) -> None:
    workspace = fake_stores.without_evidence(tmp_path)
    fake_stores.change(workspace, """UPDATE run SET facts = '{"inference_seconds": 2.0}' WHERE run_id <> '0000000000000000'""")
    fake_stores.change(workspace, """UPDATE run SET facts = '{}' WHERE tasks = ['disc']""")
    single, multi = queries.costs(workspace, EXPERIMENT)
    assert (single.inference_seconds, multi.inference_seconds) == (None, 2.0)


def test_curves(full: Workspace) -> None:
    curves = queries.curves(full, EXPERIMENT)
    assert len(curves) == 15
    assert [curve.role for curve in curves][-3:] == ["multi"] * 3
    assert curves[0].epochs == (1, 2, 3, 4)
    assert curves[0].validation_loss == pytest.approx((1.2, 0.6, 0.4, 0.3))
    assert curves[0].training_loss == pytest.approx((1.1, 0.55, 1.1 / 3, 0.275))


def test_an_epoch_trained_again_counts_once_with_its_last_values(tmp_path: Path) -> None:
    workspace = fake_stores.without_evidence(tmp_path)
    again = """INSERT INTO event BY NAME SELECT '0000000000000000' AS run_id, 1 AS journal, 7 AS position,
        'epoch' AS kind, 3 AS epoch, '{"validation": 0.5, "loss": 9.0}' AS payload"""
    fake_stores.change(workspace, again)
    curve = next(one for one in queries.curves(workspace, EXPERIMENT) if one.run_id == "0" * 16)
    assert curve.epochs == (1, 2, 3, 4)
    assert (curve.validation[2], curve.validation_loss[2], curve.training_loss[2]) == (0.5, 9.0, None)


def test_runs_of_old_versions_have_the_training_loss_that_they_reported(tmp_path: Path) -> None:
    workspace = fake_stores.without_evidence(tmp_path)
    fake_stores.change(
        workspace,
        "UPDATE event SET payload = '{\"validation\": 0.5, \"loss\": 0.9}' WHERE kind = 'epoch'",
        """INSERT INTO event BY NAME SELECT '0000000000000000' AS run_id, 0 AS journal, unnest([150, 160]) AS position,
        'progress' AS kind, 2 AS epoch, unnest(['{"losses": [0.4, 0.2]}', '{"losses": [0.1, 0.1]}']) AS payload""",
    )
    curve = next(one for one in queries.curves(workspace, EXPERIMENT) if one.run_id == "0" * 16)
    assert curve.training_loss == (None, pytest.approx(0.2), None, None)


def test_undefined_values_leave_gaps_in_curves(hostile: Workspace) -> None:
    curve = queries.curves(hostile, EXPERIMENT)[0]
    assert curve.validation[1] is curve.validation_loss[1] is None
    assert curve.validation[0] is not None


def test_settings_that_differ(tmp_path: Path) -> None:
    workspace = fake_stores.without_evidence(tmp_path)
    changed = """replace(replace(specification, '"cord"', '"nerve"'), '"epochs": 4', '"epochs": 5') AS specification"""
    fake_stores.change(
        workspace, f"INSERT INTO experiment SELECT * REPLACE ('other' AS experiment_id, {changed}) FROM experiment"
    )
    found = {setting.path: setting.values for setting in queries.differing_experiments(workspace, (EXPERIMENT, "other"))}
    assert found == {
        "training.epochs": ("4", "5"),
        "tasks[cord].name": ("cord", None),
        "tasks[nerve].name": (None, "nerve"),
    }
    assert queries.differing_experiments(workspace, (EXPERIMENT, EXPERIMENT)) == ()


def test_partial_store(partial: Workspace) -> None:
    (one,) = queries.experiments(partial)
    assert (one.runs, one.done, one.failed, one.compared) == (15, 9, 1, False)
    found = read_all(partial, "disc")
    assert not any(found[name] for name in ("matching", "profiles", "alignments", "explanations"))
    waiting = [run for run in found["runs"] if run.state == "waiting"]
    assert len(waiting) == 3
    assert waiting[0].tasks is waiting[0].seconds_left(START) is None


def test_pace_of_runs(partial: Workspace) -> None:
    runs = queries.runs(partial, EXPERIMENT)
    now = START + timedelta(minutes=6)
    training = next(run for run in runs if run.state == "unfinished")
    assert training.begun is not None
    assert training.last_event is not None
    elapsed = (training.last_event - training.begun).total_seconds()
    assert training.seconds_left(now) == pytest.approx(elapsed)  # half of it is done
    assert queries.seconds_left(runs, now) == pytest.approx((2 * 0.5 + 3) / sum(
        0.5 / (run.seconds_left(now) or math.inf) for run in runs if run.state == "unfinished"))  # fmt: skip
    later = now + timedelta(hours=1)
    assert training.is_stalled(later)
    assert training.seconds_left(later) is None
    assert queries.seconds_left(runs, later) is None


def test_evidence_jobs_tell_how_far_the_evidence_is(full: Workspace, partial: Workspace) -> None:
    assert [(job.kind, job.state, job.number) for job in queries.evidence_jobs(full, EXPERIMENT)] == [
        ("similarity", "done", 1),
        ("gradients", "waiting", 1),
    ]
    assert queries.evidence_jobs(partial, EXPERIMENT) == ()


def test_a_store_without_the_tables_of_evidence_names_the_command_that_makes_them(tmp_path: Path) -> None:
    workspace = fake_stores.without_evidence(tmp_path)
    gone = [f"DROP VIEW {view}" for view in ("evidence_cka", "evidence_gradients", "verdicts", "evidence_job")]
    fake_stores.change(workspace, *gone, "DROP TABLE cka", "DROP TABLE gradient_alignment")
    assert len(queries.matching(workspace, EXPERIMENT).rows) == 5
    for ask in (queries.evidence_jobs, queries.choices, queries.alignments, queries.explanations):
        with pytest.raises(WorkspaceError, match="`mtlens ingest` brings them up to date"):
            ask(workspace, EXPERIMENT)


def test_groupings(tmp_path: Path) -> None:
    workspace = fake_stores.without_evidence(tmp_path)
    fake_stores.change(
        workspace,
        f"""CREATE OR REPLACE VIEW groupings AS SELECT '{EXPERIMENT}' AS experiment_id, 'hoa' AS method, 1 AS rank,
        [['disc', 'canal'], ['cord']] AS groups, 2.0 AS cost, 0.9 AS predicted, 0.8 AS predicted_low, 1.0 AS predicted_high,
        NULL::DOUBLE AS measured, NULL::DOUBLE AS measured_low, NULL::DOUBLE AS measured_high, NULL::DOUBLE AS regret,
        12.0 AS discovery_seconds, true AS recommended""",
    )
    one, alone = queries.groupings(workspace, EXPERIMENT)
    assert one.groups == (("disc", "canal"), ("cord",))
    assert one.measured is None
    assert (alone.groups, alone.cost, alone.measured) == (tuple((name,) for name in NAMES), 4.0, 0.87)


def test_a_missing_column_is_one_of_another_version(full: Workspace) -> None:
    from mtlens_dashboard.queries.rows import read_infos

    with pytest.raises(WorkspaceError, match="another version"):
        read_infos(full, queries.TaskInfo, "SELECT nothing_of_this_name FROM task", {})


def test_costs_wait_until_a_kind_of_model_serves_all_tasks(tmp_path: Path) -> None:
    workspace = fake_stores.without_evidence(tmp_path)
    assert [cost.role for cost in queries.costs(workspace, EXPERIMENT)] == ["single", "multi"]
    fake_stores.change(workspace, "UPDATE run SET state = 'unfinished' WHERE tasks IN (['disc'], ['cord'])")
    assert [cost.role for cost in queries.costs(workspace, EXPERIMENT)] == ["multi"]


def test_results_of_another_version_say_what_brings_them_up_to_date(tmp_path: Path) -> None:
    workspace = fake_stores.full(tmp_path)
    fake_stores.change(workspace, "DROP VIEW matching CASCADE", "ALTER TABLE experiment DROP COLUMN last_started")
    with pytest.raises(WorkspaceError, match=r"another version of mtlens stores them; `mtlens ingest` brings them up to date"):
        queries.experiments(workspace)
