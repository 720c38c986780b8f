"""What an experiment is: frozen, validated models, and the content hash that names a run.

Nothing here reads a file or imports torch. `backend.spec_file` reads YAML into an `Experiment`; `backend.planning`
unfolds an `Experiment` into `Run`s. A `Run` holds everything that decides its result and nothing else, so its hash names
the result: two experiments that ask for the same run share it.
"""

import hashlib
import json
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    StringConstraints,
    ValidationError,
    model_validator,
)

from backend.errors import ExperimentError

MINILM = "sentence-transformers/all-MiniLM-L6-v2"

Name = Annotated[str, Field(min_length=1, max_length=200)]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
SplitName = Literal["train", "validation", "test"]
Method = Literal["full", "lora"]
Precision = Literal["auto", "float32", "bfloat16"]
Role = Literal["single", "multi", "adapter", "shuffled", "group"]


class Spec(BaseModel):
    """Base of all models: immutable, and every unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Table(Spec):
    """One file of texts with label columns: CSV, TSV, Parquet or JSONL, told by its suffix."""

    path: Name = Field(description="relative to the experiment file, to --data, or to MTLENS_DATA")
    text: Name = Field(description="column that holds the text")
    id: Name | None = Field(default=None, description="column of unique ids; row numbers otherwise")
    group: Name | None = Field(default=None, description="column whose rows stay in one split, such as the patient")
    split: Name | None = Field(default=None, description="column that gives each row's split")
    split_values: dict[SplitName, tuple[Label, ...]] | None = Field(
        default=None, description="which values of the split column mean which split"
    )


class Spine(Spec):
    """Synthetic spine MRI reports, one text per report and motion segment."""

    region: Literal["cervical", "lumbar"]
    reports: PositiveInt = Field(default=400, le=1_000_000, description="number of reports; each has six segments")
    relatedness: float = Field(default=0.8, ge=0, le=1, description="0: unrelated tasks; 1: shared causes and cues")
    seed: NonNegativeInt = 0


class Splits(Spec):
    """Sizes of the splits that mtlens makes itself, as fractions of the examples."""

    validation: Fraction = 0.15
    test: Fraction = 0.25
    seed: NonNegativeInt = 0

    @model_validator(mode="after")
    def _leave_room_to_train(self) -> Self:
        if not (self.validation > 0 and self.test > 0 and self.validation + self.test < 1):
            raise ValueError(
                "splits should leave a share for validation, test and training; "
                f"found validation {self.validation:g} and test {self.test:g}"
            )
        return self


class Data(Spec):
    """Where the examples come from: tables of one's own, or synthetic spine reports."""

    tables: tuple[Table, ...] = ()
    spine: Spine | None = None
    splits: Splits = Splits()

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.tables) == (self.spine is not None):
            raise ValueError("data should have either `tables` or `spine`; found " + ("both" if self.tables else "neither"))
        return self


class Task(Spec):
    """One classification task: a label column and its classes in order."""

    name: Name
    column: Name
    classes: tuple[Label, ...] = Field(min_length=2, max_length=1000)
    weight: PositiveFloat = Field(default=1.0, description="share of this task's loss in a multi-task model")
    missing: tuple[Label, ...] = Field(default=(), description="values that mean: not labelled (empty cells always do)")
    shuffle_labels: bool = Field(default=False, description="control: train on permuted labels")

    @model_validator(mode="after")
    def _distinct_classes(self) -> Self:
        if len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes of task {self.name!r} should be distinct; found {list(self.classes)}")
        if both := sorted(set(self.classes) & set(self.missing)):
            raise ValueError(f"classes of task {self.name!r} should not be in `missing` too; found {both}")
        return self


class Encoder(Spec):
    """A pretrained transformer encoder: a hub name or a local directory, with safetensors weights only."""

    name: Name = MINILM
    pooling: Literal["mean", "cls"] = Field(default="mean", description="what the heads see: mean over tokens, or [CLS]")


class Lora(Spec):
    """Low-rank adapters, for the runs of kind `adapters`."""

    rank: PositiveInt = 8
    alpha: PositiveInt = 16
    learning_rate: PositiveFloat = 1e-3


class Grid(Spec):
    """Values tried for single and multi alike; the best on validation is the one that is compared."""

    learning_rate: tuple[PositiveFloat, ...] = ()
    epochs: tuple[PositiveInt, ...] = ()


class Training(Spec):
    """How every run is trained; the same for single-task and multi-task models."""

    epochs: PositiveInt = 5
    batch_size: PositiveInt = 32
    learning_rate: PositiveFloat = 1e-4
    head_learning_rate: PositiveFloat = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    warmup: Fraction = Field(default=0.1, description="fraction of the updates that warm up; linear decay to 0 follows")
    gradient_clip: PositiveFloat = 1.0
    max_length: Annotated[int, Field(ge=8, le=8192)] = 256
    precision: Precision = Field(
        default="auto", description="auto: bfloat16 where the hardware multiplies it; name one for a mixed cluster"
    )
    class_weights: Literal["none", "balanced"] = "none"
    sampling: Literal["proportional", "uniform", "temperature"] = Field(
        default="proportional", description="how often each table is drawn; proportional matches the updates per task"
    )
    temperature: PositiveFloat = Field(default=2.0, description="for sampling: temperature; 1 is proportional")
    patience: NonNegativeInt = Field(default=0, description="stop after this many epochs without a better validation; 0: never")
    lora: Lora = Lora()


