"""Does the evidence predict gains? Views `claim`, `claim_predictors` and `claim_verdicts`, over all experiments."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mtlens.statistics.claim.counted import counted
from mtlens.statistics.claim.kinds import EVIDENCE_KINDS
from mtlens.statistics.learnt import NOT_LEARNT
from mtlens.statistics.shown import Unit
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.queries.rows import columns, read_infos, read_rows

Scope = Literal["within", "across"]
SCOPES: dict[Scope, str] = {"within": "within experiments", "across": "across experiments"}
"""Gains and evidence less their means in the experiment, or as they are."""
_DOSE = ("cka_effect_min", "cosine_training")
"""What the paper names: similar representations and aligned gradients."""


@dataclass(frozen=True, kw_only=True)
class ClaimPointInfo:
    """One line of view `claim`: a task in a group of tasks that was trained together, and one kind of evidence on it.

    gain: of the group's model over the task's own; bounds are 95 %. None: unknown. threshold: what an experiment demands of a
    CKA effect or a cosine before it calls models similar or gradients aligned; 0 for predicted gains.
    """

    experiment: str
    experiment_id: str
    data: str
    relatedness: float | None
    tasks: tuple[str, ...]
    task: str
    metric: str
    unit: str
    margin: float
    gain: float | None
    gain_low: float | None
    gain_high: float | None
    verdict: str
    evidence: str
    value: float | None
    low: float | None
    high: float | None
    seeds: int
    threshold: float | None

    def gain_in(self, unit: Unit) -> tuple[float | None, float | None, float | None]:
        """Gain and its bounds as they are shown, in the unit of the metric or in margins."""
        factor = 1 / self.margin if unit.metric is None else unit.scale
        known = (self.gain, self.gain_low, self.gain_high)
        gain, low, high = (None if value is None else factor * value for value in known)
        return gain, low, high


@dataclass(frozen=True, kw_only=True)
class PredictorInfo:
    """How well one kind of evidence predicts gains; bounds are 95 %. reason: why something of it is None."""

    evidence: str
    label: str
    baseline: bool
    scope: Scope
    experiments: int
    groups: int
    tasks: int
    points: int
    unit: str
    rank_correlation: float | None
    low: float | None
    high: float | None
    corrected: float | None
    slope: float | None
    slope_low: float | None
    slope_high: float | None
    auc: float | None
    auc_low: float | None
    auc_high: float | None
    ceiling: float | None
    reason: str | None
    method: str


@dataclass(frozen=True, kw_only=True)
class ClaimVerdictInfo:
    """A claim that experiment files made before the run, and what became of it. experiment is None: over all that state it."""

    experiment: str | None
    evidence: str
    statistic: str
    scope: Scope
    threshold: float
    experiments: int
    points: int
    value: float | None
    low: float | None
    high: float | None
    verdict: str
    statement: str


@dataclass(frozen=True, kw_only=True)
class DoseInfo:
    """Gains and evidence of synthetic texts whose tasks are related to a set degree."""

    points: tuple[ClaimPointInfo, ...]
    kinds: tuple[str, ...] = _DOSE


@dataclass(frozen=True, kw_only=True)
class ClaimInfo:
    """Gains beside one kind of evidence, and how well each kind predicts them in one scope."""

    evidence: str
    scope: Scope
    points: tuple[ClaimPointInfo, ...]
    predictors: tuple[PredictorInfo, ...]
    verdicts: tuple[ClaimVerdictInfo, ...]

    @property
    def predictor(self) -> PredictorInfo | None:
        """Of this kind of evidence."""
        return next((predictor for predictor in self.predictors if predictor.evidence == self.evidence), None)

    @property
    def label(self) -> str:
        """Of this kind of evidence, in words."""
        return label_of(self.evidence)

    @property
    def unit(self) -> Unit:
        """Of the gains."""
        return unit_of(self.known, self.predictor)

    @property
    def known(self) -> tuple[ClaimPointInfo, ...]:
        """The points that the statistics rest on: with a gain, of tasks that were learnt, and each gain once.

        The points are in their order.
        """
        places = set(map(id, counted([point for point in self.points if None not in (point.gain, point.value)])))
        return tuple(point for point in self.points if id(point) in places)

    @property
    def judged(self) -> tuple[ClaimVerdictInfo, ...]:
        """Preregistered claims over all experiments that state them; where there are none, those of single experiments."""
        return tuple(verdict for verdict in self.verdicts if verdict.experiment is None) or self.verdicts


def unit_of(points: Sequence[ClaimPointInfo], predictor: PredictorInfo | None = None) -> Unit:
    """Unit of the gains: that of the predictor's slope; without one, margins where points differ in metric or margin."""
    kinds = {(point.metric, point.margin, point.unit) for point in points}
    same = predictor.unit == "score" if predictor else len(kinds) == 1 and all(unit == "score" for _, _, unit in kinds)
    return Unit(points[0].metric if points and same else None)


