"""Row classes and Arrow tables: each gives the other, with the types that the annotations say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
import pytest

from mtlens.store.columns import Column, arrow_schema, arrow_table, description, fields, rows_of


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row
    about something.
    """

    split: Annotated[Literal["train", "test"], Column("A split")]
    label: Annotated[str | None, Column("A reserved word", name="class")] = None
    count: Annotated[int, Column("Narrower in the database", type="INTEGER", key=True)]
    small: Annotated[np.int16, Column("Narrow everywhere")]
    groups: Annotated[Sequence[Sequence[str]], Column("Lists of lists")]
    scores: Annotated[Sequence[float | None], Column("A list with holes")]
    at: Annotated[datetime, Column("A time")]
    plain: bool | None = None


FIRST = Row(
    split="train", label="yes", count=2**40, small=np.int16(3), groups=[["a"], []], scores=[1.0, None], at=datetime(2030, 1, 1)
)
SECOND = Row(split="test", count=-1, small=np.int16(-3), groups=[], scores=[], at=datetime(2031, 1, 1), plain=True)


def test_the_database_and_arrow_have_the_types_of_the_annotations():
    assert [(field.name, field.type, str(field.arrow)) for field in fields(Row)] == [
        ("split", "VARCHAR", "string"),
        ("class", "VARCHAR", "string"),
        ("count", "INTEGER", "int64"),
        ("small", "SMALLINT", "int16"),
        ("groups", "VARCHAR[][]", "list<item: list<item: string>>"),
        ("scores", "DOUBLE[]", "list<item: double>"),
        ("at", "TIMESTAMP", "timestamp[us]"),
        ("plain", "BOOLEAN", "bool"),
    ]
    assert [field.name for field in fields(Row) if field.column is None] == ["plain"]
    assert description(Row) == "One row about something"


def test_rows_become_a_table_and_the_table_the_rows():
    table = arrow_table(Row, [FIRST, SECOND])
    assert table.schema == arrow_schema(Row)
    assert table.column("class").to_pylist() == ["yes", None]
    assert rows_of(Row, table) == [FIRST, SECOND]
    assert rows_of(Row, table.slice(2)) == []
    assert arrow_table(Row, []).num_rows == 0


def test_a_value_of_another_type_is_refused():
    with pytest.raises((pa.ArrowInvalid, pa.ArrowTypeError)):
        arrow_table(Row, [Row(**{**vars(FIRST), "count": "many"})])
