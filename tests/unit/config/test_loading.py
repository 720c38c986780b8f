"""Experiment files: what is read, and how each mistake is named."""

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import yaml

from mtlens.config.experiment import Experiment
from mtlens.config.loading import MAX_BYTES, experiments_from, json_schema, load_experiments, parse_experiments
from mtlens.config.sweep import unfold_sweep
from mtlens.errors import ExperimentError

GOOD = """\
name: demo
data: {tables: [{path: x.csv, text: note, group: patient}]}
tasks:
  disc: {classes: [no, yes]}
  thecal: {column: weak_thecal, classes: [0, 1, 2], missing: [-1]}
margin: 0.02
training: {learning_rate: 1e-4, epochs: 3}
"""
TABLES = "{tables: [{path: x.csv, text: note, group: patient}]}"
ROOT = Path(__file__).parents[3]
EXPERIMENTS = [*sorted(ROOT.glob("experiments/*.yaml")), ROOT / "backend/mtlens/cli/demo.yaml"]


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


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


def numbers(schema, path=""):
    """Places of all numbers in a JSON Schema, with the part that is about each."""
    if isinstance(schema, dict):
        if schema.get("type") in ("number", "integer"):
            yield path, schema
        for key, part in schema.items():
            yield from numbers(part, f"{path}/{key}")
    elif isinstance(schema, list):
        for place, part in enumerate(schema):
            yield from numbers(part, f"{path}/{place}")


def test_every_number_of_an_experiment_file_has_bounds():
    schema = json_schema()
    unbounded = [
        path
        for path, part in numbers(schema)
        if not {"minimum", "exclusiveMinimum"} & part.keys() or not {"maximum", "exclusiveMaximum"} & part.keys()
    ]
    assert unbounded == []


@pytest.mark.parametrize("value", [2**63, -(2**63), 10**5000], ids=["63 bits", "negative", "5,000 digits"])
def test_a_number_from_python_has_bounds_too(value):
    with pytest.raises(ExperimentError, match=r"experiment: margin: a number should be below 2\^63; found one of \d+ bits"):
        experiments_from({"name": "x", "margin": value, "tasks": {"a": {"classes": ["b", "c"]}}})


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


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_the_experiments_of_this_repository_fit_model_and_schema(path):
    assert load_experiments(path)[0].tasks
    content = yaml.load(path.read_text(), Loader=yaml.BaseLoader)  # noqa: S506 - the loader that makes nothing but text
    errors = [error.message for error in jsonschema.Draft202012Validator(keys_only(json_schema())).iter_errors(content)]
    assert errors == []


def test_the_schema_knows_tasks_by_name():
    schema = json_schema()
    assert json.dumps(schema)
    validator = jsonschema.Draft202012Validator(schema)
    task = {"classes": ["a", "b"]}
    good = {"name": "x", "data": {"spine": {"region": "lumbar"}}, "tasks": {"disc": task}, "margin": 0.1}
    assert validator.is_valid(good)
    assert not validator.is_valid({**good, "tasks": {"disc": {**task, "colour": 1}}})
    assert not validator.is_valid({**good, "tasks": []})


def test_the_schema_knows_the_sources():
    validator = jsonschema.Draft202012Validator(json_schema())
    spine, table = {"region": "lumbar"}, {"path": "x.csv", "text": "note"}
    content = {"name": "x", "tasks": {"disc": {"classes": ["a", "b"]}}, "margin": 0.1}
    valid = {"spine": spine}, {"tables": [table]}, {"tables": [table], "splits": {"test": 0.3}}
    assert all(validator.is_valid({**content, "data": data}) for data in valid)
    wrong = {}, {"spine": spine, "tables": [table]}, {"spine": {**spine, "colour": 1}}, {"tables": [spine]}, {"tables": []}
    assert not any(validator.is_valid({**content, "data": data}) for data in wrong)


def test_a_stored_specification_of_version_0_1_is_the_same_experiment():
    (experiment,) = parse_experiments(GOOD, "e.yaml")
    stored = experiment.model_dump(mode="json")
    assert "spine" not in stored["data"]
    old = {**stored, "data": {**stored["data"], "spine": None}}
    assert Experiment.model_validate(old) == experiment


def keys_only(schema):
    """The schema without its demands on values: YAML read as text tells whether every key is known and in place."""
    if isinstance(schema, dict):
        dropped = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "const", "enum", "default"}
        kept = {key: keys_only(value) for key, value in schema.items() if key not in dropped}
        return {**kept, "type": "string"} if kept.get("type") in ("integer", "number", "boolean") else kept
    return [keys_only(item) for item in schema] if isinstance(schema, list) else schema


