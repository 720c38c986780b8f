"""A run: everything that decides the result of one training, and the hash that names it.

Two experiments that ask for the same run share it.
"""

from typing import Annotated

from pydantic import Field

from mtlens.config.hashing import content_hash
from mtlens.config.sections import NO_BALANCING, Encoder, Method, Name, Seed, Spec, Training
from mtlens.config.task import Task

CODE_VERSION = (
    2  # of the training code; a change that alters results counts it up, and stored runs are not mistaken for new ones
)


MOST_NAMED = 4  # tasks of a run, above which its label counts them


class Derivation(Spec):
    """How a model is made of finished ones instead of being trained: a merged encoder, or new heads on a frozen encoder.

    sources: the ids of their runs, in the order of the run's tasks if there is one per task.
    """

    method: Name
    sources: tuple[str, ...] = Field(min_length=1)
    refit_heads: bool = Field(default=False, description="fit the heads anew on the features of the encoder")


class Run(Spec):
    """One training: a set of tasks, one seed, one configuration. Equal runs have equal results on equal hardware.

    data: fingerprint of ids, texts and splits. fold: the fold that is left out for testing; None where the data have no folds,
    and for a model that is trained on all folds. labels: fingerprint of each task's classes and labels, in the order of tasks.
    pretrained: fingerprint of the encoder's weights, config and tokenizer.
    """

    tasks: tuple[Task, ...] = Field(min_length=1)
    method: Method
    seed: Seed
    encoder: Encoder
    pretrained: str
    training: Training
    data: str
    fold: Annotated[int, Field(ge=0, lt=100)] | None = Field(default=None, exclude_if=lambda fold: fold is None)
    labels: tuple[str, ...]
    balancing: Name = Field(
        default=NO_BALANCING,
        exclude_if=lambda name: name == NO_BALANCING,
        description="how the losses or gradients of several tasks become one update",
    )
    derivation: Derivation | None = Field(default=None, exclude_if=lambda derivation: derivation is None)
    keep_epochs: bool = Field(default=True, description="keep what each epoch changed, for the gradients; not part of the hash")
    measure_conflicts: bool = Field(default=False, description="measure how the tasks' gradients agree; not part of the hash")

    @property
    def encoder_rate(self) -> float:
        """Peak learning rate of the trained part of the encoder."""
        return self.training.lora.learning_rate if self.method == "lora" else self.training.learning_rate

    @property
    def run_id(self) -> str:
        """Sixteen hexadecimal digits of SHA-256 over all that decides the result; the paths of its files do not."""
        content = self.model_dump(
            exclude={
                "encoder": {"name"},
                "tasks": {"__all__": {"column", "columns", "labels", "missing", "separator"}},
                "keep_epochs": True,
                "measure_conflicts": True,
            }
        )
        unused = "lora" if self.method == "full" else "learning_rate"
        del content["training"][unused]
        return content_hash({**content, "recipe": CODE_VERSION})

    @property
    def job_id(self) -> str:
        """The run's id: a run is a job, as an evidence job is."""
        return self.run_id

    @property
    def label(self) -> str:
        """Short human name: tasks, how it is trained where not the usual way, seed, fold where there is one."""
        few = len(self.tasks) <= MOST_NAMED
        tasks = " + ".join(task.name for task in self.tasks) if few else f"{len(self.tasks)} tasks"
        shuffled = " shuffled" if any(task.shuffle_labels for task in self.tasks) else ""
        fold = "" if self.fold is None else f" fold {self.fold}"
        words = (self.method, self.balancing, self.derivation.method if self.derivation else "full")
        how = "".join(f" {word}" for word in words if word not in ("full", NO_BALANCING))
        return f"{tasks}{shuffled}{how} s{self.seed}{fold}"


class Outcome(Spec):
    """How a job, a run or an evidence job, ended: done without a reason, failed with one."""

    job_id: str
    reason: str = ""
