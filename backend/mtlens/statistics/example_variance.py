"""Variance of a difference of scores due to the choice of test examples: a jackknife over clusters, and a correction.

The jackknife leaves out one cluster of examples at a time (Efron and Stein 1981, "The jackknife estimate of variance"); a
cluster is what is sampled independently, such as a patient. It splits the variance into the part that all seeds share and
the part that is private to each seed.

Where the two kinds of models rarely disagree, the jackknife variance is too small: without disagreements it is 0, whatever the
number of examples. `unseen_variance` is added to correct this. It decreases as disagreements are observed, stratum by stratum
of the metric (class by class for macro-F1, where one example of a rare class weighs most). Its size was chosen by simulation,
see `experiments/benchmarks/interval_coverage.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtlens.statistics.task_predictions import TaskPredictions

_UNSEEN_CLUSTERS = 0.5
"""Assumed number of unseen clusters with a disagreement in a stratum in which none was seen."""


@dataclass(frozen=True, kw_only=True)
class ExampleVariance:
    """Variance due to the test examples. shared: the part that all seeds share, without `unseen`.

    private: the further part in the difference under one seed. freedom: degrees of freedom of the shared part.
    """

    shared: float
    private: float
    unseen: float
    freedom: float


def influences(task: TaskPredictions, clusters: NDArray[Any]) -> NDArray[np.float64]:
    """How far each cluster moves the difference under each seed, `[G, S]`, scaled so that their squares add to the variance.

    clusters `[G]`, sorted, at least 2. Jackknife: sqrt((G - 1) / G) times (difference - difference without the cluster).
    """
    sums = np.asarray(task.statistics_of_clusters(clusters).toarray()).T  # [G, K]
    whole = sums.sum(axis=0)
    differences = task.differences_of_sums(np.vstack([whole, whole - sums]))  # [1 + G, S]
    moved = np.nan_to_num(differences[0] - differences[1:])  # without its only cluster a task has no score
    count = len(clusters)
    return np.sqrt((count - 1) / count) * moved


def example_variance(influence: NDArray[np.float64], unseen: float, num_clusters: int) -> ExampleVariance:
    """Variance from the influences of G clusters `[G, S]` on a difference, or on the mean of several.

    With shared variance A and private variance B, one seed varies by A + B and the mean of S seeds by A + B / S. The
    variance of k clusters that matter equally has 2 k degrees of freedom, as that of a Poisson count; where they matter
    unequally, k is (sum of squares)² / (sum of fourth powers), and one more for what is unseen; G - 1 at most.
    """
    num_seeds = influence.shape[1]
    squares = influence.mean(axis=1) ** 2
    of_mean = float(squares.sum())
    of_one = float((influence**2).sum(axis=0).mean())
    private = min(max(0.0, (of_one - of_mean) / (num_seeds - 1)), of_mean) * num_seeds if num_seeds > 1 else 0.0
    effective = of_mean**2 / float((squares**2).sum()) if of_mean > 0 else 0.0
    return ExampleVariance(
        shared=max(0.0, of_mean - private / num_seeds),
        private=private,
        unseen=unseen,
        freedom=min(2 * (effective + 1), num_clusters - 1),
    )


def unseen_variance(task: TaskPredictions) -> float:
    """Variance due to disagreements that did not occur among the test examples.

    In a stratum where k clusters have a disagreement under any seed, `_UNSEEN_CLUSTERS` / (1 + k) further clusters with a
    disagreement are assumed. The number of disagreements in them is the mean of those observed.
    """
    stratum, change = task.strata
    disagreement = task.disagreement
    examples = _examples_per_cluster(task.cluster, disagreement)
    any_seed = disagreement.any(axis=0)
    seen = np.array([len(np.unique(task.cluster[any_seed & (stratum == k)])) for k in range(len(change))])
    return float((_UNSEEN_CLUSTERS / (1 + seen) * (examples * change) ** 2).sum())


def _examples_per_cluster(cluster: NDArray[Any], disagreement: NDArray[np.bool_]) -> float:
    """Disagreements in a cluster that has one, mean over seeds; 1 where there is none."""
    clusters = sum(len(np.unique(cluster[of_seed])) for of_seed in disagreement)
    return float(disagreement.sum() / clusters) if clusters else 1.0


def joint_unseen_variance(tasks: Sequence[TaskPredictions], units: Sequence[float]) -> float:
    """Unseen variance of the mean over tasks, each in its unit. Tasks share clusters, so unseen disagreements may coincide."""
    deviations = [np.sqrt(unseen_variance(task)) / unit for task, unit in zip(tasks, units, strict=True)]
    return float(np.mean(deviations)) ** 2