def test_a_sweep_is_one_experiment_per_value():
    text = GOOD + "sweep: {training.epochs: [1, 2, 4]}\n"
    found = parse_experiments(text, "e.yaml")
    assert [one.training.epochs for one in found] == [1, 2, 4]
    assert [one.name for one in found] == [f"{parse_experiments(GOOD, 'e.yaml')[0].name}-{value}" for value in (1, 2, 4)]
    assert len({one.experiment_id for one in found}) == 3


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ("[0.5, -1, a.b_c-]", ["0.5", "-1", "a.b_c-"]),
        ("[hub/one, hub/two]", ["hub-one", "hub-two"]),
        ("[hub/one, hub-one, hub-one-2, /hub/one]", ["hub-one", "hub-one-2", "hub-one-2-2", "hub-one-3"]),
        ("[[0, 1], [2, 3]]", ["0-1", "2-3"]),
        (f"[/{'a' * 120}/one, /{'a' * 120}/two]", ["a" * 80 + "-one", "a" * 80 + "-two"]),
    ],
)
def test_experiments_of_a_sweep_have_names_of_their_own(values, names):
    content = {"name": "n" * 15, "encoder": {}, "sweep": {"encoder.name": yaml.safe_load(values)}}
    assert [one["name"] for one in unfold_sweep(content, "e.yaml:1")] == [f"{'n' * 15}-{name}" for name in names]


def test_encoders_can_be_swept():
    text = GOOD + "encoder: {pooling: cls}\nsweep: {encoder.name: [sentence-transformers/all-MiniLM-L6-v2, org/other]}\n"
    found = parse_experiments(text, "e.yaml")
    assert [one.encoder.name for one in found] == ["sentence-transformers/all-MiniLM-L6-v2", "org/other"]
    assert [one.name for one in found] == ["demo-sentence-transformers-all-MiniLM-L6-v2", "demo-org-other"]


def test_a_sweep_does_not_name_a_file_without_a_name():
    with pytest.raises(ExperimentError, match="name: Field required"):
        parse_experiments(changed("name: demo\n", "") + "sweep: {training.epochs: [1, 2]}\n", "e.yaml")


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ("[1, 2]", "sweep should map one key"),
        ("{training.epochs: [1, 2], margin: [0.1, 0.2]}", "sweep should map one key"),
        ("{training.epochs: 3}", "should list 2 to 20 distinct values; found 3"),
        ("{training.epochs: [1, 1]}", "distinct values"),
        ("{trainig.epochs: [1, 2]}", "found no 'trainig'"),
        ("{training.epoch: [1, 2]}", "unknown key 'training.epoch'; did you mean 'epochs'"),
        ("{training.epochs: [1, -2]}", "greater than or equal to 1; found -2"),
    ],
)
def test_sweeps_that_cannot_be(sweep, message):
    with pytest.raises(ExperimentError, match=message):
        parse_experiments(GOOD + f"sweep: {sweep}\n", "e.yaml")


def test_a_mapping_means_what_the_file_with_its_keys_means():
    content = {
        "name": "demo",
        "data": {"tables": ({"path": Path("x.csv"), "text": "note", "group": "patient"},)},
        "tasks": {
            "disc": {"classes": ["no", "yes"]},
            "thecal": {"column": "weak_thecal", "classes": range_of(3), "missing": [-1]},
        },
        "margin": np.float64(0.02),
        "training": {"learning_rate": 1e-4, "epochs": np.int64(3)},
    }
    assert experiments_from(content) == parse_experiments(GOOD, "e.yaml")
    swept = experiments_from({**content, "sweep": {"training.epochs": [1, 2]}})
    assert [experiment.name for experiment in swept] == ["demo-1", "demo-2"]


def range_of(count):
    return list(np.arange(count))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"margn": 0.1}, r"^experiment: unknown key 'margn'; did you mean 'margin'\?$"),
        ({"margin": 2}, "^experiment: margin: Input should be less than 1; found 2$"),
        ({"margin": True}, "^experiment: margin: .*; found 'true'$"),
        ({"seeds": np.arange(3)}, "^experiment: seeds should be text, a number, a list or a mapping; found ndarray$"),
        ({"tasks": {"disc": {"clases": ["a", "b"]}}}, "^experiment: unknown key 'tasks.disc.clases'; did you mean 'classes'"),
        ({"tasks": {"disc": {"name": "x"}}}, "^experiment: unknown key 'tasks.disc.name'"),
        ({"tasks": ["disc"]}, "^experiment: `tasks` should map each task's name to its settings; found list$"),
        ({"sweep": {"training.epochs": 3}}, "^experiment: sweep.training.epochs should list"),
    ],
)
def test_a_mistake_in_a_mapping_is_named_without_a_line(changes, message):
    content = yaml.safe_load(GOOD)
    with pytest.raises(ExperimentError, match=message):
        experiments_from({**content, **changes})
