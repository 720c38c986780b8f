"""What an experiment is: frozen, validated models, and the content hash that names it.

The parts of an experiment are in `mtlens.config.sections`. `config.loading` reads YAML into an `Experiment`;
`execution.plan` makes the `Run`s of an `Experiment`.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, ValidationError, model_validator

from mtlens.config.hashing import content_hash
from mtlens.config.sections import (
    MOST_EXHAUSTIVE,
    MOST_SEARCHED,
    Data,
    Encoder,
    Evidence,
    Grid,
    Resources,
    Search,
    Spec,
    Task,
    Training,
)
from mtlens.errors import ExperimentError


class Experiment(Spec):
    """One question: does one multi-task model match the task-specific ones on these tasks?"""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    data: Data
    tasks: tuple[Task, ...] = Field(min_length=1, max_length=100)
    encoder: Encoder = Encoder()
    training: Training = Training()
    grid: Grid = Grid()
    seeds: tuple[NonNegativeInt, ...] = Field(default=(0, 1, 2), min_length=1, max_length=100)
    margin: float = Field(gt=0, lt=1, description="largest macro-F1 difference that still counts as a match")
    runs: tuple[Literal["single", "multi", "adapters", "controls"], ...] = ("single", "multi")
    evidence: Evidence = Evidence()
    search: Search | None = None
    resources: Resources = Resources()

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for what, values in (
            ("seeds", self.seeds),
            ("task names", tuple(task.name for task in self.tasks)),
            ("runs", self.runs),
        ):
            if len(set(values)) < len(values):
                raise ValueError(f"{what} should be distinct; found {list(values)}")
        return self

    @model_validator(mode="after")
    def _comparable(self) -> Self:
        if "single" not in self.runs:
            raise ValueError(f"runs should include `single`, which the others are compared with; found {list(self.runs)}")
        return self

    @model_validator(mode="after")
    def _searchable(self) -> Self:
        if (search := self.search) is None:
            return self
        num_tasks, seeds = len(self.tasks), len(self.seeds)
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
        per_group = seeds * max(1, len(self.grid.learning_rate)) * max(1, len(self.grid.epochs))
        if search.runs is not None and search.runs < per_group:
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
    def experiment_id(self) -> str:
        """Hash of everything but resources and search: neither changes whether one model matches the others."""
        return content_hash(self.model_dump(exclude={"resources", "search"}))
