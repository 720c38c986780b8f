"""Titles about the claim that evidence predicts gains: a sentence of at most 90 characters."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean

from mtlens.statistics.shown import Unit, counted
from mtlens_dashboard.queries.claim import SCOPES, ClaimInfo, ClaimPointInfo, ClaimVerdictInfo, PredictorInfo
from mtlens_dashboard.wording.formatting import MISSING, fit, in_words, minus, shorten

NO_GAINS = "No gains of groups of tasks have been measured yet"
NO_DOSE = "No texts with several degrees of relatedness yet"
_NONE_MADE = "No claim was preregistered"
_VERDICTS = ("supported", "not supported", "undecided")
_STATISTICS = {"auc": "area under ROC"}
_SHORT = {
    "cka_effect_min": "least CKA effect",
    "cka_effect_mean": "mean CKA effect",
    "cka_changes": "CKA of changes",
    "cosine_start": "gradient cosine at start",
    "cosine_training": "gradient cosine in training",
    "cosine_end": "gradient cosine at end",
    "cosine_task_vectors": "cosine of task vectors",
    "tag": "TAG",
    "linearised": "linearised estimate",
    "data_size_ratio": "ratio of data sizes",
    "difficulty_difference": "difference of scores",
    "task_mean": "mean gain of the task",
}
"""Kinds of evidence as titles name them; figures and tables have their whole names."""


def trial(info: ClaimInfo) -> str:
    """What became of the preregistered claims, or that there are none and what the data say."""
    if not info.judged:
        return _without_claim(info)
    if len(info.judged) == 1:
        return _of_claim(info.judged[0])
    counts = Counter(claim.verdict for claim in info.judged)
    parts = [f"{in_words(counts[verdict])} {verdict}" for verdict in _VERDICTS if counts[verdict]]
    return f"Of {in_words(len(info.judged))} preregistered claims, {', '.join(parts)}"


def _without_claim(info: ClaimInfo) -> str:
    if not info.known:
        return NO_GAINS
    found = info.predictor
    if found is None or found.rank_correlation is None:
        return fit(
            f"{_NONE_MADE}; {short(info.evidence)} has no rank correlation", f"{_NONE_MADE}; no rank correlation is defined"
        )
    told = correlation(found)
    return fit(
        f"{_NONE_MADE}; {short(info.evidence)}: rank correlation {told}",
        f"{_NONE_MADE}; {short(info.evidence)}: Spearman's {told}",
        f"{_NONE_MADE}; rank correlation {told}",
    )


def _of_claim(claim: ClaimVerdictInfo) -> str:
    named = short(claim.evidence)
    head = claim.verdict[:1].upper() + claim.verdict[1:]
    told = f"{statistic(claim)} {value_of(claim)}"
    return fit(f"{head}: {named}, {told}, threshold {threshold_of(claim)}", f"{head}: {named}, {told}", f"{head}: {told}")


def sentences(info: ClaimInfo) -> tuple[str, ...]:
    """The conclusion, and the statement of each preregistered claim; without one, how far the data decide."""
    stated = tuple(f"{outcome(claim)}: {claim.statement}." for claim in info.judged)
    return (f"{trial(info)}.", *(stated or ((finding(info),) if info.known else ())))


def finding(info: ClaimInfo) -> str:
    """What the data say of one kind of evidence, and on how much that rests."""
    predictor = info.predictor
    if predictor is None or predictor.rank_correlation is None:
        reason = predictor.reason if predictor and predictor.reason else "no gains"
        return f"How {info.label} ranks gains {SCOPES[info.scope]} is undefined: {reason}."
    decided = "settled" if is_settled(predictor) else "undecided"
    counts = ((predictor.points, "gain"), (predictor.tasks, "task"), (predictor.experiments, "experiment"))
    base = ", ".join(counted(number, what) for number, what in counts)
    return f"{info.label}, {SCOPES[info.scope]}: rank correlation with gains {correlation(predictor)}, {decided}; {base}."


def short(evidence: str) -> str:
    """A kind of evidence, in a title."""
    return _SHORT.get(evidence, shorten(evidence.replace("_", " ")))


def _begun(evidence: str) -> str:
    return short(evidence)[:1].upper() + short(evidence)[1:]


def outcome(claim: ClaimVerdictInfo) -> str:
    """The verdict, with the experiment where it is about a single one."""
    head = claim.verdict[:1].upper() + claim.verdict[1:]
    return head if claim.experiment is None else f"{head} in {shorten(claim.experiment)}"


def statistic(claim: ClaimVerdictInfo) -> str:
    """Name of the statistic that the claim is about."""
    return _STATISTICS.get(claim.statistic, claim.statistic.replace("_", " "))


def value_of(claim: ClaimVerdictInfo) -> str:
    """The statistic with its interval."""
    return with_bounds(claim.value, claim.low, claim.high, signs=claim.statistic != "auc")


def threshold_of(claim: ClaimVerdictInfo) -> str:
    """From which value on the claim is supported."""
    return plain(claim.threshold, signs=claim.statistic != "auc")


def predictors(info: ClaimInfo) -> str:
    """The kind of evidence that ranks the gains best, and whether that is settled."""
    known = [predictor for predictor in ranked(info.predictors) if predictor.rank_correlation is not None]
    if not known:
        return "No rank correlation with gains is defined yet" if info.predictors else NO_GAINS
    settled = [predictor for predictor in known if is_settled(predictor)]
    if not settled:
        highest = max((predictor.ceiling for predictor in known if predictor.ceiling is not None), default=None)
        told = f"No predictor of gains is settled {SCOPES[info.scope]}"
        return told if highest is None else f"{told}; the ceiling set by noise is {plain(highest)}"
    best = settled[0]
    how = "best" if (best.rank_correlation or 0.0) > 0 else "in reverse"
    told = f"{'A baseline' if best.baseline else 'Evidence'} ranks gains {how}"
    return f"{told}: {short(best.evidence)}, {correlation(best)}"


def ranked(predictors: Sequence[PredictorInfo]) -> list[PredictorInfo]:
    """The highest rank correlation first, as the claim is that gains rise with the evidence; undefined ones last."""
    return sorted(
        predictors,
        key=lambda predictor: (predictor.rank_correlation is None, -(predictor.rank_correlation or 0.0), predictor.label),
    )


def is_settled(predictor: PredictorInfo) -> bool:
    """Whether the interval of the rank correlation excludes 0."""
    return (predictor.low is not None and predictor.low > 0) or (predictor.high is not None and predictor.high < 0)


def counts(evidence: str, cells: Mapping[tuple[str, str], int]) -> str:
    """How many gains match where the evidence is for one model and where it is against, by evidence and outcome."""
    if not sum(cells.values()):
        return NO_GAINS
    parts = [
        f"{cells.get((says, 'matches'), 0)} of {total} match if it is {says}"
        for says in ("for", "against")
        if (total := cells.get((says, "matches"), 0) + cells.get((says, "worse"), 0))
    ]
    if not parts:
        return f"{_begun(evidence)}: none of {counted(sum(cells.values()), 'gain')} is settled in gain and evidence"
    return fit(f"{_begun(evidence)}: {', '.join(parts)}", f"Evidence: {', '.join(parts)}")


def slope(info: ClaimInfo) -> str:
    """By how much gains rise with this evidence."""
    if not info.known:
        return NO_GAINS
    found, unit = info.predictor, info.unit
    if found is None or found.slope is None:
        return f"{counted(len(info.known), 'gain')} against {short(info.evidence)}: no line is defined"
    told = slope_of(found, unit)
    gain = f"Gain per unit of {short(info.evidence)}: {told}"
    return fit(f"{gain} {unit.points} {SCOPES[info.scope]}", f"{gain} {unit.points}", gain, f"Slope of gains: {told}")


def slope_of(predictor: PredictorInfo, unit: Unit) -> str:
    """The slope with its interval, in the unit of the gains."""
    return with_bounds(
        *(None if end is None else unit.scale * end for end in (predictor.slope, predictor.slope_low, predictor.slope_high))
    )


def dose(points: Sequence[ClaimPointInfo], unit: Unit) -> str:
    """Mean gain at the lowest and at the highest relatedness."""
    known = [(point.relatedness, point.gain_in(unit)[0]) for point in points]
    gains = [(degree, gain) for degree, gain in known if degree is not None and gain is not None]
    if not gains:
        return NO_DOSE
    ends = [end(degree for degree, _ in gains) for end in (min, max)]
    means = [plain(fmean(gain for degree, gain in gains if degree == end)) for end in ends]
    return f"Mean gain at relatedness {ends[0]:g}: {means[0]} {unit.points}; at {ends[1]:g}: {means[1]}"


def correlation(predictor: PredictorInfo) -> str:
    """A rank correlation with its interval."""
    return with_bounds(predictor.rank_correlation, predictor.low, predictor.high)


def with_bounds(value: float | None, low: float | None, high: float | None, *, signs: bool = True) -> str:
    """+0.31 (−0.05 to +0.60)."""
    told = plain(value, signs=signs)
    return told if low is None or high is None else f"{told} ({plain(low, signs=signs)} to {plain(high, signs=signs)})"


def plain(value: float | None, *, signs: bool = True) -> str:
    """A correlation or slope with its sign, to two digits."""
    return MISSING if value is None else minus(f"{value:+.2f}" if signs else f"{value:.2f}")
