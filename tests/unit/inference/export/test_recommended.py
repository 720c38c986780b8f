"""The family that an experiment recommends for export, from fabricated runs of every group of its tasks."""

import pytest

from mtlens.errors import WorkspaceError
from mtlens.inference.export.model_card import matching
from mtlens.inference.export.recommended import recommended
from mtlens.store.database.reader import query
from mtlens.store.ingest import ingest
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs
from tests.support.searched_groups import ALL, APART, TASKS, searched, train


@pytest.fixture
def family(tmp_path):
    """Exports what fabricated runs recommend: (tasks trained together, tasks served, number of seeds) of each model."""

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


def test_the_card_compares_the_family_that_a_search_decided_on(family, tmp_path):
    fake = searched()
    family(fake, APART)
    both = matching(Workspace.open(tmp_path / "results"), fake.experiment.experiment_id)
    multi, of_family = both.split("## Does this family")
    matched = [line.split("|")[1].strip() for line in of_family.splitlines() if line.endswith("| matches |")]
    assert matched == ["canal", "twin"]
    assert "| disc |" in multi


def test_the_card_compares_no_family_that_is_not_exported(family, tmp_path):
    fake = searched(margin=0.02, num_examples=60)
    family(fake, {ALL: 0.98})
    workspace = Workspace.open(tmp_path / "results")
    assert query(workspace, "SELECT 1 FROM matching WHERE kind = 'family'").rows
    assert "this family" not in matching(workspace, fake.experiment.experiment_id)


def test_tasks_that_harm_each_other_are_exported_apart(family):
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
        planned=tuple(planned for planned in fake.planned if planned.role != "group"),
        num_examples=fake.num_examples,
    )
    (one,) = family(plain, {})
    assert one[0] == ALL
    assert sorted(one[1]) == sorted(TASKS)


def test_only_the_chosen_grid_point_is_exported(tmp_path):
    """All of its seeds, and none of another grid point's, however good one of those is."""
    workspace = Workspace.open(tmp_path / "results")
    fake = fake_runs.fake_experiment(learning_rates=(1e-4, 3e-4), num_examples=360, margin=0.2)
    fake_runs.save(workspace, fake)
    for run in fake.runs:
        is_chosen = run.training.learning_rate == 3e-4
        right = 0.9 if is_chosen else 0.99 if run.seed == 0 else 0.5
        fake_runs.finish(workspace, run, right=right, num_examples=fake.num_examples)
    ingest(workspace, force=True)
    chosen = {run.run_id for run in fake.runs if run.training.learning_rate == 3e-4}
    members = recommended(workspace, fake.experiment.experiment_id)
    assert sorted(task for member in members for task in member.serves) == ["bulge", "stenosis"]
    assert all(len(member.run_ids) == 3 and set(member.run_ids) <= chosen for member in members)


@pytest.mark.parametrize("left", ["a grid point's seed", "a task"])
def test_an_experiment_that_is_half_trained_cannot_be_exported(tmp_path, left):
    """Neither without the grid that chooses, nor without a task."""
    workspace = Workspace.open(tmp_path / "results")
    rates = (1e-4, 3e-4) if left == "a grid point's seed" else (1e-4,)
    fake = fake_runs.fake_experiment(learning_rates=rates, num_examples=360, margin=0.2, runs=("single",))
    fake_runs.save(workspace, fake)
    missing = fake.runs[-1:] if len(rates) > 1 else fake.runs[3:]
    for run in fake.runs[: -len(missing)]:
        fake_runs.finish(workspace, run, right=0.9, num_examples=fake.num_examples)
    ingest(workspace, force=True)
    with pytest.raises(WorkspaceError, match="should be trained before it is exported"):
        recommended(workspace, fake.experiment.experiment_id)


def test_an_experiment_that_was_not_trained_cannot_be_exported(tmp_path):
    workspace = Workspace.open(tmp_path / "results")
    fake = searched()
    train(workspace, fake, {})
    ingest(workspace, force=True)
    with pytest.raises(WorkspaceError, match="should be trained before it is exported"):
        recommended(workspace, "0" * 16)
