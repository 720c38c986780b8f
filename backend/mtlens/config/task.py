"""What an experiment file says of one task: its label columns, its classes, its kind, and how it is judged."""

import importlib
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from mtlens.config.sections import Amount, Label, Name, Spec
from mtlens.errors import ExperimentError
from mtlens.statistics.metrics import find_metric


class Task(Spec):
    """One task: a label column and, where its labels are classes, these in order."""

    name: Name
    column: Name
    classes: tuple[Label, ...] = Field(default=(), max_length=1000, description="classes in order; none for numbers")
    weight: Amount = Field(default=1.0, description="share of this task's loss in a multi-task model")
    columns: tuple[Name, ...] = Field(
        default=(),
        exclude_if=lambda columns: not columns,
        description="for kind multilabel: a column of 0 and 1 for each class",
    )
    separator: Annotated[str, Field(min_length=1, max_length=10)] | None = Field(
        default=None,
        exclude_if=lambda separator: separator is None,
        description="for kind multilabel: between the classes of a cell",
    )
    scheme: Literal["BIO", "BILOU"] = Field(
        default="BIO",
        exclude_if=lambda scheme: scheme == "BIO",
        description="for kind tags: what the model says of words; labels are understood in either",
    )
    missing: tuple[Label, ...] = Field(default=(), description="values that mean: not labelled (empty cells always do)")
    labels: dict[Label, Label] = Field(
        default={},
        exclude_if=lambda labels: labels == {},
        description="which class a value of the column means, such as {ja: yes}",
    )
    kind: Name = Field(default="classes", exclude_if=lambda kind: kind == "classes", description="how its labels are learned")
    metric: Name | None = Field(
        default=None, exclude_if=lambda metric: metric is None, description="what it is judged by; else that of its kind"
    )
    margin: Annotated[float, Field(ge=1e-6, le=1e9)] | None = Field(
        default=None,
        exclude_if=lambda margin: margin is None,
        description="largest difference that counts as a match, in the unit of its metric; else that of the experiment",
    )
    shuffle_labels: bool = Field(default=False, description="control: train on permuted labels")

    @model_validator(mode="before")
    @classmethod
    def _classes_of_columns(cls, content: Any) -> Any:
        """The classes are named after `columns` where no classes are listed."""
        if isinstance(content, dict) and content.get("columns") and not content.get("classes"):
            return {**content, "classes": content["columns"]}
        return content

    def __hash__(self) -> int:
        """Of its name and column, as the mapping `labels` has none."""
        return hash((self.name, self.column))

    @property
    def label_columns(self) -> tuple[str, ...]:
        """The columns that hold its labels."""
        return self.columns or (self.column,)

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        try:
            if self.metric is not None:
                find_metric(self.metric, self.classes)
            importlib.import_module("mtlens.tasks").check_task(self)  # that package imports this one
        except ExperimentError as error:
            raise ValueError(str(error)) from None
        return self

    @model_validator(mode="before")
    @classmethod
    def _classes_of_labels(cls, settings: Any) -> Any:
        """Classes in the order of `labels` where none are listed."""
        if isinstance(settings, dict) and isinstance(settings.get("labels"), dict) and not settings.get("classes"):
            names = list(dict.fromkeys(settings["labels"].values()))
            if settings.get("kind") == "tags":  # which tags it means, of which the classes are the types
                names = list(dict.fromkeys(str(name)[2:] for name in names if len(str(name)) > 2))
            return {**settings, "classes": names}
        return settings

    @model_validator(mode="after")
    def _labels_are_classes(self) -> Self:
        others = sorted(set(self.labels.values()) - set(self.classes))
        if others and self.kind != "tags":
            raise ValueError(f"labels of task {self.name!r} should mean one of {list(self.classes)}; found {others}")
        return self

    @model_validator(mode="after")
    def _distinct_classes(self) -> Self:
        if len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes of task {self.name!r} should be distinct; found {list(self.classes)}")
        if both := sorted(set(self.classes) & set(self.missing)):
            raise ValueError(f"classes of task {self.name!r} should not be in `missing` too; found {both}")
        return self
