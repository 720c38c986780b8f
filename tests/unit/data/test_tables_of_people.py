"""Tables as people have them: written in many ways, with gaps and contradictions. Each is read, or refused in one line."""

import pytest

from mtlens.config.experiment import Experiment
from mtlens.config.loading import experiments_from
from mtlens.data.data_remarks import rare_classes
from mtlens.data.dataset import load_examples
from mtlens.errors import DataError


@pytest.fixture
def load(tmp_path):
    """Examples of a table with these rows, by the tasks of an experiment."""

    def write(rows, tasks, name="t.csv", encoding="utf-8", separator=",", **table):
        (tmp_path / name).write_text("\n".join(separator.join(row) for row in rows) + "\n", encoding=encoding)
        data = {"tables": [{"path": name, "text": "text", **table}]}
        (experiment,) = experiments_from({"name": "x", "data": data, "tasks": tasks, "margin": 0.1})
        assert isinstance(experiment, Experiment)
        return load_examples(experiment, [tmp_path])

    return write


def rows_of(values, header=("text", "lab")):
    return [header, *((f"note number {i} about nothing", value) for i, value in enumerate(values))]


def notes(examples):
    return " | ".join(examples.notes)


def test_numbers_are_equal_by_value(load):
    values = ["1.0", "0", "1", "0.0"] * 15
    examples = load(rows_of(values), {"lab": {"classes": [0, 1]}})
    assert examples.labels[:, 0].tolist() == [int(float(values[int(name) - 1])) for name in examples.ids]


def test_case_does_not_make_another_class(load):
    values = ["yes", "YES", "No", "no", "NO", " Yes "] * 10
    examples = load(rows_of(values), {"lab": {"classes": ["No", "Yes"]}})
    assert examples.labels[:, 0].tolist() == [values[int(name) - 1].strip().lower() == "yes" for name in examples.ids]


def test_a_task_may_tell_case_apart(load):
    examples = load(rows_of(["a", "A"] * 30), {"lab": {"classes": ["a", "A"]}})
    assert examples.labels[:, 0].tolist() == [(int(name) - 1) % 2 for name in examples.ids]


def test_labels_say_which_class_a_value_means(load):
    values = ["ja", "nein", "J", "unklar"] * 15
    tasks = {"lab": {"labels": {"ja": 1, "J": 1, "nein": 0}, "missing": ["unklar"]}}
    examples = load(rows_of(values), tasks)
    assert examples.tasks[0].classes == ("1", "0")
    assert examples.labels[:, 0].tolist() == [int(values[int(name) - 1] == "nein") for name in examples.ids]
    assert len(examples.ids) == 45


def test_labels_should_mean_a_class(load):
    with pytest.raises(Exception, match=r"labels of task 'lab' should mean one of \['no', 'yes'\]; found \['maybe'\]"):
        load(rows_of(["a", "b"]), {"lab": {"classes": ["no", "yes"], "labels": {"a": "maybe"}}})


def test_values_that_are_no_class_are_refused_with_their_line(load):
    with pytest.raises(DataError, match=r"t\.csv:5: column 'lab' .* found '\?'; 2 such rows"):
        load(rows_of(["0", "1", "0", "?", "1", "?"]), {"lab": {"classes": [0, 1]}})
    with pytest.raises(DataError, match=r"found 'NULL'; if it means not labelled, add it to `missing` of task 'lab'"):
        load(rows_of(["0", "1", "NULL"]), {"lab": {"classes": [0, 1]}})


def test_empty_texts_are_dropped_and_counted(load):
    rows = rows_of(["0", "1"] * 30)
    rows[3], rows[8] = ("", "1"), ("  ", "0")
    examples = load(rows, {"lab": {"classes": [0, 1]}})
    assert len(examples.ids) == 58
    assert {"3", "8"}.isdisjoint(examples.ids)  # rows keep their numbers
    assert "t.csv: rows dropped, as their text is empty (column 'text'): 2" in examples.notes
    with pytest.raises(DataError, match=r"t\.csv:4: column 'text' should hold text; found an empty cell; 2 such rows"):
        load(rows, {"lab": {"classes": [0, 1]}}, empty_texts="refuse")
    with pytest.raises(DataError, match=r"t\.csv: column 'text' should hold texts; found only empty cells"):
        load([("text", "lab"), ("", "1"), (" ", "0")], {"lab": {"classes": [0, 1]}})


