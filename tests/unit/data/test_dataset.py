from dataclasses import replace

import numpy as np
import pytest

from mtlens.config.experiment import Experiment
from mtlens.config.sections import Splits
from mtlens.config.task import Task
from mtlens.data.clusters import normalised
from mtlens.data.dataset import load_examples
from mtlens.data.sources.spine import Spine, SpineReports
from mtlens.data.sources.tables import Table, Tables
from mtlens.data.splits import SPLITS, TEST, in_split
from mtlens.data.synthetic_reports.rows import spine_rows
from mtlens.errors import DataError
from mtlens.tasks import MISSING

DISC = Task(name="disc", column="disc", classes=("none", "bulge"))
CANAL = Task(name="canal", column="canal", classes=("open", "narrow"))


def experiment(*tables, tasks=(DISC,), spine=None, splits=None):
    splits = splits or Splits()
    data = Tables(tables=tables, splits=splits) if tables else SpineReports(spine=spine, splits=splits)
    return Experiment(name="t", data=data, tasks=tasks, margin=0.02)


def write_reports(path, *, num=60, column="disc", classes=("none", "bulge"), start=0, text="report"):
    """Reports of num / 2 patients, the classes in turn from one patient to the next."""
    rows = (f"{start + i},p{(start + i) // 2},{text} {start + i},{classes[(start + i) // 2 % 2]}" for i in range(num))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"key,patient,note,{column}\n" + "\n".join(rows))
    return Table(path=path.name, text="note", id="key", group="patient")


