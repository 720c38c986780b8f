"""Fills `summary.explanation`: the measured verdicts beside the summarised evidence."""

import json
import math
from collections import defaultdict

from mtlens.config.run_kinds import MULTI
from mtlens.config.sections import Encoder, Evidence
from mtlens.statistics.agreement import NOT_MEASURED, PairEvidence, explain
from mtlens.statistics.cka_statement import LayerSimilarity, judge_pair
from mtlens.store.analysis import evidence_summary
from mtlens.store.database import writer
from mtlens.store.tables.evidence import ExplanationRow

_LAYERS = """
    SELECT task_a, task_b, similarity, low, high, ceiling, floor, floor_kind, pretrained, untrained, permuted, effect,
        effect_low, effect_high, p_similar, p_different, statement, reason
    FROM summary.similarity
    WHERE experiment_id = $experiment_id AND kind = 'tasks' AND estimator = 'debiased' AND features = 'hidden' AND layer > 0
        AND pooling = $pooling
    ORDER BY task_a, task_b, layer
"""
_DIRECTIONS = """
    SELECT task_a, task_b, cosine, statement, coalesce(reason, '') AS reason
    FROM summary.alignment
    WHERE experiment_id = ? AND setting = 'multi' AND stage = 'training' AND parameters = 'all' AND layer IS NULL
"""


def refresh(connection: writer.Connection, experiment_id: str) -> None:
    """Summarise an experiment's evidence and compare it with the measured verdicts; nothing where there is no evidence."""
    query = "SELECT specification, seeds FROM experiment WHERE experiment_id = ?"
    about = connection.execute(query, [experiment_id]).fetchone()
    if about is None:
        return
    specification, seeds = json.loads(about[0]), about[1]
    noise = {task["name"] for task in specification["tasks"] if task["shuffle_labels"]}
    evidence_summary.refresh(connection, experiment_id, Evidence.model_validate(specification["evidence"]), seeds, noise)
    connection.execute("DELETE FROM summary.explanation WHERE experiment_id = ?", [experiment_id])
    pairs = _pairs(connection, experiment_id, Encoder.model_validate(specification["encoder"]).stored_pooling)
    if not pairs:
        return
    tasks = [task["name"] for task in specification["tasks"]]
    verdicts, pooled = _verdicts(connection, experiment_id)
    explained = explain(tasks, verdicts, pairs, pooled)
    writer.insert_rows(connection, [ExplanationRow(experiment_id=experiment_id, **vars(row)) for row in explained])


def _pairs(connection: writer.Connection, experiment_id: str, pooling: str) -> list[PairEvidence]:
    """What CKA and gradients say of each pair of tasks that one of them speaks of."""
    layers: dict[tuple[str, str], list[LayerSimilarity]] = defaultdict(list)
    for task_a, task_b, *columns in connection.execute(
        _LAYERS, {"experiment_id": experiment_id, "pooling": pooling}
    ).fetchall():
        layers[task_a, task_b].append(_layer(columns))
    directions = {
        (task_a, task_b): (cosine, statement, reason)
        for task_a, task_b, cosine, statement, reason in connection.execute(_DIRECTIONS, [experiment_id]).fetchall()
    }
    return [_pair(pair, layers.get(pair), directions.get(pair)) for pair in sorted(layers.keys() | directions.keys())]


def _layer(columns: list[object]) -> LayerSimilarity:
    names = list(LayerSimilarity.__annotations__)
    values = dict(zip(names, columns, strict=True))
    return LayerSimilarity(**{name: _known(value) if name.startswith("p_") else value for name, value in values.items()})  # pyrefly: ignore[bad-argument-type]


def _known(p_value: object) -> float:
    return p_value if isinstance(p_value, float) else math.nan


def _pair(
    tasks: tuple[str, str], layers: list[LayerSimilarity] | None, direction: tuple[float | None, str, str] | None
) -> PairEvidence:
    cka, effect, cka_detail = judge_pair(layers) if layers else (NOT_MEASURED, None, "")
    cosine, gradients, gradients_detail = direction or (None, NOT_MEASURED, "")
    return PairEvidence(
        tasks=tasks, cka=cka, cka_effect=effect, cka_detail=cka_detail, gradients=gradients, gradient_cosine=cosine,
        gradients_detail=gradients_detail,
    )  # fmt: skip


def _verdicts(
    connection: writer.Connection, experiment_id: str
) -> tuple[dict[str, tuple[str, float]], tuple[str, float] | None]:
    """Task -> verdict and difference of the multi-task model, and those of the mean of all tasks, in the unit of the mean."""
    query = """
        SELECT comparison.task, verdict, difference / coalesce(unit, 1)
        FROM comparison LEFT JOIN task USING (experiment_id, task) WHERE experiment_id = ? AND kind = ?
    """
    rows = connection.execute(query, [experiment_id, MULTI.name]).fetchall()
    pooled = next(((verdict, difference) for task, verdict, difference in rows if task is None), None)
    return {task: (verdict, difference) for task, verdict, difference in rows if task is not None}, pooled
