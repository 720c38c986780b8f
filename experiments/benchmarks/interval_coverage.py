"""Do the verdicts keep their error rates? Coverage, settled tasks and false matches, where the true difference is known.

    python -m experiments.benchmarks.interval_coverage [TRIALS]

prints JSON; 200 trials take about ten minutes. Each row simulates test sets of several tasks and what S models of each kind
predict for them. Models and test examples are crossed random effects: an example is hard for all, for one kind of model, or
for one model alone; a seed makes a model better or worse.

- `coverage`: share of 90 % intervals, of tasks and (`coverage_of_mean`) of the mean over tasks, that hold the true difference
- `settled`: share of tasks that are found to match where both kinds are equally good
- `false_matches`: share of experiments with any match where the candidate is worse by exactly the margin on every task
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from mtlens.statistics.comparison import Comparison
from mtlens.statistics.equivalence import compare
from mtlens.statistics.estimate import estimate_differences
from mtlens.statistics.task_predictions import TaskPredictions

TRIALS = 200
POINTS, WEIGHTS = np.polynomial.hermite_e.hermegauss(60)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One simulated setting.

    skill: of baseline and candidate, in standard deviations of the difficulty that all models share. seed_effect: standard
    deviation of the seeds' skill, the same for all tasks or one per task. shared: part of the candidate's seed effect that
    all tasks share, as in one model. for_one_kind, for_one_model: standard deviations of difficulties that only one kind, or
    one model, meets.
    """

    clusters_of: int
    skill: tuple[float, float]
    seed_effect: float | tuple[float, ...]
    margin: float
    tasks: int = 5
    seeds: int = 3
    examples: int = 300
    classes: tuple[float, ...] = (0.6, 0.3, 0.1)
    shared: float = 0.0
    for_one_kind: float = 0.6
    for_one_model: float = 0.6

    def effect(self, task: int) -> float:
        """Seed effect of a task."""
        return self.seed_effect[task] if isinstance(self.seed_effect, tuple) else self.seed_effect


OFTEN_WRONG, RARELY_WRONG, HARDLY_WRONG = (0.9, 0.8), (2.5, 2.4), (4.0, 3.9)
ROWS = {
    "1": Row(clusters_of=6, skill=OFTEN_WRONG, seed_effect=0.02, margin=0.10),
    "2": Row(clusters_of=6, skill=OFTEN_WRONG, seed_effect=0.12, margin=0.10),
    "3": Row(clusters_of=6, skill=RARELY_WRONG, seed_effect=0.05, margin=0.05),
    "4": Row(clusters_of=1, skill=OFTEN_WRONG, seed_effect=0.05, margin=0.10),
    "5": Row(clusters_of=1, skill=RARELY_WRONG, seed_effect=0.05, margin=0.05),
    "6": Row(clusters_of=1, skill=HARDLY_WRONG, seed_effect=0.05, margin=0.03),
    "7": Row(clusters_of=6, skill=HARDLY_WRONG, seed_effect=0.05, margin=0.03),
    "two seeds": Row(clusters_of=6, skill=OFTEN_WRONG, seed_effect=0.05, margin=0.10, seeds=2),
    "five seeds": Row(clusters_of=6, skill=OFTEN_WRONG, seed_effect=0.05, margin=0.10, seeds=5),
    "ten seeds": Row(clusters_of=6, skill=OFTEN_WRONG, seed_effect=0.12, margin=0.10, seeds=10),
    "clusters of 20": Row(clusters_of=20, skill=OFTEN_WRONG, seed_effect=0.05, margin=0.10),
    "rare classes": Row(clusters_of=2, skill=RARELY_WRONG, seed_effect=0.05, margin=0.10, classes=(0.9, 0.07, 0.03)),
    "one task": Row(clusters_of=6, skill=RARELY_WRONG, seed_effect=0.05, margin=0.05, tasks=1),
    "twenty tasks": Row(clusters_of=6, skill=RARELY_WRONG, seed_effect=0.05, margin=0.05, tasks=20),
    "one task far noisier": Row(clusters_of=6, skill=OFTEN_WRONG, seed_effect=(0.05, 0.05, 0.05, 0.05, 0.4), margin=0.10),
    "seed effects from .05 to .4": Row(clusters_of=6, skill=OFTEN_WRONG, seed_effect=(0.05, 0.1, 0.2, 0.3, 0.4), margin=0.10),
    "tasks share seeds": Row(clusters_of=6, skill=OFTEN_WRONG, seed_effect=0.12, margin=0.10, shared=0.8),
    "errors that seeds share": Row(
        clusters_of=2, skill=RARELY_WRONG, seed_effect=0.05, margin=0.05, for_one_kind=0.8, for_one_model=0.1
    ),
    "sixty examples": Row(clusters_of=1, skill=RARELY_WRONG, seed_effect=0.05, margin=0.10, examples=60),
    "two thousand examples": Row(clusters_of=1, skill=RARELY_WRONG, seed_effect=0.05, margin=0.02, examples=2000),
}


