"""Fabricated runs of every group of the tasks of an experiment that searches for groups."""

from itertools import combinations

from mtlens.config.sections import Search
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs

TASKS = ("canal", "disc", "twin")
ALL = frozenset(TASKS)
APART = {frozenset(("canal", "disc")): 0.5, frozenset(("disc", "twin")): 0.5, ALL: 0.5}
"""Share of right predictions in each group in which `disc` harms the other tasks."""


def searched(
    search: Search | None = None, margin: float = 0.2, tasks: tuple[str, ...] = TASKS, num_examples: int = 360
) -> fake_runs.FakeExperiment:
    """Every group of the tasks, each under three seeds."""
    fake = fake_runs.fake_experiment(tasks=tasks, num_examples=num_examples, margin=margin)
    groups = [
        fake_runs.Planned(
            role="group",
            candidate=0,
            run=planned.run.model_copy(update={"tasks": kept, "labels": planned.run.labels[:size]}),
        )
        for planned in fake.planned
        if planned.role == "multi"
        for size in range(2, len(tasks))
        for kept in combinations(planned.run.tasks, size)
    ]
    experiment = fake.experiment.model_copy(update={"search": search or Search()})
    return fake_runs.FakeExperiment(experiment=experiment, planned=(*fake.planned, *groups), num_examples=num_examples)


def train(
    workspace: Workspace, fake: fake_runs.FakeExperiment, right: dict[frozenset[str], float], default: float = 0.9
) -> None:
    """Finish all runs. right: share of right predictions of each group; `default` for the others."""
    fake_runs.save(workspace, fake)
    for run in fake.runs:
        group = frozenset(task.name for task in run.tasks)
        fake_runs.finish(workspace, run, right=right.get(group, default), num_examples=fake.num_examples)
