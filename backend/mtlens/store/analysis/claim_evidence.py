"""Reads each kind of evidence from the store: its value for a task and one partner, with interval and standard error.

All values are known before the test split is used: scores, where a kind needs them, are those on validation.
"""

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from mtlens.config.run_kinds import GROUP_KINDS
from mtlens.config.sections import Encoder
from mtlens.data.splits import TRAIN, VALIDATION
from mtlens.grouping.measurements import mean_and_error
from mtlens.store.database import writer

_LAYERS = """
    SELECT features, task_a, task_b, effect, effect_low, effect_high, seeds FROM summary.similarity
    WHERE experiment_id = $id AND kind = 'tasks' AND estimator = 'debiased' AND pooling = $pooling AND layer > 0
        AND effect IS NOT NULL
    ORDER BY features, task_a, task_b, layer
"""
_COSINES = """
    SELECT if(setting = 'task_vectors', 'cosine_task_vectors', concat('cosine_', stage)) AS kind, task_a, task_b, cosine, low,
        high, seeds
    FROM summary.alignment
    WHERE experiment_id = $id AND parameters = 'all' AND layer IS NULL AND cosine IS NOT NULL AND (
        (setting = 'multi' AND stage IN ('start', 'training', 'end')) OR (setting = 'task_vectors' AND stage = 'end'))
"""
_AFFINITIES = """
    SELECT if(method = 'Grad-TAE', 'linearised', 'tag'), task_from, task_for, value, standard_error, len(seeds)
    FROM affinity JOIN experiment USING (experiment_id)
    WHERE experiment_id = $id AND method IN ('Grad-TAE', 'TAG (look-ahead)')
"""
_SCORES = """
    SELECT tasks, seed, task, score FROM score
    JOIN experiment_run USING (experiment_id, run_id) JOIN run USING (run_id)
    WHERE experiment_id = $id AND list_contains($kinds, role) AND selected AND split = $split AND isfinite(score)
"""


@dataclass(frozen=True)
class Evidence:
    """A value with its 95 % interval and standard error; None: unknown."""

    value: float
    low: float | None = None
    high: float | None = None
    error: float | None = None

    @classmethod
    def of_interval(cls, value: float, low: float | None, high: float | None, seeds: int) -> "Evidence":
        """The standard error of an interval by Student's t over seeds.

        Variances are moderated, so the interval has more degrees of freedom than are assumed here: the error may be too small,
        and a correction by it too weak.
        """
        if low is None or high is None or seeds < 2:
            return cls(value)
        return cls(value, low, high, (high - low) / 2 / float(special.stdtrit(seeds - 1, 0.975)))

    @classmethod
    def of_error(cls, value: float, error: float | None, seeds: int) -> "Evidence":
        """The interval of a standard error by Student's t over seeds."""
        if error is None or not math.isfinite(error) or seeds < 2:
            return cls(value)
        half = float(special.stdtrit(seeds - 1, 0.975)) * error
        return cls(value, value - half, value + half, error)


def mean_of(found: Sequence[Evidence]) -> Evidence:
    """Mean of independent values; their intervals are combined by sums of squares (MOVER, Zou and Donner 2008)."""
    value = math.fsum(evidence.value for evidence in found) / len(found)
    below = [evidence.value - evidence.low for evidence in found if evidence.low is not None]
    above = [evidence.high - evidence.value for evidence in found if evidence.high is not None]
    errors = [evidence.error for evidence in found if evidence.error is not None]
    if not len(below) == len(above) == len(errors) == len(found):
        return Evidence(value)
    low, high, error = (math.hypot(*parts) / len(found) for parts in (below, above, errors))
    return Evidence(value, value - low, value + high, error)


OfPairs = dict[str, dict[tuple[str, str], Evidence]]
"""Kind -> (partner, task) -> evidence about the effect of the partner on the task."""


