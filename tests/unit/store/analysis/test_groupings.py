"""Groupings in the store, from fabricated runs of every group of an experiment that searches."""

import json

import pytest

from mtlens.cli import output
from mtlens.config.sections import Search
from mtlens.store.analysis import groupings
from mtlens.store.database import reader
from mtlens.store.database.reader import snapshot_path
from mtlens.store.ingest import ingest, rebuild
from mtlens.store.workspace.evidence_folder import LINEARISED, LOOKAHEAD, EvidenceFolder
from mtlens.store.workspace.evidence_tables import LinearisedRow, LookaheadRow, linearised_table, lookahead_table
from mtlens.store.workspace.run_tables import to_parquet
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs
from tests.support.ingested import rows
from tests.support.searched_groups import APART, TASKS, searched, train


def test_the_cheapest_family_whose_tasks_all_match_is_recommended(workspace: Workspace) -> None:
    train(workspace, searched(), APART)
    ingest(workspace, force=True)
    ((verdict, groups, models, tasks),) = rows(workspace, "SELECT verdict, groups, models, tasks FROM recommendation")
    assert (verdict, groups, models, tasks) == ("matches", [["canal", "twin"], ["disc"]], 2, 3)
    assert rows(workspace, "SELECT task, verdict FROM comparison WHERE kind = 'family' AND task IS NOT NULL ORDER BY task") == [
        ("canal", "matches"),
        ("twin", "matches"),
    ]
    assert rows(workspace, "SELECT parameters, single_parameters, seconds, single_seconds FROM recommendation") == [
        (2000, 3000, 3.0, 4.5)
    ]
    assert rows(workspace, "SELECT groups FROM groupings WHERE recommended") == [([["canal", "twin"], ["disc"]],)]


def test_tasks_that_only_harm_each_other_are_trained_separately(workspace: Workspace) -> None:
    train(workspace, searched(), {**APART, frozenset(("canal", "twin")): 0.5})
    ingest(workspace, force=True)
    assert rows(workspace, "SELECT verdict, models FROM recommendation") == [("separate", 3)]
    assert rows(workspace, "SELECT * FROM comparison WHERE kind = 'family'") == []


def test_a_margin_too_small_for_the_test_set_is_inconclusive_and_says_what_would_settle_it(workspace: Workspace) -> None:
    train(workspace, searched(margin=0.07), APART)
    ingest(workspace, force=True)
    ((verdict, statement),) = rows(workspace, "SELECT verdict, statement FROM recommendation")
    assert verdict == "inconclusive"
    assert str(statement).startswith("2 models instead of 3 (canal + twin; disc): undecided for ")
    assert "would show that it matches" in str(statement)
    assert rows(workspace, "SELECT * FROM groupings WHERE recommended") == []


def test_an_exhaustive_search_is_judged_and_a_rebuild_is_equal(workspace: Workspace) -> None:
    fake = searched()
    train(workspace, fake, APART)
    ingest(workspace, force=True)
    methods = [name for (name,) in rows(workspace, "SELECT method FROM grouping_method ORDER BY position")]
    assert methods[0] == "exhaustive oracle"
    assert {"pairs (HOA)", "task means", "ridge regression", "all in one", "all single"} <= set(methods)
    regrets = dict(rows(workspace, "SELECT method, regret FROM grouping_method"))
    assert set(regrets["exhaustive oracle"]) == {0.0}
    assert regrets["all in one"][-1] > 0.2  # half of its predictions are wrong
    live = fake_runs.dump(snapshot_path(workspace))
    assert ingest(workspace, force=True).snapshot is None
    rebuild(workspace)
    assert fake_runs.dump(snapshot_path(workspace)) == live


def test_more_tasks_than_can_be_judged_in_time_have_their_groupings_alone(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groupings, "_MOST_JUDGED", 2)
    train(workspace, searched(), APART)
    ingest(workspace, force=True)
    assert rows(workspace, "SELECT * FROM grouping_method") == []
    assert rows(workspace, "SELECT count(*) > 0 FROM groupings WHERE regret IS NOT NULL") == [(True,)]


