"""Models and predictions for an export, from the runs of a trained experiment and from the store."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtlens.config.run import Run
from mtlens.config.task import Task
from mtlens.data.splits import SplitName
from mtlens.evidence.checkpoints import load_trained
from mtlens.execution.plan import Plan
from mtlens.statistics.spans import padded
from mtlens.store.database.reader import query
from mtlens.store.workspace.run_folder import RunFolder, read_run_json
from mtlens.store.workspace.workspace import Workspace
from mtlens.tasks import Labels, kind_of
from mtlens.training.adapters import without_adapters
from mtlens.training.model import MultiTaskModel


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredPredictions:
    """Predictions of a run for one task on the n labelled examples of a split: columns of table `prediction`, by name."""

    task: Task
    example_ids: list[str]
    columns: dict[str, NDArray[Any]]

    @property
    def tuned(self) -> tuple[float, ...]:
        """What the kind of the task tunes on these examples, which should be those of validation; most kinds tune nothing."""
        if "true_labels" not in self.columns:
            return ()
        labels = Labels.of_values(
            self.columns["true_labels"].astype(np.float64), np.ones(len(self.example_ids), dtype=np.bool_)
        )
        return kind_of(self.task).tune(self.task, labels, self.columns["probabilities"])


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredModels:
    """A trained experiment."""

    plan: Plan
    workspace: Workspace

    def run(self, run_id: str) -> Run:
        """The run with an id."""
        return read_run_json(RunFolder(self.workspace, run_id).path / "run.json")[0]

    def load(self, run: Run) -> MultiTaskModel:
        """The trained model with the vocabulary of the training data, in float32 and without adapters."""
        model = self.load_adapted(run)
        if run.method == "lora":
            model.encoder = without_adapters(model.encoder)
        return model

    def load_adapted(self, run: Run) -> MultiTaskModel:
        """The trained model with its adapters, if any."""
        return load_trained(run, self.workspace, self.plan.pretrained.directory, self.plan.encoded.vocabulary).eval()

    def predictions(self, run_id: str, task: str, split: SplitName) -> StoredPredictions:
        """The stored predictions of the run, made after its training."""
        (asked,) = [known for known in self.plan.experiment.tasks if known.name == task]
        names = sorted({name for pair in kind_of(asked).columns.values() for name in pair})
        chosen = f"SELECT example_id, {', '.join(names)} FROM prediction WHERE run_id = ? AND task = ? AND split = ?"
        ids, *columns = zip(*query(self.workspace, f"{chosen} ORDER BY example_id", [run_id, task, split]).rows, strict=True)
        arrays = (padded(column) if kind_of(asked).reads_tokens else np.array(column) for column in columns)
        return StoredPredictions(task=asked, example_ids=list(ids), columns=dict(zip(names, arrays, strict=True)))
