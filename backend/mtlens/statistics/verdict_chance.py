"""The chance that an experiment finds a match, before it has run: from the noise of seeds and the classes of its test split.

The difference of one seed varies by the noise of a repetition, once per kind of models, and by examples on which a seed errs
alone; the mean over S seeds also by examples on which the kinds of models differ under all seeds. An example of class c weighs
as much as the metric says, so rare classes count. The chance is that both one-sided tests reject at a true difference of 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mtlens.statistics.metrics.base import Metric
from mtlens.statistics.power import ALPHA

PUBLIC_NOISE = {
    "bert-base-uncased": (0.0047, 0.0066, 0.0146),
    "roberta-base": (0.0039, 0.0067, 0.0172),
    "deberta-v3-base": (0.0039, 0.0076, 0.0155),
}
"""Quartiles of the standard deviation of a repetition's accuracy over 36 public text tasks, 20 repetitions each.

From https://github.com/IBM/model-recycling (Apache-2.0), where the three encoders were finetuned.
"""
ANY_ENCODER = (0.0043, 0.0072, 0.0160)
"""The quartiles over all three."""

_SHARED = 0.03
"""Share of examples on which two kinds of models differ under all seeds: median of the recorded demo's four tasks, 0.026."""
_PRIVATE = 0.08
"""Share on which they differ under one seed alone: the same median, 0.083."""
_QUANTILES = (np.arange(400) + 0.5) / 400


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Variance of a difference of scores. seeds: that of one seed's difference, as a low, a likely and a high value.

    examples: the part in a mean over any number of seeds. earlier: whether it was measured by earlier runs of the task.
    """

    seeds: tuple[float, float, float]
    examples: float
    earlier: bool = False

    @classmethod
    def of_public_tasks(cls, encoder: str, metric: Metric, class_counts: Sequence[int]) -> Self:
        """Noise expected from public tasks, for the given numbers of test examples per class."""
        stratum, change = metric.strata(np.repeat(np.arange(len(class_counts)), class_counts))
        weight = float((np.bincount(stratum) * change**2).sum())
        name = encoder.rpartition("/")[2]
        low, middle, high = (2 * deviation**2 + _PRIVATE * weight for deviation in PUBLIC_NOISE.get(name, ANY_ENCODER))
        return cls(seeds=(low, middle, high), examples=_SHARED * weight)

    @classmethod
    def of_earlier_runs(cls, differences: Sequence[float], standard_error: float, growth: float) -> Self:
        """Noise estimated from the differences of at least 3 seeds. growth: test examples now over test examples then."""
        seeds = float(np.var(differences, ddof=1))
        examples = max(0.0, standard_error**2 - seeds / len(differences))
        return cls(seeds=(seeds, seeds, seeds), examples=examples / growth, earlier=True)


def chances_of_match(noise: Noise, margin: float, num_seeds: int, num_tasks: int) -> tuple[float, float, float]:
    """Chances of a match under low, likely and high noise, if the two kinds of models are equally good.

    Each test is at the level of Holm's first step over the tasks. Tasks share degrees of freedom of the variance between seeds;
    the estimated variance varies as a scaled chi-square with its degrees of freedom.
    """
    little, likely, much = (_chance(of_one, noise.examples, margin, num_seeds, num_tasks) for of_one in noise.seeds)
    return little, likely, much


def _chance(of_one: float, examples: float, margin: float, num_seeds: int, num_tasks: int) -> float:
    variance = of_one / num_seeds + examples
    freedom = variance**2 / max((of_one / num_seeds) ** 2 / (num_tasks * (num_seeds - 1)), 1e-300)
    estimated = np.sqrt(variance * special.chdtri(freedom, 1 - _QUANTILES) / freedom)
    critical = special.stdtrit(freedom, 1 - ALPHA / num_tasks)
    room: NDArray[Any] = np.maximum(margin - critical * estimated, 0.0) / np.sqrt(variance)
    return float(np.mean(2 * special.ndtr(room) - 1))