def test_one_table_becomes_examples(tmp_path):
    table = write_reports(tmp_path / "reports.csv")
    examples = load_examples(experiment(table), [tmp_path])
    assert examples.ids == tuple(str(i) for i in range(60))
    assert examples.texts[7] == "report 7"
    assert examples.labels[:, 0].tolist() == [i // 2 % 2 for i in range(60)]
    assert examples.groups[6] == examples.groups[7] != examples.groups[8]
    np.testing.assert_allclose(np.bincount(examples.splits) / 60, [0.6, 0.15, 0.25], atol=2 / 60)
    assert examples.notes == ()


def test_loading_twice_gives_the_same_fingerprints(tmp_path):
    table = write_reports(tmp_path / "reports.csv")
    first, again = (load_examples(experiment(table), [tmp_path]) for _ in range(2))
    assert first.fingerprint == again.fingerprint
    assert first.label_fingerprints[0] == again.label_fingerprints[0]
    other = load_examples(experiment(table, splits=Splits(seed=1)), [tmp_path])
    assert other.fingerprint != first.fingerprint
    assert other.label_fingerprints[0] == first.label_fingerprints[0]


def test_the_first_folder_that_has_the_table_wins(tmp_path):
    table = write_reports(tmp_path / "one" / "reports.csv", text="first")
    write_reports(tmp_path / "two" / "reports.csv", text="second")
    folders = [tmp_path / "none", tmp_path / "one", tmp_path / "two"]
    assert load_examples(experiment(table), folders).texts[0] == "first 0"
    assert load_examples(experiment(table), folders[::-1]).texts[0] == "second 0"
    absolute = table.model_copy(update={"path": str(tmp_path / "two" / "reports.csv")})
    assert load_examples(experiment(absolute), folders).texts[0] == "second 0"


def test_several_tables_are_joined_and_label_their_own_tasks(tmp_path):
    tables = (
        write_reports(tmp_path / "discs.csv"),
        write_reports(tmp_path / "canals.csv", column="canal", classes=("open", "narrow"), start=40, text="note"),
    )
    examples = load_examples(experiment(*tables, tasks=(DISC, CANAL)), [tmp_path])
    assert examples.ids[0] == "discs:0"
    assert examples.ids[60] == "canals:40"
    assert examples.sources.tolist() == [0] * 60 + [1] * 60
    assert (examples.labels[:60, 1] == MISSING).all()
    assert (examples.labels[60:, 0] == MISSING).all()
    shared = {"discs:40", "discs:41", "canals:40", "canals:41"}  # patient p20 stands in both tables
    rows = [row for row, name in enumerate(examples.ids) if name in shared]
    assert len(set(examples.groups[rows])) == len(set(examples.splits[rows])) == 1


def test_tables_of_the_same_name_keep_their_ids_apart(tmp_path):
    tables = []
    for folder in ("a", "b"):
        table = write_reports(tmp_path / folder / "reports.csv", text=folder)
        tables.append(table.model_copy(update={"path": f"{folder}/reports.csv"}))
    examples = load_examples(experiment(*tables), [tmp_path])
    assert (examples.ids[0], examples.ids[60]) == ("a/reports.csv:0", "b/reports.csv:0")


def test_a_text_in_two_tables_stays_on_one_side(tmp_path):
    tables = (write_reports(tmp_path / "one.csv"), write_reports(tmp_path / "two.csv"))
    examples = load_examples(experiment(*tables), [tmp_path])
    np.testing.assert_array_equal(examples.splits[:60], examples.splits[60:])
    np.testing.assert_array_equal(examples.groups[:60], examples.groups[60:])


def test_rows_without_any_label_are_left_out(tmp_path):
    table = write_reports(tmp_path / "reports.csv")
    with (tmp_path / "reports.csv").open("a") as file:
        file.write("\n60,p30,another report,\n61,p31,one more,")
    examples = load_examples(experiment(table), [tmp_path])
    assert len(examples.ids) == 60
    assert examples.notes == ("rows left out, as no task has a label for them: 2",)


def test_given_splits_drop_training_rows_that_repeat_test_texts(tmp_path):
    rows = [f"{split} {i},{['none', 'bulge'][i % 2]},{split}" for split in ("train", "dev", "test") for i in range(10)]
    (tmp_path / "t.csv").write_text("note,disc,fold\n" + "\n".join([*rows, "TEST 3!,bulge,train"]))
    examples = load_examples(experiment(Table(path="t.csv", text="note", split="fold")), [tmp_path])
    assert len(examples.ids) == 30
    assert "TEST 3!" not in examples.texts
    assert examples.notes == ("rows dropped from train, as their text also occurs in test or validation: 1",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"t\.csv: table should be a file in one of \[.*\]; found none there"),
        ("note,disk\na,none\n", r"t\.csv: task 'disc' should have column 'disc'; nearest is 'disk'"),
        ("note,disc\na,\n", r"t\.csv: table should label at least one task; found no label"),
        ("note,disc\na,bulg\n", r"t\.csv:2: column 'disc' should hold one of \[none, bulge\]; found 'bulg' \(nearest: bulge\)"),
        ("note,disc,fold\na,none,test\nb,none,dev\n", "task 'disc' should have training examples; found none"),
        (
            "note,disc,fold\na,none,train\nb,bulge,train\nc,bulge,test\nd,none,dev\ne,bulge,dev\n",
            "task 'disc' should have at least two classes in split test; found only 'bulge'",
        ),
        (
            "note,disc,fold\na,none,train\nb,bulge,train\nc,bulge,dev\nd,none,dev\n",
            "task 'disc' should have at least two classes in split test; found no labelled example",
        ),
        (
            "note,disc,fold\na,none,train\nb,none,train\nc,bulge,test\n",
            "at least two classes in split train; found only 'none'",
        ),
    ],
)
def test_data_that_cannot_be_used_is_refused(tmp_path, content, message):
    if content is not None:
        (tmp_path / "t.csv").write_text(content)
    table = Table(path="t.csv", text="note", split="fold" if content and "fold" in content else None)
    with pytest.raises(DataError, match=message) as error:
        load_examples(experiment(table), [tmp_path])
    assert "\n" not in str(error.value)


