"""A table or view of the database: its name, its row class, and the SQL that makes and describes it."""

from collections.abc import Sequence
from dataclasses import dataclass

from mtlens.store.columns import Field, description, fields


@dataclass(frozen=True)
class Table:
    """A table whose rows are of class `row`. owner: class of the columns that name the owner of a Parquet file."""

    name: str
    row: type
    owner: type | None = None

    @property
    def comment(self) -> str:
        """What the table holds."""
        return description(self.row)

    @property
    def columns(self) -> tuple[Field, ...]:
        """All columns, in their order."""
        return (*(fields(self.owner) if self.owner else ()), *fields(self.row))

    @property
    def create(self) -> str:
        """SQL that makes the table, and describes it."""
        columns = ", ".join(_declared(field) for field in self.columns)
        schema, dot, _ = self.name.rpartition(".")
        first = f"CREATE SCHEMA IF NOT EXISTS {schema};\n" if dot else ""
        return f"{first}CREATE TABLE {self.name} ({columns});\n{_comments('TABLE', self.name, self.comment, self.columns)}"


@dataclass(frozen=True)
class View:
    """A view whose SELECT is in an SQL file. sources: row classes of tables that it takes columns from.

    A column that `row` does not describe is described by the first source with a column of this name.
    """

    name: str
    row: type
    sources: tuple[type, ...] = ()

    @property
    def comment(self) -> str:
        """What the view shows."""
        return description(self.row)

    @property
    def columns(self) -> tuple[Field, ...]:
        """All columns, in their order."""
        described = {field.name: field for source in reversed(self.sources) for field in fields(source)}
        return tuple(field if field.column else described.get(field.name, field) for field in fields(self.row))

    @property
    def comments(self) -> str:
        """SQL that describes the view."""
        return _comments("VIEW", self.name, self.comment, self.columns)


def _declared(field: Field) -> str:
    key = " PRIMARY KEY" if field.column and field.column.key else ""
    return f'"{field.name}" {field.type}{key}'


def _comments(kind: str, name: str, comment: str, columns: Sequence[Field]) -> str:
    statements = [f"COMMENT ON {kind} {name} IS {_quoted(comment)};"]
    for field in columns:
        if field.column:
            statements.append(f'COMMENT ON COLUMN {name}."{field.name}" IS {_quoted(field.column.comment)};')
    return "\n".join(statements)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
