"""Out-of-fold predictions: each test example is predicted by the models that left its fold out, and scores are of all folds.

A score is that of the pooled predictions: the metric's statistics of an example are means over the seeds that left its fold
out. The variance of a difference has two parts:

- due to test examples: a jackknife over clusters of all examples, as for a single test split;
- due to seeds and training sets: the variance between runs in excess of that due to each fold's own test examples. Training
  sets overlap, so runs resemble each other more than independent runs: for a mean over J runs this variance is multiplied by
  1 / J + n_test / n_train and not by 1 / J, with n_test / n_train = 1 / (K - 1) for K folds (Nadeau and Bengio 2003, "Inference
  for the generalization error"). Seeds are independent: where several runs leave the same fold out, the variance between them
  is that of the seeds, and only the excess over it gets the second term.

The difference on one fold is linearised, as the sum of its clusters' influences on the pooled difference, since a fold may lack
a class. `experiments/benchmarks/fold_coverage.py` simulates the coverage.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtlens.errors import DataError
from mtlens.statistics.estimate import Estimate
from mtlens.statistics.example_variance import example_variance, joint_unseen_variance, unseen_variance
from mtlens.statistics.metrics import DEFAULT, find_metric
from mtlens.statistics.metrics.base import Metric
from mtlens.statistics.run_variance import BetweenRuns, RunVariance, moderated_over_tasks, of_mean
from mtlens.statistics.spans import equally_wide
from mtlens.statistics.task_predictions import TaskPredictions


@dataclass(frozen=True, kw_only=True, eq=False)
class OutOfFoldPredictions:
    """What two kinds of models predicted for one task's labelled examples, each by the runs that left its fold out.

    fold_of_seed: the fold that each seed leaves out. Entries of baseline and candidate are meaningless where `tested` is false.
    """

    task: str
    num_classes: int
    class_names: tuple[str, ...] = ()
    metric: str = DEFAULT
    example: NDArray[Any]  # [n]
    cluster: NDArray[Any]  # [n]
    fold: NDArray[Any]  # [n]
    labels: NDArray[Any]  # [n] or, of label sets, [n, C]
    fold_of_seed: NDArray[Any]  # [S]
    tested: NDArray[np.bool_]  # [S, n] whether the seed's models predict the example
    baseline: NDArray[Any]  # [S, n] or [S, n, C], as in TaskPredictions
    candidate: NDArray[Any]

    def __post_init__(self) -> None:
        """Raise `DataError` where an example has a prediction of a run that was trained on it, or lacks one."""
        tested = self.fold_of_seed[:, None] == self.fold
        if not tested.any(axis=0).all() or (self.tested != tested).any():
            raise DataError(f"task {self.task!r} should have predictions of each example by all runs that left its fold out")

    @property
    def folds(self) -> NDArray[Any]:
        """The folds that were tested, ascending."""
        return np.unique(self.fold_of_seed)

    @property
    def metric_object(self) -> Metric:
        """The metric."""
        return find_metric(self.metric, self.class_names)

    @property
    def scores(self) -> NDArray[np.float64]:
        """Scores of baseline and candidate per seed, each on the fold that the seed leaves out, `[2, S]`."""
        return np.stack([self.of_seed(seed).scores[:, 0] for seed in range(len(self.fold_of_seed))], axis=1)

    @property
    def mean_scores(self) -> NDArray[np.float64]:
        """Scores of baseline and candidate on the pooled predictions of all folds, `[2]`."""
        return Pooled.of(self, np.unique(self.cluster)).scores

    @property
    def disagreement_rate(self) -> float:
        """Share of examples that exactly one of baseline and candidate gets right."""
        return self.replicates.disagreement_rate

    def of_seed(self, seed: int) -> TaskPredictions:
        """The predictions of one pair of runs, on the fold that they left out. seed: its position, from 0."""
        return self._rows(self.fold == self.fold_of_seed[seed], [seed])

    @property
    def replicates(self) -> TaskPredictions:
        """All n examples with R predictions each; R is the least number of seeds of a fold, and further seeds are left out."""
        seeds = [np.flatnonzero(self.fold_of_seed == fold) for fold in self.folds]
        least = min(map(len, seeds))
        chosen = np.stack([of_fold[:least] for of_fold in seeds])[np.searchsorted(self.folds, self.fold)].T  # [R, n]
        return replace(
            self._rows(np.ones(len(self.labels), dtype=np.bool_), [0]),
            baseline=self.baseline[chosen, np.arange(len(self.labels))],
            candidate=self.candidate[chosen, np.arange(len(self.labels))],
        )

    def _rows(self, rows: NDArray[np.bool_], seeds: list[int]) -> TaskPredictions:
        return TaskPredictions(
            task=self.task,
            num_classes=self.num_classes,
            class_names=self.class_names,
            metric=self.metric,
            example=self.example[rows],
            cluster=self.cluster[rows],
            labels=self.labels[rows],
            baseline=self.baseline[seeds][:, rows],
            candidate=self.candidate[seeds][:, rows],
        )


def out_of_fold(seeds: Sequence[TaskPredictions], folds: Sequence[int]) -> OutOfFoldPredictions:
    """Join the predictions of single seeds, each `[1, n_s]` on the fold that the seed left out."""
    if seeds[0].metric_object.reads == "spans":
        wide = equally_wide(*(getattr(seed, name) for seed in seeds for name in ("labels", "baseline", "candidate")))
        parts = [wide[start : start + 3] for start in range(0, len(wide), 3)]
        seeds = [
            replace(seed, labels=labels, baseline=baseline, candidate=candidate)
            for seed, (labels, baseline, candidate) in zip(seeds, parts, strict=True)
        ]
    example, first, place = np.unique(np.concatenate([seed.example for seed in seeds]), return_index=True, return_inverse=True)
    parts = np.split(place, np.cumsum([len(seed.labels) for seed in seeds])[:-1])
    first_seed = seeds[0].predictions
    dtype = np.int64 if first_seed.dtype.kind in "iub" else first_seed.dtype
    predicted = np.zeros((2, len(seeds), len(example), *first_seed.shape[3:]), dtype=dtype)
    tested = np.zeros((len(seeds), len(example)), dtype=np.bool_)
    for row, (seed, part) in enumerate(zip(seeds, parts, strict=True)):
        predicted[:, row, part] = seed.predictions[:, 0]
        tested[row, part] = True
    cluster, labels = (np.concatenate([getattr(seed, name) for seed in seeds])[first] for name in ("cluster", "labels"))
    fold = np.concatenate([np.full(len(seed.labels), fold) for seed, fold in zip(seeds, folds, strict=True)])[first]
    return OutOfFoldPredictions(
        task=seeds[0].task,
        num_classes=seeds[0].num_classes,
        class_names=seeds[0].class_names,
        metric=seeds[0].metric,
        example=example,
        cluster=cluster,
        fold=fold,
        labels=labels,
        fold_of_seed=np.array(folds),
        tested=tested,
        baseline=predicted[0],
        candidate=predicted[1],
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Pooled:
    """One task's pooled scores, and how clusters move their difference.

    scores: of baseline and candidate `[2]`. difference: by how much the candidate is better. moved: influence of each cluster
    on the difference, over all seeds `[G]`. by_seed: its influence on the difference under each seed, 0 outside the seed's fold
    `[S, G]`.
    """

    scores: NDArray[np.float64]
    difference: float
    moved: NDArray[np.float64]
    by_seed: NDArray[np.float64]

    @classmethod
    def of(cls, task: OutOfFoldPredictions, clusters: NDArray[Any]) -> "Pooled":
        """clusters: of all tasks `[G]`, sorted."""
        seeds = [task.of_seed(seed) for seed in range(len(task.fold_of_seed))]
        sums = np.stack([np.asarray(seed.statistics_of_clusters(clusters).toarray()).T for seed in seeds])  # [S, G, K]
        weights = 1 / (task.fold_of_seed[:, None] == task.fold_of_seed).sum(axis=1)
        pooled = np.tensordot(weights, sums, axes=1)  # [G, K]
        total = pooled.sum(axis=0)
        difference = seeds[0].differences_of_sums(total[None])[0, 0]

        def influence(removed: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.nan_to_num(difference - seeds[0].differences_of_sums(total - removed)[:, 0])

        return cls(
            scores=seeds[0].scores_of_sums(total[None])[0, :, 0],
            difference=float(difference),
            moved=influence(pooled),
            by_seed=np.stack([influence(of_seed) for of_seed in sums]),
        )

    def divided(self, unit: float) -> "Pooled":
        """The same in another unit."""
        return Pooled(**{name: value / unit for name, value in vars(self).items()})


@dataclass(frozen=True, kw_only=True)
class OutOfFoldEstimate(Estimate):
    """A difference of pooled scores. seeds: variance of one run's difference, without the part due to its test examples.

    training_sets: share of `seeds` that is due to the training sets. total: `seeds` plus the part due to the test examples;
    it gives the degrees of freedom.
    """

    num_folds: int
    total: float
    training_sets: float

    def precision(self, num_seeds: Any, growth: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Expected standard error and degrees of freedom for `num_seeds` seeds and `growth` times as many clusters.

        Arguments broadcast. More seeds do not change the overlap of the training sets, so its part of the variance stays.
        """
        shape = np.broadcast(num_seeds, growth).shape
        if self.examples is None or self.seeds is None:
            return np.full(shape, np.inf), np.zeros(shape)
        by_examples = self.examples.shared / growth + self.examples.unseen / growth**2
        factor = 1 / np.asarray(num_seeds) + self.training_sets / (self.num_folds - 1)
        variance = self.seeds.value * factor + by_examples
        of_runs = (self.total * factor) ** 2 / self.seeds.freedom(num_seeds) if self.seeds.value > 0 else 0.0
        freedom = variance**2 / (of_runs + by_examples**2 / (self.examples.freedom * growth))
        return np.sqrt(variance), np.broadcast_to(freedom, shape)


