"""Brings the list of tables and views in a document up to date: python -m mtlens.store.tables backend/README.md."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from mtlens.store.tables import TABLES, VIEWS, Table, View

BEGIN = "<!-- made by `python -m mtlens.store.tables backend/README.md` -->"
END = "<!-- end -->"


def documented() -> str:
    """The public tables and views with their columns, in Markdown."""
    public = [table for table in TABLES if "." not in table.name]
    return "\n".join([*_listed("view", VIEWS), "", *_listed("table", public)])


def updated(document: str) -> str:
    """The document with the present list between its two marks."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{documented()}\n{END}{after}"


def _listed(kind: str, entries: Sequence[Table | View]) -> Iterator[str]:
    yield f"| {kind} | what it holds | columns |"
    yield "|---|---|---|"
    for entry in entries:
        names = ", ".join(column.name for column in entry.columns)
        yield f"| `{entry.name}` | {entry.comment} | {names} |"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(updated(path.read_text(encoding="utf-8")), encoding="utf-8")
