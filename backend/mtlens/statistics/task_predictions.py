"""What two kinds of models predict for the labelled test examples of one task."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mtlens.errors import DataError
from mtlens.statistics.metrics import DEFAULT, find_metric
from mtlens.statistics.metrics.base import Metric


@dataclass(frozen=True, kw_only=True, eq=False)
class TaskPredictions:
    """What two kinds of models predicted for one task's labelled examples, under the same S seeds.

    Row s of baseline and candidate are paired by seed, columns by example. Examples of one cluster (a patient) are not
    independent. `example` and `cluster` number things that all tasks share. What a model predicts for an example is what the
    metric reads (`mtlens.statistics.metrics.base`): a class index, a probability of each class, a number, or spans.
    """

    task: str
    num_classes: int
    class_names: tuple[str, ...] = ()  # for sentences; numbers where there are none
    metric: str = DEFAULT  # by which the two kinds are compared
    example: NDArray[Any]  # [n]
    cluster: NDArray[Any]  # [n]
    labels: NDArray[Any]  # [n] or, of label sets, [n, C]; of spans [n, 3 K]
    baseline: NDArray[Any]  # [S, n] or [S, n, C]; of spans [S, n, 3 K]
    candidate: NDArray[Any]  # as baseline

    def __post_init__(self) -> None:
        """Raise `DataError` where there is nothing to compare, or the arrays do not fit together."""
        n = len(self.labels)
        if n == 0:
            raise DataError(f"task {self.task!r} should have labelled test examples; found none")
        if len(self.baseline) == 0:
            raise DataError(f"task {self.task!r} should have predictions of at least one seed; found none")
        shapes = (self.example.shape, self.cluster.shape, self.baseline.shape[:2], self.candidate.shape[:2])
        if shapes != ((n,), (n,), (len(self.baseline), n), (len(self.baseline), n)):
            raise DataError(
                f"task {self.task!r} should have examples and clusters [{n}], baseline and candidate "
                f"[{len(self.baseline)}, {n}]; found {', '.join(map(str, shapes))}"
            )
        if self.is_discrete and self.metric_object.reads != "spans":
            self._check_classes()

    def _check_classes(self) -> None:
        indices = [self.labels] if self.metric_object.reads == "probabilities" else [self.labels, self.baseline, self.candidate]
        lowest, highest = min(map(np.min, indices)), max(map(np.max, indices))
        if lowest < 0 or highest >= self.num_classes:
            raise DataError(
                f"labels and predictions of task {self.task!r} should lie in 0..{self.num_classes - 1}; "
                f"found {lowest}..{highest}"
            )

    @property
    def metric_object(self) -> Metric:
        """The metric."""
        return find_metric(self.metric, self.class_names)

    @property
    def is_discrete(self) -> bool:
        """Whether labels are classes or label sets, and not numbers."""
        return self.labels.dtype.kind in "iub"

    @property
    def decisions(self) -> NDArray[Any]:
        """Decisions of baseline and candidate: classes, label sets, spans or numbers; for probabilities, the likeliest class.

        `[2, S, n]`, of label sets `[2, S, n, C]`.
        """
        is_probability = self.metric_object.reads == "probabilities"
        if self.labels.ndim > 1:
            return self.predictions > 0.5 if is_probability else self.predictions
        return self.predictions.argmax(axis=3) if is_probability else self.predictions

    @property
    def predictions(self) -> NDArray[Any]:
        """Baseline, then candidate: `[2, S, n]` or `[2, S, n, C]`."""
        return np.stack([self.baseline, self.candidate])

    def name_of_class(self, index: int) -> str:
        """Name of a class, or its number."""
        return self.class_names[index] if self.class_names else str(index)

    @property
    def num_clusters(self) -> int:
        """How many independent groups the examples come from."""
        return len(np.unique(self.cluster))

    @property
    def scores(self) -> NDArray[np.float64]:
        """Scores of baseline and candidate per seed, `[2, S]`."""
        return self.metric_object.score(self.labels, self._models, self.num_classes).reshape(2, -1)

    @property
    def differences(self) -> NDArray[np.float64]:
        """By how much the candidate is better under each seed, `[S]`: its score less the baseline's, the reverse for errors."""
        baseline, candidate = self.scores
        return self.metric_object.sign * (candidate - baseline)

    @property
    def mean_scores(self) -> NDArray[np.float64]:
        """Scores of baseline and candidate, means over seeds, `[2]`."""
        return self.scores.mean(axis=1)

    def of_seed(self, seed: int) -> "TaskPredictions":
        """The predictions of one pair of runs. seed: its position, from 0."""
        return replace(self, baseline=self.baseline[[seed]], candidate=self.candidate[[seed]])

    @property
    def replicates(self) -> "TaskPredictions":
        """As many predictions of each example as there are seeds: all of them."""
        return self

    @property
    def _models(self) -> NDArray[Any]:
        """Predictions of all models, `[2 S, n]` or `[2 S, n, C]`."""
        return self.predictions.reshape(-1, *self.baseline.shape[1:])

    def statistics_of_clusters(self, clusters: NDArray[Any]) -> Any:
        """The metric's statistics summed within each of the G clusters, sparse `[K, G]`; clusters `[G]` in order."""
        place = np.searchsorted(clusters, self.cluster)
        n = len(self.labels)
        membership = sparse.csr_array((np.ones(n), (np.arange(n), place)), shape=(n, len(clusters)))
        return self.metric_object.statistics(self.labels, self._models, self.num_classes) @ membership

    def scores_of_sums(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores `[r, 2, S]` from r sums of the statistics, `[r, K]`."""
        return self.metric_object.scores(sums, self.num_classes).reshape(len(sums), 2, -1)

    def differences_of_sums(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """By how much the candidate is better, `[r, S]`, from r sums of the statistics, `[r, K]`."""
        scores = self.scores_of_sums(sums)
        return self.metric_object.sign * (scores[:, 1] - scores[:, 0])

    @property
    def strata(self) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """The stratum of each example `[n]`, and per stratum how far the score moves by one example `[K]`."""
        return self.metric_object.strata(self.labels)

    @property
    def disagreement(self) -> NDArray[np.bool_]:
        """Which examples exactly one of baseline and candidate gets right, or of which they predict other numbers, `[S, n]`."""
        baseline, candidate = self.decisions if self.is_discrete else self.predictions
        if not self.is_discrete:
            return baseline != candidate
        right = self._right(baseline), self._right(candidate)
        return right[0] != right[1]

    def _right(self, decisions: NDArray[Any]) -> NDArray[np.bool_]:
        hits = decisions == self.labels
        return hits if hits.ndim == 2 else hits.all(axis=2)

    @property
    def disagreement_rate(self) -> float:
        """Share of examples that exactly one of baseline and candidate gets right, mean over seeds; NaN for numbers."""
        return float(self.disagreement.mean()) if self.is_discrete else float("nan")
