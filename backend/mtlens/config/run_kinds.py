"""The kinds of runs: what each trains, what it is called, and whether it is compared with the task-specific models.

This registry is the only list of kinds. The plan, the store (table `run_kind`), the command line and the dashboard ask it.

To add a kind of run, say pairs of tasks:

1. Define a `RunKind` below, or in a file of its own beside this one that `mtlens.config.experiment` imports.
   `asked_by` is the word under `runs:` in an experiment file, and `task_sets` says which sets of tasks the kind trains:

       def neighbours(tasks: Sequence[Task]) -> list[tuple[Task, ...]]:
           return [together for pair in pairwise(tasks) for together in all_together(pair)]

2. Register it: `PAIRS = register(RunKind(name="pair", label="pairs", asked_by="pairs", task_sets=neighbours, ...))`.
   The place of that line decides the order in tables and figures.

With a `title`, the kind is compared with the task-specific models: verdicts, views and figures then show it. A `colour` that no
theme has gives the default one. Databases take a new kind up at the next ingest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from mtlens.config.sections import NO_BALANCING, Method
from mtlens.config.task import Task

TaskSets = Callable[[Sequence[Task]], list[tuple[Task, ...]]]
"""From tasks to the sets of them that are trained, one run per set, seed and grid point."""


def each_alone(tasks: Sequence[Task]) -> list[tuple[Task, ...]]:
    """A set per task. A single task has loss weight 1 and no margin, as these have no effect."""
    return [(task.model_copy(update={"weight": 1.0, "margin": None}),) for task in tasks]


def all_together(tasks: Sequence[Task]) -> list[tuple[Task, ...]]:
    """One set, in the order of the tasks' names, so that equal groups are equal runs; none for a single task."""
    return [tuple(sorted(tasks, key=lambda task: task.name))] if len(tasks) > 1 else []


def each_shuffled(tasks: Sequence[Task]) -> list[tuple[Task, ...]]:
    """A set per task, with permuted labels."""
    return [(task.model_copy(update={"weight": 1.0, "margin": None, "shuffle_labels": True}),) for task in tasks]


def no_set(_: Sequence[Task]) -> list[tuple[Task, ...]]:
    """For a kind that combines runs of other kinds."""
    return []


@dataclass(frozen=True, kw_only=True)
class RunKind:
    """What all runs of one kind have in common.

    name: in columns `role` and `kind`, and in manifests. label: short name of its models in figures and tables.
    description: what it is, for SQL. asked_by: word under `runs:` in an experiment file; None where no file asks for it.
    title: heading of its comparison with the task-specific models; None where it is not compared.
    colour: key of `Theme.colours` in the dashboard. keep_epochs: keep what each epoch changed, for the gradients.
    cka: its models take part in CKA, which needs method `full`. control: it must be worse, and serves no task.
    arm: word under `multi:` in an experiment file, for one model of all tasks (`mtlens.config.arms`). balancing: how its
    training makes one update of the tasks' losses or gradients (`mtlens.training.balancing`).
    derivation: how its models are made of finished ones of kind `made_of` (`mtlens.training.derived`); empty where it is
    trained.
    """

    name: str
    label: str
    description: str
    task_sets: TaskSets
    asked_by: str | None = None
    title: str | None = None
    method: Method = "full"
    colour: str = ""
    keep_epochs: bool = True
    cka: bool = False
    control: bool = False
    arm: str | None = None
    balancing: str = NO_BALANCING
    derivation: str = ""
    made_of: "RunKind | None" = None

    @property
    def compared(self) -> bool:
        """Whether it is compared with the task-specific models."""
        return self.title is not None

    @property
    def trained(self) -> bool:
        """Whether it has runs of its own."""
        return self.task_sets is not no_set


RUN_KINDS: dict[str, RunKind] = {}
"""All kinds by their names, in the order in which tables and figures show them."""


def register(kind: RunKind, *, after: RunKind | None = None) -> RunKind:
    """Add a kind after those that are registered, or right after one of them; ValueError where its name or word is taken."""
    for other in RUN_KINDS.values():
        if kind.name == other.name or _share_a_word(kind, other):
            raise ValueError(
                f"kinds of runs should differ in `name`, `asked_by` and `arm`; found {kind.name!r} beside {other.name!r}"
            )
    kinds = list(RUN_KINDS.values())
    kinds.insert(kinds.index(after) + 1 if after else len(kinds), kind)
    RUN_KINDS.clear()
    RUN_KINDS.update({kind.name: kind for kind in kinds})
    return kind


