"""Do the intervals contain the true difference for metrics of ranks and of errors? It is known in closed form.

    python -m experiments.benchmarks.metric_coverage [TRIALS]

prints JSON: of each setting the share of 90 % intervals, of tasks and of the mean over tasks, that hold the true difference,
and their mean width. Models and test examples are crossed random effects, as in `interval_coverage`.

- area under ROC: a score is skill times label plus noise of variance 1; the skill of a seed is normal around that of its kind,
  with deviation t. The area is Phi(skill / sqrt(2)), and Phi(skill / sqrt(2 + t²)) in expectation over seeds.
- mean absolute error: an error is normal with deviation s, and s times a log-normal factor of deviation t under a seed. The
  mean error is s exp(t² / 2) sqrt(2 / pi).
"""

import json
import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mtlens.statistics.estimate import estimate_differences
from mtlens.statistics.task_predictions import TaskPredictions

TRIALS = 400
SHARES = (0.5, 0.2, 0.3)  # of the noise's variance: that all models share, that a kind shares, of one model


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One simulated setting. of_kinds: skill, or deviation of errors, of baseline and candidate."""

    metric: str
    of_kinds: tuple[float, float]
    seed_effect: float
    examples: int = 300
    clusters_of: int = 1
    positives: float = 0.3
    tasks: int = 5
    seeds: int = 3


SETTINGS = {
    "area under ROC": Setting(metric="roc_auc", of_kinds=(1.0, 1.2), seed_effect=0.1),
    "area under ROC, patients of 4": Setting(metric="roc_auc", of_kinds=(1.0, 1.2), seed_effect=0.1, clusters_of=4),
    "area under ROC, 15 positives": Setting(metric="roc_auc", of_kinds=(1.5, 1.5), seed_effect=0.1, positives=0.05),
    "mean absolute error": Setting(metric="mean_absolute_error", of_kinds=(5.0, 4.6), seed_effect=0.03),
    "mean absolute error, patients of 4": Setting(
        metric="mean_absolute_error", of_kinds=(5.0, 4.6), seed_effect=0.03, clusters_of=4
    ),
    "mean absolute error, 60 examples": Setting(
        metric="mean_absolute_error", of_kinds=(5.0, 5.0), seed_effect=0.03, examples=60
    ),
}


def true_difference(setting: Setting) -> float:
    """By how much the candidate is better on infinitely many examples and seeds."""
    baseline, candidate = np.array(setting.of_kinds)
    if setting.metric == "roc_auc":
        areas = special.ndtr(np.array(setting.of_kinds) / np.sqrt(2 + setting.seed_effect**2))
        return float(areas[1] - areas[0])
    return float(baseline - candidate) * float(np.exp(setting.seed_effect**2 / 2) * np.sqrt(2 / np.pi))


def draw(setting: Setting, generator: np.random.Generator) -> list[TaskPredictions]:
    """The test sets of one experiment, with what all models predict."""
    return [_draw_task(setting, task, generator) for task in range(setting.tasks)]


def _draw_task(setting: Setting, task: int, generator: np.random.Generator) -> TaskPredictions:
    cluster = np.arange(setting.examples) // setting.clusters_of
    n, seeds = setting.examples, setting.seeds

    def noise(*shape: int) -> NDArray[np.float64]:
        """Of variance 1, half of it by cluster."""
        of_cluster = generator.normal(size=(*shape, cluster[-1] + 1))[..., cluster]
        return (of_cluster + generator.normal(size=(*shape, n))) / np.sqrt(2)

    shared = np.sqrt(SHARES[0]) * noise()
    of_kinds = [shared + np.sqrt(SHARES[1]) * noise() + np.sqrt(SHARES[2]) * noise(seeds) for _ in range(2)]
    effects = setting.seed_effect * generator.normal(size=(2, seeds, 1))
    if setting.metric == "roc_auc":
        labels = (generator.random(n) < setting.positives).astype(np.int64)
        scores = [(own + effect) * labels + one for own, effect, one in zip(setting.of_kinds, effects, of_kinds, strict=True)]
        models = [special.expit(np.stack([-score, score], axis=2)) for score in scores]
    else:
        labels = generator.normal(40, 10, n)
        models = [
            labels + own * np.exp(effect) * one for own, effect, one in zip(setting.of_kinds, effects, of_kinds, strict=True)
        ]
    return TaskPredictions(
        task=f"task {task}", num_classes=2, metric=setting.metric, example=np.arange(n), cluster=cluster, labels=labels,
        baseline=models[0], candidate=models[1],
    )  # fmt: skip


def coverage(setting: Setting, trials: int, seed: int = 0) -> dict[str, float]:
    """Shares of 90 % intervals that hold the true difference, and their mean width."""
    truth = true_difference(setting)
    held: list[float] = []
    of_mean: list[bool] = []
    widths: list[float] = []
    for generator in np.random.default_rng(seed).spawn(trials):
        of_tasks, mean = estimate_differences(draw(setting, generator))
        bounds = [task.interval(0.9) for task in of_tasks]
        held.append(float(np.mean([low <= truth <= high for low, high in bounds])))
        widths.append(float(np.mean([high - low for low, high in bounds])))
        low, high = mean.interval(0.9)
        of_mean.append(low <= truth <= high)
    return {
        "coverage": float(np.mean(held)),
        "coverage_of_mean": float(np.mean(of_mean)),
        "width": float(np.mean(widths)),
        "true_difference": truth,
    }


if __name__ == "__main__":
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else TRIALS
    print(json.dumps({name: coverage(setting, trials) for name, setting in SETTINGS.items()}, indent=1))
