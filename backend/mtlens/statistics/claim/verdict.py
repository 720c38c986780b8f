"""The verdict on a preregistered claim: does the interval of a statistic lie above or below the threshold set beforehand?

The noise of seeds and test examples in the gains shrinks a rank correlation. A claim is therefore not called unsupported where
that noise could have kept the correlation below the threshold: the upper bound, corrected for it, has to lie below as well.
"""

from dataclasses import dataclass
from typing import Literal

from mtlens.statistics.claim import noise
from mtlens.statistics.claim.kinds import EVIDENCE_KINDS
from mtlens.statistics.claim.predictor import Predictor

Statistic = Literal["rank_correlation", "auc"]
ClaimVerdictName = Literal["supported", "not supported", "undecided"]
_STATISTICS = {"rank_correlation": "rank correlation", "auc": "area under ROC"}


@dataclass(frozen=True, kw_only=True)
class ClaimVerdict:
    """Verdict on one claim; value, low, high (95 %): None where undefined."""

    value: float | None
    low: float | None
    high: float | None
    verdict: ClaimVerdictName
    statement: str


def judge_claim(found: Predictor, evidence: str, statistic: Statistic, threshold: float) -> ClaimVerdict:
    """Supported: the interval lies above the threshold; not supported: below it; undecided: neither, or there is none.

    Intervals are two-sided, so a claim whose true value is at most the threshold is supported in 2.5 % of cases.
    """
    if statistic == "auc":
        value, low, high, highest = found.auc, found.auc_low, found.auc_high, found.auc_high
    else:
        value, low, high = found.rank_correlation, found.low, found.high
        highest = _without_noise(high, found.ceiling)
    verdict: ClaimVerdictName = "undecided"
    if low is not None and low > threshold:
        verdict = "supported"
    elif high is not None and highest is not None and highest < threshold:
        verdict = "not supported"
    hidden = verdict == "undecided" and high is not None and high < threshold
    return ClaimVerdict(
        value=value, low=low, high=high, verdict=verdict,
        statement=_statement(found, evidence, _STATISTICS[statistic], (value, low, high), threshold, hidden),
    )  # fmt: skip


def _without_noise(high: float | None, ceiling: float | None) -> float | None:
    """Upper bound of a rank correlation without the noise in the gains; None where it is unknown."""
    if high is None or ceiling is None:
        return None
    return max(high, noise.relative(high, ceiling))


def _statement(
    found: Predictor,
    evidence: str,
    statistic: str,
    interval: tuple[float | None, float | None, float | None],
    threshold: float,
    hidden: bool,
) -> str:
    value, low, high = interval
    words = f"{statistic} of gain with {EVIDENCE_KINDS[evidence].label}, {found.scope} experiments"
    experiments = f"{found.experiments} experiment" + ("" if found.experiments == 1 else "s")
    base = f"{found.points} points of {found.tasks} tasks in {experiments}"
    if value is None:
        return f"{words}: undefined ({found.reason or 'no points'}); {base}"
    bounds = f"no interval: {found.reason}" if low is None or high is None else f"{low:+.2f} to {high:+.2f}"
    text = f"{words}: {value:+.2f} ({bounds}), threshold {threshold:+.2f}; {base}"
    return f"{text}; noise in the gains could hide it (ceiling {found.ceiling or 0:.2f})" if hidden else text
