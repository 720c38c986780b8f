"""All columns of a large file, kept on disk by its content: who types `mtlens init` again does not wait for the file."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa

from mtlens.data.cache import LARGE, file_digest, find_entry, keep_entry
from mtlens.data.formats import Form
from mtlens.data.records import LINE, Records, read_records
from mtlens.data.text_column import TextColumn

_TABLE, _ABOUT = "table.arrow", "about.json"


def kept_records(path: Path, name: str, form: Form) -> Records:
    """As `read_records` of all columns."""
    if not path.is_file() or path.stat().st_size < LARGE:
        return read_records(path, name, None, form)
    content = (file_digest(path), name, form.model_dump(mode="json"))
    if (entry := find_entry("table", *content)) is not None:
        return _load(entry, name)
    records = read_records(path, name, None, form)
    keep_entry(lambda folder: _save(records, folder), "table", *content)
    return records


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
    about = json.loads((entry / _ABOUT).read_text(encoding="utf-8"))
    table = pa.ipc.open_file(pa.memory_map(str(entry / _TABLE))).read_all()
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
