"""Reads run folders and experiment manifests into records that the master database can take. Writes nothing."""

# pyright: reportUnknownParameterType=false
# (pyarrow ships no types)

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from pydantic import ValidationError

from mtlens.config.run import Run
from mtlens.errors import WorkspaceError
from mtlens.store.database.scan import RunSeen, StoredState
from mtlens.store.workspace import run_tables
from mtlens.store.workspace.files import names_in, read_object
from mtlens.store.workspace.journal import Event, first_problem, read_tail
from mtlens.store.workspace.manifest import Manifest
from mtlens.store.workspace.run_folder import METRICS, PREDICTIONS, read_run_json
from mtlens.store.workspace.workspace import Workspace

_JOURNAL = re.compile(r"journal-([0-9]+)\.jsonl")
_WHOLE_FACTS = ("epochs_run", "best_epoch", "updates", "parameters", "trainable_parameters", "peak_memory_bytes")


class BadPart(NamedTuple):
    """A line or file that cannot be read: path below the workspace, byte where it starts, and what is wrong."""

    source: str
    position: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """What is new about a run. row: columns of table `run`; events: journal, position in it, event."""

    run_id: str
    seen: RunSeen
    row: dict[str, object]
    events: tuple[tuple[int, int, Event], ...]
    metrics: pa.Table
    predictions: pa.Table
    bad: tuple[BadPart, ...]


@dataclass(frozen=True, kw_only=True)
class ExperimentRecord:
    """An experiment; without a manifest where it cannot be read."""

    experiment_id: str
    stamp: str
    manifest: Manifest | None
    examples: pa.Table
    bad: tuple[BadPart, ...]


class _Content(NamedTuple):
    row: dict[str, object]
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
    try:
        content = _read_content(folder, state)
    except WorkspaceError as error:
        state, reason = "damaged", str(error)
        if before and (before.state, before.offsets) == (state, offsets):
            return None
        content = _Content({"reason": reason}, run_tables.METRICS.empty_table(), run_tables.PREDICTIONS.empty_table())
        bad.append(BadPart(f"runs/{run_id}", 0, reason))
    return RunRecord(
        run_id=run_id,
        seen=RunSeen(generation, state, offsets),
        row={"run_id": run_id, "state": state, **_progress(events), **content.row},
        events=tuple(events),
        metrics=content.metrics,
        predictions=content.predictions,
        bad=tuple(bad),
    )


def read_experiment(workspace: Workspace, experiment_id: str, stamp: str) -> ExperimentRecord:
    """An experiment's manifest and examples."""
    path = workspace.experiments / f"{experiment_id}.json"
    manifest, examples, bad = None, run_tables.EXAMPLES.empty_table(), ()
    try:
        examples = run_tables.read_parquet(path.with_suffix(".examples.parquet"), run_tables.EXAMPLES)
        manifest = Manifest.model_validate(read_object(path))
    except (WorkspaceError, ValidationError) as error:
        reason = first_problem(error) if isinstance(error, ValidationError) else str(error)
        bad = (BadPart(f"experiments/{path.name}", 0, reason),)
    return ExperimentRecord(experiment_id=experiment_id, stamp=stamp, manifest=manifest, examples=examples, bad=bad)


def _read_journals(
    folder: Path, names: set[str], offsets: Mapping[int, int]
) -> tuple[list[tuple[int, int, Event]], dict[int, int], list[BadPart]]:
    """New events, the bytes read of each journal, and bad lines."""
    events: list[tuple[int, int, Event]] = []
    ends: dict[int, int] = {}
    bad: list[BadPart] = []
    for number in sorted(int(match[1]) for match in map(_JOURNAL.fullmatch, names) if match):
        name = f"journal-{number}.jsonl"
        tail = read_tail(folder / name, offsets.get(number, 0))
        ends[number] = tail.end
        events += [(number, position, event) for position, event in tail.events]
        bad += [BadPart(f"runs/{folder.name}/{name}", position, reason) for position, reason in tail.bad_lines]
    return events, ends, bad


def _read_content(folder: Path, state: StoredState) -> _Content:
    run, started = read_run_json(folder / "run.json")
    metrics, predictions, ended = run_tables.METRICS.empty_table(), run_tables.PREDICTIONS.empty_table(), dict[str, Any]()
    if state == "done":
        ended = read_object(folder / "DONE")
        metrics = run_tables.read_parquet(folder / METRICS, run_tables.METRICS)
        predictions = run_tables.read_parquet(folder / PREDICTIONS, run_tables.PREDICTIONS)
    elif state == "failed":
        ended = read_object(folder / "FAILED")
    row = {
        **_configured(run),
        **_measured(ended, started.get("host")),
        "versions": json.dumps(started.get("versions")),
        "started": _moment(started.get("started")),
        "finished": _moment(ended.get("finished")),
        "reason": _text(ended.get("reason")),
    }
    if state == "done":
        row |= {"facts": json.dumps({key: value for key, value in ended.items() if key != "files"}), "fraction": 1.0}
    return _Content(row, metrics, predictions)


def _configured(run: Run) -> dict[str, object]:
    training = run.training
    return {
        "tasks": [task.name for task in run.tasks],
        "method": run.method,
        "seed": run.seed,
        "learning_rate": training.lora.learning_rate if run.method == "lora" else training.learning_rate,
        "epochs": training.epochs,
        "batch_size": training.batch_size,
        "configuration": json.dumps(run.model_dump(mode="json")),
    }


def _measured(facts: Mapping[str, object], host: object) -> dict[str, object]:
    """The facts that have a column of their own; one that is not of the column's type is left to column `facts`."""
    known = {**host, **facts} if isinstance(host, dict) else facts
    return {
        **{name: _whole(known.get(name)) for name in (*_WHOLE_FACTS, "threads")},
        **{name: _real(known.get(name)) for name in ("seconds", "wall_seconds", "gpu_utilisation")},
        **{name: _text(known.get(name)) for name in ("device", "precision")},
    }


def _progress(events: list[tuple[int, int, Event]]) -> dict[str, object]:
    """The newest epoch, fraction and sign of life among new events; absent where they do not say."""
    newest: dict[str, object] = {}
    for _, _, event in events:
        named = {"epoch": event.epoch, "fraction": event.fraction, "last_event": utc(event.time)}
        newest |= {name: value for name, value in named.items() if value is not None}
    return newest


def utc(seconds: float) -> datetime:
    """Seconds since 1970 as the database keeps times: in UTC, without saying so."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def _moment(value: object) -> datetime | None:
    try:
        return utc(datetime.fromisoformat(str(value)).timestamp())
    except ValueError:
        return None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _real(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
