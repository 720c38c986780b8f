"""Writes a working experiment file for a table, with the classes that its label columns hold."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from mtlens.config.loading import json_schema, parse_experiments
from mtlens.config.run_kinds import MULTI, SINGLE
from mtlens.data.label_columns import read_label_columns
from mtlens.data.sources.tables import Table, Tables
from mtlens.errors import ExperimentError
from mtlens.store.workspace.files import to_json, write_atomic

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
    read = read_label_columns(table, text=text, columns=columns, group=group)
    data = Tables(tables=(Table(path=str(table.resolve()), text=text, group=group),))
    content = {
        "name": out.stem,
        "data": data.model_dump(mode="json", exclude_defaults=True),
        "tasks": read.tasks,
        "margin": 0.03,
        "seeds": [0, 1, 2],
        "runs": [SINGLE.asked_by, MULTI.asked_by],
        "training": {"epochs": 10, "patience": 3, "batch_size": 32, "learning_rate": 1.0e-4},
    }
    written = HEADER + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, default_flow_style=None)
    parse_experiments(written, str(out))
    write_atomic(out, written.encode())
    write_atomic(out.with_name(SCHEMA), to_json(json_schema()))
    return read.notes