def test_columns_are_joined_with_their_names_and_rows_without_any_are_dropped(load):
    rows = [
        ("disc", "canal", "lab"),
        ("bulge", "", "a"),
        ("", " ", "b"),
        ("", "wide", "b"),
        ("flat", "narrow", "a"),
        ("", "", "a"),
    ]
    rows += [(f"bulge {row}", f"wide {row}", "ab"[row % 2]) for row in range(40)]
    examples = load(rows, {"lab": {"classes": ["a", "b"]}}, text={"join": ["disc", "canal"]})
    assert sorted(set(examples.texts))[:2] == ["canal: wide", "disc: bulge"]
    assert "disc: flat\ncanal: narrow" in examples.texts
    assert len(examples.ids) == 43
    assert "rows dropped, as their text is empty (column 'disc' and 'canal'): 2" in notes(examples)


def test_texts_that_contradict_themselves_are_counted_with_what_they_cost(load):
    same = [(f"same note {i}", label) for i in range(20) for label in ("0", "1")]
    rows = [("text", "lab"), *same, *((f"note {i}", str(i % 2)) for i in range(80))]
    examples = load(rows, {"lab": {"classes": [0, 1]}})
    assert "lab: 20 texts carry different labels, in 40 of 120 labelled rows" in notes(examples)
    assert "no model can be right in more than 83.3 % of them" in notes(examples)
    assert "different labels" not in notes(load(rows_of(["0", "1"] * 30), {"lab": {"classes": [0, 1]}}))


