"""A difference of scores with its standard error: of each task, and of the mean over tasks.

The difference is a mean over S seeds. Its variance is the part due to the test examples, which all seeds share, plus the
variance between seeds over S. The variance between seeds already includes the noise that is private to a seed and an example,
so this noise is counted once; an estimated variance between seeds that is smaller than this noise is raised to it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mtlens.statistics.example_variance import (
    ExampleVariance,
    example_variance,
    influences,
    joint_unseen_variance,
    unseen_variance,
)
from mtlens.statistics.seed_variance import SeedVariance, moderate
from mtlens.statistics.task_predictions import TaskPredictions


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A difference and the parts of its variance. seeds: variance of one seed's difference.

    examples is None with one cluster, seeds is None with one seed; the standard error is then infinite.
    """

    difference: float
    num_seeds: int
    num_clusters: int
    examples: ExampleVariance | None
    seeds: SeedVariance | None

    @property
    def standard_error(self) -> float:
        """Standard error of the difference; infinite with one seed or one cluster."""
        return float(self.precision(self.num_seeds, 1.0)[0])

    @property
    def degrees_of_freedom(self) -> float:
        """Degrees of freedom of the standard error; 0 where it is infinite."""
        return float(self.precision(self.num_seeds, 1.0)[1])

    def precision(self, num_seeds: Any, growth: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Expected standard error and degrees of freedom for `num_seeds` seeds and `growth` times as many clusters.

        Arguments broadcast. Degrees of freedom of a sum of variances: Satterthwaite 1946.
        """
        shape = np.broadcast(num_seeds, growth).shape
        if self.examples is None or self.seeds is None:
            return np.full(shape, math.inf), np.zeros(shape)
        private = min(self.examples.private, self.seeds.value)
        by_seeds = (self.seeds.value - private + private / growth) / num_seeds
        by_examples = self.examples.shared / growth + self.examples.unseen / growth**2
        variance = by_seeds + by_examples
        of_examples = self.examples.freedom * growth
        freedom = variance**2 / (by_seeds**2 / self.seeds.freedom(num_seeds) + by_examples**2 / of_examples)
        return np.sqrt(variance), freedom

    def interval(self, level: float) -> tuple[float, float]:
        """Two-sided interval of the true difference; the whole line where the standard error is infinite."""
        if not math.isfinite(self.standard_error):
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
        error = self.standard_error
        return float(special.stdtr(self.degrees_of_freedom, -gap / error)) if math.isfinite(error) else 1.0


def estimate_differences(
    tasks: Sequence[TaskPredictions], units: Sequence[float] | None = None
) -> tuple[list[Estimate], Estimate]:
    """The estimate of each task, and that of the mean over tasks. All tasks have the same number of seeds.

    units: what each task's difference is divided by before the mean is taken, such as its margin; 1 by default.
    """
    units = [1.0] * len(tasks) if units is None else units
    scale = np.asarray(units)[:, None]
    clusters = np.unique(np.concatenate([task.cluster for task in tasks]))
    per_seed = np.stack([task.differences for task in tasks])  # [T, S]
    moved = np.stack([influences(task, clusters) for task in tasks]) if len(clusters) > 1 else None  # [T, G, S]
    examples = [_examples_of(task, None if moved is None else moved[t]) for t, task in enumerate(tasks)]
    seeds = _seeds_of_tasks(per_seed, examples, units)
    of_tasks = [
        Estimate(
            difference=float(per_seed[t].mean()),
            num_seeds=per_seed.shape[1],
            num_clusters=task.num_clusters,
            examples=examples[t],
            seeds=seeds[t],
        )
        for t, task in enumerate(tasks)
    ]
    scaled = None if moved is None else moved / scale[:, None]
    unseen = joint_unseen_variance(tasks, units)
    jointly = None if scaled is None else example_variance(scaled.mean(axis=0), unseen, len(clusters))
    of_mean = Estimate(
        difference=float((per_seed / scale).mean()),
        num_seeds=per_seed.shape[1],
        num_clusters=len(clusters),
        examples=jointly,
        seeds=_seeds_of_mean(per_seed / scale, seeds, jointly, units),
    )
    return of_tasks, of_mean


def _examples_of(task: TaskPredictions, moved: NDArray[np.float64] | None) -> ExampleVariance | None:
    if moved is None or task.num_clusters < 2:
        return None
    return example_variance(moved, unseen_variance(task), task.num_clusters)


def _seeds_of_tasks(
    per_seed: NDArray[np.float64], examples: Sequence[ExampleVariance | None], units: Sequence[float]
) -> list[SeedVariance | None]:
    """Moderated over tasks in their units, and no less than the noise that is private to a seed and an example."""
    num_tasks, num_seeds = per_seed.shape
    if num_seeds < 2:
        return [None] * num_tasks
    squares = np.asarray(units) ** 2
    moderated = moderate((per_seed.var(axis=1, ddof=1) / squares).tolist(), num_seeds)
    return [
        SeedVariance(value=max(of_task.value * square, known.private if known else 0.0), prior=of_task.prior)
        for of_task, known, square in zip(moderated, examples, squares.tolist(), strict=True)
    ]


def _seeds_of_mean(
    per_seed: NDArray[np.float64],
    of_tasks: Sequence[SeedVariance | None],
    examples: ExampleVariance | None,
    units: Sequence[float],
) -> SeedVariance | None:
    """The larger of the mean's own variance and of what the tasks' variances add to if they are independent.

    per_seed: differences in their units `[T, S]`.

    Tasks in one model share its seed, so that the first may be larger than the second. No less than the private noise.
    """
    num_tasks, num_seeds = per_seed.shape
    known = [of_task for of_task in of_tasks if of_task is not None]
    if len(known) < num_tasks:
        return None
    own = SeedVariance(value=float(per_seed.mean(axis=0).var(ddof=1)))
    parts = np.array([of_task.value for of_task in known]) / np.asarray(units) ** 2 / num_tasks**2
    freedom = np.array([of_task.freedom(num_seeds) for of_task in known])
    total = float(parts.sum())
    pooled = total**2 / float((parts**2 / freedom).sum()) if total > 0 else num_seeds - 1
    independent = SeedVariance(value=total, prior=pooled - (num_seeds - 1))
    larger = max(own, independent, key=lambda variance: variance.value)
    return SeedVariance(value=max(larger.value, examples.private if examples else 0.0), prior=larger.prior)
