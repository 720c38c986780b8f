"""At which number of seeds was it settled? View `looks`, for experiments that train seeds until their verdicts are settled."""

from dataclasses import dataclass

from mtlens.config.run_kinds import MULTI
from mtlens.statistics.shown import Unit
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.queries.matching import Verdict
from mtlens_dashboard.queries.rows import read_infos


@dataclass(frozen=True, kw_only=True)
class LookInfo:
    """One task, or the mean over tasks where `task` is None, at one look. The interval holds at all looks together.

    chance: while inconclusive, the largest chance of a verdict at a later look.
    """

    look: int
    seeds: int
    task: str | None
    difference: float | None
    low90: float | None
    high90: float | None
    level: float
    p_equivalence: float
    p_difference: float
    verdict: Verdict
    chance: float | None


@dataclass(frozen=True, kw_only=True)
class LooksInfo:
    """The looks of an experiment so far; none where its seeds were listed. schedule: seeds of all looks that there may be.

    unit: of differences and margin; where tasks differ in metric or margin they are in margins.
    ended: why there is no further look; empty while there may be one.
    """

    kind: str
    unit: Unit
    margin: float
    schedule: tuple[int, ...]
    ended: str
    rows: tuple[LookInfo, ...]


@dataclass(frozen=True, kw_only=True)
class _About:
    metric: str
    margin: float
    is_shared: bool
    looks: tuple[int, ...]
    ended: str


_ABOUT = """
    SELECT any_value(task.metric) AS metric, any_value(task.margin) AS margin,
        count(DISTINCT (task.metric, task.margin)) = 1 AS is_shared,
        coalesce(any_value(looks), []) AS looks, coalesce(any_value(ended), '') AS ended
    FROM experiment JOIN task USING (experiment_id) WHERE experiment_id = $experiment_id GROUP BY experiment_id
"""
_LOOKS = """
    SELECT look, seeds, looks.task, difference / coalesce(unit, 1) AS difference, low90 / coalesce(unit, 1) AS low90,
        high90 / coalesce(unit, 1) AS high90, level, p_equivalence, p_difference, verdict, chance
    FROM looks LEFT JOIN task ON task.experiment_id = looks.experiment_id AND task.task = looks.task
    WHERE looks.experiment_id = $experiment_id AND kind = $kind
    ORDER BY look, position NULLS LAST
"""


def looks(workspace: Workspace, experiment_id: str, kind: str = MULTI.name) -> LooksInfo:
    """Look by look, tasks in the order of the experiment and the mean last."""
    about = next(iter(read_infos(workspace, _About, _ABOUT, {"experiment_id": experiment_id})), None)
    rows = read_infos(workspace, LookInfo, _LOOKS, {"experiment_id": experiment_id, "kind": kind})
    if about is None:
        return LooksInfo(kind=kind, unit=Unit(None), margin=1.0, schedule=(), ended="", rows=())
    unit, margin = (Unit(about.metric), about.margin) if about.is_shared else (Unit(None), 1.0)
    return LooksInfo(kind=kind, unit=unit, margin=margin, schedule=about.looks, ended=about.ended, rows=rows)
