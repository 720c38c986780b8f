"""Fills schema `summary`: the measured evidence about each pair of tasks, over seeds."""

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from mtlens.config.hashing import content_hash
from mtlens.config.run_kinds import RUN_KINDS, SINGLE, is_control
from mtlens.config.sections import Evidence
from mtlens.statistics.cka_effect import Floor, FloorKind, Kind, Measured, Model, measure
from mtlens.statistics.cka_statement import LayerSimilarity, correct, judge_layer
from mtlens.statistics.gradient_cosine import Direction, SeedCosine, judge_directions, judge_layers, rate_interval
from mtlens.store.database import writer
from mtlens.store.tables.bookkeeping import EvidenceSeenRow
from mtlens.store.tables.evidence import AlignmentRow, SimilarityRow

PRETRAINED = "pretrained"
Values = Mapping[tuple[Model, Model], float | None]
"""CKA by pair of models, the smaller first."""

_SIMILARITY_METHOD = (
    "pairs of different seeds; 95 % jackknife over seeds, variance moderated over pairs; similar: one-sided p < 0.05 that the "
    "shortfall from the ceiling is below {margin:g} of ceiling - floor; different: above, after Holm over the hidden layers"
)
_ALIGNMENT_METHOD = (
    "U-statistic over microbatches of training texts; 95 % interval of Student's t over seeds, variance moderated over pairs "
    "and no less than that within seeds; aligned: at least {threshold:g} and above 0, in the whole encoder and in every layer"
)
# means in the order of seeds: a sum in another order ends in another digit
_ALIGNMENTS = """
    SELECT setting, stage, if(stage = 'epoch', epoch, NULL) AS epoch, layer, parameters, task_a, task_b,
        list(debiased ORDER BY seed) AS debiased, list(standard_error ORDER BY seed) AS errors,
        list_avg(list(naive ORDER BY seed)) AS naive, list_avg(list(split_half ORDER BY seed)) AS split_half,
        list_avg(list(ceiling ORDER BY seed)) AS ceiling, list_avg(list(permuted ORDER BY seed)) AS floor,
        list_avg(list(conflict_rate ORDER BY seed)) AS conflict_rate, list(conflict_rate ORDER BY seed) AS rates,
        list(microbatches ORDER BY seed) AS counts,
        list_avg(list(magnitude_similarity ORDER BY seed)) AS magnitude_similarity
    FROM gradient_alignment
    WHERE task_a <> task_b AND job_id IN (SELECT job_id FROM bookkeeping.experiment_evidence_job WHERE experiment_id = ?)
    GROUP BY ALL
    ORDER BY ALL
"""


class _Layer(NamedTuple):
    """A layer and a way of comparing in it."""

    pooling: str
    features: str
    estimator: str
    layer: int


class _Pair(NamedTuple):
    """What is compared: kind of pair and tasks. seeds: number of seeds that all its models have."""

    kind: Kind
    task_a: str
    task_b: str | None
    seeds: int


def refresh(
    connection: writer.Connection, experiment_id: str, settings: Evidence, seeds: Sequence[int], noise: set[str]
) -> None:
    """Summarise an experiment's evidence, unless its finished evidence jobs are those of the last summary.

    noise: tasks of the experiment whose labels are permuted, a control.
    """
    query = (
        "SELECT job_id FROM bookkeeping.experiment_evidence_job JOIN bookkeeping.evidence_job_seen USING (job_id) "
        "WHERE experiment_id = ? AND state = 'done' ORDER BY ALL"
    )
    evidence_jobs = content_hash(connection.execute(query, [experiment_id]).fetchall())
    seen = "SELECT evidence_jobs FROM bookkeeping.evidence_seen WHERE experiment_id = ?"
    if connection.execute(seen, [experiment_id]).fetchone() == (evidence_jobs,):
        return
    for table in ("summary.similarity", "summary.alignment", "bookkeeping.evidence_seen"):
        connection.execute(f"DELETE FROM {table} WHERE experiment_id = ?", [experiment_id])
    writer.insert_rows(connection, list(_similarities(connection, experiment_id, settings, seeds, noise)))
    writer.insert_rows(connection, list(_alignments(connection, experiment_id, settings)))
    writer.insert_rows(connection, [EvidenceSeenRow(experiment_id=experiment_id, evidence_jobs=evidence_jobs)])


def _similarities(
    connection: writer.Connection, experiment_id: str, settings: Evidence, seeds: Sequence[int], noise: set[str]
) -> Iterator[SimilarityRow]:
    """A row per pair, layer and way of comparing."""
    rows = connection.execute(
        """
        SELECT pooling, features, estimator, layer_a, role_a, task_a, seed_a, role_b, task_b, seed_b, value, examples
        FROM cka
        WHERE layer_a = layer_b
            AND job_id IN (SELECT job_id FROM bookkeeping.experiment_evidence_job WHERE experiment_id = ?)
        """,
        [experiment_id],
    ).fetchall()
    layers: dict[_Layer, dict[tuple[Model, Model], float | None]] = defaultdict(dict)
    examples: dict[_Layer, int] = {}
    for pooling, features, estimator, number, *models, value, count in rows:
        a, b = (models[0], models[1], models[2]), (models[3], models[4], models[5])
        layer = _Layer(pooling, features, estimator, number)
        layers[layer][_ordered(a, b)] = value
        examples[layer] = count
    method = _SIMILARITY_METHOD.format(margin=settings.margin)
    judged = _judged_layers(layers, seeds, settings.margin, noise)
    for layer, pair, similarity in judged:
        yield SimilarityRow(
            experiment_id=experiment_id,
            **layer._asdict(),
            **pair._asdict(),
            **_columns(similarity),
            examples=examples[layer],
            margin=settings.margin,
            method=method,
        )


