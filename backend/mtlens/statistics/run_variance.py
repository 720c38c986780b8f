"""Variance between runs that each leave out one fold: the part beyond the fold's test examples, and the part of the seeds.

A run's difference on its own fold varies by its test examples, by its seed, and by its training texts. Runs that leave the same
fold out differ in the seed alone, so that the variance among them, beyond the part of the test examples that is private to a
run, is that of seeds. What all runs vary by beyond that belongs to the training sets, which overlap. Where no fold is
left out twice the two cannot be told apart, and all of it counts as that of training sets.

The ratios of these variances to those by test examples are moderated over tasks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mtlens.statistics.seed_variance import SeedVariance, moderate


class Part(NamedTuple):
    """A variance of the difference of one run, and the part of it by test examples."""

    total: float
    examples: float


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
    """seeds: variance of one run's difference beyond that by test examples, of seeds and training sets together.

    total: that with the variance by test examples. overlapping: the part of `seeds` that exceeds the variance of seeds alone.
    """

    seeds: SeedVariance
    total: float
    overlapping: float

    def divided(self, unit: float) -> "RunVariance":
        """Of a difference in another unit."""
        seeds = replace(self.seeds, value=self.seeds.value / unit**2)
        return RunVariance(seeds, self.total / unit**2, self.overlapping / unit**2)


def moderated_over_tasks(tasks: Sequence[BetweenRuns], num_seeds: int) -> list[RunVariance]:
    """The variances that the tests use, from those of all tasks over the same runs."""
    all_runs = _moderated([task.total for task in tasks], num_seeds)
    of_seeds = _moderated([task.within for task in tasks], tasks[0].repeated + 1)
    found: list[RunVariance] = []
    for task, runs, seeds in zip(tasks, all_runs, of_seeds, strict=True):
        beyond = replace(runs, value=max(0.0, runs.value - 1) * task.total.examples)
        alone = max(0.0, seeds.value - 1) * task.within.examples
        found.append(RunVariance(beyond, runs.value * task.total.examples, max(0.0, beyond.value - alone)))
    return found


def _moderated(parts: Sequence[Part], num_runs: int) -> list[SeedVariance]:
    """Ratios of the variances to those by examples, moderated over the tasks where the latter is positive; 0 for the others."""
    ratios = [part.total / part.examples for part in parts if part.examples > 0]
    moderated = iter(moderate(ratios, num_runs) if ratios else ())
    return [next(moderated) if part.examples > 0 else SeedVariance(value=0.0) for part in parts]


def of_mean(own: BetweenRuns, of_tasks: Sequence[RunVariance], num_seeds: int) -> RunVariance:
    """The larger of the mean's own variance beyond its examples and of what the tasks' variances add to if independent."""
    value = max(0.0, own.total.total - own.total.examples)
    seeds_alone = max(0.0, own.within.total - own.within.examples)
    alone = RunVariance(SeedVariance(value=value), own.total.total, max(0.0, value - seeds_alone))
    squared = len(of_tasks) ** 2
    parts = [(one.seeds.value, one.total, one.overlapping) for one in of_tasks]
    value, total, overlapping = (sum(part) / squared for part in zip(*parts, strict=True))
    spread = sum((one.total / squared) ** 2 / one.seeds.freedom(num_seeds) for one in of_tasks)
    freedom = total**2 / spread if spread > 0 else num_seeds - 1
    independent = RunVariance(SeedVariance(value=value, prior=freedom - (num_seeds - 1)), total, overlapping)
    return max(alone, independent, key=lambda runs: runs.seeds.value)
