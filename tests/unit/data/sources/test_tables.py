import json

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from mtlens.config.task import Task
from mtlens.data.dataset import labels_of
from mtlens.data.sources.files import TableFile
from mtlens.data.sources.tables import Table, read_table
from mtlens.errors import DataError
from mtlens.tasks import MISSING
from mtlens.tasks.classes import class_indices

DISC = Task(name="disc", column="disc", classes=("none", "bulge", "protrusion"))
GRADE = Task(name="grade", column="grade", classes=("0", "1", "2"), missing=("-1",))


def read(tmp_path, content, *, name="t.csv", tasks=(DISC,), **columns):
    """Rows and the labels of the tasks."""
    path = tmp_path / name
    path.write_text(content, encoding="utf-8", newline="")
    return read_labelled(Table(path=name, **{"text": "note", **columns}), path, tasks)


def read_labelled(table, path, tasks):
    rows = read_table(table, [TableFile(path=path, name=table.path)], frozenset(task.column for task in tasks))
    return rows, np.stack([labels_of(task, rows).codes for task in tasks], axis=1)


def test_labels_are_class_indices_and_empty_cells_are_missing(tmp_path):
    rows, labels = read(tmp_path, "note,disc,grade\na,bulge,2\nb,,-1\nc, none ,0\n", tasks=(DISC, GRADE))
    assert rows.texts == ["a", "b", "c"]
    np.testing.assert_array_equal(labels, [[1, 2], [MISSING, MISSING], [0, 0]])
    assert rows.ids == ["1", "2", "3"]
    assert rows.groups == rows.splits == [None, None, None]


def test_whole_numbers_with_a_decimal_point_are_the_classes_without(tmp_path):
    _, labels = read(tmp_path, "note,grade\na,1.0\nb,2.00\nc,-1.0\nd,0\n", tasks=(GRADE,))
    assert labels[:, 0].tolist() == [1, 2, MISSING, 0]
    exact = Task(name="x", column="x", classes=("1", "1.0"))
    assert class_indices(exact, ["1.0", "1"], str).tolist() == [1, 0]


def test_a_column_with_gaps_survives_its_way_through_parquet(tmp_path):
    table = pyarrow.table({"note": ["a", "b", "c"], "grade": pyarrow.array([1.0, None, 2.0])})
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    _, labels = read_labelled(Table(path="t.parquet", text="note"), tmp_path / "t.parquet", (GRADE,))
    assert labels[:, 0].tolist() == [1, MISSING, 2]


def test_json_null_is_missing_and_booleans_are_true_and_false(tmp_path):
    task = Task(name="flag", column="flag", classes=("false", "true"))
    lines = [{"note": "a", "flag": True}, {"note": "b", "flag": None}, {"note": "c", "flag": False}, {"note": "d"}]
    _, labels = read(tmp_path, "\n".join(map(json.dumps, lines)), name="t.jsonl", tasks=(task,))
    assert labels[:, 0].tolist() == [1, MISSING, 0, MISSING]


def test_a_task_whose_column_is_elsewhere_is_not_labelled_here(tmp_path):
    rows, labels = read(tmp_path, "note,disc\na,bulge\n", tasks=(DISC, GRADE))
    assert labels.tolist() == [[1, MISSING]]
    assert rows.columns == ("note", "disc")


def test_ids_groups_and_texts_are_kept_as_written(tmp_path):
    rows, _ = read(tmp_path, "key,patient,note,disc\nx,p1, a ,none\ny,,b,none\n", id="key", group="patient")
    assert (rows.ids, rows.groups, rows.texts) == (["x", "y"], ["p1", None], [" a ", "b"])


def test_split_columns_know_the_usual_names(tmp_path):
    content = "note,disc,fold\n" + "".join(
        f"a,none,{name}\n" for name in ("train", "val", "Dev", "valid", "TEST", "validation")
    )
    rows, _ = read(tmp_path, content, split="fold")
    assert rows.splits == ["train", "validation", "validation", "validation", "test", "validation"]


def test_split_values_say_what_a_split_column_means(tmp_path):
    values = {"train": ("0", "1"), "validation": ("2",), "test": ("3",)}
    rows, _ = read(tmp_path, "note,disc,fold\na,none,3\nb,none,0\nc,none,2\n", split="fold", split_values=values)
    assert rows.splits == ["test", "train", "validation"]


