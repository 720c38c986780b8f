"""What a whole experiment does, and what it leaves in the store."""

from dataclasses import replace

import numpy as np

from mtlens.execution.experiment import run_experiment
from mtlens.execution.plan import make_plan
from mtlens.store.database.reader import query
from mtlens.store.ingest import ingest
from mtlens.store.workspace.manifest import mark_started
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.catalog import find_experiment
from tests.support import fake_runs


def test_the_version_that_was_started_last_is_the_latest(search_plan, tmp_path, monkeypatch):
    workspace, read = Workspace.open(tmp_path / "results"), []
    made = search_plan(2)

    def latest(margin):
        experiment = made.experiment.model_copy(update={"search": None, "margin": margin})
        run_experiment(
            make_plan(experiment, [tmp_path]), workspace, explain=False, local=True, address=None, show=lambda _: None
        )
        return query(workspace, "SELECT DISTINCT margin FROM matching WHERE latest").rows

    assert latest(0.1) == [(0.1,)]
    assert latest(0.2) == [(0.2,)]
    created = query(workspace, "SELECT margin, created FROM experiment ORDER BY margin").rows
    assert latest(0.1) == [(0.1,)]
    assert find_experiment(workspace).margin == 0.1
    assert query(workspace, "SELECT margin, created FROM experiment ORDER BY margin").rows == created
    monkeypatch.setattr("mtlens.store.ingest.read_experiment", lambda *named: read.append(named))
    assert latest(0.1) == [(0.1,)]
    assert read == []  # nothing to compute anew


def test_a_manifest_without_a_last_start_was_last_started_when_it_was_created(tmp_path):
    workspace = Workspace.open(tmp_path / "results")
    fake = fake_runs.fake_experiment(seeds=(0,))
    fake_runs.save(workspace, fake, created="2020-01-01T00:00:00+00:00")
    ingest(workspace)
    assert query(workspace, "SELECT last_started = created FROM experiment").rows == [(True,)]
    mark_started(workspace, fake.experiment.experiment_id)
    ingest(workspace, force=True)
    assert query(workspace, "SELECT last_started = created FROM experiment").rows == [(True,)]  # there is no other


def test_an_experiment_that_another_has_done_has_its_verdicts_at_once(search_plan, tmp_path):
    workspace = Workspace.open(tmp_path / "results")
    made = search_plan(2)
    for name in ("first", "second"):
        experiment = made.experiment.model_copy(update={"name": name, "search": None})
        plan = make_plan(experiment, [tmp_path])
        ended = run_experiment(plan, workspace, local=True, address=None, show=lambda _: None)
        assert not any(result.reason for result in ended)
        assert bool(ended) == (name == "first")
    counts = query(workspace, "SELECT experiment, count(*) FROM verdicts GROUP BY ALL ORDER BY ALL").rows
    assert [name for name, _ in counts] == ["first", "second"]
    assert counts[0][1] == counts[1][1] > 0


def test_groups_that_were_corrected_reach_the_intervals(search_plan, tmp_path):
    """The runs stay as they are: only what the jackknife leaves out has changed, and nothing that is trained."""
    workspace = Workspace.open(tmp_path / "results")
    made = search_plan(2)
    plan = make_plan(made.experiment.model_copy(update={"search": None}), [tmp_path])
    clusters = "SELECT DISTINCT clusters FROM comparison WHERE task IS NULL"
    for groups, trained in ((plan.examples.groups, True), (plan.examples.groups // np.int32(4), False)):
        corrected = replace(plan, examples=replace(plan.examples, groups=groups))
        ended = run_experiment(corrected, workspace, explain=False, local=True, address=None, show=lambda _: None)
        assert bool(ended) == trained
        test = groups[plan.examples.splits == 2]
        assert query(workspace, clusters).rows == [(len(np.unique(test)),)]
