"""Writes a working experiment file for a table, with the classes that its label columns hold."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import yaml

from mtlens.config.loading import json_schema, parse_experiments
from mtlens.config.run_kinds import MULTI, SINGLE
from mtlens.data.file_formats import read_records
from mtlens.data.table import nearest
from mtlens.errors import DataError, ExperimentError
from mtlens.store.workspace.files import to_json, write_atomic

MAX_CLASSES = 50
UNLABELLED = ("-1", "nan", "NaN", "NA", "N/A", "null")
SCHEMA = "mtlens.schema.json"
HEADER = f"""\
# yaml-language-server: $schema={SCHEMA}
# What do you want to know? Whether one multi-task model matches the task-specific ones within `margin`, in macro-F1.
# Set the margin before you run. `mtlens plan` shows what your test examples can settle.
"""


def write_experiment(table: Path, *, text: str, columns: Sequence[str], group: str | None, out: Path) -> list[str]:
    """Write the file and, beside it, the JSON Schema for editors; returns remarks about what was found in the table.

    Raises DataError for a table that does not fit and ExperimentError where `out` exists.
    """
    if out.exists():
        raise ExperimentError(f"{out} should not exist yet; found a file, which stays as it is")
    wanted = [text, *columns, *([group] if group else [])]
    records = read_records(table, table.name, frozenset(wanted))
    for column in wanted:
        if column not in records.cells:
            raise DataError(f"{table.name}: column {column!r} should exist; {nearest(column, records.columns)}")
    tasks: dict[str, object] = {}
    notes: list[str] = []
    for column in columns:
        counts = Counter(value.strip() for value in records.cells[column] if value and value.strip())
        missing = [value for value in counts if value in UNLABELLED]
        classes = sorted(set(counts) - set(missing), key=_by_number)
        if not 2 <= len(classes) <= MAX_CLASSES:
            raise DataError(f"{table.name}: column {column!r} should hold 2 to {MAX_CLASSES} classes; found {len(classes)}")
        tasks[column] = {"column": column, "classes": classes, **({"missing": missing} if missing else {})}
        notes.append(f"{column}: " + ", ".join(f"{name} ({counts[name]:,})" for name in classes))
        notes += [f"{column}: {value!r} ({counts[value]:,}) counts as not labelled" for value in missing]
    content = {
        "name": out.stem,
        "data": {"tables": [{"path": str(table.resolve()), "text": text, **({"group": group} if group else {})}]},
        "tasks": tasks,
        "margin": 0.03,
        "seeds": [0, 1, 2],
        "runs": [SINGLE.asked_by, MULTI.asked_by],
        "training": {"epochs": 5, "batch_size": 32, "learning_rate": 1.0e-4},
    }
    written = HEADER + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, default_flow_style=None)
    parse_experiments(written, str(out))
    write_atomic(out, written.encode())
    write_atomic(out.with_name(SCHEMA), to_json(json_schema()))
    return notes


def _by_number(value: str) -> tuple[int, float, str]:
    """Numbers in their order, then words in theirs."""
    try:
        return (0, float(value), value)
    except ValueError:
        return (1, 0.0, value)
