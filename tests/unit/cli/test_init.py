"""`mtlens init` asks nothing: it guesses what is not named, and writes a file that works, with comments."""

import json
import re
from collections import Counter

import pytest
import yaml

from mtlens.config.loading import load_experiments
from mtlens.data import guess_kinds
from mtlens.data.dataset import load_examples


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table(folder, name="notes.csv", header="id,note,grade,side", rows=60, **columns):
    values = {
        "id": lambda i: f"r{i}",
        "note": lambda i: f"note number {i} of some length about nothing",
        "grade": lambda i: ["none", "mild", "severe"][i % 3],
        "side": lambda i: ["left", "right"][i % 2],
        **columns,
    }
    names = header.split(",")
    lines = [header, *(",".join(values[column.strip()](i) for column in names) for i in range(rows))]
    (folder / name).write_text("\n".join(lines) + "\n")


def load(folder, name="experiment.yaml"):
    (experiment,) = load_experiments(folder / name)
    return experiment, load_examples(experiment, [(folder / name).parent])


def test_columns_are_guessed_and_the_next_command_is_told(folder, mtlens):
    table(folder)
    code, out, _ = mtlens("init", "notes.csv")
    assert code == 0
    assert "text: note (guessed)" in out
    assert "grade: none (20), mild (20), severe (20)" in out
    assert out.splitlines()[-1] == "Wrote experiment.yaml. Next: mtlens plan experiment.yaml"
    experiment, examples = load(folder)
    assert [task.name for task in experiment.tasks] == ["grade", "side"]
    assert len(examples.ids) == 60
    written = (folder / "experiment.yaml").read_text()
    assert re.search(r"- path: notes\.csv +# 60 rows", written)
    assert re.search(r"grade: +# none \(20\), mild \(20\), severe \(20\)", written)
    assert json.loads((folder / "mtlens.schema.json").read_text())["properties"]["tasks"]


def test_several_spellings_and_missing_words_are_told(folder, mtlens):
    labels = ["yes", "YES", "No", "no", "n/a", "NULL", "-", "?"]
    table(folder, header="note,lab", rows=80, lab=lambda i: labels[i % 8])
    _, out, _ = mtlens("init", "notes.csv", "--text", "note", "--tasks", "lab")
    assert "lab: 'No' (10) is read as 'no'" in out
    assert "lab: 'n/a' (10) counts as not labelled" in out
    (task,) = load(folder)[0].tasks
    assert task.classes == ("no", "yes")
    assert set(task.missing) == {"n/a", "NULL", "-", "?"}


def test_numbers_written_in_two_ways_are_one_class(folder, mtlens):
    table(folder, header="note,lab", lab=lambda i: ["0", "0.0", "1", "1.0"][i % 4])
    assert mtlens("init", "notes.csv", "--task", "lab")[0] == 0
    assert load(folder)[0].tasks[0].classes == ("0", "1")


def test_minus_one_is_a_class_where_it_has_to_be(folder, mtlens):
    table(folder, header="note,lab", lab=lambda i: ["-1", "1"][i % 2])
    assert mtlens("init", "notes.csv", "--task", "lab")[0] == 0
    assert load(folder)[0].tasks[0].classes == ("-1", "1")


def test_a_column_may_have_a_comma_in_its_name_or_blanks_around_it(folder, mtlens):
    lines = "\n".join(f"note number {i},{i % 2},{i % 2}" for i in range(60))
    (folder / "notes.csv").write_text(f'text,"nodule, lung", side \n{lines}\n')
    code, _, err = mtlens("init", "notes.csv", "--text", "text", "--task", "nodule, lung", "--task", "side")
    assert (code, err) == (0, "")
    experiment, examples = load(folder)
    assert [(task.name, task.column) for task in experiment.tasks] == [("nodule, lung", "nodule, lung"), ("side", "side")]
    assert examples.labels.shape == (60, 2)


def test_paths_are_relative_to_the_experiment_file(folder, mtlens):
    (folder / "data").mkdir()
    (folder / "experiments").mkdir()
    table(folder / "data")
    assert mtlens("init", "data/notes.csv", "--out", "experiments/new.yaml")[0] == 0
    assert load(folder, "experiments/new.yaml")[0].data.tables[0].path == "../data/notes.csv"
    assert mtlens("init", folder / "data/notes.csv", "--out", "here.yaml")[0] == 0
    assert load(folder, "here.yaml")[0].data.tables[0].path == "data/notes.csv"
    assert mtlens("init", folder / "data/notes.csv", "--out", "experiments/far.yaml")[0] == 0
    assert load(folder, "experiments/far.yaml")[0].data.tables[0].path == str(folder / "data/notes.csv")


