"""Where an export takes its models and their predictions from: the runs of a trained experiment and the store."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtlens.config.run import Run
from mtlens.data.splits import SplitName
from mtlens.evidence.checkpoints import load_trained
from mtlens.execution.plan import Plan
from mtlens.store.database.reader import query
from mtlens.store.workspace.run_folder import RunFolder, read_run_json
from mtlens.store.workspace.workspace import Workspace
from mtlens.training.model import MultiTaskModel

_PREDICTIONS = """
    SELECT example_id, label, predicted, probabilities FROM prediction WHERE run_id = ? AND task = ? AND split = ?
    ORDER BY example_id
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredPredictions:
    """Of a finished run for one task on the n labelled examples of a split, probabilities [n, C]."""

    example_ids: list[str]
    labels: NDArray[Any]
    predicted: NDArray[Any]
    probabilities: NDArray[Any]

    def column(self, name: str) -> NDArray[Any]:
        """What the column `name` of table `prediction` holds."""
        return {"label": self.labels, "predicted": self.predicted, "probabilities": self.probabilities}[name]


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredModels:
    """A trained experiment."""

    plan: Plan
    workspace: Workspace

    def run(self, run_id: str) -> Run:
        """What was trained."""
        return read_run_json(RunFolder(self.workspace, run_id).path / "run.json")[0]

    def load(self, run: Run) -> MultiTaskModel:
        """The trained model with the vocabulary of the training data, in float32."""
        model = load_trained(run, self.workspace, self.plan.pretrained.directory, self.plan.encoded.vocabulary)
        return model.eval()

    def predictions(self, run_id: str, task: str, split: SplitName) -> StoredPredictions:
        """What the run said when it had been trained."""
        ids, labels, predicted, probabilities = zip(
            *query(self.workspace, _PREDICTIONS, [run_id, task, split]).rows, strict=True
        )
        return StoredPredictions(
            example_ids=list(ids),
            labels=np.array(labels),
            predicted=np.array(predicted),
            probabilities=np.array(probabilities),
        )
