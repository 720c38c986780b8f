"""What an experiment is: frozen, validated models, and the content hash that names it.

The parts of an experiment are in `mtlens.config.sections`. `config.loading` reads YAML into an `Experiment`;
`execution.plan` makes the `Run`s of an `Experiment`.
"""

import itertools
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from mtlens.config.arms import JOINT_ONLY, Arm
from mtlens.config.claim import Claim
from mtlens.config.hashing import content_hash
from mtlens.config.run_kinds import MULTI, SINGLE, Asked, RunKind, asked_kinds
from mtlens.config.sections import (
    MOST_EXHAUSTIVE,
    MOST_SEARCHED,
    Encoder,
    Evidence,
    Grid,
    Merging,
    Method,
    Resources,
    Search,
    Share,
    Spec,
    Training,
)
from mtlens.config.seeds import Budget, SeedsSection, UntilSettled
from mtlens.config.sources import DataSection
from mtlens.config.task import Task
from mtlens.errors import ExperimentError

_SOURCES_OF_0_1 = {"tables": (), "spine": None}  # version 0.1 hashed both keys, whichever source was used


class Experiment(Spec):
    """One question: does one multi-task model match the task-specific ones on these tasks?"""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    data: DataSection
    tasks: tuple[Task, ...] = Field(min_length=1, max_length=100)
    encoder: Encoder = Encoder()
    training: Training = Training()
    grid: Grid = Grid()
    seeds: SeedsSection = (0, 1, 2)
    budget: Budget | None = Field(default=None, exclude_if=lambda budget: budget is None)
    margin: Share = Field(description="largest difference of scores that still counts as a match")
    runs: tuple[Asked, ...] = ("single", "multi")
    multi: tuple[Arm, ...] = Field(
        default=JOINT_ONLY,
        exclude_if=lambda arms: arms == JOINT_ONLY,
        description="ways to make one model of all tasks, each compared with the task-specific models",
    )
    merging: Merging = Field(default=Merging(), exclude_if=lambda merging: merging == Merging())
    evidence: Evidence = Evidence()
    search: Search | None = None
    claim: tuple[Claim, ...] = Field(
        default=(),
        exclude_if=lambda claims: claims == (),
        max_length=50,
        description="what the evidence is claimed to say of gains: written before the run, with the threshold that decides",
    )
    resources: Resources = Resources()

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for what, values in (
            ("seeds", self.all_seeds),
            ("task names", tuple(task.name for task in self.tasks)),
            ("runs", self.runs),
            ("arms under multi", self.multi),
            ("claims", self.claim),
        ):
            if len(set(values)) < len(values):
                raise ValueError(f"{what} should be distinct; found {list(values)}")
        return self

    @model_validator(mode="after")
    def _comparable(self) -> Self:
        if SINGLE.asked_by not in self.runs:
            found = list(self.runs)
            raise ValueError(f"runs should include `{SINGLE.asked_by}`, which the others are compared with; found {found}")
        if MULTI.arm not in self.multi:
            found = list(self.multi)
            raise ValueError(f"multi should include `{MULTI.arm}`, beside which the other arms are shown; found {found}")
        if self.multi != JOINT_ONLY and MULTI.asked_by not in self.runs:
            raise ValueError(f"runs should include `{MULTI.asked_by}` where multi names arms; found {list(self.runs)}")
        if self.multi != JOINT_ONLY and self.resources.workers_per_run > 1:
            raise ValueError(
                f"arms other than `{MULTI.arm}` should train with workers_per_run 1; found {self.resources.workers_per_run}"
            )
        return self

    @model_validator(mode="after")
    def _repeated(self) -> Self:
        if isinstance(self.seeds, UntilSettled):
            if self.search is not None:
                raise ValueError("an experiment with a search should list its seeds; found seeds until settled")
        elif self.budget is not None:
            raise ValueError("a budget should go with seeds until settled; found a list of seeds")
        return self

    @model_validator(mode="after")
    def _every_fold_tests(self) -> Self:
        if (count := self.data.splits.folds) is None:
            return self
        if missing := sorted(set(range(count)) - {seed % count for seed in self.first_seeds}):
            raise ValueError(
                f"seeds should leave out each of {count} folds, such as {list(range(count))}, as seed s leaves out fold "
                f"s mod {count}; found none for fold {missing[0]}"
            )
        return self

    @model_validator(mode="after")
    def _searchable(self) -> Self:
        if (search := self.search) is None:
            return self
        if self.data.splits.folds is not None:
            raise ValueError(f"a search should be of an experiment without folds; found {self.data.splits.folds} folds")
        num_tasks = len(self.tasks)
        if not 2 <= num_tasks <= MOST_SEARCHED:
            raise ValueError(f"a search should be over 2 to {MOST_SEARCHED} tasks; found {num_tasks}")
        if search.method == "exhaustive" and num_tasks > MOST_EXHAUSTIVE:
            found = f"{num_tasks} tasks, which have {2**num_tasks - 1:,} groups"
            raise ValueError(f"an exhaustive search should be over at most {MOST_EXHAUSTIVE} tasks; found {found}")
        if search.method != "exhaustive" and search.runs is search.gpu_seconds is search.minutes is None:
            raise ValueError(f"a {search.method} search should have a budget: runs, gpu_seconds or minutes; found none")
        cheapest = search.cheapest(num_tasks)
        if search.models is not None and search.models < cheapest:
            raise ValueError(f"search.models should pay for every task, {cheapest:g} at least; found {search.models:g}")
        if search.runs is not None and search.runs < (per_group := self.runs_per_group):
            raise ValueError(f"search.runs should pay for one group under every seed, {per_group}; found {search.runs}")
        return self

    def searched(self) -> Self:
        """The experiment with a search: its own, or an exhaustive one. Raises ExperimentError where it has too many tasks."""
        if self.search is not None:
            return self
        try:
            return type(self).model_validate({**self.model_dump(), "search": Search()})
        except ValidationError as error:
            raise ExperimentError(f"{self.name}: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from None

    @property
    def kinds(self) -> list[RunKind]:
        """The kinds of runs that it asks for."""
        return asked_kinds(self.runs, self.multi)

    def candidates(self, method: Method) -> tuple[Training, ...]:
        """The points of the grid. Adapters learn at a rate of their own, which the grid leaves alone."""
        training, grid = self.training, self.grid
        rates = grid.learning_rate if method == "full" and grid.learning_rate else (training.learning_rate,)
        points = itertools.product(rates, grid.epochs or (training.epochs,))
        return tuple(training.model_copy(update={"learning_rate": rate, "epochs": epochs}) for rate, epochs in points)

    @property
    def margins(self) -> dict[str, float]:
        """The margin of each task, in the unit of its metric: its own, or that of the experiment."""
        return {task.name: task.margin or self.margin for task in self.tasks}

    @property
    def tasks_to_train(self) -> tuple[Task, ...]:
        """The tasks as a model of several learns them: with their margins where these differ, and without where they agree.

        Its best epoch has the best mean of scores divided by their margins.
        """
        margins = self.margins
        differ = len(set(margins.values())) > 1
        return tuple(task.model_copy(update={"margin": margins[task.name] if differ else None}) for task in self.tasks)

    def fold(self, seed: int) -> int | None:
        """The fold that runs under a seed leave out; None without folds."""
        return None if self.data.splits.folds is None else seed % self.data.splits.folds

    @property
    def all_seeds(self) -> tuple[int, ...]:
        """Every seed that a run may have."""
        return tuple(range(self.seeds.at_most)) if isinstance(self.seeds, UntilSettled) else self.seeds

    @property
    def looks(self) -> tuple[int, ...]:
        """Numbers of seeds after which verdicts are tested: all seeds at once where they are listed."""
        return self.seeds.looks if isinstance(self.seeds, UntilSettled) else (len(self.seeds),)

    @property
    def first_seeds(self) -> tuple[int, ...]:
        """Seeds of the first look."""
        return self.all_seeds[: self.looks[0]]

    @property
    def runs_per_group(self) -> int:
        """How often one group of tasks is trained: under each seed, at each point of the grid."""
        return len(self.all_seeds) * len(self.candidates("full"))

    @property
    def experiment_id(self) -> str:
        """Hash of everything but resources, search and budget: none changes whether one model matches the others."""
        content = self.model_dump(exclude={"resources", "search", "budget"})
        return content_hash({**content, "data": {**_SOURCES_OF_0_1, **content["data"]}})
