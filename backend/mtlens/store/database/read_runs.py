"""Reads run folders and experiment manifests into records that the master database can take. Writes nothing."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import pyarrow as pa

from mtlens.config.run import Run
from mtlens.errors import WorkspaceError
from mtlens.store.analysis.training_end import was_improving
from mtlens.store.database.scan import RunSeen, StoredState
from mtlens.store.tables.experiments import QuarantineRow
from mtlens.store.tables.runs import EventRow, RunRow
from mtlens.store.workspace import run_tables
from mtlens.store.workspace.files import names_in, read_object
from mtlens.store.workspace.journal import Event, read_tail
from mtlens.store.workspace.manifest import Manifest, read_manifest
from mtlens.store.workspace.run_folder import METRICS, PREDICTIONS, read_run_json
from mtlens.store.workspace.workspace import Workspace

Value = TypeVar("Value")
_JOURNAL = re.compile(r"journal-([0-9]+)\.jsonl")
_INTEGER_FACTS = ("epochs_run", "best_epoch", "threads", "retries")
_BIGINT_FACTS = ("updates", "parameters", "trainable_parameters", "peak_memory_bytes")


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """New information about a run. bad: lines and files that cannot be read."""

    run_id: str
    seen: RunSeen
    row: RunRow
    events: tuple[EventRow, ...]
    metrics: pa.Table
    predictions: pa.Table
    bad: tuple[QuarantineRow, ...]

    def set_aside(self, reason: str) -> "RunRecord":
        """A record of the run as damaged, with the reason and only its id."""
        bad = QuarantineRow(run_id=self.run_id, source=f"runs/{self.run_id}", position=0, reason=reason)
        return replace(
            self,
            seen=self.seen._replace(state="damaged"),
            row=RunRow(run_id=self.run_id, state="damaged", reason=reason),
            events=(),
            metrics=run_tables.METRICS.empty_table(),
            predictions=run_tables.PREDICTIONS.empty_table(),
            bad=(bad,),
        )


@dataclass(frozen=True, kw_only=True)
class ExperimentRecord:
    """An experiment; manifest: None where it cannot be read."""

    experiment_id: str
    stamp: str
    manifest: Manifest | None
    examples: pa.Table
    bad: tuple[QuarantineRow, ...]

    def set_aside(self, reason: str) -> "ExperimentRecord":
        """A record of the experiment as unreadable, with the reason."""
        source = f"experiments/{self.experiment_id}.json"
        bad = QuarantineRow(experiment_id=self.experiment_id, source=source, position=0, reason=reason)
        return replace(self, manifest=None, examples=run_tables.EXAMPLES.empty_table(), bad=(bad,))


class _Content(NamedTuple):
    row: RunRow
    metrics: pa.Table
    predictions: pa.Table


def read_run(workspace: Workspace, run_id: str, generation: int, before: RunSeen | None) -> RunRecord | None:
    """What is new in a run's folder since `before`, or None."""
    folder = workspace.runs / run_id
    try:
        names = set(names_in(folder))
    except FileNotFoundError:
        return None
    if "run.json" not in names:
        return None
    events, offsets, bad = _read_journals(folder, names, before.offsets if before else {})
    state: StoredState = "done" if "DONE" in names else "failed" if "FAILED" in names else "unfinished"
    if before and (before.state, before.offsets) == (state, offsets):
        return None
    row = RunRow(
        run_id=run_id,
        state=state,
        epoch=_last(event.epoch for event in events),
        fraction=_last(event.fraction for event in events),
        last_event=_last(event.time for event in events),
    )
    try:
        content = _read_content(folder, row)
    except WorkspaceError as error:
        state, reason = "damaged", str(error)
        if before and (before.state, before.offsets) == (state, offsets):
            return None
        row = replace(row, state=state, reason=reason)
        content = _Content(row, run_tables.METRICS.empty_table(), run_tables.PREDICTIONS.empty_table())
        bad.append(QuarantineRow(run_id=run_id, source=f"runs/{run_id}", position=0, reason=reason))
    return RunRecord(
        run_id=run_id,
        seen=RunSeen(generation, state, offsets),
        row=content.row,
        events=tuple(events),
        metrics=content.metrics,
        predictions=content.predictions,
        bad=tuple(bad),
    )


def read_experiment(workspace: Workspace, experiment_id: str, stamp: str) -> ExperimentRecord:
    """An experiment's manifest and examples."""
    path = workspace.experiments / f"{experiment_id}.json"
    empty = ExperimentRecord(
        experiment_id=experiment_id, stamp=stamp, manifest=None, examples=run_tables.EXAMPLES.empty_table(), bad=()
    )
    try:
        examples = run_tables.read_parquet(path.with_suffix(".examples.parquet"), run_tables.EXAMPLES)
        return replace(empty, manifest=read_manifest(path), examples=examples)
    except WorkspaceError as error:
        return empty.set_aside(str(error))


