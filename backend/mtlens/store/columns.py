"""Columns of tables, declared once: a row class is a dataclass whose fields say what they hold.

    @dataclass(frozen=True, kw_only=True)
    class ScoreRow:
        '''Scores of finished runs.'''

        run_id: Annotated[str, Column("Run")]
        epoch: Annotated[int | None, Column("Epochs trained until then", type="INTEGER")]

The annotation gives the type of a value in Python and in Parquet; `type` gives its type in the database where that differs.
Schemas of Parquet files, the tables of the database, their comments and the list in backend/README.md are made from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
import pyarrow as pa

Row = TypeVar("Row")


@dataclass(frozen=True)
class Column:
    """What the values of a column mean. key: primary key; name: of the column, where Python reserves the word."""

    comment: str
    type: str | None = None
    key: bool = False
    name: str | None = None


class Field(NamedTuple):
    """A field of a row class and its column. column: None where the field does not declare one."""

    attribute: str
    name: str
    type: str
    arrow: pa.DataType
    column: Column | None


_TYPES: dict[object, tuple[str, pa.DataType]] = {
    str: ("VARCHAR", pa.string()),
    bool: ("BOOLEAN", pa.bool_()),
    int: ("BIGINT", pa.int64()),
    np.int32: ("INTEGER", pa.int32()),
    np.int16: ("SMALLINT", pa.int16()),
    float: ("DOUBLE", pa.float64()),
    np.float32: ("FLOAT", pa.float32()),
    datetime: ("TIMESTAMP", pa.timestamp("us")),
}


@cache
def fields(row: type) -> tuple[Field, ...]:
    """The columns of a row class, in its order."""
    return tuple(_field(name, hint) for name, hint in get_type_hints(row, include_extras=True).items())


def description(row: type) -> str:
    """Description of the table or view of a row class: its docstring."""
    return " ".join((row.__doc__ or "").split()).removesuffix(".")


def arrow_schema(row: type) -> pa.Schema:
    """The columns of a row class in Arrow and Parquet."""
    return pa.schema([(field.name, field.arrow) for field in fields(row)])


def arrow_table(row: type, rows: Sequence[object]) -> pa.Table:
    """Instances of a row class as an Arrow table."""
    columns = [pa.array([getattr(instance, field.attribute) for instance in rows], field.arrow) for field in fields(row)]
    return pa.Table.from_arrays(columns, schema=arrow_schema(row))


def rows_of(row: type[Row], table: pa.Table) -> list[Row]:
    """The rows of an Arrow table as instances of their class."""
    names = [field.attribute for field in fields(row)]
    columns = [table.column(field.name).to_pylist() for field in fields(row)]
    return [row(**dict(zip(names, values, strict=True))) for values in zip(*columns, strict=True)]


def _field(attribute: str, hint: Any) -> Field:
    kind, *extras = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    column = next((extra for extra in extras if isinstance(extra, Column)), None)
    type_, arrow = _types(kind)
    if column is None:
        return Field(attribute, attribute, type_, arrow, None)
    return Field(attribute, column.name or attribute, column.type or type_, arrow, column)


def _types(annotation: Any) -> tuple[str, pa.DataType]:
    """Types in the database and in Arrow; every column may be NULL, so None in a union says nothing."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return _types(next(kind for kind in arguments if kind is not NoneType))
    if origin is Literal:
        return _TYPES[type(arguments[0])]
    if origin is Sequence:
        type_, arrow = _types(arguments[0])
        return f"{type_}[]", pa.list_(arrow)
    return _TYPES[annotation]
