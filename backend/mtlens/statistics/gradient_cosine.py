"""Do the gradients of two tasks point the same way? From debiased cosines per seed to an interval and a statement.

Each seed has its own model and its own microbatches of texts, so the variance between seeds includes the noise of both. It is
moderated over the pairs of tasks (`pair_variance`) and raised at least to the noise within seeds, which is estimated from
halves of the microbatches.

A cosine is *aligned* if its 95 % interval (Student's t) lies above 0 and its mean reaches `threshold`, *opposed* in the mirror
image, *unrelated* if the interval lies within (-threshold, threshold), and else *inconclusive*. Noise does not shrink a
debiased cosine, so its ceiling is 1 and `threshold` is a fraction of the ceiling. Fewer than three identifiable seeds give no
cosine and no statement.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import special

from mtlens.statistics.pair_variance import MeanError, mean_errors

Statement = Literal["aligned", "opposed", "unrelated", "inconclusive", "not identifiable"]
MIN_SEEDS = 3


@dataclass(frozen=True, kw_only=True)
class SeedCosine:
    """Debiased cosine under one seed, None where the gradients are too noisy. error: standard error within the seed."""

    cosine: float | None
    error: float | None = None

    @property
    def is_known(self) -> bool:
        """Whether the seed is identifiable."""
        return self.cosine is not None and math.isfinite(self.cosine)


@dataclass(frozen=True, kw_only=True)
class Direction:
    """A pair's cosine over seeds. seeds: those in which it is identifiable; cosine, low, high (95 %): None below three."""

    cosine: float | None
    low: float | None
    high: float | None
    seeds: int
    statement: Statement
    reason: str | None


def judge_directions(pairs: Sequence[Sequence[SeedCosine]], threshold: float, num_tasks: int) -> list[Direction]:
    """Judge all pairs of `num_tasks` tasks in one block of parameters, each with a cosine per seed."""
    known = [[seed for seed in pair if seed.is_known] for pair in pairs]
    cosines = [[seed.cosine or 0.0 for seed in pair] for pair in known]
    variances = [(float(np.var(values, ddof=1)), len(values)) if len(values) >= MIN_SEEDS else None for values in cosines]
    errors = mean_errors(variances, num_tasks, [_within(pair) for pair in known])
    return [
        _unknown(len(values), len(pair)) if error is None else _direction(values, error, threshold)
        for pair, values, error in zip(pairs, cosines, errors, strict=True)
    ]


def judge_layers(whole: Direction, layers: Sequence[tuple[int, Direction]]) -> Direction:
    """The whole encoder with its final statement and the reason in words; `aligned` also requires every layer above 0."""
    if whole.cosine is None:
        return whole
    says = _in_words(whole, whole.cosine)
    if whole.statement != "aligned":
        return replace(whole, reason=says)
    doubtful = [layer for layer, direction in layers if direction.low is None or direction.low <= 0]
    if doubtful:
        reason = f"{says}, but not surely above 0 in layer {', '.join(map(str, doubtful))}"
        return replace(whole, statement="inconclusive", reason=reason)
    return replace(whole, reason=f"{says}, above 0 in every layer")


def rate_interval(rates: Sequence[tuple[float | None, int]]) -> tuple[float | None, float | None]:
    """95 % interval (Student's t over seeds) of a mean rate, cut at 0 and 1; None below three seeds.

    rates: per seed the rate and its number of microbatches. The variance is that between seeds, and at least the binomial
    variance of the microbatches at the rate (rate x count + 1/2) / (count + 1), so that seeds which agree by chance do not give
    an interval of width 0.
    """
    known = [(rate, count) for rate, count in rates if rate is not None and math.isfinite(rate) and count > 0]
    if len(known) < MIN_SEEDS:
        return None, None
    within = [(rate * count + 0.5) / (count + 1) for rate, count in known]
    least = math.fsum(rate * (1 - rate) / count for rate, (_, count) in zip(within, known, strict=True)) / len(known)
    mean = math.fsum(rate for rate, _ in known) / len(known)
    variance = max(float(np.var([rate for rate, _ in known], ddof=1)), least)
    half = float(special.stdtrit(len(known) - 1, 0.975)) * math.sqrt(variance / len(known))
    return max(mean - half, 0.0), min(mean + half, 1.0)


def _within(seeds: Sequence[SeedCosine]) -> float:
    """Mean variance within the seeds; 0 where it is unknown."""
    squares = [seed.error**2 for seed in seeds if seed.error is not None and math.isfinite(seed.error)]
    return math.fsum(squares) / len(squares) if squares else 0.0


def _unknown(num_known: int, num_seeds: int) -> Direction:
    found = f"{MIN_SEEDS} identifiable seeds at least; found {num_known} of {num_seeds}"
    if num_known or num_seeds < MIN_SEEDS:
        return Direction(cosine=None, low=None, high=None, seeds=num_known, statement="inconclusive", reason=found)
    reason = "no seed has an estimated squared norm above 0 for both gradients: they are noise"
    return Direction(cosine=None, low=None, high=None, seeds=0, statement="not identifiable", reason=reason)


def _direction(cosines: Sequence[float], error: MeanError, threshold: float) -> Direction:
    mean, half = math.fsum(cosines) / len(cosines), error.half_width(0.95)
    statement = _state(mean, mean - half, mean + half, threshold)
    return Direction(cosine=mean, low=mean - half, high=mean + half, seeds=len(cosines), statement=statement, reason=None)


def _state(mean: float, low: float, high: float, threshold: float) -> Statement:
    if low > 0 and mean >= threshold:
        return "aligned"
    if high < 0 and mean <= -threshold:
        return "opposed"
    return "unrelated" if -threshold < low and high < threshold else "inconclusive"


def _in_words(whole: Direction, cosine: float) -> str:
    if whole.low is None or whole.high is None:
        return f"cosine {cosine:+.2f} over the whole encoder"
    interval = f"{whole.low:+.2f} to {whole.high:+.2f}"
    if whole.statement == "inconclusive" and (whole.low < -1 or whole.high > 1):
        return f"seeds do not identify the cosine over the whole encoder: its interval, {interval}, goes beyond 1"
    return f"cosine {cosine:+.2f} ({interval}) over the whole encoder"