def _read_journals(
    folder: Path, names: set[str], offsets: Mapping[int, int]
) -> tuple[list[EventRow], dict[int, int], list[QuarantineRow]]:
    """New events, the bytes read of each journal, and bad lines."""
    events: list[EventRow] = []
    ends: dict[int, int] = {}
    bad: list[QuarantineRow] = []
    run_id = folder.name
    for number in sorted(int(match[1]) for match in map(_JOURNAL.fullmatch, names) if match):
        name = f"journal-{number}.jsonl"
        tail = read_tail(folder / name, offsets.get(number, 0))
        ends[number] = tail.end
        events += [_event(run_id, number, position, event) for position, event in tail.events]
        bad += [
            QuarantineRow(run_id=run_id, source=f"runs/{run_id}/{name}", position=position, reason=reason)
            for position, reason in tail.bad_lines
        ]
    return events, ends, bad


def _event(run_id: str, journal: int, position: int, event: Event) -> EventRow:
    return EventRow(
        run_id=run_id,
        journal=journal,
        position=position,
        time=utc(event.time),
        kind=event.kind,
        epoch=event.epoch,
        step=event.step,
        fraction=event.fraction,
        payload=json.dumps(event.payload),
    )


def _read_content(folder: Path, row: RunRow) -> _Content:
    """What run.json and the files of a run that has ended add to its row."""
    run, started = read_run_json(folder / "run.json")
    metrics, predictions, ended = run_tables.METRICS.empty_table(), run_tables.PREDICTIONS.empty_table(), dict[str, Any]()
    if row.state == "done":
        ended = read_object(folder / "DONE")
        metrics = run_tables.read_parquet(folder / METRICS, run_tables.METRICS)
        predictions = run_tables.read_parquet(folder / PREDICTIONS, run_tables.PREDICTIONS)
    elif row.state == "failed":
        ended = read_object(folder / "FAILED")
    row = replace(
        _measured(_configured(row, run), ended, started.get("host")),
        versions=json.dumps(started.get("versions")),
        started=_moment(started.get("started")),
        finished=_moment(ended.get("finished")),
        reason=_text(ended.get("reason")),
    )
    if row.state == "done":
        facts = {key: value for key, value in ended.items() if key != "files"}
        row = replace(
            row,
            facts=json.dumps(facts),
            fraction=1.0,
            still_improving=was_improving(facts.get("history")),
            collapsed=_texts(facts.get("collapsed")),
        )
    return _Content(row, metrics, predictions)


def _configured(row: RunRow, run: Run) -> RunRow:
    training = run.training
    return replace(
        row,
        tasks=[task.name for task in run.tasks],
        method=run.method,
        seed=run.seed,
        fold=run.fold,
        learning_rate=training.lora.learning_rate if run.method == "lora" else training.learning_rate,
        epochs=training.epochs,
        batch_size=training.batch_size,
        configuration=json.dumps(run.model_dump(mode="json")),
    )


def _measured(row: RunRow, facts: Mapping[str, object], host: object) -> RunRow:
    """The facts that have a column of their own; one that is not of the column's type is left to column `facts`."""
    known = {**host, **facts} if isinstance(host, dict) else facts
    columns: dict[str, Any] = {
        **{name: _whole(known.get(name), 2**31) for name in _INTEGER_FACTS},
        **{name: _whole(known.get(name), 2**63) for name in _BIGINT_FACTS},
        **{name: _real(known.get(name)) for name in ("seconds", "wall_seconds", "gpu_utilisation")},
        **{name: _text(known.get(name)) for name in ("device", "precision")},
    }
    return replace(row, **columns)


def _texts(value: object) -> list[str] | None:
    """A list of texts, or None for anything else."""
    if not isinstance(value, list):
        return None
    items = cast("list[object]", value)
    return [item for item in items if isinstance(item, str)] if all(isinstance(item, str) for item in items) else None


def _last(values: Iterable[Value | None]) -> Value | None:
    """The last that is known."""
    return next((value for value in reversed(list(values)) if value is not None), None)


def utc(seconds: float) -> datetime:
    """Seconds since 1970 as a time in UTC without a time zone, as the database stores times."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def _moment(value: object) -> datetime | None:
    try:
        return utc(datetime.fromisoformat(str(value)).timestamp())
    except (ValueError, OverflowError, OSError):  # such as the last hour of the year 9999 in a western time zone
        return None


def _whole(value: object, end: int) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and -end <= value < end else None


def _real(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e300 < value < 1e300:
        return None
    return float(value)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