def draw(row: Row, generator: np.random.Generator) -> list[TaskPredictions]:
    """The test sets of one experiment, with what all models predict."""
    common = generator.normal(size=(row.seeds, 1))
    return [_draw_task(row, task, common, generator) for task in range(row.tasks)]


def _draw_task(row: Row, task: int, common: NDArray[np.float64], generator: np.random.Generator) -> TaskPredictions:
    cluster = np.repeat(np.arange(row.examples // row.clusters_of), row.clusters_of)
    n, num_classes = len(cluster), len(row.classes)
    labels = generator.choice(num_classes, size=n, p=row.classes)

    def difficulty() -> NDArray[np.float64]:
        of_cluster = generator.normal(size=cluster[-1] + 1)[cluster]
        return (of_cluster + generator.normal(size=n)) / np.sqrt(2)

    for_all = difficulty()
    predictions: list[NDArray[np.int64]] = []
    for skill, shared in zip(row.skill, (0.0, row.shared), strict=True):
        of_seeds = np.sqrt(1 - shared) * generator.normal(size=(row.seeds, 1)) + np.sqrt(shared) * common
        alone = row.for_one_model * generator.normal(size=(row.seeds, n))
        right = skill + for_all + row.for_one_kind * difficulty() + row.effect(task) * of_seeds + alone > 0
        wrong = (labels + generator.integers(1, num_classes, size=n)) % num_classes
        predictions.append(np.where(right, labels, wrong))
    return TaskPredictions(
        task=f"task {task}",
        num_classes=num_classes,
        example=np.arange(n),
        cluster=cluster,
        labels=labels,
        baseline=predictions[0],
        candidate=predictions[1],
    )


def true_difference(row: Row, task: int) -> float:
    """Expected macro-F1 of the candidate less that of the baseline, on infinitely many examples and seeds."""
    spread = np.sqrt(1 + row.for_one_kind**2 + row.for_one_model**2)
    priors = np.array(row.classes)
    skill = np.array(row.skill)[:, None] + row.effect(task) * POINTS
    right = stats.norm.cdf(skill / spread)[..., None]
    predicted = priors * right + (1 - right) * (1 - priors) / (len(priors) - 1)
    scores = (2 * priors * right / (priors + predicted)).mean(axis=-1) @ (WEIGHTS / WEIGHTS.sum())
    return float(scores[1] - scores[0])


def worse_by_the_margin(row: Row) -> Row:
    """The row with a candidate whose true difference is minus the margin, at the seed effect of the first task."""
    baseline = row.skill[0]

    def excess(skill: float) -> float:
        return true_difference(replace(row, skill=(baseline, skill)), 0) + row.margin

    return replace(row, skill=(baseline, float(optimize.root_scalar(excess, bracket=(baseline - 4, baseline)).root)))


def simulate(row: Row, trials: int, seed: int = 0) -> dict[str, float]:
    """Rates over `trials` simulated experiments; see the top of the file."""
    covered, of_mean, widths = zip(*_coverage(row, trials, seed), strict=True)
    equal = replace(row, skill=(row.skill[0], row.skill[0]))
    settled = [[c.adjusted_p_equivalence < 0.05 for c in found] for found in _comparisons(equal, trials, seed + 1)]
    false = [
        any(c.adjusted_p_equivalence < 0.05 for c in found)
        for found in _comparisons(worse_by_the_margin(row), trials, seed + 2)
    ]
    return {
        "coverage": round(float(np.mean(covered)), 3),
        "coverage_of_noisiest": round(float(np.mean([of_tasks[-1] for of_tasks in covered])), 3),
        "coverage_of_mean": round(float(np.mean(of_mean)), 3),
        "half_width": round(float(np.mean(widths)), 4),
        "settled": round(float(np.mean(settled)), 3),
        "false_matches": round(float(np.mean(false)), 3),
    }


def _coverage(row: Row, trials: int, seed: int) -> Iterator[tuple[list[bool], bool, float]]:
    generator = np.random.default_rng(seed)
    truth = [true_difference(row, task) for task in range(row.tasks)]
    for _ in range(trials):
        of_tasks, mean = estimate_differences(draw(row, generator))
        intervals = [estimate.interval(0.90) for estimate in (*of_tasks, mean)]
        held = [bool(low <= true <= high) for (low, high), true in zip(intervals, (*truth, np.mean(truth)), strict=True)]
        yield held[:-1], held[-1], float(np.mean([(high - low) / 2 for low, high in intervals[:-1]]))


def _comparisons(row: Row, trials: int, seed: int) -> Iterator[tuple[Comparison, ...]]:
    """Comparisons of the tasks, without that of the mean, of each simulated experiment."""
    generator = np.random.default_rng(seed)
    for _ in range(trials):
        yield compare(draw(row, generator), margin=row.margin)[:-1]


if __name__ == "__main__":
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else TRIALS
    rows = {name: {**asdict(row), **simulate(row, trials)} for name, row in ROWS.items()}
    print(json.dumps({"trials": trials, "rows": rows}, indent=2))
