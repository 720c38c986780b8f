"""The live part of `mtlens status`: lanes at work, throughput, and time left, from the newest snapshot."""

import contextlib
import time
from typing import Any

from filelock import FileLock, Timeout
from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from mtlens.cli.output import NARROW, out
from mtlens.store.database.reader import query
from mtlens.store.ingest import ingest
from mtlens.store.workspace.workspace import Workspace

SECONDS_BETWEEN_LOOKS = 2.0
ALIVE = 120  # seconds without a sign of life, after which a lane no longer counts as at work

LANES = f"""
    WITH born AS (
        SELECT run_id, arg_max(payload ->> '$.node', time) AS node, arg_max(payload ->> '$.process', time) AS process,
               max(time) AS since, arg_max(fraction, time) AS fraction
        FROM event WHERE kind IN ('start', 'resume') GROUP BY run_id
    )
    SELECT concat(node, '/', process) AS lane, array_to_string(tasks, ', ') AS tasks, seed, fold, epoch, epochs, run.fraction,
           if(run.fraction > born.fraction, (1 - run.fraction) * epoch_ms(last_event - since) / 1000
              / (run.fraction - born.fraction), NULL) AS seconds_left
    FROM run JOIN born USING (run_id)
    WHERE state = 'unfinished' AND last_event > now() AT TIME ZONE 'UTC' - INTERVAL {ALIVE} SECONDS
    ORDER BY lane
"""
PACE = f"""
    WITH at_work AS (  -- of the experiments that ask for a run in training, the one started last
        SELECT arg_max(experiment_id, (last_started, experiment_id)) AS experiment_id
        FROM run JOIN experiment_run USING (run_id) JOIN experiment USING (experiment_id)
        WHERE state = 'unfinished' AND last_event > now() AT TIME ZONE 'UTC' - INTERVAL {ALIVE} SECONDS
        GROUP BY run_id
    ), asked AS (SELECT run_id FROM experiment_run JOIN at_work USING (experiment_id))
    SELECT count(*) FILTER (state = 'done') AS done, count(*) FILTER (state = 'failed') AS failed, count(*) AS runs,
           sum(1 - fraction) FILTER (state IN ('waiting', 'unfinished') AND run_id IN (FROM asked)) AS runs_left,
           count(*) FILTER (finished > now() AT TIME ZONE 'UTC' - INTERVAL 1 HOUR AND state = 'done') AS last_hour,
           avg(seconds) FILTER (state = 'done') AS seconds
    FROM (SELECT DISTINCT ON (run_id) run_id, state, fraction, finished, seconds FROM runs)
"""
EVIDENCE = """
    SELECT count(*) FILTER (state = 'done') AS done, count(*) AS jobs
    FROM (SELECT DISTINCT ON (job_id) job_id, state FROM evidence_job)
"""


def watch_lanes(workspace: Workspace, *, again: bool) -> None:
    """Print what each lane does; with `again`, repeat it until no lane trains and no command runs jobs, or until Ctrl-C."""
    shown, busy = _look(workspace)
    if not again:
        if busy:
            out.print(shown)
        return
    with Live(shown, console=out, refresh_per_second=1) as live:
        while busy or _is_running(workspace):
            time.sleep(SECONDS_BETWEEN_LOOKS)
            ingest(workspace)
            shown, busy = _look(workspace)
            live.update(shown)


def _look(workspace: Workspace) -> tuple[Group, bool]:
    """The table of lanes with a line on the whole, and whether a lane trains."""
    lanes, pace, evidence = _rows(workspace, LANES), _rows(workspace, PACE)[0], _rows(workspace, EVIDENCE)[0]
    table = Table("lane", "tasks", "seed", "epoch", "done", "left", **NARROW)
    for lane in lanes:
        seed = lane["seed"] if lane["fold"] is None else f"{lane['seed']}, fold {lane['fold']}"
        cells = (lane["lane"], lane["tasks"], seed, f"{lane['epoch'] or 0}/{lane['epochs']}")
        table.add_row(*(escape(str(cell)) for cell in cells), f"{lane['fraction']:.0%}", _words(lane["seconds_left"]))
    left = pace["runs_left"] * pace["seconds"] / len(lanes) if lanes and pace["runs_left"] and pace["seconds"] else None
    training = "1 lane" if len(lanes) == 1 else f"{len(lanes)} lanes"
    line = f"{training} in training; {pace['done']} of {pace['runs']} runs done, {pace['failed']} failed, "
    lines = [line + f"{pace['last_hour']} in the last hour; {_words(left)} left"]
    if evidence["jobs"]:
        lines.append(f"{evidence['done']} of {evidence['jobs']} evidence jobs done")
    with contextlib.suppress(OSError):
        lines.append(f"Ray's own dashboard, on the head node: {workspace.ray_dashboard.read_text()}")
    return Group(table, *lines), bool(lanes)


def _is_running(workspace: Workspace) -> bool:
    """Whether a command is running jobs, be it training or evidence."""
    try:
        with FileLock(workspace.experiment_lock, blocking=False):
            return False
    except Timeout:
        return True


def _rows(workspace: Workspace, sql: str) -> list[dict[str, Any]]:
    found = query(workspace, sql)
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


def _words(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{max(0.0, seconds):.0f} s"
