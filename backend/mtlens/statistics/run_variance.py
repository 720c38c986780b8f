"""Variance between runs that each leave out one fold: the part not due to test examples, and the share of the seeds.

A run's difference on its own fold varies with its test examples, its seed and its training texts. Runs that leave the same fold
out differ only in the seed, so the variance among them, less the part of the test examples that is private to a run, is due to
seeds. The remaining variance among all runs is due to the training sets, which overlap. Where no fold is left out twice, the
two parts cannot be separated, and all of it counts as due to training sets.

The ratio of the variance between runs to that due to test examples is moderated over tasks; one share of the training sets in
it is estimated for all tasks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mtlens.statistics.seed_variance import SeedVariance, moderate


class Part(NamedTuple):
    """A variance of the difference of one run, and the part of it due to test examples."""

    total: float
    examples: float

    @property
    def beyond(self) -> float:
        """The part that test examples do not explain; can be below 0 by chance."""
        return self.total - self.examples


@dataclass(frozen=True)
class BetweenRuns:
    """Variances of one task's difference between all runs, and between runs that leave the same fold out.

    repeated: by how many the runs exceed the folds, the degrees of freedom of `within`; 0 where no fold is left out twice.
    """

    total: Part
    within: Part
    repeated: int

    @classmethod
    def of(cls, by_seed: NDArray[np.float64], fold_of_seed: NDArray[Any]) -> "BetweenRuns":
        """From influences of clusters `[S, G]` on the pooled difference, of which one fold of K makes up 1 / K."""
        folds, place = np.unique(fold_of_seed, return_inverse=True)
        moved = len(folds) * by_seed
        means = np.stack([moved[place == fold].mean(axis=0) for fold in range(len(folds))])
        private = moved - means[place]
        repeated = len(place) - len(folds)
        least = max(repeated, 1)
        return cls(
            total=Part(float(moved.sum(axis=1).var(ddof=1)), float((moved**2).sum(axis=1).mean())),
            within=Part(float((private.sum(axis=1) ** 2).sum()) / least, float((private**2).sum()) / least),
            repeated=repeated,
        )


@dataclass(frozen=True)
class RunVariance:
    """seeds: variance of one run's difference due to seeds and training sets, without that due to test examples.

    total: `seeds` plus the variance due to test examples. training_sets: share of `seeds` that is due to training sets, 0 to 1.
    """

    seeds: SeedVariance
    total: float
    training_sets: float

    def divided(self, unit: float) -> "RunVariance":
        """The same for the difference divided by `unit`."""
        return replace(self, seeds=replace(self.seeds, value=self.seeds.value / unit**2), total=self.total / unit**2)


def moderated_over_tasks(tasks: Sequence[BetweenRuns], num_seeds: int) -> list[RunVariance]:
    """The variances that the tests use, from those of all tasks over the same runs."""
    share = _share_of_training_sets(tasks)
    ratios = [task.total.total / task.total.examples for task in tasks if task.total.examples > 0]
    moderated = iter(moderate(ratios, num_seeds) if ratios else ())
    found: list[RunVariance] = []
    for task in tasks:
        examples = task.total.examples
        runs = next(moderated) if examples > 0 else SeedVariance(value=0.0)
        beyond = replace(runs, value=max(0.0, runs.value - 1) * examples)
        found.append(RunVariance(beyond, runs.value * examples, share))
    return found


def _share_of_training_sets(tasks: Sequence[BetweenRuns]) -> float:
    """What part of the variance beyond test examples is not of seeds alone, by the means over tasks of both; 1 if unknown.

    One share for all tasks, each in the unit of its variance by test examples: the few runs that leave the same fold out tell
    little about one task.
    """
    known = [task for task in tasks if task.repeated and task.total.examples > 0]
    of_runs = sum(task.total.beyond / task.total.examples for task in known)
    of_seeds = sum(task.within.beyond / task.total.examples for task in known)
    return min(1.0, max(0.0, 1 - of_seeds / of_runs)) if of_runs > 0 else 1.0


def of_mean(own: BetweenRuns, of_tasks: Sequence[RunVariance], num_seeds: int) -> RunVariance:
    """Of the mean over tasks: the larger of its own variance and of that which independent tasks would give."""
    share = of_tasks[0].training_sets
    alone = RunVariance(SeedVariance(value=max(0.0, own.total.total - own.total.examples)), own.total.total, share)
    squared = len(of_tasks) ** 2
    value, total = (sum(part) / squared for part in zip(*((task.seeds.value, task.total) for task in of_tasks), strict=True))
    spread = sum((task.total / squared) ** 2 / task.seeds.freedom(num_seeds) for task in of_tasks)
    freedom = total**2 / spread if spread > 0 else num_seeds - 1
    independent = RunVariance(SeedVariance(value=value, prior=freedom - (num_seeds - 1)), total, share)
    return max(alone, independent, key=lambda runs: runs.seeds.value)
