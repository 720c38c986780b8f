"""The results of a workspace in MLflow: an MLflow experiment for each experiment, called `<name> <experiment id>`.

Its runs carry the tag `mtlens.run_id`, their configuration as parameters, and their scores by epoch and at the end. A run named
`verdicts` has the differences as metrics, the verdicts as tags, and a report of all figures as an artifact. A second export
adds what is new: finished runs that exist are left alone; runs whose export was interrupted, and verdicts that have changed,
are written anew.
"""

import hashlib
import importlib
import json
import math
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mtlens.errors import ExportError
from mtlens.store.database.reader import query
from mtlens.store.workspace.workspace import Workspace

RUN_ID, CONTENT = "mtlens.run_id", "mtlens.content"
_BATCH = 100  # of parameters or tags in a call; metrics may be ten times as many
_LONGEST = 5000  # characters of a value
_RUNS = """
    SELECT runs.run_id, role, tasks, seed, fold, runs.state, started, finished, candidate, selected, reason,
           run.configuration, run.versions, run.device, run.best_epoch, runs.seconds
    FROM runs JOIN (SELECT run_id, configuration, versions, device, best_epoch FROM run) AS run USING (run_id)
    WHERE experiment_id = ? AND runs.state IN ('done', 'failed') ORDER BY started, runs.run_id
"""
_CURVES = """
    SELECT epoch, validation, validation_loss, training_loss FROM learning_curves
    WHERE experiment_id = ? AND run_id = ? ORDER BY epoch
"""
_SCORES = "SELECT split, task, name, class, value FROM metric WHERE run_id = ? ORDER BY ALL"
_VERDICTS = """
    SELECT kind, coalesce(task, 'mean') AS task, single_mean, multi_mean, difference, low90, high90, seeds, examples, margin,
           verdict
    FROM matching WHERE experiment_id = ? ORDER BY ALL
"""
Row = dict[str, Any]
WriteReport = Callable[[str, Path], object]
"""Writes the report of the experiment with an id to a file."""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """How many runs were new, and how many existed already."""

    new: int
    known: int


def send_to_mlflow(workspace: Workspace, uri: str, write_report: WriteReport) -> Sent:
    """Bring an MLflow tracking server or file store up to date; ExportError where it cannot be reached or refuses."""
    try:
        client: Any = importlib.import_module("mlflow.tracking").MlflowClient(tracking_uri=uri)
        refusal: type[Exception] = importlib.import_module("mlflow.exceptions").MlflowException
    except ImportError:
        raise ExportError("MLflow should be installed to write to it: pip install 'mtlens[mlflow]'") from None
    try:
        experiments = _rows(workspace, "SELECT experiment_id, name, margin FROM experiment ORDER BY created", [])
        sent = [
            _send(_Target.of(client, experiment), workspace, experiment["experiment_id"], write_report)
            for experiment in experiments
        ]
    except (refusal, OSError) as error:
        raise ExportError(f"{uri} should be an MLflow server or store that takes runs: {str(error).splitlines()[0]}") from None
    return Sent(new=sum(counts.new for counts in sent), known=sum(counts.known for counts in sent))


def _send(target: "_Target", workspace: Workspace, experiment_id: str, write_report: WriteReport) -> Sent:
    known = target.finished(RUN_ID)
    rows = _rows(workspace, _RUNS, [experiment_id])
    new = [row for row in rows if row["run_id"] not in known]
    for row in new:
        with target.run(
            _label(row), {RUN_ID: row["run_id"], **_tags(row)}, row["started"], row["finished"], row["state"]
        ) as run:
            run.params(_parameters(row))
            run.metrics(list(_metrics(workspace, experiment_id, row)))
    verdicts = _rows(workspace, _VERDICTS, [experiment_id])
    if not verdicts:
        return Sent(new=len(new), known=len(rows) - len(new))
    content = hashlib.sha256(json.dumps(verdicts, default=str).encode()).hexdigest()
    is_new = content not in target.finished(CONTENT)
    if is_new:
        _send_verdicts(target, experiment_id, verdicts, content, write_report)
    return Sent(new=len(new) + is_new, known=len(rows) - len(new) + (not is_new))


def _send_verdicts(
    target: "_Target", experiment_id: str, verdicts: Sequence[Row], content: str, write_report: WriteReport
) -> None:
    """In place of those that were sent before."""
    target.delete_with(CONTENT)
    tags = {f"verdict.{row['kind']}.{row['task']}": row["verdict"] for row in verdicts}
    numbers = ("single_mean", "multi_mean", "difference", "low90", "high90", "seeds", "examples", "margin")
    with target.run("verdicts", {CONTENT: content, "mtlens.experiment_id": experiment_id, **tags}) as run:
        values = [(f"{row['kind']}.{row['task']}.{name}", row[name], 0) for row in verdicts for name in numbers]
        run.metrics(values)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "report.html"
            write_report(experiment_id, path)
            run.artifact(path)


def _label(row: Row) -> str:
    fold = "" if row["fold"] is None else f" fold {row['fold']}"
    return f"{row['role']}: {row['tasks']} s{row['seed']}{fold}"


def _tags(row: Row) -> dict[str, str]:
    names = ("role", "tasks", "state", "device", "selected", "candidate", "reason", "versions")
    return {f"mtlens.{name}": str(row[name]) for name in names if row[name] not in (None, "")}


def _parameters(row: Row) -> dict[str, str]:
    """The whole configuration of a run, one parameter per value, as `training.learning_rate`."""
    return dict(_flat("", json.loads(row["configuration"] or "{}")))


