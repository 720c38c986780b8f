"""Did a kind of models learn the task? Two kinds of models that learnt nothing match, but that means nothing.

A task is *not learnt* where neither kind of models is better than chance on the test examples (a permutation test at 5 %,
shared by the two kinds), or where a class is never predicted by either kind under any seed. The rule of three says how rare
a class may be: models that predict it as often as it occurs among n examples leave it out with probability exp(-k) for k
examples of it, 5 % for k = 3; a class with fewer is not counted.

Under one seed a model has *collapsed* where it predicts one class only.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mtlens.statistics.metrics.base import Metric
from mtlens.statistics.power import ALPHA
from mtlens.statistics.predictions import Predictions
from mtlens.statistics.spans import NOTHING, of_types
from mtlens.statistics.task_predictions import TaskPredictions

NOT_LEARNT: Literal["not learnt"] = "not learnt"
METHOD = (
    "not learnt: neither kind of models better than chance (permutation test, 5 %), or a class that none of them ever predicts"
)
_FEWEST = 3
_FEWEST_CLUSTERS = 5
_PERMUTATIONS = 199  # of the blocks; the test keeps its level at any number (Davison and Hinkley 1997, section 4.3)
_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class Learning:
    """Whether two kinds of models learnt one task. collapsed: positions of the seeds whose model predicts one class only.

    not_learnt: why the task counts as not learnt, and needed: what would help; both empty where it is learnt.
    """

    not_learnt: str
    needed: str
    baseline_collapsed: tuple[int, ...]
    candidate_collapsed: tuple[int, ...]


def judge_learning(task: Predictions) -> Learning:
    """Whether a task was learnt, and which seeds collapsed. A task with labels of one class only counts as learnt."""
    tested = task.replicates
    missed = _never_predicted(tested)
    several = len(np.unique(tested.labels, axis=0)) > 1
    if several and not any(_better_than_chance(tested, kind) for kind in tested.predictions):
        reason, more = "neither kind of models is better than chance", "more training texts"
    elif missed:
        reason, more = f"no model ever predicts {', '.join(missed)}", f"more training texts of {', '.join(missed)}"
    else:
        reason, more = "", ""
    of_seeds = [task.of_seed(seed).decisions[:, 0] for seed in range(len(task.baseline))]
    baseline, candidate = (
        tuple(seed for seed, both in enumerate(of_seeds) if (both[kind] == both[kind, :1]).all()) for kind in (0, 1)
    )
    return Learning(
        not_learnt=reason,
        needed=f"{more}, class weights or more epochs; more test examples would not help" if reason else "",
        baseline_collapsed=baseline,
        candidate_collapsed=candidate,
    )


def better_than_chance(
    metric: Metric,
    labels: NDArray[Any],
    predicted: NDArray[Any],
    num_classes: int,
    *,
    cluster: NDArray[Any] | None = None,
    level: float = ALPHA,
) -> bool:
    """Whether models score better than under random permutations of the labels, by a one-sided test of their mean score.

    labels `[n]`, predicted `[S, n]`, or as the metric reads them. Labels are permuted in blocks, cluster by cluster `[n]`, as
    those of a patient are alike; with fewer than five clusters, single labels are permuted. Permutations are drawn only where a
    bound from the moments over all orders of single labels does not decide: blocks of m labels make the variance at most m
    times as large, and Cantelli's inequality holds for any distribution.
    """
    score = metric.sign * float(metric.score(labels, predicted, num_classes).mean())
    by_chance, spread = metric.by_chance(labels, predicted, num_classes)
    excess = score - metric.sign * by_chance
    if excess <= float(special.ndtri(1 - level)) * spread + _ROUNDING:
        return False
    _, cluster = np.unique(np.arange(len(labels)) if cluster is None else cluster, return_inverse=True)
    sizes = np.bincount(cluster)
    if len(sizes) < _FEWEST_CLUSTERS or excess >= math.sqrt((1 / level - 1) * float((sizes**2).sum() / sizes.sum())) * spread:
        return True
    adds, places = metric.adds(labels, predicted, num_classes), np.arange(len(labels))
    higher = 0
    for dealt in _dealt(labels, cluster, sizes):
        if adds is None:
            reached = metric.sign * float(metric.score(dealt, predicted, num_classes).mean())
        else:
            reached = metric.sign * float(adds[dealt, places].sum())
        higher += reached >= score - _ROUNDING
        if 1 + higher > level * (1 + _PERMUTATIONS):
            return False
    return True


def _dealt(labels: NDArray[Any], cluster: NDArray[Any], sizes: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """The labels in random orders of their blocks, one for each permutation."""
    generator, place = np.random.default_rng(0), np.argsort(cluster, kind="stable")
    starts = np.cumsum(sizes) - sizes
    for _ in range(_PERMUTATIONS):
        order = generator.permutation(len(sizes))
        ends = np.cumsum(sizes[order])
        dealt = np.empty_like(labels)
        dealt[place] = labels[place[np.repeat(starts[order] - ends + sizes[order], sizes[order]) + np.arange(len(labels))]]
        yield dealt


def _better_than_chance(task: TaskPredictions, predicted: NDArray[Any]) -> bool:
    metric = task.metric_object
    return better_than_chance(metric, task.labels, predicted, task.num_classes, cluster=task.cluster, level=ALPHA / 2)


def _never_predicted(task: TaskPredictions) -> list[str]:
    """Classes with at least `_FEWEST` labels that no model predicts."""
    if not task.is_discrete:
        return []
    labels, predicted = (_counts(values, task) for values in (task.labels, task.decisions))
    return [task.name_of_class(index) for index in np.flatnonzero((labels >= _FEWEST) & (predicted == 0)).tolist()]


def _counts(classes: NDArray[Any], task: TaskPredictions) -> NDArray[Any]:
    """How often each class occurs."""
    if task.metric_object.reads == "spans":
        types = of_types(classes)
        return np.bincount(types[types != NOTHING], minlength=task.num_classes)
    if task.labels.ndim > 1:
        return (classes > 0).reshape(-1, task.num_classes).sum(axis=0)
    return np.bincount(classes.ravel(), minlength=task.num_classes)
