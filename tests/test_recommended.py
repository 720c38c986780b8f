"""The family that an experiment recommends to ship, from fabricated runs of every group of its tasks."""

import pytest

from backend.errors import WorkspaceError
from backend.ship.recommended import recommended
from backend.store.ingest import ingest
from backend.store.read import query
from backend.store.workspace import Workspace
from tests.test_group import ALL, APART, TASKS, searched, train


@pytest.fixture
def family(tmp_path):
    """Ships what fabricated runs recommend: (tasks trained together, tasks served, number of seeds) of each model."""

    def make(fake, right, default=0.9):
        workspace = Workspace.open(tmp_path / "results")
        train(workspace, fake, right, default)
        ingest(workspace, force=True)
        trained = {run.run_id: {task.name for task in run.tasks} for run in fake.runs}
        found = recommended(workspace, fake.experiment.experiment_id)
        return [(trained[one.run_ids[0]], one.serves, len(one.run_ids)) for one in found]

    return make


def test_a_settled_search_decides(family):
    assert family(searched(), APART) == [({"canal", "twin"}, ("canal", "twin"), 3), ({"disc"}, ("disc",), 3)]


def test_tasks_that_harm_each_other_are_shipped_apart(family):
    found = family(searched(), {**APART, frozenset(("canal", "twin")): 0.5})
    assert found == [({task}, (task,), 3) for task in sorted(TASKS)]


def test_an_open_search_leaves_it_to_the_verdicts_on_the_multi_task_model(family, tmp_path):
    found = family(searched(margin=0.02, num_examples=60), {ALL: 0.98}, default=0.9)
    ((verdict,),) = query(Workspace.open(tmp_path / "results"), "SELECT verdict FROM recommendation").rows
    assert verdict == "inconclusive"
    served = [task for _, serves, _ in found for task in serves]
    assert sorted(served) == sorted(TASKS)
    assert {frozenset(tasks) for tasks, _, _ in found} <= {ALL, *(frozenset({task}) for task in TASKS)}


def test_without_a_search_the_multi_task_model_serves_what_it_matches(family):
    fake = searched()
    plain = fake.__class__(
        experiment=fake.experiment.model_copy(update={"search": None}),
        planned=tuple(one for one in fake.planned if one.role != "group"),
        num_examples=fake.num_examples,
    )
    (one,) = family(plain, {})
    assert one[0] == ALL
    assert sorted(one[1]) == sorted(TASKS)


def test_an_experiment_that_was_not_trained_cannot_be_shipped(tmp_path):
    workspace = Workspace.open(tmp_path / "results")
    fake = searched()
    train(workspace, fake, {})
    ingest(workspace, force=True)
    with pytest.raises(WorkspaceError, match="should be trained before it is exported"):
        recommended(workspace, "0" * 16)