def _flat(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _flat(f"{path}.{name}" if path else str(name), inner)
    else:
        yield path, value if isinstance(value, str) else json.dumps(value)


def _metrics(workspace: Workspace, experiment_id: str, row: Row) -> Iterator[tuple[str, float | None, int]]:
    """Name, value and step: by epoch, and at step 0 what is known of the finished model."""
    for epoch in _rows(workspace, _CURVES, [experiment_id, row["run_id"]]):
        yield "validation", epoch["validation"], epoch["epoch"]
        yield "validation_loss", epoch["validation_loss"], epoch["epoch"]
        yield "training_loss", epoch["training_loss"], epoch["epoch"]
    for score in _rows(workspace, _SCORES, [row["run_id"]]):
        name = ".".join(part for part in (score["split"], score["task"], score["name"], score["class"]) if part)
        yield name, score["value"], 0
    yield "seconds", row["seconds"], 0
    yield "best_epoch", row["best_epoch"], 0


def _rows(workspace: Workspace, sql: str, params: Sequence[Any]) -> list[Row]:
    result = query(workspace, sql, params)
    return [dict(zip(result.columns, row, strict=True)) for row in result.rows]


class _Target:
    """One MLflow experiment."""

    def __init__(self, client: Any, experiment_id: str):
        self._client, self._experiment_id = client, experiment_id

    @classmethod
    def of(cls, client: Any, row: Row) -> "_Target":
        """The MLflow experiment of one of ours, made where there is none."""
        name = f"{row['name']} {row['experiment_id']}"
        there = client.get_experiment_by_name(name)
        if there is not None and there.lifecycle_stage == "deleted":
            raise ExportError(
                f"experiment {name!r} should be no deleted one in MLflow: restore it there, or delete it for good"
            )
        tags = {"mtlens.experiment_id": row["experiment_id"], "mtlens.margin": str(row["margin"])}
        return cls(client, there.experiment_id if there else client.create_experiment(name, tags=tags))

    def finished(self, tag: str) -> set[str]:
        """Values of a tag of the runs that ended. Runs with it that did not end are deleted: an export broke off there."""
        values: set[str] = set()
        for run in self._all():
            if tag in run.data.tags:
                if run.info.status == "RUNNING":
                    self._client.delete_run(run.info.run_id)
                else:
                    values.add(run.data.tags[tag])
        return values

    def delete_with(self, tag: str) -> None:
        """Delete the runs that carry a tag."""
        for run in self._all():
            if tag in run.data.tags:
                self._client.delete_run(run.info.run_id)

    def run(
        self,
        name: str,
        tags: dict[str, str],
        started: datetime | None = None,
        finished: datetime | None = None,
        state: str = "done",
    ) -> "_Run":
        """A new run, which ends with the context."""
        return _Run(self._client, self._experiment_id, name, tags, (_milliseconds(started), _milliseconds(finished)), state)

    def _all(self) -> list[Any]:
        found, token = [], None
        while True:
            page = self._client.search_runs([self._experiment_id], page_token=token)
            found += page
            token = page.token
            if not token:
                return found


class _Run:
    """One MLflow run while it is written. times: start and end in milliseconds, None for now."""

    def __init__(
        self, client: Any, experiment_id: str, name: str, tags: dict[str, str], times: tuple[int | None, int | None], state: str
    ):
        self._client, self._times, self._state = client, times, state
        safe = {_key(key): value[:_LONGEST] for key, value in tags.items()}
        self._id = client.create_run(experiment_id, start_time=times[0], tags=safe, run_name=name[:_LONGEST]).info.run_id

    def __enter__(self) -> "_Run":
        return self

    def __exit__(self, error: object, *_: object) -> None:
        if error is None:
            status = "FAILED" if self._state == "failed" else "FINISHED"
            self._client.set_terminated(self._id, status=status, end_time=self._times[1])

    def params(self, values: dict[str, str]) -> None:
        """Parameters, each written once."""
        params = [_entity("Param", _key(key), value[:_LONGEST]) for key, value in values.items()]
        for start in range(0, len(params), _BATCH):
            self._client.log_batch(self._id, params=params[start : start + _BATCH])

    def metrics(self, values: Sequence[tuple[str, float | None, int]]) -> None:
        """Metrics as (name, value, step); those without a value are left out."""
        now = self._times[1] or self._times[0] or round(1000 * time.time())
        metrics = [
            _entity("Metric", _key(name), float(value), now, step)
            for name, value, step in values
            if value is not None and math.isfinite(value)
        ]
        for start in range(0, len(metrics), 10 * _BATCH):
            self._client.log_batch(self._id, metrics=metrics[start : start + 10 * _BATCH])

    def artifact(self, path: Path) -> None:
        """A file, under its own name."""
        self._client.log_artifact(self._id, str(path))


def _entity(kind: str, *values: object) -> Any:
    return getattr(importlib.import_module("mlflow.entities"), kind)(*values)


def _key(name: str) -> str:
    """A name that MLflow takes: letters, digits, and _ - . space : only; its length is bounded too."""
    safe = re.sub(r"[^\w\-. :]", "_", name, flags=re.ASCII)
    return safe if safe == name and len(safe) <= 250 else f"{safe[:240]} {hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _milliseconds(moment: datetime | None) -> int | None:
    """Of a time in UTC."""
    return None if moment is None else round(1000 * moment.replace(tzinfo=UTC).timestamp())
