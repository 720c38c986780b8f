"""Are the gradients of two tasks aligned? View `evidence_gradients`."""

from collections.abc import Collection
from dataclasses import dataclass

from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.queries.pairs import ORDER, PLACES, TASKS
from mtlens_dashboard.queries.rows import columns, read_infos


@dataclass(frozen=True, kw_only=True)
class AlignmentInfo:
    """One pair of tasks at one stage and layer; columns of `evidence_gradients`. layer None: the whole encoder."""

    setting: str
    stage: str
    epoch: int | None
    layer: int | None
    parameters: str
    task_a: str
    task_b: str
    cosine: float | None
    low: float | None
    high: float | None
    naive: float | None
    split_half: float | None
    ceiling: float | None
    floor: float | None
    conflict_rate: float | None
    conflict_low: float | None
    conflict_high: float | None
    magnitude_similarity: float | None
    seeds: int | None
    threshold: float | None
    statement: str
    reason: str | None
    method: str | None

    @property
    def crosses_zero(self) -> bool:
        """Whether the sign is undecided: no value, no interval, or an interval that contains 0."""
        return self.cosine is None or self.low is None or self.high is None or self.low <= 0 <= self.high

    @property
    def point(self) -> float | None:
        """The cosine where it can be drawn: an estimate beyond -1 to 1 is mostly noise, and no place on the scale."""
        return self.cosine if self.cosine is not None and abs(self.cosine) <= 1 else None

    @property
    def is_settled(self) -> bool:
        """Whether the seeds decide: aligned, opposed or unrelated."""
        return self.statement in ("aligned", "opposed", "unrelated")

    @property
    def when(self) -> str:
        """Stage in words: start, epoch 3, end, training."""
        return _when(self.stage, self.epoch)

    def involves(self, tasks: Collection[str]) -> bool:
        """Whether both tasks are among `tasks`."""
        return self.task_a in tasks and self.task_b in tasks


@dataclass(frozen=True, kw_only=True)
class StageInfo:
    """A setting, stage and kind of parameters that gradients were measured for, and the layers measured."""

    setting: str
    stage: str
    epoch: int | None
    parameters: str
    layers: tuple[int, ...]

    @property
    def when(self) -> str:
        """Stage in words: start, epoch 3, end, training."""
        return _when(self.stage, self.epoch)


def _when(stage: str, epoch: int | None) -> str:
    return f"epoch {epoch}" if stage == "epoch" and epoch is not None else stage


_COLUMNS = f"{TASKS}, {columns(AlignmentInfo, 'task_a', 'task_b')}"

_STAGES = """
    SELECT setting, stage, epoch, parameters, coalesce(list(DISTINCT layer ORDER BY layer) FILTER (layer IS NOT NULL), [])
        AS layers
    FROM evidence_gradients WHERE experiment_id = $experiment_id
    GROUP BY setting, stage, epoch, parameters
    ORDER BY list_position(['multi', 'cross', 'task_vectors'], setting),
        list_position(['start', 'epoch', 'end', 'training'], stage), epoch, parameters
"""

_ALIGNMENTS = f"""
    SELECT {_COLUMNS} FROM evidence_gradients {PLACES}
    WHERE experiment_id = $experiment_id AND setting = $setting AND parameters = $parameters
        AND stage = coalesce($stage, (
            SELECT if(bool_or(stage = 'training'), 'training', 'end')
            FROM evidence_gradients WHERE experiment_id = $experiment_id AND setting = $setting
        ))
        AND ($epoch IS NULL OR epoch = $epoch) AND task_a <> task_b
    ORDER BY {ORDER}, layer NULLS FIRST
"""

_STAGES_OF_PAIR = f"""
    SELECT {_COLUMNS} FROM evidence_gradients {PLACES}
    WHERE experiment_id = $experiment_id AND setting = $setting AND parameters = $parameters AND stage <> 'training'
        AND least(task_a, task_b) = least($task_a, $task_b) AND greatest(task_a, task_b) = greatest($task_a, $task_b)
    ORDER BY list_position(['start', 'epoch', 'end', 'training'], stage), epoch, layer NULLS FIRST
"""


def stages(workspace: Workspace, experiment_id: str) -> tuple[StageInfo, ...]:
    """What can be chosen; nothing where no gradients are stored."""
    return read_infos(workspace, StageInfo, _STAGES, {"experiment_id": experiment_id})


def alignments(
    workspace: Workspace,
    experiment_id: str,
    *,
    setting: str = "multi",
    stage: str | None = None,
    epoch: int | None = None,
    parameters: str = "all",
) -> tuple[AlignmentInfo, ...]:
    """All pairs and layers at one stage; the whole encoder (layer None) first within each pair.

    Without a stage: `training`, all of training together, which verdicts use, or the end where that was not measured.
    """
    chosen = {"setting": setting, "stage": stage, "epoch": epoch, "parameters": parameters}
    return read_infos(workspace, AlignmentInfo, _ALIGNMENTS, {"experiment_id": experiment_id, **chosen})


def lowest_first(alignments: tuple[AlignmentInfo, ...]) -> tuple[AlignmentInfo, ...]:
    """Pairs by the cosine of the whole encoder, or by their lowest one where layers alone are known; those without one last."""
    whole = [alignment for alignment in alignments if alignment.layer is None] or alignments
    ordered = sorted(whole, key=lambda alignment: (alignment.point is None, alignment.point or 0.0))
    places = {
        pair: place for place, pair in enumerate(dict.fromkeys((alignment.task_a, alignment.task_b) for alignment in ordered))
    }
    return tuple(sorted(alignments, key=lambda alignment: places[alignment.task_a, alignment.task_b]))


def pair_over_stages(
    workspace: Workspace, experiment_id: str, task_a: str, task_b: str, *, setting: str = "multi", parameters: str = "all"
) -> tuple[AlignmentInfo, ...]:
    """One pair over all stages and layers."""
    chosen = {"task_a": task_a, "task_b": task_b, "setting": setting, "parameters": parameters}
    return read_infos(workspace, AlignmentInfo, _STAGES_OF_PAIR, {"experiment_id": experiment_id, **chosen})
