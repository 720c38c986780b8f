"""Two kinds of models on the same examples: their difference under a bootstrap of the examples, and its variance.

`mtlens.statistics.equivalence` judges what is estimated here.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

from mtlens.errors import DataError
from mtlens.statistics.metrics import DEFAULT, ComparableMetric, comparable
from mtlens.statistics.power import ALPHA

_WEIGHTS_AT_ONCE = 4_000_000  # bootstrap weights held in memory; the result does not depend on it


@dataclass(frozen=True, kw_only=True, eq=False)
class TaskPredictions:
    """What two kinds of models predicted for one task's labelled examples, under the same S seeds.

    Row s of baseline and candidate are paired by seed, columns by example. Examples of one cluster (a patient) are not
    independent. `example` and `cluster` number things that all tasks share, so one resample serves all tasks.
    """

    task: str
    num_classes: int
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
        """Scores `[r, 2, S]` from weighted sums of the statistics, `[r, K]`."""
        return self._metric.scores(sums, self.num_classes).reshape(len(sums), 2, -1)

    @property
    def squared_change(self) -> float:
        """Expected square of the change of the score when one random cluster is predicted otherwise."""
        return self._metric.squared_change(self.labels, self.cluster)

    @property
    def disagreement_rate(self) -> float:
        """Share of examples that exactly one of baseline and candidate gets right, mean over seeds."""
        right = self.predictions == self.labels
        return float((right[0] != right[1]).mean())


def resampled_differences(tasks: Sequence[TaskPredictions], *, num_resamples: int, seed: int) -> NDArray[np.float64]:
    """Score of candidate minus baseline under a cluster bootstrap with the seeds held, `[R, T, S]`.

    Each resample draws as many clusters as there are, with replacement, and serves all tasks and models alike. NaN where
    a resample holds no example of a task. Field and Welsh 2007, "Bootstrapping clustered data".
    """
    clusters = np.unique(np.concatenate([task.cluster for task in tasks]))
    statistics = [task.statistics_of_clusters(clusters) for task in tasks]
    blocks: list[NDArray[np.float64]] = []
    for weights in _cluster_weights(len(clusters), num_resamples, np.random.default_rng(seed)):
        scores = [task.scores_of_sums((sums @ weights.T).T) for task, sums in zip(tasks, statistics, strict=True)]
        blocks.append(np.stack([score[:, 1] - score[:, 0] for score in scores], axis=1))
    return np.concatenate(blocks)


@dataclass(frozen=True, kw_only=True, eq=False)
class Estimate:
    """A difference of scores and its variance, in the parts that shrink with seeds, with test examples or with both."""

    difference: float
    num_seeds: int
    num_clusters: int
    examples: float  # variance by the examples, as far as all seeds share it
    noise: float  # variance by the examples that is private to each seed, already over S
    seeds: float  # variance of the difference between seeds over S; infinite for one seed
    unseen: float  # variance by a disagreement_rate too rare to have been seen

    @property
    def standard_error(self) -> float:
        """Of the difference; infinite where there is one seed or one cluster."""
        return float(self.precision(self.num_seeds, 1.0)[0]) if self._has_error else math.inf

    @property
    def degrees_of_freedom(self) -> float:
        """Of the standard error; 0 where that is infinite."""
        return float(self.precision(self.num_seeds, 1.0)[1]) if self._has_error else 0.0

    @property
    def _has_error(self) -> bool:
        return math.isfinite(self.examples + self.seeds)

    def precision(self, num_seeds: Any, growth: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Standard error and degrees of freedom to be expected of `num_seeds` seeds and `growth` times the clusters.

        Arguments broadcast. Degrees of freedom of a sum of variances: Satterthwaite 1946.
        """
        fewer = self.num_seeds / np.asarray(num_seeds)
        private = min(self.noise, self.seeds)
        by_seeds = (self.seeds - private + private / growth) * fewer
        by_examples = (self.examples + self.noise * fewer) / growth + self.unseen / growth**2
        variance = by_seeds + by_examples
        freedom = variance**2 / (by_seeds**2 / (num_seeds - 1) + by_examples**2 / (self.num_clusters * growth - 1))
        return np.sqrt(variance), freedom

    def interval(self, level: float) -> tuple[float, float]:
        """Two-sided interval of the true difference; the whole line where the standard error is infinite."""
        if not self._has_error:
            return -math.inf, math.inf
        half = float(special.stdtrit(self.degrees_of_freedom, (1 + level) / 2)) * self.standard_error
        return self.difference - half, self.difference + half

    def p_above(self, bound: float) -> float:
        """One-sided p against a true difference <= bound; 1 where the standard error is infinite."""
        return self._upper_tail(self.difference - bound)

    def p_below(self, bound: float) -> float:
        """One-sided p against a true difference >= bound; 1 where the standard error is infinite."""
        return self._upper_tail(bound - self.difference)

    def _upper_tail(self, gap: float) -> float:
        return float(special.stdtr(self.degrees_of_freedom, -gap / self.standard_error)) if self._has_error else 1.0


