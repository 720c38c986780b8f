"""`mtlens init` on tables that give their splits: in a file for each, or in a list for each of a JSON document."""

import json

import pytest

from mtlens.config.loading import load_experiments
from mtlens.data.dataset import load_examples


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_lists_for_each_split_of_a_json_document_are_splits(folder, mtlens):
    """As in CLINC150: a list of pairs of text and intent for each split."""
    lists = {
        name: [[f"{name} text number {i}", ["pay", "call"][i % 2]] for i in range(20)] for name in ("train", "val", "test")
    }
    (folder / "t.json").write_text(json.dumps(lists))
    assert mtlens("init", "t.json")[0] == 0
    (experiment,) = load_experiments(folder / "experiment.yaml")
    assert experiment.data.tables[0].split == "split"
    assert [(task.name, task.classes) for task in experiment.tasks] == [("column_2", ("call", "pay"))]
    assert load_examples(experiment, [folder]).splits.tolist() == [0] * 20 + [1] * 20 + [2] * 20


def test_files_for_each_split_are_told(folder, mtlens):
    (folder / "all").mkdir()
    for name in ("x_train", "x_dev", "x_test"):
        rows = "".join(f"{name} note number {i} about nothing,{['none', 'severe'][i % 2]}\n" for i in range(20))
        (folder / "all" / f"{name}.csv").write_text("note,grade\n" + rows)
    (folder / "all" / "labels.txt").write_text("none\nsevere\n")
    _, out, _ = mtlens("init", "all")
    names = "train: x_train.csv; validation: x_dev.csv; test: x_test.csv"
    assert f"all: splits are those that the files are named after ({names})" in out
    assert "all: files that are named after no split are left out: labels.txt" in out
    written = (folder / "experiment.yaml").read_text()
    assert "# 60 rows, in files for each split" in written
    assert "splits:" not in written