def test_a_table_that_labels_no_task_is_refused(tmp_path):
    tables = (write_reports(tmp_path / "discs.csv"), write_reports(tmp_path / "others.csv", column="other"))
    with pytest.raises(DataError, match=r"others\.csv: table should label at least one task; found no label"):
        load_examples(experiment(*tables), [tmp_path])


SPINE = Spine(region="lumbar", reports=60)
SPINE_TASK = Task(name="stenosis", column="canal", classes=("none", "mild", "moderate", "severe"))


def test_synthetic_reports_become_examples():
    examples = load_examples(experiment(tasks=(SPINE_TASK,), spine=SPINE), [])
    rows = spine_rows(SPINE)
    assert examples.ids == tuple(row.id for row in rows)
    assert [SPINE_TASK.classes[label] for label in examples.labels[:, 0]] == [row.labels["canal"] for row in rows]
    unseen = np.array([row.unseen for row in rows])
    assert unseen.any()
    assert in_split(examples.splits, TEST)[unseen].all()
    np.testing.assert_allclose(np.bincount(examples.splits) / len(rows), [0.6, 0.15, 0.25], atol=0.05)
    for values in ([row.patient for row in rows], [normalised(row.text) for row in rows]):
        assert len(set(zip(values, examples.splits.tolist(), strict=True))) == len(set(values))


def test_test_reports_leave_training_and_validation_as_they_are():
    plain = load_examples(experiment(tasks=(SPINE_TASK,), spine=SPINE), [])
    more = load_examples(experiment(tasks=(SPINE_TASK,), spine=SPINE.model_copy(update={"test_reports": 200})), [])
    first = len(plain.ids)
    assert more.ids[:first] == plain.ids
    for field in ("labels", "splits", "groups"):
        np.testing.assert_array_equal(getattr(more, field)[:first], getattr(plain, field))
    assert more.texts[:first] == plain.texts
    assert in_split(more.splits, TEST)[first:].all()
    assert all(name.startswith("test-r") for name in more.ids[first:])
    learnt = {normalised(text) for text, split in zip(plain.texts, plain.splits, strict=True) if SPLITS[split] != TEST}
    assert not learnt & {normalised(text) for text in more.texts[first:]}
    assert len(more.ids) - first > 6 * 200 * 0.95
    groups = more.groups[first:]
    assert groups.min() > plain.groups.max()
    assert 200 * 0.75 < len(set(groups.tolist())) < 200  # patients; some have a second report


def test_experiments_without_test_reports_do_not_name_them():
    assert "test_reports" not in SPINE.model_dump()
    assert Spine.model_validate(SPINE.model_copy(update={"test_reports": 5}).model_dump()).test_reports == 5


def test_a_task_that_the_synthetic_reports_do_not_have_is_refused():
    tasks = (SPINE_TASK.model_copy(update={"column": "cnal"}),)
    with pytest.raises(DataError, match="the synthetic reports: task 'stenosis' should have column 'cnal'; nearest is 'canal'"):
        load_examples(experiment(tasks=tasks, spine=SPINE), [])


def test_a_class_that_the_synthetic_reports_do_not_have_is_refused():
    tasks = (SPINE_TASK.model_copy(update={"classes": ("absent", "mild", "moderate", "severe")}),)
    with pytest.raises(DataError, match=r"report r0+:.*: column 'canal' should hold one of \[absent, .*\]; found 'none'"):
        load_examples(experiment(tasks=tasks, spine=SPINE), [])


@pytest.mark.parametrize(("field", "cells"), [("groups", [*range(60)]), ("ids", [*range(60)]), ("texts", ["\ud800"] * 60)])
def test_a_source_that_gives_something_else_than_text_is_named(tmp_path, monkeypatch, field, cells):
    read = Tables.read
    table = write_reports(tmp_path / "reports.csv")
    monkeypatch.setattr(Tables, "read", lambda *asked: [replace(rows, **{field: cells}) for rows in read(*asked)])
    with pytest.raises(DataError, match=rf"reports\.csv: {field} should be text; found: "):
        load_examples(experiment(table), [tmp_path])
