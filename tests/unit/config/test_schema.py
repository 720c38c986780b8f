"""The JSON Schema of experiment files: tasks, sources, bounds of numbers, and the experiments of this repository."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from mtlens.config.loading import json_schema, load_experiments

ROOT = Path(__file__).parents[3]
EXPERIMENTS = [*sorted(ROOT.glob("experiments/*.yaml")), ROOT / "backend/mtlens/cli/demo.yaml"]


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


def keys_only(schema):
    """The schema without its demands on values: YAML read as text tells whether every key is known and in place."""
    if isinstance(schema, dict):
        dropped = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "const", "enum", "default"}
        kept = {key: keys_only(value) for key, value in schema.items() if key not in dropped}
        return {**kept, "type": "string"} if kept.get("type") in ("integer", "number", "boolean") else kept
    return [keys_only(item) for item in schema] if isinstance(schema, list) else schema