def test_classes_without_a_test_example_are_named(load):
    splits = ["train", "validation", "test"] * 20
    labels = [str(i // 3 % 2) for i in range(60)]
    labels[0] = "2"
    rows = [("text", "lab", "split"), *((f"note {i}", labels[i], splits[i]) for i in range(60))]
    examples = load(rows, {"lab": {"classes": [0, 1, 2]}}, split="split")
    assert "lab: no test example of class 2" in examples.notes


@pytest.mark.parametrize(
    ("rarest", "told"),
    [
        (5, ["lab: few training examples of class yes (5); models may never predict it without class_weights: balanced"]),
        (19, ["lab: few training examples of class yes (19); models may never predict it without class_weights: balanced"]),
        (20, []),
    ],
)
def test_classes_with_few_training_examples_are_named(load, rarest, told):
    train = [("yes", "train")] * rarest + [("no", "train")] * (200 - rarest)
    rest = [(label, split) for split in ("validation", "test") for label in ("yes", "no", "maybe") * 10]
    rows = [("text", "lab", "split"), *((f"note {i}", *row) for i, row in enumerate([*train, *rest]))]
    examples = load(rows, {"lab": {"classes": ["no", "yes", "maybe"]}}, split="split")
    assert [remark.removesuffix(" (under training)") for remark in rare_classes(examples, "none")] == told
    assert list(rare_classes(examples, "auto")) == []  # judged by macro-F1


def test_of_few_examples_no_class_is_rare_where_all_have_an_equal_share(load):
    assert list(rare_classes(load(rows_of(["0", "1"] * 15), {"lab": {"classes": [0, 1]}}), "none")) == []


def test_separators_and_encodings_are_found_in_an_experiment_too(load):
    rows = rows_of(["1", "0"] * 30, header=("text", "Größe"))
    examples = load(rows, {"size": {"column": "Größe", "classes": [0, 1]}}, encoding="cp1252", separator=";")
    assert len(examples.ids) == 60
    assert "t.csv is read in cp1252, with semicolons between fields (set by encoding, delimiter)" in examples.notes


def test_blanks_around_the_name_of_a_column_do_not_count(load):
    assert len(load(rows_of(["1", "0"] * 30, header=("text ", " lab ")), {"lab": {"classes": [0, 1]}}).ids) == 60


@pytest.fixture
def folder(tmp_path):
    for number, split in enumerate(("train", "validation", "test")):
        lines = "\n".join(f"note {number} {i},{i % 2}" for i in range(12))
        (tmp_path / f"{split}.csv").write_text(f"text,lab\n{lines}\n")
    return tmp_path


def load_from(folder, path, **table):
    data = {"tables": [{"path": path, "text": "text", **table}], "splits": {"validation": 0.2, "test": 0.3}}
    (experiment,) = experiments_from({"name": "x", "data": data, "tasks": {"lab": {"classes": [0, 1]}}, "margin": 0.1})
    return load_examples(experiment, [folder])


def test_a_table_may_have_a_file_for_each_split(folder):
    examples = load_from(folder, {"train": "train.csv", "validation": "validation.csv", "test": "test.csv"})
    assert examples.ids[0] == "train:1"
    assert examples.ids[-1] == "test:12"
    assert examples.splits.tolist() == [0] * 12 + [1] * 12 + [2] * 12
    (folder / "test.csv").write_text("text,lab\nnote,7\n")
    with pytest.raises(DataError, match=r"test\.csv:2: column 'lab'"):
        load_from(folder, {"train": "train.csv", "validation": "validation.csv", "test": "test.csv"})


@pytest.mark.parametrize("path", ["t*.csv", "parts", "{folder}/*.csv"])
def test_a_table_may_be_a_pattern_or_a_folder(folder, path):
    (folder / "parts").mkdir()
    for number, file in enumerate(folder.glob("*.csv")):
        (folder / "parts" / f"part-{number}.csv").write_bytes(file.read_bytes())
    examples = load_from(folder, path.format(folder=folder))
    assert len(examples.ids) == (24 if path == "t*.csv" else 36)
    assert examples.ids[-1] == str(len(examples.ids))


def test_files_that_are_named_after_splits_are_these(folder):
    examples = load_from(folder, ".")
    assert examples.splits.tolist() == [2] * 12 + [0] * 12 + [1] * 12
    with pytest.raises(DataError, match="should have splits of its own or be split into folds; found both"):
        load_examples(experiment_with_folds(), [folder])


@pytest.mark.parametrize("name", ["notes_{}.csv", "2018-En-{}.csv", "wnut17{}.csv", "{}_2.CSV"])
def test_the_name_of_a_split_may_stand_anywhere_in_that_of_a_file(folder, name):
    (folder / "parts").mkdir()
    for split in ("train", "dev", "test"):
        content = (folder / f"{'validation' if split == 'dev' else split}.csv").read_bytes()
        (folder / "parts" / name.format(split)).write_bytes(content)
    (folder / "parts" / "latest.csv").write_text("label\nnone\n")
    examples = load_from(folder, "parts")
    assert sorted(examples.splits.tolist()) == [0] * 12 + [1] * 12 + [2] * 12
    told = [f"{split}: {name.format(file)}" for split, file in (("train", "train"), ("validation", "dev"), ("test", "test"))]
    assert f"parts: splits are those that the files are named after ({'; '.join(told)})" in examples.notes
    assert "parts: files that are named after no split are left out: latest.csv" in examples.notes


def test_a_folder_whose_test_labels_are_hidden_tests_on_part_of_the_training_rows(folder):
    (folder / "test.csv").write_text("text,lab\n" + "".join(f"hidden note {i},-\n" for i in range(12)))
    data = {"tables": [{"path": ".", "text": "text"}], "splits": {"validation": 0.25, "test": 0.25}}
    tasks = {"lab": {"classes": [0, 1], "missing": ["-"]}}
    (experiment,) = experiments_from({"name": "x", "data": data, "tasks": tasks, "margin": 0.1})
    examples = load_examples(experiment, [folder])
    assert sorted(examples.splits.tolist()) == [0] * 8 + [1] * 12 + [2] * 4  # a quarter of what does not validate
    assert "rows moved to test, as no labelled row of that split was given, from 12 in train: 4" in examples.notes
    assert "rows left out, as no task has a label for them: 12" in examples.notes


def experiment_with_folds():
    data = {"tables": [{"path": ".", "text": "text"}], "splits": {"folds": 3}}
    return experiments_from({"name": "x", "data": data, "tasks": {"lab": {"classes": [0, 1]}}, "margin": 0.1})[0]


def test_patterns_and_folders_without_tables_are_refused(folder):
    (folder / "empty").mkdir()
    with pytest.raises(DataError, match=r"x\*\.csv: files should match in one of"):
        load_from(folder, "x*.csv")
    with pytest.raises(DataError, match="empty: folder should hold files that end in one of"):
        load_from(folder, "empty")


def test_given_split_values_stand_beside_the_usual_names(load):
    splits = ["0", "dev", "Test"] * 20
    rows = [("text", "lab", "part"), *((f"note {i}", str(i // 3 % 2), splits[i]) for i in range(60))]
    examples = load(rows, {"lab": {"classes": [0, 1]}}, split="part", split_values={"train": ["0"]})
    assert examples.splits.tolist() == [0, 1, 2] * 20
