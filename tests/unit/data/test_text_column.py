"""Columns of text in Arrow memory: parts of them, in any order, without copies, and as lists."""

import pickle

import numpy as np
import pyarrow as pa
import pytest

from mtlens.data.text_column import TextColumn

CELLS = [f"text {row}" if row % 7 else None for row in range(30_000)]


@pytest.fixture(params=["one chunk", "many chunks"])
def column(request):
    size = 30_000 if request.param == "one chunk" else 999
    return TextColumn(
        pa.chunked_array([pa.array(CELLS[start : start + size], pa.large_string()) for start in range(0, 30_000, size)])
    )


def test_a_column_reads_like_a_list(column):
    assert len(column) == 30_000
    assert column == CELLS
    assert column[3] == "text 3"
    assert column[-1] == CELLS[-1]
    assert column[11:20_001] == CELLS[11:20_001]
    assert column[20:3:-4] == CELLS[20:3:-4]


def test_some_rows_are_a_column_of_their_own(column):
    rows = np.random.default_rng(0).permutation(30_000)[:25_000]
    some = column.take(rows)
    assert list(some) == [CELLS[row] for row in rows]
    assert some.arrow.to_pylist() == list(some)
    again = np.array([5, 5, 24_999, 0])
    assert list(some.take(again)) == [CELLS[rows[row]] for row in again]
    assert list(some[10_000:10_010]) == [CELLS[row] for row in rows[10_000:10_010]]
    assert list(some.take(np.array([], dtype=np.int64))) == []
    assert pickle.loads(pickle.dumps(some)) == some


def test_columns_are_joined_in_their_order(column):
    assert TextColumn.joined([column.take(np.array([4])), ["a", None], TextColumn.nulls(2)]) == [
        "text 4",
        "a",
        None,
        None,
        None,
    ]
    assert TextColumn.joined([["a"]]) == ["a"]