def _share_a_word(kind: RunKind, other: RunKind) -> bool:
    pairs = ((kind.asked_by, other.asked_by), (kind.arm, other.arm))
    return any(word is not None and word == taken for word, taken in pairs)


SINGLE = register(
    RunKind(
        name="single",
        label="task-specific",
        description="one task; the others are compared with it",
        task_sets=each_alone,
        asked_by="single",
        colour="grey",
        cka=True,
    )
)
MULTI = register(
    RunKind(
        name="multi",
        label="multi-task",
        description="all tasks in one model",
        task_sets=all_together,
        asked_by="multi",
        arm="joint",
        title="One multi-task model against the task-specific models",
        colour="purple",
        cka=True,
    )
)
GROUP = register(
    RunKind(
        name="group",
        label="group of tasks",
        description="some of the tasks in one model, which a search for groups asked for",
        task_sets=all_together,
        keep_epochs=False,
    )
)
ADAPTER = register(
    RunKind(
        name="adapter",
        label="adapters",
        description="low-rank adapters (LoRA) on one task",
        task_sets=each_alone,
        asked_by="adapters",
        title="Task-specific adapters (LoRA) against the task-specific models",
        method="lora",
        colour="amber",
    )
)
FAMILY = register(
    RunKind(
        name="family",
        label="recommended family",
        description="the family of models that a search for groups recommends, put together from runs of other kinds",
        task_sets=no_set,
        title="The family of models chosen on validation against the task-specific models",
    )
)
SHUFFLED = register(
    RunKind(
        name="shuffled",
        label="shuffled labels",
        description="control: one task, trained on permuted labels",
        task_sets=each_shuffled,
        asked_by="controls",
        title="Control: models trained on shuffled labels, which must come out worse",
        colour="pale",
        cka=True,
        control=True,
    )
)

GROUP_KINDS = (SINGLE, GROUP, MULTI)
"""Kinds of the runs that show how well a group of tasks does in one model."""


def kind_of_group(size: int, num_tasks: int) -> RunKind:
    """Kind of the runs of a group of `size` of the experiment's tasks."""
    return SINGLE if size == 1 else MULTI if size == num_tasks else GROUP


def asked_kinds(words: Sequence[str], arms: Sequence[str] = ()) -> list[RunKind]:
    """Kinds that the words under `runs:` and, where these have multi-task models, `multi:` ask for, in the registry's order."""
    arms = arms if MULTI.asked_by in words else ()
    return [
        kind
        for kind in RUN_KINDS.values()
        if (kind.asked_by is not None and kind.asked_by in words) or (kind.arm is not None and kind.arm in arms)
    ]


def is_control(name: str) -> bool:
    """Whether this is the name of a kind that is a control."""
    return name in RUN_KINDS and RUN_KINDS[name].control


def label_of(name: str) -> str:
    """Label of a kind, or the name itself where the kind is not registered here."""
    return RUN_KINDS[name].label if name in RUN_KINDS else name


def title_of(name: str) -> str:
    """Title of a kind's comparison, or the name itself where the kind is not registered here."""
    return (RUN_KINDS[name].title if name in RUN_KINDS else None) or name


def _words() -> list[str]:
    return [kind.asked_by for kind in RUN_KINDS.values() if kind.asked_by is not None]


def _is_word(word: str) -> str:
    if word not in _words():
        raise ValueError(f"runs should be of {', '.join(_words())}; found {word!r}")
    return word


def _is_name(name: str) -> str:
    if name not in RUN_KINDS:
        raise ValueError(f"a kind of run should be one of {', '.join(RUN_KINDS)}; found {name!r}")
    return name


def _list_words(schema: dict[str, Any]) -> None:
    schema["enum"] = _words()


Asked = Annotated[str, AfterValidator(_is_word), Field(json_schema_extra=_list_words)]
"""A word under `runs:` that a registered kind answers to."""

Role = Annotated[str, AfterValidator(_is_name)]
"""Name of a registered kind: the part that a run plays in an experiment."""