def test_a_search_in_progress_shows_what_is_measured_and_predicts_the_rest(workspace: Workspace) -> None:
    fake = searched()
    fake_runs.save(workspace, fake)
    for run in (*fake.of_role("single"), *fake.of_role("multi")):
        fake_runs.finish(workspace, run, right=0.9, num_examples=fake.num_examples)
    ingest(workspace, force=True)
    assert rows(workspace, "SELECT * FROM grouping_method") == []
    assert rows(workspace, "SELECT count(*) FROM groupings WHERE regret IS NOT NULL") == [(0,)]
    means = "FROM group_scores WHERE method = 'task means'"
    assert rows(workspace, f"SELECT count(*) {means} AND len(tasks) = 2 AND predicted IS NOT NULL") == [(6,)]
    assert rows(workspace, f"SELECT count(*) {means} AND len(tasks) = 2 AND measured IS NOT NULL") == [(0,)]
    assert rows(workspace, f"SELECT count(*) {means} AND len(tasks) = 3 AND measured IS NOT NULL") == [(3,)]
    for run in fake.of_role("group"):
        fake_runs.finish(workspace, run, right=0.9, num_examples=fake.num_examples)
    ingest(workspace, force=True)
    assert rows(workspace, f"SELECT count(*) {means} AND len(tasks) = 2 AND measured IS NOT NULL") == [(6,)]


def test_controls_a_shuffled_task_is_left_alone_and_a_duplicate_joins_its_twin(workspace: Workspace) -> None:
    tasks = ("canal", "disc", "shuffled", "twin")
    gain = {frozenset(("canal", "twin")): 0.12, frozenset(("canal", "disc")): -0.1, frozenset(("disc", "twin")): -0.1}

    def right(task: str, group: tuple[str, ...]) -> float:
        """A task with shuffled labels is at chance in any company, and harms it; other gains are means over the company."""
        if task == "shuffled":
            return 1 / 3
        others = [gain.get(frozenset((task, other)), -0.4) for other in group if other != task]
        return 0.8 + (sum(others) / len(others) if others else 0.0)

    fake = searched(Search(overlap=False), margin=0.1, tasks=tasks, num_examples=1440)
    fake_runs.save(workspace, fake)
    for run in fake.runs:
        group = tuple(task.name for task in run.tasks)
        fake_runs.finish(workspace, run, right={task: right(task, group) for task in group}, num_examples=fake.num_examples)
    ingest(workspace, force=True)
    expected = [["canal", "twin"], ["disc"], ["shuffled"]]
    for method in ("exhaustive oracle", "pairs (HOA)"):
        assert rows(workspace, f"SELECT groups FROM groupings WHERE method = '{method}' AND rank = 1") == [(expected,)]
    assert rows(workspace, "SELECT verdict, groups FROM recommendation") == [("matches", expected)]


def test_a_task_that_learns_nothing_and_harms_nobody_is_left_alone_and_named(workspace: Workspace) -> None:
    fake = searched(margin=0.2)
    fake_runs.save(workspace, fake)
    for run in fake.runs:
        right = {task.name: 1 / 3 if task.name == "disc" else 0.9 for task in run.tasks}
        fake_runs.finish(workspace, run, right=right, num_examples=fake.num_examples)
    ingest(workspace, force=True)
    ((groups, statement),) = rows(workspace, "SELECT groups, statement FROM recommendation")
    assert groups == [["canal", "twin"], ["disc"]]
    assert str(statement).endswith("; left alone, as their own models are no better than chance on validation: disc")


