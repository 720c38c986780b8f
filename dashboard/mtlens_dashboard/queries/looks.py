"""At which number of seeds was it settled? View `looks`, for experiments that train seeds until their verdicts are settled."""

from dataclasses import dataclass

from mtlens.config.run_kinds import MULTI
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.queries.matching import Verdict
from mtlens_dashboard.queries.rows import read_infos


@dataclass(frozen=True, kw_only=True)
class LookInfo:
    """One task, or the mean over tasks where `task` is None, at one look. The interval holds at all looks together.

    chance: largest one to have a verdict at a later look, while inconclusive.
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

    ended: why there is no further look; empty while there may be one.
    """

    kind: str
    margin: float
    schedule: tuple[int, ...]
    ended: str
    rows: tuple[LookInfo, ...]


@dataclass(frozen=True, kw_only=True)
class _About:
    margin: float
    looks: tuple[int, ...]
    ended: str


_ABOUT = """
    SELECT margin, coalesce(looks, []) AS looks, coalesce(ended, '') AS ended
    FROM experiment WHERE experiment_id = $experiment_id
"""
_LOOKS = """
    SELECT look, seeds, task, difference, low90, high90, level, p_equivalence, p_difference, verdict, chance
    FROM looks WHERE experiment_id = $experiment_id AND kind = $kind
"""


def looks(workspace: Workspace, experiment_id: str, kind: str = MULTI.name) -> LooksInfo:
    """Look by look, tasks in the order of the experiment and the mean last."""
    about = next(iter(read_infos(workspace, _About, _ABOUT, {"experiment_id": experiment_id})), None)
    rows = read_infos(workspace, LookInfo, _LOOKS, {"experiment_id": experiment_id, "kind": kind})
    if about is None:
        return LooksInfo(kind=kind, margin=0.0, schedule=(), ended="", rows=())
    return LooksInfo(kind=kind, margin=about.margin, schedule=about.looks, ended=about.ended, rows=rows)
