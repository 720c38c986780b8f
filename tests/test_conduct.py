"""What a whole experiment does, and what it leaves in the store."""

from dataclasses import replace

import numpy as np

from backend.fleet.conduct import conduct
from backend.planning import make_plan
from backend.store.read import query
from backend.store.workspace import Workspace


def test_an_experiment_that_another_has_done_has_its_verdicts_at_once(search_plan, tmp_path):
    workspace = Workspace.open(tmp_path / "results")
    made = search_plan(2)
    for name in ("first", "second"):
        experiment = made.experiment.model_copy(update={"name": name, "search": None})
        plan = make_plan(experiment, [tmp_path])
        ended = conduct(plan, workspace, local=True, address=None, show=lambda _: None)
        assert not any(one.reason for one in ended)
        assert bool(ended) == (name == "first")
    counts = query(workspace, "SELECT experiment, count(*) FROM verdicts GROUP BY ALL ORDER BY ALL").rows
    assert [name for name, _ in counts] == ["first", "second"]
    assert counts[0][1] == counts[1][1] > 0


def test_groups_that_were_corrected_reach_the_intervals(search_plan, tmp_path):
    """The runs stay as they are: what is resampled has changed, and nothing that is learned."""
    workspace = Workspace.open(tmp_path / "results")
    made = search_plan(2)
    plan = make_plan(made.experiment.model_copy(update={"search": None}), [tmp_path])
    clusters = "SELECT DISTINCT clusters FROM comparison WHERE task IS NULL"
    for groups, trained in ((plan.examples.groups, True), (plan.examples.groups // np.int32(4), False)):
        corrected = replace(plan, examples=replace(plan.examples, groups=groups))
        ended = conduct(corrected, workspace, explain=False, local=True, address=None, show=lambda _: None)
        assert bool(ended) == trained
        test = groups[plan.examples.splits == 2]
        assert query(workspace, clusters).rows == [(len(np.unique(test)),)]