def _judged_layers(
    layers: Mapping[_Layer, Values], seeds: Sequence[int], margin: float, noise: set[str]
) -> Iterator[tuple[_Layer, _Pair, LayerSimilarity]]:
    """Each pair in each layer: variances are moderated over the pairs of a layer, statements corrected over a pair's layers."""
    profiles: dict[tuple[tuple[str, str, str], _Pair], dict[_Layer, LayerSimilarity]] = defaultdict(dict)
    for layer, values in sorted(layers.items()):
        measured = list(_measured(values, seeds, layer.features, noise))
        for kind in dict.fromkeys(pair.kind for pair, _ in measured):
            of_kind = [(pair, measurement) for pair, measurement in measured if pair.kind == kind]
            tasks = {task for pair, _ in of_kind for task in (pair.task_a, pair.task_b) if task}
            found = judge_layer([measurement for _, measurement in of_kind], margin=margin, num_tasks=len(tasks))
            for (pair, _), similarity in zip(of_kind, found, strict=True):
                profiles[layer[:3], pair][layer] = similarity
    for (_, pair), profile in profiles.items():
        hidden = [layer for layer in profile if layer.layer > 0]
        profile.update(zip(hidden, correct([profile[layer] for layer in hidden]), strict=True))
        yield from ((layer, pair, similarity) for layer, similarity in profile.items())


def _measured(values: Values, seeds: Sequence[int], features: str, noise: set[str]) -> Iterator[tuple[_Pair, Measured]]:
    """All pairs in one layer, by one way of comparing."""
    models = {model for pair in values for model in pair}
    tasks = sorted({task for role, task, _ in models if role == SINGLE.name and task is not None})
    roles = {role for role, _, _ in models}
    together = [kind.name for kind in RUN_KINDS.values() if kind.arm is not None]
    pairs: list[tuple[Kind, str, str | None]] = [
        *(("tasks", a, b) for a, b in combinations(tasks, 2)),
        *((kind, task, None) for kind in (*together, PRETRAINED) if kind in roles for task in tasks),
    ]

    def value(a: Model, b: Model) -> float | None:
        return values.get(_ordered(a, b))

    for kind, task_a, task_b in pairs:
        needed = [(SINGLE.name, task) for task in (task_a, task_b) if task]
        needed += [(kind, None)] if kind in together else []
        shared = [seed for seed in seeds if all((role, task, seed) in models for role, task in needed)]
        floor_kind, floor = _choose_floor(models, {*noise} - {task_a, task_b}, features)
        if shared:
            yield (
                _Pair(kind, task_a, task_b, len(shared)),
                measure(kind, task_a, task_b, shared, value, floor=floor, floor_kind=floor_kind),
            )


def _choose_floor(models: set[Model], noise: Collection[str | None], features: str) -> tuple[FloorKind, Floor]:
    """Models that learnt permuted labels, in a role of their own or as the tasks `noise`; else another floor."""
    learnt_nothing = [model for model in models if is_control(model[0]) or (model[0] == SINGLE.name and model[1] in noise)]
    if learnt_nothing:
        return "shuffled", lambda task, s, t: [model for model in learnt_nothing if model[2] == t]
    if features == "changes":  # an untrained encoder has not changed
        return "permuted", lambda task, s, t: [("permuted", task, s)]
    return "untrained", lambda task, s, t: [model for model in models if model[0] == "untrained" and model[2] == t]


def _ordered(a: Model, b: Model) -> tuple[Model, Model]:
    return (a, b) if repr(a) <= repr(b) else (b, a)


def _columns(similarity: LayerSimilarity) -> dict[str, Any]:
    """Columns of the summary; p values serve `judge_pair` only and are kept for it."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in vars(similarity).items()
    }


def _alignments(connection: writer.Connection, experiment_id: str, settings: Evidence) -> Iterator[AlignmentRow]:
    """A row per pair, stage and block of parameters; that of the whole encoder has the statement on all layers."""
    method = _ALIGNMENT_METHOD.format(threshold=settings.threshold)
    cursor = connection.execute(_ALIGNMENTS, [experiment_id])
    names = [column[0] for column in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    blocks: dict[tuple[Any, ...], list[tuple[dict[str, Any], list[SeedCosine]]]] = defaultdict(list)
    for row in rows:
        row["conflict_low"], row["conflict_high"] = rate_interval(list(zip(row.pop("rates"), row.pop("counts"), strict=True)))
        cosines = [SeedCosine(cosine=c, error=e) for c, e in zip(row.pop("debiased"), row.pop("errors"), strict=True)]
        blocks[tuple(row[name] for name in _BLOCK)].append((row, cosines))
    found: dict[tuple[Any, ...], dict[int | None, Direction]] = defaultdict(dict)
    for block in blocks.values():
        tasks = {task for row, _ in block for task in (row["task_a"], row["task_b"])}
        directions = judge_directions([cosines for _, cosines in block], settings.threshold, len(tasks))
        for (row, _), direction in zip(block, directions, strict=True):
            found[_course(row)][row["layer"]] = direction
    for row in rows:
        of_layers = found[_course(row)]
        direction = of_layers[row["layer"]]
        if row["layer"] is None:
            direction = judge_layers(
                direction, [(layer, of_layer) for layer, of_layer in of_layers.items() if layer is not None]
            )
        yield AlignmentRow(experiment_id=experiment_id, **row, **vars(direction), threshold=settings.threshold, method=method)


_BLOCK = ("setting", "stage", "epoch", "layer", "parameters")


def _course(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What the layers of one pair at one stage share."""
    return tuple(row[name] for name in ("setting", "stage", "epoch", "parameters", "task_a", "task_b"))