def test_a_split_column_is_used_and_a_patient_offered(folder, mtlens):
    splits = ["train"] * 4 + ["dev"] + ["test"]
    table(folder, header="patient_id,note,grade,part", part=lambda i: splits[i // 2 % 6], patient_id=lambda i: f"p{i // 2}")
    assert mtlens("init", "notes.csv")[0] == 0
    written = (folder / "experiment.yaml").read_text()
    assert yaml.safe_load(written)["data"]["tables"][0]["split"] == "part"
    assert "# group: patient_id" in written
    assert [task.name for task in load(folder)[0].tasks] == ["grade"]


def test_a_file_without_a_header_gets_names(folder, mtlens):
    lines = "\n".join(f"1.{i}\tA plane number {i} is taking off, again.\t{'ab'[i % 2]}" for i in range(60))
    (folder / "sts.csv").write_text(lines)
    code, out, _ = mtlens("init", "sts.csv")
    assert code == 0
    assert "sts.csv: the first row looks like data, so the columns are called column_1 to column_3" in out
    experiment, examples = load(folder)
    assert experiment.data.tables[0].columns == ("column_1", "column_2", "column_3")
    assert len(examples.ids) == 60


def test_pairs_are_guessed_by_their_names(folder, mtlens):
    table(
        folder,
        header="sentence1,sentence2,grade",
        sentence1=lambda i: f"a first long sentence {i}",
        sentence2=lambda i: f"second sentence, of length {i}".replace(",", ""),
    )
    assert mtlens("init", "notes.csv")[0] == 0
    experiment, examples = load(folder)
    assert experiment.data.tables[0].text == ("sentence1", "sentence2")
    assert examples.pairs is not None


def test_sentences_that_repeat_are_pairs_too(folder, mtlens):
    """As in SICK, where each sentence stands in several pairs."""
    table(
        folder,
        header="pair_ID,sentence_A,sentence_B,judgment",
        rows=900,
        pair_ID=str,
        sentence_A=lambda i: f"a first sentence with number {i // 3}",
        sentence_B=lambda i: f"some other sentence that has {i % 301}",
        judgment=lambda i: ["NEUTRAL", "ENTAILMENT"][i % 2],
    )
    assert mtlens("init", "notes.csv")[0] == 0
    experiment, _ = load(folder)
    assert experiment.data.tables[0].text == ("sentence_A", "sentence_B")
    assert [task.name for task in experiment.tasks] == ["judgment"]


def test_numbers_of_labels_are_several_labels_even_where_few_cells_have_several(folder, mtlens):
    """As in GoEmotions: most cells hold one label."""
    several = [f"{i % 28},{(i + 2 + i // 28) % 28},{(i + 9 + i // 28) % 28}" for i in range(125)]
    sets = [f"{i % 28}" if i % 8 else several[i // 8] for i in range(1000)]
    table(folder, header="note,codes", rows=1000, codes=lambda i: f'"{sets[i]}"')
    _, out, _ = mtlens("init", "notes.csv")
    counts = Counter(name for one in sets for name in one.split(","))
    assert f"codes: 0 ({counts['0']}), 1 ({counts['1']}), 2 ({counts['2']})" in out
    (task,) = load(folder)[0].tasks
    assert (task.kind, task.separator, task.classes) == ("multilabel", ",", tuple(map(str, range(28))))


@pytest.mark.parametrize("cell", [lambda i: f'"{i % 7},{i % 10}"', lambda i: f'"{1 + i % 7},000,{i % 900 + 100}"'])
def test_decimals_and_thousands_with_commas_are_no_labels(folder, mtlens, cell):
    table(folder, header="note,grade,price", rows=400, price=cell)
    assert mtlens("init", "notes.csv")[0] == 0
    assert "multilabel" not in {task.kind for task in load(folder)[0].tasks}


@pytest.mark.parametrize("kind", ["multilabel", "tags"])
def test_classes_are_counted_in_all_rows(folder, mtlens, monkeypatch, kind):
    monkeypatch.setattr(guess_kinds, "_LOOKED_AT", 40)
    cells = {"multilabel": ["a;b", "b;c", "c;late"], "tags": ["B-SITE O O", "O B-AGE O", "O O B-late"]}[kind]
    table(folder, header="note,found", rows=60, note=lambda i: f"the note {i}", found=lambda i: cells[i % 2 if i < 50 else 2])
    assert mtlens("init", "notes.csv", "--text", "note")[0] == 0
    (task,) = load(folder)[0].tasks
    assert task.kind == kind
    assert set(task.classes) == ({"a", "b", "c", "late"} if kind == "multilabel" else {"SITE", "AGE", "late"})


def test_none_among_numbers_is_no_label_and_among_words_a_class(folder, mtlens):
    table(folder, header="note,fever,pain", fever=lambda i: ["0", "1", "NONE"][i % 3], pain=lambda i: ["none", "some"][i % 2])
    _, out, _ = mtlens("init", "notes.csv")
    assert "fever: 'NONE' (20) counts as not labelled" in out
    assert [task.classes for task in load(folder)[0].tasks] == [("0", "1"), ("none", "some")]


def test_several_columns_of_0_and_1_are_offered_as_one_task(folder, mtlens):
    table(
        folder,
        header="note,rage,joy,fear",
        rage=lambda i: str(i % 2),
        joy=lambda i: str(i // 2 % 2),
        fear=lambda i: str(i // 3 % 2),
    )
    assert mtlens("init", "notes.csv")[0] == 0
    assert len(load(folder)[0].tasks) == 3
    lines = (folder / "experiment.yaml").read_text().splitlines()
    (place,) = [number for number, line in enumerate(lines) if "one task of several labels" in line]
    start = lines.index("tasks:")
    offered = lines[place + 1].replace("# ", "", 1)
    (folder / "experiment.yaml").write_text("\n".join([*lines[: start + 1], offered, *lines[place + 2 :]]))
    (task,) = load(folder)[0].tasks
    assert (task.kind, task.classes) == ("multilabel", ("rage", "joy", "fear"))


def test_dates_and_counts_are_neither_texts_nor_tasks(folder, mtlens):
    table(
        folder, header="note,sent_at,tweet_count,label_confidence,grade", tweet_count=lambda i: str(i % 4),
        sent_at=lambda i: f"2015-02-24 11:{i % 60:02}:52 -0800", label_confidence=lambda i: f"0.{i % 30}",
    )  # fmt: skip
    assert mtlens("init", "notes.csv")[0] == 0
    experiment, _ = load(folder)
    assert [task.name for task in experiment.tasks] == ["grade"]
    assert "join" not in (folder / "experiment.yaml").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--text", "x"], "notes.csv: column 'x' should exist; found 4 columns"),
        (["--text", "a", "--text", "b", "--text", "c"], "--text should be given once, or twice for pairs of texts"),
        (["--task", "id"], "column 'id' should hold 2 to 50 classes; found 60"),
    ],
)
def test_mistakes_are_one_line(folder, mtlens, arguments, message):
    table(folder)
    code, _, err = mtlens("init", "notes.csv", *arguments)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert not (folder / "experiment.yaml").exists()


def test_a_table_without_labels_is_refused(folder, mtlens):
    table(folder, header="id,note")
    assert (
        "table should have a label column, which `--task` names if none is guessed; found 2 columns: 'id', 'note'"
        in mtlens("init", "notes.csv")[2]
    )


def test_measured_numbers_are_a_task_of_numbers(folder, mtlens):
    table(folder, header="note,score,grade", score=lambda i: f"{(i * 7) % 23 / 4:.2f}")
    _, out, _ = mtlens("init", "notes.csv")
    assert "score: 23 different numbers, 0 to 5.5" in out
    experiment, examples = load(folder)
    assert [(task.name, task.kind) for task in experiment.tasks] == [("score", "number"), ("grade", "ordinal")]
    assert len(examples.ids) == 60


def test_kinds_follow_from_what_cells_hold(folder, mtlens):
    signs = ["fever; cough", "cough", "fever; rash", "rash"]
    table(
        folder, header="note,signs,severity,batch,weeks,names", rows=80, signs=lambda i: signs[i % 4],
        severity=lambda i: str(i % 4), batch=lambda i: str(1 + i % 3), weeks=lambda i: str((i * 7) % 41),
        names=lambda i: "O O B-SITE O O O O O" if i % 2 else "B-AGE I-AGE O O O O O O",
    )  # fmt: skip
    code, _, err = mtlens("init", "notes.csv", "--text", "note")
    assert (code, err) == (0, "")
    experiment, _ = load(folder)
    assert {task.name: (task.kind, task.classes) for task in experiment.tasks} == {
        "signs": ("multilabel", ("cough", "fever", "rash")),
        "severity": ("ordinal", ("0", "1", "2", "3")),
        "batch": ("classes", ("1", "2", "3")),
        "weeks": ("number", ()),
        "names": ("tags", ("AGE", "SITE")),
    }
    written = (folder / "experiment.yaml").read_text()
    assert written.count("# kind: ordinal    # if the classes are in an order, as grades are") == 1
    assert re.search(r"batch:[^\n]*\n +classes[^\n]*\n +# kind: ordinal", written)
    assert re.search(r"# metric: span_f1\(AGE\) +# instead of span F1", written)


def test_a_conll_file_and_lists_of_spans_are_tasks_of_tags(folder, mtlens):
    sentences = [f"Ann{i}\tB-PER\nlives\tO\nhere\tO\nin\tO\nRome{i}\tB-LOC\n" for i in range(40)]
    (folder / "names.conll").write_text("\n".join(sentences))
    lines = [
        {"note": f"Ann{i} lives in Rome for {i} years", "entities": [{"start": 0, "end": 3, "label": "PER"}]} for i in range(40)
    ]
    (folder / "names.jsonl").write_text("\n".join(map(json.dumps, lines)))
    for name, text, classes in (("names.conll", "words", ("LOC", "PER")), ("names.jsonl", "note", ("PER",))):
        code, out, _ = mtlens("init", name, "--out", f"{name}.yaml")
        assert code == 0
        assert f"text: {text} (guessed)" in out
        ((task,), examples) = (lambda loaded: (loaded[0].tasks, loaded[1]))(load(folder, f"{name}.yaml"))
        assert (task.kind, task.classes) == ("tags", classes)
        assert (examples.labels >= 0).all()
