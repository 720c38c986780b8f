"""Which experiments there are, what their tasks look like, and how old the data is."""

from dataclasses import dataclass
from datetime import UTC, datetime

from mtlens.config.run_kinds import MULTI
from mtlens.data.splits import SPLITS
from mtlens.store.database.reader import snapshot_path
from mtlens.store.database.shared_connection import query
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.queries.rows import read_infos


@dataclass(frozen=True, kw_only=True)
class SnapshotInfo:
    """The database that answers: its name is never used again, so a new name means new data. Times are UTC, naive."""

    name: str
    published: datetime
    mtlens_version: str
    schema_version: int


@dataclass(frozen=True, kw_only=True)
class ExperimentInfo:
    """One experiment and how far it is. margin: of scores. latest: of those of its name, the one started last."""

    experiment_id: str
    name: str
    created: datetime | None
    latest: bool
    margin: float
    seeds: tuple[int, ...]
    folds: int | None = None
    encoder: str
    notes: tuple[str, ...]
    tasks: tuple[str, ...]
    runs: int
    done: int
    failed: int
    compared: bool


@dataclass(frozen=True, kw_only=True)
class TaskInfo:
    """One task of an experiment. train, validation, test: labelled examples per class."""

    task: str
    label_column: str
    classes: tuple[str, ...]
    weight: float
    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]


_SNAPSHOT = "SELECT coalesce(max(mtlens_version), 'unknown'), coalesce(max(schema_version), 0) FROM store_info"

_EXPERIMENTS = """
    SELECT
        experiment_id, name, created, experiment_id = newest.newest_id AS latest, margin, seeds, folds, encoder,
        coalesce(notes, []) AS notes, coalesce(task.tasks, []) AS tasks, coalesce(progress.runs, 0) AS runs,
        coalesce(progress.done, 0) AS done,
        coalesce(progress.failed, 0) AS failed, compared.experiment_id IS NOT NULL AS compared
    FROM experiment
    JOIN (
        SELECT name, arg_max(experiment_id, (last_started, experiment_id)) AS newest_id FROM experiment GROUP BY name
    ) AS newest USING (name)
    LEFT JOIN (
        SELECT experiment_id, list(task ORDER BY position) AS tasks FROM task GROUP BY experiment_id
    ) AS task USING (experiment_id)
    LEFT JOIN (
        SELECT
            experiment_id, count(*) AS runs, count(*) FILTER (state = 'done') AS done,
            count(*) FILTER (state IN ('failed', 'damaged')) AS failed
        FROM experiment_run LEFT JOIN run USING (run_id)
        GROUP BY experiment_id
    ) AS progress USING (experiment_id)
    LEFT JOIN (
        SELECT DISTINCT experiment_id FROM comparison WHERE kind = $kind
    ) AS compared ON compared.experiment_id = experiment.experiment_id
    ORDER BY last_started DESC, experiment_id
"""

_TASKS = """
    SELECT task, label_column, classes, weight, {counts}
    FROM task WHERE experiment_id = $experiment_id ORDER BY position
""".format(
    counts=", ".join(
        f"[coalesce(CAST(json_extract(class_counts, '$.{split}')"
        f" AS MAP(VARCHAR, BIGINT))[class], 0) FOR class IN classes] AS {split}"
        for split in SPLITS
    )
)


def snapshot(workspace: Workspace) -> SnapshotInfo:
    """The newest snapshot; `WorkspaceError` where there is none."""
    path = snapshot_path(workspace)
    ((version, schema),) = query(workspace, _SNAPSHOT).rows
    published = datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(tzinfo=None)
    return SnapshotInfo(name=path.name, published=published, mtlens_version=version, schema_version=schema)


def experiments(workspace: Workspace) -> tuple[ExperimentInfo, ...]:
    """All experiments, the last started first."""
    return read_infos(workspace, ExperimentInfo, _EXPERIMENTS, {"kind": MULTI.name})


def tasks(workspace: Workspace, experiment_id: str) -> tuple[TaskInfo, ...]:
    """Tasks in the order of the experiment file."""
    return read_infos(workspace, TaskInfo, _TASKS, {"experiment_id": experiment_id})
