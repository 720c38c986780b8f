"""Do the models hold similar representations? Views `evidence_cka` and `evidence_layers`, and table `cka` for single seeds."""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from mtlens.config.run_kinds import MULTI, SINGLE
from mtlens.statistics.cka_effect import MIN_SEEDS
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.queries.pairs import ORDER, PLACES, TASKS, TURNED
from mtlens_dashboard.queries.rows import clean, columns, read_infos, read_rows

PairKind = Literal["tasks", "multi", "pretrained"]


@dataclass(frozen=True, kw_only=True)
class Comparing:
    """How hidden states are pooled, taken and compared; the columns of the same names in view `evidence_cka`."""

    pooling: str = "mean"
    features: str = "hidden"
    estimator: str = "debiased"


DEFAULT = Comparing()


@dataclass(frozen=True, kw_only=True)
class SimilarityInfo:
    """One pair of models at one layer; columns of `evidence_cka`. Layer 0 is the output of the embeddings."""

    kind: PairKind
    task_a: str
    task_b: str | None
    layer: int
    similarity: float | None
    low: float | None
    high: float | None
    ceiling: float | None
    floor: float | None
    floor_kind: str | None
    pretrained: float | None
    untrained: float | None
    permuted: float | None
    effect: float | None
    effect_low: float | None
    effect_high: float | None
    seeds: int | None
    examples: int | None
    margin: float | None
    statement: str
    reason: str | None
    method: str | None


@dataclass(frozen=True, kw_only=True)
class ProfileInfo:
    """One pair of models by depth. task_b is None where the second model is multi-task or pretrained."""

    kind: PairKind
    task_a: str
    task_b: str | None
    layers: tuple[SimilarityInfo, ...]

    @property
    def informative(self) -> tuple[SimilarityInfo, ...]:
        """The hidden layers whose statement is not uninformative, undefined or not measured."""
        silent = ("uninformative", "undefined", "not measured")
        return tuple(layer for layer in self.layers if layer.layer > 0 and layer.statement not in silent)

    @property
    def has_seeds(self) -> bool:
        """Whether there are seeds enough for an interval."""
        return any((layer.seeds or 0) >= MIN_SEEDS for layer in self.layers)

    @property
    def weakest_effect(self) -> float | None:
        """Smallest effect of the informative layers: 1 at the ceiling, 0 at the floor."""
        return min((layer.effect for layer in self.informative if layer.effect is not None), default=None)

    def involves(self, tasks: Collection[str]) -> bool:
        """Whether all tasks of the pair are among `tasks`."""
        return self.task_a in tasks and (self.task_b is None or self.task_b in tasks)


@dataclass(frozen=True, kw_only=True)
class LayerMatrixInfo:
    """Similarity of every layer of one model with every layer of another under the same seed, mean over seeds.

    values[i][j]: `layers[i]` of the first model against `layers[j]` of the second; reference: similarity to the pretrained
    encoder instead of the other model, mean of both tasks, or None where that was not measured. Cells are None where undefined.
    """

    kind: PairKind
    task_a: str
    task_b: str | None
    layers: tuple[int, ...]
    values: tuple[tuple[float | None, ...], ...]
    reference: tuple[tuple[float | None, ...], ...] | None


@dataclass(frozen=True, kw_only=True)
class CellInfo:
    """One pair of seeds in one cell of a matrix, with its interval over examples."""

    seed_a: int | None
    seed_b: int | None
    value: float | None
    low: float | None
    high: float | None
    examples: int | None
    reason: str | None


_PROFILES = f"""
    SELECT {TASKS}, {columns(SimilarityInfo, "task_a", "task_b")} FROM evidence_cka {PLACES}
    WHERE experiment_id = $experiment_id AND kind = $kind
        AND pooling = $pooling AND features = $features AND estimator = $estimator
    ORDER BY {ORDER}, layer
"""

_CHOICES = """
    SELECT pooling, features, estimator
    FROM (SELECT DISTINCT pooling, features, estimator FROM evidence_cka WHERE experiment_id = $experiment_id)
    ORDER BY pooling <> (
            SELECT specification ->> '$.encoder.pooling' FROM experiment WHERE experiment_id = $experiment_id
        ), features DESC, list_position(['debiased', 'standardised', 'procrustes', 'biased'], estimator)
"""

_MATRICES = f"""
    SELECT
        {TASKS}, if({TURNED}, layer_b, layer_a) AS layer_a, if({TURNED}, layer_a, layer_b) AS layer_b, similarity, pretrained
    FROM evidence_layers {PLACES}
    WHERE experiment_id = $experiment_id AND kind = $kind
        AND pooling = $pooling AND features = $features AND estimator = $estimator
    ORDER BY {ORDER}
"""

