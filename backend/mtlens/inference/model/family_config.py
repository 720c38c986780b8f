"""Content of config.json of an exported family: its tasks, its models, and how their outputs are read."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mtlens.config.sections import LongTexts, Name, Pooling, Spec
from mtlens.config.task import Task
from mtlens.inference.model.onnx_model import Runtime
from mtlens.inference.model.sentence_tagger import FolderName, TaggerConfig
from mtlens.inference.segmentation.levels import REGION_OF
from mtlens.tasks import kind_of
from mtlens.tasks.words import Parting

FORMAT = 2


class MemberConfig(Spec):
    """One model: its folder and the tasks that it serves, in their order.

    layout: an encoder with a file of heads; adapters of the family's encoder with one; the sequence classifier of one task,
    whose logits are calibrated already; its token classifier; or a graph (ONNX) of all tasks.
    """

    folder: FolderName
    run_id: Name
    tasks: tuple[str, ...]
    layout: Literal["heads", "adapter", "classifier", "token classifier", "graph"] = "heads"


class FamilyConfig(Spec):
    """Content of config.json.

    format: 1 had no classifiers and no adapters. temperatures: by task with probabilities of classes, softmax(logits / T).
    scales: by task with numbers, the factor and the offset of its outputs. thresholds: by task of several labels, the
    probability from which each label is predicted. words: by task of tags, how words are separated. levels: motion segments
    that it was trained on; empty if it was trained on whole texts. long_texts: how texts longer than max_length are read.
    pairs: whether it reads pairs of texts. tagger: None where rules tag sentences, or none are tagged. runtime: what runs it on
    a CPU unless another is asked for.
    """

    format: Literal[1, 2] = FORMAT
    name: Name
    tasks: tuple[Task, ...] = Field(min_length=1, max_length=100)
    members: tuple[MemberConfig, ...] = Field(min_length=1, max_length=100)
    temperatures: dict[str, Annotated[float, Field(ge=0.01, le=100)]]
    scales: dict[str, tuple[float, ...]] = Field(default={})
    thresholds: dict[str, tuple[float, ...]] = Field(default={})
    words: dict[str, Parting] = Field(default={}, exclude_if=lambda words: not words)
    pooling: Pooling
    max_length: Annotated[int, Field(ge=1, le=8192)]
    long_texts: LongTexts = "head"
    pairs: bool = False
    precision: Literal["float32", "bfloat16"]
    levels: tuple[str, ...]
    tagger: TaggerConfig | None = None
    runtime: Runtime = "pytorch"

    @model_validator(mode="after")
    def _every_task_is_served_once(self) -> Self:
        tasks = sorted(task.name for task in self.tasks)
        served = sorted(name for member in self.members for name in member.tasks)
        if served != tasks:
            raise ValueError(f"members should serve each of the tasks {tasks} once; found {served}")
        for name in ("temperatures", "scales", "thresholds"):
            if others := sorted(getattr(self, name).keys() - set(tasks)):
                raise ValueError(f"{name} should be of the tasks {tasks}; found {others}")
        for task in self.tasks:
            if kind_of(task).reads_tokens and task.name not in self.words:
                raise ValueError(f"words should say how those of task {task.name} are separated; found none")
        return self

    @model_validator(mode="after")
    def _known_levels(self) -> Self:
        if unknown := sorted({*self.levels, *(self.tagger.levels if self.tagger else ())} - REGION_OF.keys()):
            raise ValueError(f"levels should be motion segments that mtlens knows; found {unknown}")
        return self