def label_of(evidence: str) -> str:
    """A kind of evidence in words."""
    return EVIDENCE_KINDS[evidence].label if evidence in EVIDENCE_KINDS else evidence.replace("_", " ")


_POINTS = f"""
    SELECT
        {columns(ClaimPointInfo, "threshold")},
        CASE
            WHEN list_contains($similar, evidence) THEN similar_from
            WHEN list_contains($aligned, evidence) THEN aligned_from
            WHEN list_contains($positive, evidence) THEN 0
        END AS threshold
    FROM claim
    LEFT JOIN (
        SELECT experiment_id, any_value(1 - margin) AS similar_from FROM evidence_cka GROUP BY experiment_id
    ) USING (experiment_id)
    LEFT JOIN (
        SELECT experiment_id, any_value(threshold) AS aligned_from FROM evidence_gradients GROUP BY experiment_id
    ) USING (experiment_id)
    WHERE latest AND list_contains($kinds, evidence)
    ORDER BY data, experiment, experiment_id, len(tasks), tasks, task
"""
_KINDS = "SELECT DISTINCT evidence FROM claim WHERE latest AND gain IS NOT NULL AND isfinite(value) ORDER BY evidence"
_PREDICTORS = f"SELECT {columns(PredictorInfo)} FROM claim_predictors"
_VERDICTS = f"SELECT {columns(ClaimVerdictInfo)} FROM claim_verdicts WHERE latest"


def claim(workspace: Workspace, evidence: str | None = None, scope: Scope | None = None) -> ClaimInfo:
    """Of one kind of evidence; by itself that of the first preregistered claim, else the first that has points.

    scope: by itself that of the preregistered claim, else within experiments, or across them where only that is defined.
    """
    verdicts = read_infos(workspace, ClaimVerdictInfo, _VERDICTS, {})
    predictors = claim_predictors(workspace)
    kinds = claim_kinds(workspace)
    stated: dict[str, Scope] = {verdict.evidence: verdict.scope for verdict in reversed(verdicts)}
    picked = next((kind for kind in (evidence, *(verdict.evidence for verdict in verdicts), *kinds) if kind in kinds), "")
    defined = {
        predictor.scope for predictor in predictors if predictor.evidence == picked and predictor.rank_correlation is not None
    }
    usual: Scope = "across" if defined == {"across"} else "within"
    chosen = scope or stated.get(picked) or usual
    return ClaimInfo(
        evidence=picked,
        scope=chosen,
        points=_points(workspace, picked),
        predictors=tuple(predictor for predictor in predictors if predictor.scope == chosen),
        verdicts=verdicts,
    )


def claim_predictors(workspace: Workspace) -> tuple[PredictorInfo, ...]:
    """Each kind of evidence in both scopes."""
    return read_infos(workspace, PredictorInfo, _PREDICTORS, {})


def claim_kinds(workspace: Workspace) -> tuple[str, ...]:
    """Kinds of evidence that have points, baselines last."""
    known = list(EVIDENCE_KINDS)
    kinds = [kind for (kind,) in read_rows(workspace, _KINDS, {}).rows]
    return tuple(sorted(kinds, key=lambda kind: known.index(kind) if kind in known else len(known)))


def dose(workspace: Workspace) -> DoseInfo:
    """Points with CKA and cosine as evidence, of data sets that come in several degrees of relatedness."""
    points = [point for point in _points(workspace, *_DOSE) if point.relatedness is not None and point.verdict != NOT_LEARNT]
    degrees: dict[str, set[float | None]] = {}
    for point in points:
        degrees.setdefault(point.data, set()).add(point.relatedness)
    return DoseInfo(points=tuple(point for point in points if len(degrees[point.data]) > 1))


def _points(workspace: Workspace, *kinds: str) -> tuple[ClaimPointInfo, ...]:
    speaks_for = {
        where: [kind.name for kind in EVIDENCE_KINDS.values() if kind.speaks_for == where]
        for where in ("similar", "aligned", "positive")
    }
    return read_infos(workspace, ClaimPointInfo, _POINTS, {"kinds": list(kinds), **speaks_for})
