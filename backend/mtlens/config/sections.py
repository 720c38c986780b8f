"""What an experiment file may say: frozen, validated models of its parts, from data to resources.

Tasks are in `mtlens.config.task`; `mtlens.config.experiment` puts all together into an `Experiment`. Nothing here reads a
file or imports torch.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
    model_validator,
)

MINILM = "sentence-transformers/all-MiniLM-L6-v2"

Name = Annotated[str, Field(min_length=1, max_length=200)]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(ge=1e-6, lt=1)]
"""A share or a difference of scores that is used as a divisor, so it is bounded away from 0."""
Seed = Annotated[int, Field(ge=0, lt=2**63)]
"""At most the largest BIGINT of the database."""
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Rate = Annotated[float, Field(ge=1e-12, le=1e32)]
"""A learning rate, or a norm of gradients: as far as float32 reaches."""
Amount = Annotated[float, Field(ge=1e-9, le=1e9)]
"""Time, cost or weight, in whatever unit."""
Method = Literal["full", "lora"]
Precision = Literal["auto", "float32", "bfloat16"]
NO_BALANCING = "none"  # one update of several tasks: the gradient of their weighted mean loss
LongTexts = Literal["head", "head_and_tail", "windows"]
Pooling = Literal["mean", "cls", "last"]
ClassWeights = Literal["auto", "none", "balanced"]


class Spec(BaseModel):
    """Base of all models: immutable, and every unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Splits(Spec):
    """How mtlens splits the examples, in fractions of them: into one test split, or with `folds` into folds that test in turn.

    With folds, the run under seed s leaves out fold s mod K, which tests it; validation is cut from its other folds.
    """

    validation: Fraction = 0.15
    test: Fraction = 0.25
    seed: Seed = 0
    folds: Annotated[int, Field(ge=2, le=100)] | None = Field(default=None, description="number of folds K")
    held_out: Fraction = Field(default=0.1, description="share that is kept out of all folds, for the evidence")

    @property
    def tested(self) -> float:
        """Share of the examples that test one run."""
        return self.test if self.folds is None else (1 - self.held_out) / self.folds

    @model_validator(mode="after")
    def _keys_of_one_kind(self) -> Self:
        needless = {"held_out"} if self.folds is None else {"test"}
        if needless & self.model_fields_set:
            raise ValueError("splits should have `test`, or `folds` and `held_out`; found both")
        return self

    @model_validator(mode="after")
    def _leave_room_to_train(self) -> Self:
        reserved = self.validation + self.tested + (0 if self.folds is None else self.held_out)
        if not (self.validation > 0 and self.tested > 0 and self.held_out > 0 and reserved < 1):
            rest = f"test {self.test:g}" if self.folds is None else f"{self.folds} folds and held_out {self.held_out:g}"
            raise ValueError(
                "splits should leave a share for validation, test and training; "
                f"found validation {self.validation:g} and {rest}"
            )
        return self

    @model_serializer(mode="wrap")
    def _without_unused(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The keys in use alone: an experiment without folds keeps the hash that it had before there were any."""
        unused = ("folds", "held_out") if self.folds is None else ("test",)
        return {key: value for key, value in serialise(self).items() if key not in unused}


class Data(Spec):
    """Where the examples come from: what all sources have in common. Each source is a subclass (`mtlens.data.sources`)."""

    splits: Splits = Splits()


class Encoder(Spec):
    """A pretrained transformer encoder: a hub name or a local directory, with safetensors weights only."""

    name: Name = MINILM
    pooling: Pooling = Field(
        default="mean", description="what the heads see: mean over tokens, [CLS], or the last token, as decoders need it"
    )

    @property
    def stored_pooling(self) -> Literal["mean", "cls"]:
        """Name under which the evidence stores the states that the heads see; `cls` holds the last token of a decoder."""
        return "mean" if self.pooling == "mean" else "cls"


class Lora(Spec):
    """Low-rank adapters, for the runs of kind `adapters`."""

    rank: Count = 8
    alpha: Count = 16
    learning_rate: Rate = 1e-3


class Merging(Spec):
    """How encoders of task-specific models are merged, by the arms of `multi:` that do so."""

    refit_heads: bool = Field(
        default=False, description="fit the heads anew on the merged encoder; else each task keeps its own"
    )


class Grid(Spec):
    """Values tried for single and multi alike; the best on validation is the one that is compared."""

    learning_rate: tuple[Rate, ...] = ()
    epochs: tuple[Count, ...] = ()


class Training(Spec):
    """How every run is trained: the same rules for task-specific and multi-task models, each to its own end."""

    epochs: Count = Field(default=10, description="most epochs; patience ends a run before")
    batch_size: Count = 32
    learning_rate: Rate = 1e-4
    head_learning_rate: Rate = 1e-3
    weight_decay: Annotated[float, Field(ge=0, le=1000)] = 0.01
    warmup: Fraction = Field(default=0.1, description="fraction of the updates that warm up; linear decay to 0 follows")
    gradient_clip: Rate = 1.0
    max_length: Annotated[int, Field(ge=8, le=8192)] = 256
    long_texts: LongTexts = Field(
        default="head",
        exclude_if=lambda long_texts: long_texts == "head",
        description="what is read of a text of more than max_length tokens: its head, head and tail, or all of it in windows",
    )
    precision: Precision = Field(
        default="auto", description="auto: bfloat16 where the hardware multiplies it; name one for a mixed cluster"
    )
    class_weights: ClassWeights = Field(
        default="auto",
        description="balanced: all classes of a task count alike in its loss; auto: where they do in its metric; or none",
    )
    sampling: Literal["proportional", "uniform", "temperature"] = Field(
        default="proportional", description="how often each table is drawn; proportional matches the updates per task"
    )
    temperature: Annotated[float, Field(ge=0.1, le=1e6)] = Field(
        default=2.0, description="for sampling: temperature; 1 is proportional"
    )
    patience: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=3, description="stop after this many epochs without a better validation; 0: never"
    )
    retries: int = Field(
        default=0,
        ge=0,
        le=10,
        exclude_if=lambda retries: retries == 0,
        description="how often a model that predicts one class only is trained anew, in another order",
    )
    lora: Lora = Lora()

    @property
    def least_epochs(self) -> int:
        """Epochs after which patience can end a run at the earliest."""
        return min(self.epochs, self.patience + 1) if self.patience else self.epochs


class Evidence(Spec):
    """How hidden states and gradients are compared, and what counts as similar and as aligned: set before the run."""

    examples: Annotated[int, Field(ge=4, le=1_000_000)] = Field(
        default=512, description="held-out texts on which hidden states are compared"
    )
    microbatches: Annotated[int, Field(ge=4, le=1_000_000)] = Field(
        default=16, description="batches of training texts for the gradients"
    )
    microbatch_size: Count = Field(default=64, description="texts per batch at most; fewer texts are shared out evenly")
    margin: Share = Field(
        default=0.25,
        description="largest shortfall from the ceiling, as a share of ceiling - floor, that is similar",
    )
    threshold: Share = Field(default=0.2, description="smallest gradient cosine that counts as sizeable")


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
    models: Amount | None = Field(default=None, description="most that a family may cost, in models; else as many as tasks")
    costs: dict[Count, Amount] = Field(
        default={}, description="cost of a model by its number of tasks, in models; 1 where not given"
    )
    runs: Annotated[int, Field(ge=1, le=10**9)] | None = Field(
        default=None, description="most trainings that the search may ask for"
    )
    gpu_seconds: Amount | None = Field(default=None, description="most training time over all lanes")
    minutes: Amount | None = Field(default=None, description="most wall time")
    seed: Seed = 0

    def cheapest(self, num_tasks: int) -> float:
        """Cost of the cheapest family that serves so many tasks, in models."""
        least = [0.0]
        for count in range(1, num_tasks + 1):
            sizes = range(1, num_tasks + 1 if self.overlap else count + 1)
            least.append(min(self.costs.get(size, 1.0) + least[max(0, count - size)] for size in sizes))
        return least[-1]


class Resources(Spec):
    """What a run may use, and how many run side by side."""

    lanes: Count | Literal["auto"] = Field(default="auto", description="runs side by side; auto: one per GPU or core")
    gpus_per_run: Annotated[float, Field(ge=0, le=1000)] | Literal["auto"] = "auto"
    workers_per_run: Count = Field(default=1, description="above 1, each run is data-parallel over that many workers")
