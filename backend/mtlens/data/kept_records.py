"""All columns of a large file, kept on disk by its content: who types `mtlens init` again does not wait for the file."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mtlens.data.cache import LARGE, file_digest, find_entry, keep_entry
from mtlens.data.formats import Form, open_table
from mtlens.data.mapped import read_mapped
from mtlens.data.records import LINE, Records, read_records
from mtlens.data.text_column import TextColumn

_TABLE, _ABOUT = "table.arrow", "about.json"


def kept_records(path: Path, name: str, form: Form) -> Records:
    """As `read_records` of all columns."""
    content = _content(path, name, form)
    if content is not None and (entry := find_entry("table", *content)) is not None:
        return _load(entry, name)
    records = read_records(path, name, None, form)
    if content is not None and content == _content(path, name, form):  # else the file was replaced while it was read
        keep_entry(lambda folder: _save(records, folder), "table", *content)
    return records


def kept_columns(path: Path, name: str, form: Form) -> tuple[str, ...]:
    """The columns of a file: kept ones, or found as `open_table` does, which reads the whole of some files."""
    content = _content(path, name, form)
    if content is not None and (entry := find_entry("table", *content)) is not None:
        return tuple(_about(entry)["columns"])
    return open_table(path, name, form).columns


def _content(path: Path, name: str, form: Form) -> tuple[object, ...] | None:
    """What decides the records of a file; None for one that is not large, or not readable."""
    try:
        if not path.is_file() or path.stat().st_size < LARGE:
            return None
        return (file_digest(path), os.fsencode(name).hex(), form.model_dump(mode="json"))
    except OSError:
        return None


def _save(records: Records, folder: Path) -> None:
    columns = {column: cells.arrow for column, cells in records.cells.items()} | {LINE: pa.array(records.lines)}
    table = pa.table(columns)
    with pa.ipc.new_file(folder / _TABLE, table.schema) as writer:
        writer.write_table(table)
    about = {
        "has_lines": records.has_lines,
        "columns": records.columns,
        "lists": records.lists,
        "notes": records.notes,
    }
    (folder / _ABOUT).write_text(json.dumps(about), encoding="utf-8")


def _load(entry: Path, name: str) -> Records:
    about = _about(entry)
    table = read_mapped(entry / _TABLE)
    return Records(
        name=name,
        files=(name,),
        has_lines=tuple(about["has_lines"]),
        columns=tuple(about["columns"]),
        cells={column: TextColumn(table.column(column)) for column in table.column_names if column != LINE},
        file=np.zeros(len(table), dtype=np.int16),
        lines=table.column(LINE).to_numpy(),
        lists=about["lists"],
        notes=tuple(about["notes"]),
    )


def _about(entry: Path) -> dict[str, Any]:
    return json.loads((entry / _ABOUT).read_text(encoding="utf-8"))