def of_pairs(connection: writer.Connection, experiment_id: str, specification: Mapping[str, object]) -> OfPairs:
    """Every kind of evidence about pairs that the store has for an experiment."""
    found: OfPairs = defaultdict(dict)
    pooling = Encoder.model_validate(specification["encoder"]).stored_pooling
    for kind, a, b, evidence in [
        *_similarities(connection.execute(_LAYERS, {"id": experiment_id, "pooling": pooling}).fetchall()),
        *(
            (kind, a, b, Evidence.of_interval(*values))
            for kind, a, b, *values in connection.execute(_COSINES, {"id": experiment_id}).fetchall()
        ),
    ]:
        found[kind] |= {(a, b): evidence, (b, a): evidence}
    for kind, task_from, task_for, *values in connection.execute(_AFFINITIES, {"id": experiment_id}).fetchall():
        found[kind][task_from, task_for] = Evidence.of_error(*values)
    found["data_size_ratio"] = _sizes(connection, experiment_id)
    found["difficulty_difference"] = _difficulties(validation_scores(connection, experiment_id))
    return found


def _similarities(rows: Sequence[tuple[Any, ...]]) -> Iterator[tuple[str, str, str, Evidence]]:
    """The layers are those that can tell. An interval of a mean is the mean of theirs: they are parts of the same models."""
    layers: dict[tuple[str, str, str], list[Evidence]] = defaultdict(list)
    for features, a, b, *values in rows:
        layers[features, a, b].append(Evidence.of_interval(*values))
    for (features, a, b), found in layers.items():
        yield "cka_effect_mean" if features == "hidden" else "cka_changes", a, b, _together(found)
        if features == "hidden":
            yield "cka_effect_min", a, b, min(found, key=lambda evidence: evidence.value)


def _together(found: Sequence[Evidence]) -> Evidence:
    def mean(values: Sequence[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return math.fsum(known) / len(known) if known and len(known) == len(values) else None

    value = math.fsum(evidence.value for evidence in found) / len(found)
    return Evidence(value, *(mean([getattr(evidence, name) for evidence in found]) for name in ("low", "high", "error")))


def _sizes(connection: writer.Connection, experiment_id: str) -> dict[tuple[str, str], Evidence]:
    """log2 of the ratio of training labels, which are counted by class."""
    rows = connection.execute("SELECT task, class_counts FROM task WHERE experiment_id = ?", [experiment_id]).fetchall()
    sizes = {task: sum(json.loads(counts).get(TRAIN, {}).values()) for task, counts in rows}
    known = {task: math.log2(size) for task, size in sizes.items() if size > 0}
    exact = {(a, b): known[a] - known[b] for a in known for b in known if a != b}
    return {pair: Evidence(value, value, value, 0.0) for pair, value in exact.items()}


Scores = dict[tuple[tuple[str, ...], str], dict[int, float]]
"""(group, task) -> seed -> score on validation, in the unit of the tasks; larger is better."""


def validation_scores(connection: writer.Connection, experiment_id: str) -> Scores:
    """Scores of the task-specific models, the groups and the multi-task model."""
    scores: Scores = defaultdict(dict)
    asked = {"id": experiment_id, "kinds": [kind.name for kind in GROUP_KINDS], "split": VALIDATION}
    for tasks, seed, task, score in connection.execute(_SCORES, asked).fetchall():
        scores[tuple(sorted(tasks)), task][seed] = score
    return scores


def _difficulties(scores: Scores) -> dict[tuple[str, str], Evidence]:
    """Score of the partner's own model less that of the task's."""
    alone = {task: of_seeds for (tasks, task), of_seeds in scores.items() if len(tasks) == 1}
    return {(a, b): _mean_difference(alone[a], alone[b]) for a in alone for b in alone if a != b and alone[a].keys() & alone[b]}


def task_mean(scores: Scores, group: tuple[str, ...], task: str) -> Evidence | None:
    """Mean gain of a task on validation in the other groups that were trained; None where there is none.

    All gains of a task, also on test, share its task-specific models: their random deviations favour this baseline.
    """
    alone = scores.get(((task,), task), {})
    others = [of_seeds for (tasks, of), of_seeds in scores.items() if of == task and len(tasks) > 1 and tasks != group]
    shared = set(alone).intersection(*others)
    if not others or not shared:
        return None
    gains = {seed: math.fsum(of_seeds[seed] for of_seeds in others) / len(others) for seed in shared}
    return _mean_difference(gains, alone)


def _mean_difference(scores: Mapping[int, float], less: Mapping[int, float]) -> Evidence:
    """Mean over the shared seeds, in the order of seeds."""
    seeds = sorted(scores.keys() & less.keys())
    value, error = mean_and_error(np.array([scores[seed] - less[seed] for seed in seeds]))
    return Evidence.of_error(value, error, len(seeds))