def estimate_out_of_fold(
    tasks: Sequence[OutOfFoldPredictions], units: Sequence[float] | None = None
) -> tuple[list[OutOfFoldEstimate], OutOfFoldEstimate]:
    """The estimate of each task, and that of the mean over tasks. All tasks have the same seeds, of two folds or more.

    units: what each task's difference is divided by before the mean is taken, such as its margin; 1 by default.
    """
    units = [1.0] * len(tasks) if units is None else units
    clusters = np.unique(np.concatenate([task.cluster for task in tasks]))
    num_folds, num_seeds = len(tasks[0].folds), len(tasks[0].fold_of_seed)
    pooled = [Pooled.of(task, clusters) for task in tasks]
    fold_of_seed = tasks[0].fold_of_seed
    of_runs = moderated_over_tasks([BetweenRuns.of(task.by_seed, fold_of_seed) for task in pooled], num_seeds)
    replicates = [task.replicates for task in tasks]

    def estimate(moved: Pooled, unseen: float, num_clusters: int, runs: RunVariance) -> OutOfFoldEstimate:
        scaled = np.sqrt((len(clusters) - 1) / len(clusters)) * moved.moved[:, None]
        return OutOfFoldEstimate(
            difference=moved.difference,
            num_seeds=num_seeds,
            num_clusters=num_clusters,
            examples=example_variance(scaled, unseen, num_clusters) if num_clusters > 1 else None,
            seeds=runs.seeds,
            num_folds=num_folds,
            total=runs.total,
            training_sets=runs.training_sets,
        )

    of_tasks = [
        estimate(task, unseen_variance(shown), shown.num_clusters, runs)
        for task, shown, runs in zip(pooled, replicates, of_runs, strict=True)
    ]
    scaled = [task.divided(unit) for task, unit in zip(pooled, units, strict=True)]
    joint = Pooled(**{name: np.mean([getattr(task, name) for task in scaled], axis=0) for name in vars(scaled[0])})
    in_units = [runs.divided(unit) for runs, unit in zip(of_runs, units, strict=True)]
    runs = of_mean(BetweenRuns.of(joint.by_seed, fold_of_seed), in_units, num_seeds)
    return of_tasks, estimate(joint, joint_unseen_variance(replicates, units), len(clusters), runs)
