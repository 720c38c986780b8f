"""Fills `summary.claim_predictor` and `summary.claim_verdict`: statistics of the claim over all experiments of a workspace.

Of several experiments with one name, the latest counts. A claim is judged on the points of the experiment that states it, even
if a later version of the experiment no longer states it. A claim that several latest experiments state in the same words is
also judged on all of them together. Recomputed where a gain, the evidence or a claim has changed.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from mtlens.config.claim import Claim
from mtlens.config.hashing import content_hash
from mtlens.statistics.claim.kinds import EVIDENCE_KINDS
from mtlens.statistics.claim.points import Point
from mtlens.statistics.claim.predictor import SCOPES, predictor
from mtlens.statistics.claim.verdict import judge_claim
from mtlens.statistics.units import units
from mtlens.store.database import writer
from mtlens.store.tables.bookkeeping import ClaimSeenRow
from mtlens.store.tables.claim import ClaimPredictorRow, ClaimVerdictRow

POINTS = """
    SELECT experiment_id, data, tasks, task, metric, unit, margin, gain, gain_error, verdict, evidence, value, error,
        latest
    FROM claim
"""
CLAIMS = """
    SELECT experiment_id, specification ->> 'claim' AS claims FROM experiment
    WHERE specification ->> 'claim' IS NOT NULL ORDER BY experiment_id
"""
_INPUTS = """
    SELECT (SELECT concat_ws(' ', count(*), bit_xor(hash(claim))) FROM claim), (
        SELECT string_agg(concat_ws(' ', experiment_id, specification ->> 'claim'), ' ' ORDER BY experiment_id) FROM experiment
    )
"""


class Measured(NamedTuple):
    """A row of POINTS. gain, gain_error and margin are in `unit`."""

    experiment_id: str
    data: str
    tasks: Sequence[str]
    task: str
    metric: str
    unit: str
    margin: float
    gain: float
    gain_error: float | None
    verdict: str
    evidence: str
    value: float
    error: float | None
    latest: bool


def refresh(connection: writer.Connection) -> None:
    """Judge every kind of evidence and every claim anew, unless nothing has changed."""
    inputs = content_hash([list(EVIDENCE_KINDS), *(connection.execute(_INPUTS).fetchone() or ())])
    if connection.execute("SELECT inputs FROM bookkeeping.claim_seen").fetchone() == (inputs,):
        return
    with writer.transaction(connection):
        for table in ("summary.claim_predictor", "summary.claim_verdict", "bookkeeping.claim_seen"):
            connection.execute(f"DELETE FROM {table}")
        rows = [Measured(*row) for row in connection.execute(POINTS).fetchall()]
        claims = read_claims(connection.execute(CLAIMS).fetchall())
        writer.insert_rows(connection, list(predictors(rows)))
        writer.insert_rows(connection, list(verdicts(rows, claims)))
        writer.insert_rows(connection, [ClaimSeenRow(inputs=inputs)])


def read_claims(rows: Sequence[tuple[str, str]]) -> list[tuple[str, Claim]]:
    """Experiment and claim, from rows of CLAIMS."""
    return [(experiment_id, Claim.model_validate(claim)) for experiment_id, claims in rows for claim in json.loads(claims)]


def predictors(rows: Sequence[Measured]) -> Iterator[ClaimPredictorRow]:
    """A row for each kind of evidence that at least one point has, within and across experiments."""
    unit, points = _points([row for row in rows if row.latest])
    for name, kind in EVIDENCE_KINDS.items():
        for scope in SCOPES if name in points else ():
            found = predictor(points[name], scope)
            yield ClaimPredictorRow(evidence=name, label=kind.label, baseline=kind.baseline, unit=unit, **vars(found))


def verdicts(rows: Sequence[Measured], claims: Sequence[tuple[str, Claim]]) -> Iterator[ClaimVerdictRow]:
    """A row for each claim of each experiment on its own points, and one for all latest experiments that state it."""
    latest = {row.experiment_id for row in rows if row.latest}
    stated: dict[Claim, list[str]] = defaultdict(list)
    for experiment_id, claim in claims:
        stated[claim].append(experiment_id)
    for claim, experiment_ids in stated.items():
        for experiment_id in experiment_ids if claim.scope == "within" else ():
            yield _verdict(rows, claim, {experiment_id}, experiment_id)
        together = latest.intersection(experiment_ids)
        if len(together) > 1 or claim.scope == "across":
            yield _verdict(rows, claim, together, None)


def _verdict(rows: Sequence[Measured], claim: Claim, of: set[str], experiment_id: str | None) -> ClaimVerdictRow:
    _, points = _points([row for row in rows if row.experiment_id in of and row.evidence == claim.evidence])
    found = predictor(points.get(claim.evidence, []), claim.scope)
    judged = judge_claim(found, claim.evidence, claim.statistic, claim.supported)
    return ClaimVerdictRow(
        experiment_id=experiment_id, evidence=claim.evidence, statistic=claim.statistic, scope=claim.scope,
        threshold=claim.supported, experiments=found.experiments, points=found.points, **vars(judged),
    )  # fmt: skip


def _points(rows: Sequence[Measured]) -> tuple[str, Mapping[str, list[Point]]]:
    """Kind -> its points, all in one unit: that of the scores where all agree in metric and margin, else margins."""
    asked = sorted({(row.metric, row.margin, row.unit) for row in rows})
    metrics, margins = [metric for metric, _, _ in asked], [margin for _, margin, _ in asked]
    is_mixed = any(unit == "margin" for _, _, unit in asked) or units(metrics, margins) != [1.0] * len(asked)
    points: dict[str, list[Point]] = defaultdict(list)
    for row in rows:
        by = row.margin if is_mixed else 1.0
        error = None if row.gain_error is None else row.gain_error / by
        points[row.evidence].append(
            Point(
                row.experiment_id, row.data, row.tasks, row.task, row.gain / by, error, row.value, row.error, row.verdict
            )
        )  # fmt: skip
    return "margin" if is_mixed else "score", points
