"""Experiment files: what is read, and how each mistake is named."""

import pytest

from mtlens.config.experiment import Experiment
from mtlens.config.loading import MAX_BYTES, load_experiments, parse_experiments
from mtlens.errors import ExperimentError
from tests.support.experiment_files import GOOD, TABLES, changed


def test_a_good_file_is_read():
    (experiment,) = parse_experiments(GOOD, "e.yaml")
    assert [task.name for task in experiment.tasks] == ["disc", "thecal"]
    assert experiment.tasks[0].column == "disc"
    assert experiment.tasks[1].column == "weak_thecal"
    assert experiment.training.learning_rate == 1e-4


def test_classes_stay_the_text_that_was_written():
    (experiment,) = parse_experiments(changed("[0, 1, 2]", "[1.0, 007, true, ~, 1e3]"), "e.yaml")
    assert experiment.tasks[0].classes == ("no", "yes")
    assert experiment.tasks[1].classes == ("1.0", "007", "true", "~", "1e3")
    assert experiment.tasks[1].missing == ("-1",)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("margin: 0.02", "margn: 0.02", r"e\.yaml:6: unknown key 'margn'; did you mean 'margin'\?"),
        ("text: note", "txt: note", r"e\.yaml:2: unknown key 'data\.tables\.0\.txt'; did you mean 'text'\?"),
        (
            "{classes: [no, yes]}",
            "{clases: [no, yes]}",
            r"e\.yaml:4: unknown key 'tasks\.disc\.clases'; did you mean 'classes'\?",
        ),
        (
            "{classes: [no, yes]}",
            "{name: x, classes: [no, yes]}",
            r"e\.yaml:4: unknown key 'tasks\.disc\.name'; a task is named by",
        ),
        (
            "epochs: 3",
            "lora: {qqq: 1}",
            r"e\.yaml:7: unknown key 'training\.lora\.qqq'; valid keys: alpha, learning_rate, rank",
        ),
        ("epochs: 3", "epochs: yes", r"e\.yaml:7: training\.epochs: .*valid integer.*found 'yes'"),
        ("name: demo", "name: 2024-13-01", r"e\.yaml:1: name: not a value: month must be in"),
        ("[no, yes]", "[no, yes], missing: [no]", r"classes of task 'disc' should not be in `missing` too; found \['no'\]"),
        ("margin: 0.02", "margin: 0.02\nruns: [multi]", r"runs should include `single`.*found \['multi'\]"),
        ("margin: 0.02", "margin: 0.02\nruns: []", r"runs should include `single`"),
        ("margin: 0.02", "margin: 2", r"e\.yaml:6: margin: .*less than 1; found 2"),
        ("margin: 0.02", "margin: .nan", r"e\.yaml:6: margin: .*finite number; found nan"),
        ("margin: 0.02\n", "", r"e\.yaml:1: margin: Field required"),
        ("[no, yes]", "[no]", r"e\.yaml:4: tasks\.disc: classes of task 'disc' should be two or more; found 1"),
        ("[no, yes]", "[no, no]", r"e\.yaml:4: tasks\.disc: classes of task 'disc' should be distinct"),
        ("1e-4", "fast", r"e\.yaml:7: training\.learning_rate: .*valid number.*found 'fast'"),
        ("margin: 0.02", "margin: 0.02\nseeds: [1, 1]", r"seeds should be distinct; found \[1, 1\]"),
        ("margin: 0.02", "margin: 0.02\nresources: {lanes: many}", r"e\.yaml:7: resources\.lanes: .*found 'many'"),
        (TABLES, "{}", r"data should name one source, `tables` or `spine`; found none"),
        (TABLES, "{tables: []}", r"data should name one source, `tables` or `spine`; found none"),
        ("{tables:", "{spine: {region: lumbar}, tables:", r"data should name one source.*; found `tables` and `spine`"),
        ("{tables:", "{tabels:", r"e\.yaml:2: unknown key 'data\.tabels'; did you mean 'tables'\?"),
        ("{tables:", "{split: {}, tables:", r"e\.yaml:2: unknown key 'data\.split'; did you mean 'splits'\?"),
        (TABLES, "{spine: {regon: lumbar}}", r"e\.yaml:2: unknown key 'data\.spine\.regon'; did you mean 'region'\?"),
        (TABLES, "{spine: {}}", r"e\.yaml:2: data\.spine: Field required"),
        (TABLES, "[spine]", r"e\.yaml:2: data: .*valid dictionary.*; found \['spine'\]"),
        ("name: demo", "name: demo\nname: other", r"e\.yaml:2: key 'name' should stand once; found it twice"),
        ("name: demo", "name: ../up", r"e\.yaml:1: name: .*pattern"),
        ("disc: {classes: [no, yes]}", "disc: 3", r"task 'disc' should have settings such as `classes`; found 3"),
        ("tasks:", "tasks: 3\nold:", r"`tasks` should map each task's name to its settings; found int"),
        ("margin: 0.02", "margin: [1, [2", r"e\.yaml: line \d: not valid YAML"),
        ("margin: 0.02", "margin: \t0.02\n\t- x", r"e\.yaml: line \d: not valid YAML"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_key(old, new, message):
    with pytest.raises(ExperimentError, match=message) as caught:
        parse_experiments(changed(old, new), "e.yaml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "margin: 0.02",
            "margin: 1e-300",
            r"e\.yaml:6: margin: .*greater than or equal to 0\.000001|e\.yaml:6: margin: .*greater than or equal to 1e-06",
        ),
        ("epochs: 3", "temperature: 1e-308", r"e\.yaml:7: training\.temperature: .*greater than or equal to 0\.1"),
        (
            "epochs: 3",
            "batch_size: 99999999999999999999",
            r"e\.yaml:7: batch_size: a number should be below 2\^63; found 9{20}",
        ),
        ("margin: 0.02", "margin: 0.02\nseeds: [18446744073709551616]", r"e\.yaml:7: 0: a number should be below 2\^63"),
        ("epochs: 3", "epochs: 9223372036854775807", r"e\.yaml:7: training\.epochs: .*less than or equal to"),
        ("1e-4", "1e300", r"e\.yaml:7: training\.learning_rate: .*less than or equal to"),
        ("[no, yes]", "[no, yes], weight: 1e-310", r"e\.yaml:4: tasks\.disc\.weight: .*greater than or equal to"),
        ("name: demo", "name: =", r"e\.yaml:1: name: not a value: .*; put quotes around '='"),
        ("name: demo", "name: <<", r"e\.yaml:1: name: not a value: .*; put quotes around '<<'"),
        ("margin: 0.02", "margin: 0.02\nencoder: {name: =}", r"e\.yaml:7: name: not a value"),
        ("name: demo", "name: 0x" + "f" * 5000, r"e\.yaml:1: name: a number should be below 2\^63; found 0xf"),
        ("name: demo", "name: " + "9" * 5000, r"e\.yaml:1: name: "),
        (
            "name: demo",
            'name: "\\UFFFFFFFF"',
            r"e\.yaml: experiment file should be plain YAML; found: (ValueError|OverflowError)",
        ),
        ("margin: 0.02", "margin: 0.02\nsearch: {costs: {99999999999999999999: 1}, runs: 9}", r"e\.yaml:7: .*costs"),
    ],
)
def test_what_no_library_takes_is_a_line(old, new, message):
    with pytest.raises(ExperimentError, match=message) as caught:
        parse_experiments(changed(old, new), "e.yaml")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a [x, x]\nb: [*a, *a, *a]", r"e\.yaml:1: anchors and aliases are not used"),
        ("name: !!python/object/apply:os.system ['true']", r"e\.yaml:1: tags are not used"),
        ("name: " + "[" * 5000, r"nested at most 20 deep"),
        ("\x00", "not valid YAML"),
        ("", "should hold keys"),
        ("- a\n- b", "should hold keys"),
    ],
)
def test_tricks_are_refused(text, message):
    with pytest.raises(ExperimentError, match=message):
        parse_experiments(text, "e.yaml")


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(ExperimentError, match=r"none\.yaml: experiment file should be readable; found: No such file"):
        load_experiments(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes("name: gr\xfc\xdfe".encode("latin-1"))
    with pytest.raises(ExperimentError, match="should be UTF-8; found byte 0xfc"):
        load_experiments(tmp_path / "latin.yaml")
    (tmp_path / "huge.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(ExperimentError, match="should be under 1,000,000 bytes"):
        load_experiments(tmp_path / "huge.yaml")


def test_a_stored_specification_of_version_0_1_is_the_same_experiment():
    (experiment,) = parse_experiments(GOOD, "e.yaml")
    stored = experiment.model_dump(mode="json")
    assert "spine" not in stored["data"]
    old = {**stored, "data": {**stored["data"], "spine": None}}
    assert Experiment.model_validate(old) == experiment
