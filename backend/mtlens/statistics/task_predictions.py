"""What two kinds of models predict for the labelled test examples of one task."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mtlens.errors import DataError
from mtlens.statistics.metrics import DEFAULT, ComparableMetric, comparable


@dataclass(frozen=True, kw_only=True, eq=False)
class TaskPredictions:
    """What two kinds of models predicted for one task's labelled examples, under the same S seeds.

    Row s of baseline and candidate are paired by seed, columns by example. Examples of one cluster (a patient) are not
    independent. `example` and `cluster` number things that all tasks share.
    """

    task: str
    num_classes: int
    class_names: tuple[str, ...] = ()  # for sentences; numbers where there are none
    metric: str = DEFAULT  # by which the two kinds are compared
    example: NDArray[Any]  # [n]
    cluster: NDArray[Any]  # [n]
    labels: NDArray[Any]  # [n] class index
    baseline: NDArray[Any]  # [S, n] class index
    candidate: NDArray[Any]  # [S, n] class index

    def __post_init__(self) -> None:
        """Raise `DataError` where there is nothing to compare, or the arrays do not fit together."""
        n = len(self.labels)
        if n == 0:
            raise DataError(f"task {self.task!r} should have labelled test examples; found none")
        if len(self.baseline) == 0:
            raise DataError(f"task {self.task!r} should have predictions of at least one seed; found none")
        shapes = (self.example.shape, self.cluster.shape, self.baseline.shape, self.candidate.shape)
        if shapes != ((n,), (n,), (len(self.baseline), n), (len(self.baseline), n)):
            raise DataError(
                f"task {self.task!r} should have examples and clusters [{n}], baseline and candidate "
                f"[{len(self.baseline)}, {n}]; found {', '.join(map(str, shapes))}"
            )
        classes = np.concatenate([self.labels, self.baseline.ravel(), self.candidate.ravel()])
        if classes.min() < 0 or classes.max() >= self.num_classes:
            raise DataError(
                f"labels and predictions of task {self.task!r} should lie in 0..{self.num_classes - 1}; "
                f"found {classes.min()}..{classes.max()}"
            )

    @property
    def predictions(self) -> NDArray[Any]:
        """Baseline, then candidate: `[2, S, n]`."""
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
        models = self.predictions.reshape(-1, len(self.labels))
        return self._metric.score(self.labels, models, self.num_classes).reshape(2, -1)

    @property
    def mean_scores(self) -> NDArray[np.float64]:
        """Scores of baseline and candidate, means over seeds, `[2]`."""
        return self.scores.mean(axis=1)

    def of_seed(self, seed: int) -> "TaskPredictions":
        """The predictions of one pair of runs. Place of the seed, from 0."""
        return replace(self, baseline=self.baseline[[seed]], candidate=self.candidate[[seed]])

    @property
    def replicates(self) -> "TaskPredictions":
        """As many predictions of each example as there are seeds: all of them."""
        return self

    @property
    def _metric(self) -> ComparableMetric:
        return comparable(self.metric)

    def statistics_of_clusters(self, clusters: NDArray[Any]) -> Any:
        """The metric's statistics summed within each of the G clusters, sparse `[K, G]`; clusters `[G]` in order."""
        models = self.predictions.reshape(-1, len(self.labels))
        place = np.searchsorted(clusters, self.cluster)
        n = len(self.labels)
        membership = sparse.csr_array((np.ones(n), (np.arange(n), place)), shape=(n, len(clusters)))
        return self._metric.statistics(self.labels, models, self.num_classes) @ membership

    def scores_of_sums(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores `[r, 2, S]` from r sums of the statistics, `[r, K]`."""
        return self._metric.scores(sums, self.num_classes).reshape(len(sums), 2, -1)

    @property
    def strata(self) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """The stratum of each example `[n]`, and per stratum how far the score moves by one example `[K]`."""
        return self._metric.strata(self.labels)

    @property
    def disagreement(self) -> NDArray[np.bool_]:
        """Which examples exactly one of baseline and candidate gets right, `[S, n]`."""
        right = self.predictions == self.labels
        return right[0] != right[1]

    @property
    def disagreement_rate(self) -> float:
        """Share of examples that exactly one of baseline and candidate gets right, mean over seeds."""
        return float(self.disagreement.mean())
