"""Variance of a difference of scores by the choice of the test examples: a jackknife over clusters, and what it cannot see.

The jackknife leaves out one cluster of examples at a time (Efron and Stein 1981, "The jackknife estimate of variance"); a
cluster is what is sampled independently, such as a patient. It splits the variance into the part that all seeds share and
the part that is private to each seed.

Where the two kinds of models hardly ever disagree, the jackknife has seen too little: with no disagreement its variance is
0, whatever the number of examples. `unseen_variance` is added for that. It fades as disagreements are seen, stratum by
stratum of the metric (class by class for macro-F1, where one example of a rare class weighs most). Its size was chosen by
simulation, see `experiments/benchmarks/interval_coverage.py`.
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
    """Variance by the examples. shared: of the mean over seeds, as far as all seeds share it; with `unseen` not yet added.

    private: of the difference under one seed, beyond what seeds share. freedom: degrees of freedom of the shared part.
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
    """Variance by disagreements that the test examples did not show.

    In a stratum where k clusters have a disagreement, under any seed, 1 / (1 + k) of `_UNSEEN_CLUSTERS` more are supposed. In
    such a cluster as many examples disagree as in those that were seen, on average.
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
    """That of the mean over tasks, each in its unit; they share clusters, so their unseen disagreements may come together."""
    deviations = [np.sqrt(unseen_variance(task)) / unit for task, unit in zip(tasks, units, strict=True)]
    return float(np.mean(deviations)) ** 2
