"""Do the gradients of two tasks point the same way? From debiased cosines per seed to an interval and a statement.

Each seed has its own model and its own draws of texts, so the interval over seeds (Student's t) holds the noise of both. A
cosine is *aligned* if its interval lies above 0 and its mean reaches `threshold`, *opposed* in the mirror image, *unrelated*
if the interval lies within (-threshold, threshold), and else *inconclusive*. A debiased cosine has no noise to shrink it,
so its ceiling is 1 and `threshold` is a fraction of the ceiling.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

Statement = Literal["aligned", "opposed", "unrelated", "inconclusive", "not identifiable"]
MIN_SEEDS = 3


@dataclass(frozen=True, kw_only=True)
class Direction:
    """A pair's cosine over seeds. seeds: those in which it is identifiable; low, high: 95 %, None below three seeds."""

    cosine: float | None
    low: float | None
    high: float | None
    seeds: int
    statement: Statement
    reason: str | None


def judge_direction(cosines: Sequence[float | None], threshold: float) -> Direction:
    """Judge the debiased cosines of a pair of tasks, one per seed, None where a seed's gradients are too noisy to tell."""
    known = [cosine for cosine in cosines if cosine is not None and math.isfinite(cosine)]
    if not known:
        reason = "no seed has an estimated squared norm above 0 for both gradients: they are noise"
        return Direction(cosine=None, low=None, high=None, seeds=0, statement="not identifiable", reason=reason)
    mean = math.fsum(known) / len(known)
    if len(known) < MIN_SEEDS:
        reason = f"{MIN_SEEDS} seeds at least; found {len(known)} of {len(cosines)} identifiable"
        return Direction(cosine=mean, low=None, high=None, seeds=len(known), statement="inconclusive", reason=reason)
    half = float(stats.t.ppf(0.975, len(known) - 1)) * float(np.std(known, ddof=1)) / math.sqrt(len(known))
    low, high = mean - half, mean + half
    return Direction(
        cosine=mean, low=low, high=high, seeds=len(known), statement=_state(mean, low, high, threshold), reason=None
    )


def _state(mean: float, low: float, high: float, threshold: float) -> Statement:
    if low > 0 and mean >= threshold:
        return "aligned"
    if high < 0 and mean <= -threshold:
        return "opposed"
    return "unrelated" if -threshold < low and high < threshold else "inconclusive"


def judge_layers(whole: Direction, layers: Sequence[tuple[int, Direction]]) -> tuple[Statement, str]:
    """Statement on a pair and the reason in words: `aligned` needs every layer's interval above 0 as well."""
    if whole.cosine is None:
        return "not identifiable", whole.reason or ""
    says = _in_words(whole)
    if whole.statement != "aligned":
        return whole.statement, f"{says}; {whole.reason}" if whole.reason else says
    doubtful = [layer for layer, direction in layers if direction.low is None or direction.low <= 0]
    if doubtful:
        return "inconclusive", f"{says}, but not surely above 0 in layer {', '.join(map(str, doubtful))}"
    return "aligned", f"{says}, above 0 in every layer"


def _in_words(whole: Direction) -> str:
    if whole.low is None or whole.high is None:
        return f"cosine {whole.cosine:+.2f} over the whole encoder"
    interval = f"{whole.low:+.2f} to {whole.high:+.2f}"
    if whole.statement == "inconclusive" and (whole.low < -1 or whole.high > 1):
        return f"seeds do not identify the cosine over the whole encoder: its interval, {interval}, goes beyond 1"
    return f"cosine {whole.cosine:+.2f} ({interval}) over the whole encoder"