@pytest.mark.parametrize(
    ("content", "columns", "message"),
    [
        ("nota,disc\na,none\n", {}, r"t\.csv: table should have column 'note'; nearest is 'nota'"),
        ("x;y\na;none\n", {}, r"t\.csv: table should have column 'note'; found 2 columns: 'x', 'y'"),
        ("note,disc\na,none\n", {"id": "key"}, "should have column 'key'; found 2 columns: 'note', 'disc'"),
        ("note,disc\na,none\n", {"group": "patient"}, "should have column 'patient'"),
        ("note,disc\na,none\n", {"split": "fold"}, "should have column 'fold'"),
        (
            "note,disc\na,none\nb,bulg\nc,bulg\n",
            {},
            r"t\.csv:3: column 'disc' should hold one of \[.*protrusion\]; found 'bulg' \(nearest: bulge\); 2 such rows",
        ),
        ('note,disc\n"two\nlines",none\nb,xyz\n', {}, r"t\.csv:4: column 'disc' should hold one of \[.*\]; found 'xyz'$"),
        (
            "note,disc\na,none\nb,NaN\n",
            {},
            r"t\.csv:3: column 'disc' .* found 'NaN'; if it means not labelled, add it to `missing` of task 'disc'$",
        ),
        (
            "note,disc\na,none\n  ,none\n,none\n",
            {"empty_texts": "refuse"},
            r"t\.csv:3: column 'note' should hold text; found an empty cell; 2 such rows",
        ),
        (
            "key,note,disc\nx,a,none\ny,b,none\nx,c,none\n",
            {"id": "key"},
            r"t\.csv:4: column 'key' should hold unique ids; found 'x' again, first at t\.csv:2",
        ),
        ("key,note,disc\n,a,none\n", {"id": "key"}, r"t\.csv:2: column 'key' should hold ids; found an empty cell"),
        (
            "note,disc,fold\na,none,train\nb,none,later\n",
            {"split": "fold"},
            r"t\.csv:3: column 'fold' should hold one of \[train, .*\]; found 'later'",
        ),
        ("note,disc,fold\na,none,\n", {"split": "fold"}, r"t\.csv:2: column 'fold' should hold one of .*; found ''"),
        (
            "note,disc,fold\na,none,later\n",
            {"split": "fold", "split_values": {"train": ("0",), "test": ("1",)}},
            r"t\.csv:2: column 'fold' should hold one of \[0, 1, train, validation, test\]; found 'later' ",
        ),
    ],
)
def test_cells_that_cannot_be_used_are_named(tmp_path, content, columns, message):
    with pytest.raises(DataError, match=message) as error:
        read(tmp_path, content, **columns)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "first",
    ["p1,Patient Jane Roe: severe stenosis.", "Patient Jane Roe,normal,1980-02-03", "note 1,A fall. Jane Roe", "Jane,notes,-4"],
)
def test_a_first_row_that_is_no_header_is_not_repeated(tmp_path, first):
    """Not even the cell that is most like the column."""
    with pytest.raises(DataError, match=r"found \d columns, but its first row does not look like their names") as error:
        read(tmp_path, f"{first}\na,b,c\n".replace("a,b,c", ",".join("abc"[: first.count(",") + 1])))
    assert not any(word in str(error.value) for word in ("Jane", "stenosis", "1980", "'note 1'"))


def test_names_of_columns_may_be_odd_and_many(tmp_path):
    header = ",i_make_open_apply_setup_get_activate,Grade (0-3),finding.canal,Text of the report," + ",".join(
        f"c{i}" for i in range(20)
    )
    with pytest.raises(
        DataError, match=r"found 25 columns: 'i_make_.*', 'Grade \(0-3\)', 'finding\.canal', 'Text of the report'"
    ):
        read(tmp_path, f"{header}\n{',' * 24}\n")


def test_a_nan_from_json_or_parquet_is_no_silent_gap(tmp_path):
    with pytest.raises(DataError, match=r"t\.jsonl:1: .* found 'nan'; if it means not labelled, add it to `missing`"):
        read(tmp_path, '{"note": "a", "grade": NaN}', name="t.jsonl", tasks=(GRADE,))
    pyarrow.parquet.write_table(pyarrow.table({"note": ["a"], "grade": [float("nan")]}), tmp_path / "t.parquet")
    with pytest.raises(DataError, match=r"t\.parquet: row 1: .* found 'nan'; if it means not labelled"):
        read_labelled(Table(path="t.parquet", text="note"), tmp_path / "t.parquet", (GRADE,))


def test_many_classes_are_not_all_listed(tmp_path):
    task = Task(name="x", column="disc", classes=tuple(f"class {i}" for i in range(50)))
    with pytest.raises(DataError, match=r"one of \[class 0, .*, class 9, \.\.\.\]; found 'zzz'"):
        read(tmp_path, "note,disc\na,zzz\n", tasks=(task,))


def test_a_list_of_words_is_a_text_and_another_list_is_none(tmp_path):
    lines = '{"note": "a", "disc": "none"}\n{"note": ["b", "c d"], "disc": "none"}\n'
    assert read(tmp_path, lines, name="t.jsonl")[0].texts[1] == "b c\u00a0d"
    with pytest.raises(DataError, match=r"t\.jsonl:2: column 'note' should hold text or lists of words; found another list"):
        read(tmp_path, '{"note": "a", "disc": "none"}\n{"note": [1], "disc": "none"}\n', name="t.jsonl")
