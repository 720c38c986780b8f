"""One run as it is opened: what sets it apart, what it ran on, its scores by task, and its journal."""

import json
from dataclasses import dataclass
from datetime import datetime

from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.queries.rows import read_infos, read_rows
from mtlens_dashboard.queries.settings import leaves


@dataclass(frozen=True, kw_only=True)
class RunSettingInfo:
    """One setting by its path. differs: whether other runs of the experiment have another value."""

    path: str
    value: str
    differs: bool


@dataclass(frozen=True, kw_only=True)
class RunScoreInfo:
    """One task of a run by one metric."""

    task: str
    metric: str
    validation: float | None
    test: float | None


@dataclass(frozen=True, kw_only=True)
class EventInfo:
    """One line of a run's journal."""

    time: datetime
    process: int
    kind: str
    epoch: int | None
    step: int | None
    fraction: float | None
    payload: str


@dataclass(frozen=True, kw_only=True)
class RunDetailsInfo:
    """settings: what differs first. facts: versions, node and memory as name and text."""

    settings: tuple[RunSettingInfo, ...]
    facts: tuple[tuple[str, str], ...]
    scores: tuple[RunScoreInfo, ...]
    events: tuple[EventInfo, ...]


_RUN = """
    SELECT
        configuration, versions,
        json_object(
            'device', device, 'precision', precision, 'threads', threads, 'updates', updates, 'epochs_run', epochs_run,
            'best_epoch', best_epoch, 'parameters', parameters, 'trainable_parameters', trainable_parameters,
            'training_seconds', round(seconds, 1), 'all_seconds', round(wall_seconds, 1),
            'peak_memory_mb', round(peak_memory_bytes / 1048576), 'gpu_utilisation', gpu_utilisation
        )
    FROM run WHERE run_id = $run_id
"""
_OTHERS = """
    SELECT DISTINCT configuration FROM experiment_run JOIN run USING (run_id)
    WHERE experiment_id = $experiment_id AND configuration IS NOT NULL
"""
_SCORES = """
    SELECT
        task, name AS metric, any_value(value) FILTER (split = 'validation') AS validation,
        any_value(value) FILTER (split = 'test') AS test
    FROM metric WHERE run_id = $run_id AND "class" IS NULL GROUP BY task, name ORDER BY task, name
"""
_EVENTS = """
    SELECT time, journal AS process, kind, epoch, step, fraction, payload
    FROM event WHERE run_id = $run_id ORDER BY journal DESC, position DESC LIMIT 500
"""
_PROCESS = """
    SELECT payload ->> 'node' AS node, payload ->> 'process' AS process FROM event
    WHERE run_id = $run_id AND kind IN ('start', 'resume') ORDER BY journal DESC LIMIT 1
"""


def run_details(workspace: Workspace, experiment_id: str, run_id: str) -> RunDetailsInfo:
    """What is stored about a run that has started; empty for one that waits."""
    params = {"run_id": run_id}
    rows = read_rows(workspace, _RUN, params).rows
    configuration, versions, facts = rows[0] if rows else (None, None, None)
    own = dict(leaves(json.loads(configuration or "{}")))
    others = [
        dict(leaves(json.loads(text))) for (text,) in read_rows(workspace, _OTHERS, {"experiment_id": experiment_id}).rows
    ]
    settings = [
        RunSettingInfo(path=path, value=value, differs=any(other.get(path) != value for other in others))
        for path, value in own.items()
    ]
    nodes = read_rows(workspace, _PROCESS, params)
    told = [
        *(pair for row in nodes.rows for pair in zip(nodes.columns, row, strict=True)),
        *json.loads(facts or "{}").items(),
        *json.loads(versions or "{}").items(),
    ]
    return RunDetailsInfo(
        settings=tuple(sorted(settings, key=lambda setting: not setting.differs)),
        facts=tuple((name, str(value)) for name, value in told if value is not None),
        scores=read_infos(workspace, RunScoreInfo, _SCORES, params),
        events=read_infos(workspace, EventInfo, _EVENTS, params),
    )