class Evidence(Spec):
    """How hidden states and gradients are compared, and what counts as similar and as aligned: set before the run."""

    examples: Annotated[int, Field(ge=4)] = Field(default=512, description="held-out texts on which hidden states are compared")
    microbatches: Annotated[int, Field(ge=4)] = Field(default=16, description="draws of training texts for the gradients")
    microbatch_size: PositiveInt = Field(default=16, description="texts per draw")
    margin: float = Field(
        default=0.25,
        gt=0,
        lt=1,
        description="largest shortfall from the ceiling, as a share of ceiling - floor, that is similar",
    )
    threshold: float = Field(default=0.2, gt=0, lt=1, description="smallest gradient cosine that counts as sizeable")


MOST_SEARCHED = 20  # tasks
MOST_EXHAUSTIVE = 12  # tasks, which have 4,095 groups


class Search(Spec):
    """Which groups of tasks are trained to learn which belong together, and how many models a family of them may cost.

    The comparison of single and multi does not depend on it.
    """

    method: Literal["exhaustive", "guided", "optuna", "random"] = Field(
        default="exhaustive", description="exhaustive: every group; the others propose partitions one after another"
    )
    overlap: bool = Field(default=False, description="groups may share tasks, and each task is served by its best group")
    models: PositiveFloat | None = Field(
        default=None, description="most that a family may cost, in models; else as many as tasks"
    )
    costs: dict[PositiveInt, PositiveFloat] = Field(
        default={}, description="cost of a model by its number of tasks, in models; 1 where not given"
    )
    runs: PositiveInt | None = Field(default=None, description="most trainings that the search may ask for")
    gpu_seconds: PositiveFloat | None = Field(default=None, description="most training time over all lanes")
    minutes: PositiveFloat | None = Field(default=None, description="most wall time")
    seed: NonNegativeInt = 0

    def cheapest(self, num_tasks: int) -> float:
        """Cost of the cheapest family that serves so many tasks, in models."""
        least = [0.0]
        for count in range(1, num_tasks + 1):
            sizes = range(1, num_tasks + 1 if self.overlap else count + 1)
            least.append(min(self.costs.get(size, 1.0) + least[max(0, count - size)] for size in sizes))
        return least[-1]


class Resources(Spec):
    """What a run may use, and how many run side by side."""

    lanes: PositiveInt | Literal["auto"] = Field(default="auto", description="runs side by side; auto: one per GPU or core")
    gpus_per_run: Annotated[float, Field(ge=0)] | Literal["auto"] = "auto"
    workers_per_run: PositiveInt = Field(default=1, description="above 1, each run is data-parallel over that many workers")


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


RECIPE = 1  # of the training code; a change that alters results counts it up, and stored runs are not mistaken for new ones


class Run(Spec):
    """One training: a set of tasks, one seed, one configuration. Equal runs have equal results on equal hardware.

    data: fingerprint of ids, texts and splits. labels: fingerprint of each task's classes and labels, in the order of tasks.
    pretrained: fingerprint of the encoder's weights, config and tokenizer.
    """

    tasks: tuple[Task, ...] = Field(min_length=1)
    method: Method
    seed: NonNegativeInt
    encoder: Encoder
    pretrained: str
    training: Training
    data: str
    labels: tuple[str, ...]
    keep_epochs: bool = Field(default=True, description="keep what each epoch changed, for the gradients; not part of the hash")

    @property
    def run_id(self) -> str:
        """Sixteen hexadecimal digits of SHA-256 over all that decides the result; where it lies does not."""
        content = self.model_dump(
            exclude={"encoder": {"name"}, "tasks": {"__all__": {"column", "missing"}}, "keep_epochs": True}
        )
        unused = "lora" if self.method == "full" else "learning_rate"
        del content["training"][unused]
        return content_hash({**content, "recipe": RECIPE})

    @property
    def job_id(self) -> str:
        """A run is one of the jobs that a fleet does."""
        return self.run_id

    @property
    def label(self) -> str:
        """Short human name: tasks, method where it is not full fine-tuning, seed."""
        tasks = self.tasks[0].name if len(self.tasks) == 1 else f"{len(self.tasks)} tasks"
        shuffled = " shuffled" if any(task.shuffle_labels for task in self.tasks) else ""
        return f"{tasks}{shuffled}{' lora' if self.method == 'lora' else ''} s{self.seed}"


class Outcome(Spec):
    """How a job, a run or a piece of evidence, ended: done without a reason, failed with one."""

    job_id: str
    reason: str = ""


def content_hash(content: object) -> str:
    """First 16 hexadecimal digits of the SHA-256 of content's canonical JSON (sorted keys, no spaces)."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
