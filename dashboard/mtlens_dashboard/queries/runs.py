"""How far the runs are: view `runs`, with pace, heartbeat and time left."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.queries.rows import read_infos

State = Literal["waiting", "unfinished", "done", "failed", "damaged"]

SECONDS_UNTIL_STALLED = 300.0
"""An unfinished run that has been silent for longer counts as stalled; runs write to their journals every few seconds."""


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """One run of an experiment. tasks: names joined by commas, None while it waits. fraction: in [0, 1]. Times are UTC.

    retries: how often it was trained anew because it predicted one class only. collapsed: tasks for which it still does
    so on validation.
    """

    experiment: str
    experiment_id: str
    run_id: str
    role: str
    candidate: int | None
    selected: bool | None
    tasks: str | None
    method: str | None
    seed: int | None
    fold: int | None = None
    retries: int | None = None
    collapsed: tuple[str, ...] | None = None
    state: State
    epoch: int | None
    epochs: int | None
    fraction: float
    validation_score: float | None
    test_score: float | None
    learning_rate: float | None
    seconds: float | None
    started: datetime | None
    finished: datetime | None
    last_event: datetime | None
    reason: str | None
    device: str | None
    begun: datetime | None
    begun_fraction: float | None

    def silence(self, now: datetime) -> float | None:
        """Seconds since its last sign of life; None where it gave none."""
        return None if self.last_event is None else (now - self.last_event).total_seconds()

    def is_stalled(self, now: datetime) -> bool:
        """Unfinished and silent for a long time: its process has probably died or been stopped."""
        silence = self.silence(now)
        return self.state == "unfinished" and silence is not None and silence > SECONDS_UNTIL_STALLED

    def seconds_left(self, now: datetime) -> float | None:
        """Time to its end at the pace of the process that works on it; None without a pace."""
        if self.state != "unfinished" or self.is_stalled(now) or self.begun is None or self.last_event is None:
            return None
        done, elapsed = self.fraction - (self.begun_fraction or 0.0), (self.last_event - self.begun).total_seconds()
        return (1 - self.fraction) * elapsed / done if done > 0 and elapsed > 0 else None


@dataclass(frozen=True, kw_only=True)
class EvidenceProgressInfo:
    """Computations of evidence of one kind and state. reasons: why they failed."""

    kind: str
    state: str
    number: int
    seconds: float | None
    reasons: tuple[str, ...]


_RUNS = """
    SELECT
        runs.* EXCLUDE (fraction), runs.fraction, run.device, journal.begun, journal.begun_fraction
    FROM runs
    LEFT JOIN run USING (run_id)
    LEFT JOIN (
        SELECT event.run_id, arg_min(time, position) AS begun, arg_min(event.fraction, position) AS begun_fraction
        FROM event
        JOIN (
            SELECT run_id, max(journal) AS journal FROM event
            WHERE run_id IN (SELECT run_id FROM run WHERE state = 'unfinished') GROUP BY run_id
        ) AS newest ON newest.run_id = event.run_id AND newest.journal = event.journal
        WHERE event.fraction IS NOT NULL
        GROUP BY event.run_id
    ) AS journal USING (run_id)
    WHERE $experiment_id IS NULL OR experiment_id = $experiment_id
"""

_JOBS = """
    SELECT
        kind, state, count(*) AS number, sum(seconds) AS seconds,
        coalesce(list(DISTINCT reason) FILTER (reason <> ''), []) AS reasons
    FROM evidence_job WHERE experiment_id = $experiment_id
    GROUP BY kind, state
    ORDER BY list_position(['states', 'similarity', 'gradients', 'cross', 'lookahead', 'linearised'], kind), kind, state
"""


def runs(workspace: Workspace, experiment_id: str | None = None) -> tuple[RunInfo, ...]:
    """Runs of one experiment, or of all of them, the newest experiment first."""
    return read_infos(workspace, RunInfo, _RUNS, {"experiment_id": experiment_id})


def evidence_jobs(workspace: Workspace, experiment_id: str) -> tuple[EvidenceProgressInfo, ...]:
    """How far the evidence is; nothing where none was asked for."""
    return read_infos(workspace, EvidenceProgressInfo, _JOBS, {"experiment_id": experiment_id})


def seconds_left(runs: tuple[RunInfo, ...], now: datetime) -> float | None:
    """Time until all runs have ended at the pace of those that train now; None where nothing trains."""
    unfinished = [run for run in runs if run.state == "unfinished"]
    per_second = sum(
        (1 - run.fraction) / left for run in unfinished if (left := run.seconds_left(now)) is not None and left > 0
    )
    left = sum(1 - run.fraction for run in runs if run.state in ("waiting", "unfinished"))
    return left / per_second if per_second > 0 else None