def estimate(tasks: Sequence[TaskPredictions], resampled: NDArray[np.float64]) -> Estimate:
    """Difference of the mean over `tasks`, from their resampled differences `[R, T, S]`."""
    per_seed = np.mean([task.scores[1] - task.scores[0] for task in tasks], axis=0)
    num_clusters = len(np.unique(np.concatenate([task.cluster for task in tasks])))
    examples, noise = _variances_by_examples(resampled.mean(axis=1), num_clusters)
    return Estimate(
        difference=float(per_seed.mean()),
        num_seeds=len(per_seed),
        num_clusters=num_clusters,
        examples=examples,
        noise=noise,
        seeds=float(per_seed.var(ddof=1)) / len(per_seed) if len(per_seed) > 1 else math.inf,
        unseen=float(np.mean([math.sqrt(_unseen_variance(task)) for task in tasks])) ** 2,
    )


def _variances_by_examples(resampled: NDArray[np.float64], num_clusters: int) -> tuple[float, float]:
    """Variance of the mean over seeds by the examples, split into what the seeds share and what is private to each.

    resampled `[R, S]`. With shared variance A and private variance B, a single seed varies by A + B, the mean of S seeds
    by A + B/S. The factor G / (G - 1) makes the bootstrap's variance unbiased. Infinite for one cluster.
    """
    defined = resampled[~np.isnan(resampled).any(axis=1)]
    if num_clusters < 2 or len(defined) < 2:
        return math.inf, 0.0
    unbiased = num_clusters / (num_clusters - 1)
    of_mean = float(defined.mean(axis=1).var(ddof=1)) * unbiased
    of_one = float(defined.var(axis=0, ddof=1).mean()) * unbiased
    num_seeds = defined.shape[1]
    noise = min(max(0.0, (of_one - of_mean) / (num_seeds - 1)), of_mean) if num_seeds > 1 else 0.0
    return of_mean - noise, noise


def _unseen_variance(task: TaskPredictions) -> float:
    """Variance by a disagreement too rare to be seen; the bootstrap gives no variance at all where no example disagrees.

    None among G clusters leaves a disagreement rate of up to 3.0/G at 95 % (rule of three, Hanley and Lippman-Hand 1983), as
    would a normal law of standard deviation 3.0/(1.645 G). Such a cluster changes the score by the metric's own measure.
    """
    return (math.log(ALPHA) / float(special.ndtri(ALPHA))) ** 2 * task.squared_change


def _cluster_weights(num_clusters: int, num_resamples: int, generator: np.random.Generator) -> Iterator[NDArray[np.float64]]:
    """How often each resample drew each cluster, in blocks `[r, G]` of R rows altogether."""
    most = max(1, _WEIGHTS_AT_ONCE // num_clusters)
    for start in range(0, num_resamples, most):
        rows = min(most, num_resamples - start)
        draws = generator.integers(num_clusters, size=(rows, num_clusters))
        draws += num_clusters * np.arange(rows)[:, None]
        yield np.bincount(draws.ravel(), minlength=rows * num_clusters).reshape(rows, num_clusters).astype(np.float64)