# A pair may be stored either way round: the query turns it, so that the task-specific model comes first.
_CELL = """
    WITH measured AS (
        SELECT * FROM cka
        WHERE job_id IN (SELECT job_id FROM evidence_job WHERE experiment_id = $experiment_id)
            AND pooling = $pooling AND features = $features AND estimator = $estimator
            AND least(layer_a, layer_b) = least($layer_a, $layer_b)
    ),
    both_ways AS (
        SELECT role_a, task_a, seed_a, layer_a, role_b, task_b, seed_b, layer_b, value, low, high, examples, reason
        FROM measured
        UNION ALL
        SELECT role_b, task_b, seed_b, layer_b, role_a, task_a, seed_a, layer_a, value, low, high, examples, reason
        FROM measured
    )
    SELECT seed_a, seed_b, value, low, high, examples, reason
    FROM both_ways
    WHERE role_a = $single AND role_b = $role AND task_a = $task_a AND task_b IS NOT DISTINCT FROM $task_b
        AND layer_a = $layer_a AND layer_b = $layer_b
    ORDER BY seed_a, seed_b
"""

_ROLES: dict[PairKind, str] = {"tasks": SINGLE.name, "multi": MULTI.name, "pretrained": "pretrained"}
Matrix = tuple[tuple[float | None, ...], ...]
_Cells = dict[tuple[int, int], tuple[float | None, float | None]]


def profiles(
    workspace: Workspace, experiment_id: str, kind: PairKind = "tasks", comparing: Comparing = DEFAULT
) -> tuple[ProfileInfo, ...]:
    """Same-layer similarity by depth, one profile per pair; nothing where no evidence is stored."""
    params = {"experiment_id": experiment_id, "kind": kind, **vars(comparing)}
    pairs = groupby(read_infos(workspace, SimilarityInfo, _PROFILES, params), key=lambda layer: (layer.task_a, layer.task_b))
    return tuple(ProfileInfo(kind=kind, task_a=a, task_b=b, layers=tuple(layers)) for (a, b), layers in pairs)


def weakest_first(profiles: tuple[ProfileInfo, ...]) -> tuple[ProfileInfo, ...]:
    """By their smallest effect; pairs without one last."""
    return tuple(sorted(profiles, key=lambda info: (info.weakest_effect is None, info.weakest_effect or 0.0)))


def choices(workspace: Workspace, experiment_id: str) -> tuple[Comparing, ...]:
    """Ways of comparing that are stored; the first pools as the heads of the models do, and is the one that verdicts use."""
    return read_infos(workspace, Comparing, _CHOICES, {"experiment_id": experiment_id})


def matrices(
    workspace: Workspace, experiment_id: str, kind: PairKind = "tasks", comparing: Comparing = DEFAULT
) -> tuple[LayerMatrixInfo, ...]:
    """Layer x layer similarity, one matrix per pair; nothing where no layers but equal ones were compared."""
    pairs: dict[tuple[str, str | None], _Cells] = {}
    params = {"experiment_id": experiment_id, "kind": kind, **vars(comparing)}
    for task_a, task_b, layer_a, layer_b, *values in read_rows(workspace, _MATRICES, params).rows:
        similarity, pretrained = map(clean, values)
        pairs.setdefault((task_a, task_b), {})[layer_a, layer_b] = similarity, pretrained
    return tuple(_matrix(kind, *pair, cells) for pair, cells in pairs.items() if any(a != b for a, b in cells))


def cell(
    workspace: Workspace,
    experiment_id: str,
    pair: LayerMatrixInfo,
    layer_a: int,
    layer_b: int,
    comparing: Comparing = DEFAULT,
) -> tuple[CellInfo, ...]:
    """The pairs of models of one cell: those of the same seed, whose mean the matrix shows, and others where measured."""
    chosen = {"task_a": pair.task_a, "task_b": pair.task_b, "layer_a": layer_a, "layer_b": layer_b}
    params = {"experiment_id": experiment_id, "single": SINGLE.name, "role": _ROLES[pair.kind], **chosen, **vars(comparing)}
    return read_infos(workspace, CellInfo, _CELL, params)


def _matrix(kind: PairKind, task_a: str, task_b: str | None, cells: _Cells) -> LayerMatrixInfo:
    layers = tuple(sorted({layer for place in cells for layer in place}))
    values, reference = (
        tuple(tuple(cells.get((a, b), (None, None))[number] for b in layers) for a in layers) for number in (0, 1)
    )
    is_known = any(value is not None for row in reference for value in row)
    return LayerMatrixInfo(
        kind=kind, task_a=task_a, task_b=task_b, layers=layers, values=values, reference=reference if is_known else None
    )