def test_affinities_by_look_ahead_are_those_of_the_evidence_and_predict_groups(workspace: Workspace) -> None:
    fake = searched()
    train(workspace, fake, APART)
    path = workspace.experiments / f"{fake.experiment.experiment_id}.json"
    evidence_jobs = {seed: format(seed + 10, "x") * 16 for seed in (0, 1)}
    listed = [
        {"job_id": evidence_job, "kind": "lookahead", "subject": f"s{seed}"} for seed, evidence_job in evidence_jobs.items()
    ]
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"evidence": listed}))
    ingest(workspace, force=True)
    assert rows(workspace, "SELECT * FROM affinity WHERE method LIKE 'TAG%'") == []
    for seed, evidence_job in evidence_jobs.items():
        folder = EvidenceFolder(workspace, evidence_job)
        folder.start({"kind": "test"}, {}, {}).close()
        found = [
            LookaheadRow(
                seed=seed, epoch=epoch, task_from=i, task_for=j, lookahead=10.0 * a - b + epoch + seed, first_order=1.0 * a,
                microbatches=4,
            )
            for epoch in (1, 3)
            for a, i in enumerate(TASKS)
            for b, j in enumerate(TASKS)
            if i != j
        ]  # fmt: skip
        folder.finish({LOOKAHEAD: to_parquet(lookahead_table(found))}, {"seconds": 2.5})
    ingest(workspace, force=True)
    ahead = "SELECT task_from, task_for, value, standard_error FROM affinity WHERE method = 'TAG (look-ahead)' ORDER BY ALL"
    assert rows(workspace, ahead) == [
        (i, j, 10.0 * a - b + 2 + 0.5, 0.5) for a, i in enumerate(TASKS) for b, j in enumerate(TASKS) if i != j
    ]  # the mean over epochs, and over seeds
    first = "SELECT DISTINCT task_from, value FROM affinity WHERE method = 'TAG (first order)' ORDER BY ALL"
    assert rows(workspace, first) == [(task, 1.0 * place) for place, task in enumerate(TASKS)]
    methods = {name for (name,) in rows(workspace, "SELECT method FROM grouping_method")}
    assert {"TAG (look-ahead)", "TAG (first order)"} <= methods
    live = fake_runs.dump(snapshot_path(workspace))
    rebuild(workspace)
    assert fake_runs.dump(snapshot_path(workspace)) == live


def test_the_linearised_estimate_is_a_method_of_the_table_with_its_cost(workspace: Workspace) -> None:
    fake = searched()
    train(workspace, fake, APART)
    path = workspace.experiments / f"{fake.experiment.experiment_id}.json"
    listed = [{"job_id": "c" * 16, "kind": "linearised", "subject": "s0"}]
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"evidence": listed}))
    ingest(workspace, force=True)
    method = "SELECT trainings, passes FROM grouping_method WHERE method = 'Grad-TAE'"
    assert rows(workspace, method) == []
    folder = EvidenceFolder(workspace, "c" * 16)
    folder.start({"kind": "test"}, {}, {}).close()
    found = [
        LinearisedRow(seed=0, task_from=i, task_for=j, affinity=a - 2.0 * b, training_examples=9, validation_examples=9)
        for a, i in enumerate(TASKS)
        for b, j in enumerate(TASKS)
        if i != j
    ]
    folder.finish({LINEARISED: to_parquet(linearised_table(found))}, {"seconds": 7.0})
    ingest(workspace, force=True)
    stored = "SELECT task_from, task_for, value, standard_error FROM affinity WHERE method = 'Grad-TAE' ORDER BY ALL"
    assert rows(workspace, stored) == [(row.task_from, row.task_for, row.affinity, None) for row in found]
    assert rows(workspace, method) == [(4, 4)]
    seconds = "SELECT DISTINCT method, discovery_seconds FROM groupings WHERE method IN ('Grad-TAE', 'task means')"
    costs = dict(rows(workspace, seconds))
    assert costs["Grad-TAE"] == costs["task means"] + 7.0


def test_an_experiment_that_does_not_search_has_no_groupings(workspace: Workspace) -> None:
    fake_runs.finish_all(workspace, fake_runs.fake_experiment())
    ingest(workspace, force=True)
    for table in ("affinity", "groupings", "group_scores", "grouping_member", "recommendation"):
        assert rows(workspace, f"SELECT * FROM {table}") == []


def test_the_table_of_methods_and_the_recommendation_are_printed(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = searched()
    train(workspace, fake, APART)
    ingest(workspace, force=True)
    asked = [fake.experiment.experiment_id]
    output.print_methods(reader.query(workspace, output.METHODS, asked))
    output.print_recommendation(reader.query(workspace, output.RECOMMENDATION, asked))
    printed = " ".join(capsys.readouterr().out.split())
    assert "2 models instead of 3 (canal + twin; disc): every task matches its task-specific model" in printed
    assert "2,000 of 3,000 weights (67%)" in printed
    assert "exhaustive oracle 7 0 +0.0" in printed
