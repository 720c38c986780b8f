"""Reads experiment files, and mappings with the same keys, into `Experiment`; an error names its file, line and key.

Only plain YAML is read: no tags, no anchors (so no "billion laughs"), no key twice. Tasks are written as a mapping from
name to settings. Class names and the like stay the text that was written, so `no` is a class and not a boolean.
"""

import difflib
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from pydantic import ValidationError

from mtlens.config.experiment import Experiment
from mtlens.config.sections import Data, Spec
from mtlens.config.sources import sources
from mtlens.config.sweep import unfold_sweep
from mtlens.errors import ExperimentError, reading

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
TOO_LARGE = 2**63  # one more than the largest BIGINT of the database
TEXT_KEYS = frozenset({"classes", "columns", "labels", "missing", "split_values"})
Location = tuple[str | int, ...]


def load_experiments(path: Path) -> list[Experiment]:
    """Read and validate an experiment file, which holds more than one if it has a sweep.

    Raises ExperimentError with file, line and key.
    """
    try:
        content = path.read_bytes()[: MAX_BYTES + 1]
        text = content.decode("utf-8-sig") if len(content) <= MAX_BYTES else ""
    except UnicodeDecodeError as error:
        raise ExperimentError(f"{path}: experiment file should be UTF-8; found byte {error.object[error.start]:#04x}") from None
    except OSError as error:
        raise ExperimentError(f"{path}: experiment file should be readable; found: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise ExperimentError(f"{path}: experiment file should be under {MAX_BYTES:,} bytes; found more")
    return parse_experiments(text, str(path))


def parse_experiments(text: str, name: str) -> list[Experiment]:
    """Validate the text of an experiment file; `name` stands for the file in errors."""
    with reading(ExperimentError, f"{name}: experiment file should be plain YAML"):
        try:
            _refuse_tricks(text, name)
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            raise ExperimentError(f"{name}: {_first_problem(error)}") from None
    if not isinstance(node, yaml.MappingNode):
        raise ExperimentError(f"{name}: experiment file should hold keys such as `name:` and `tasks:`; found none")
    lines: dict[Location, int] = {}
    return _experiments(_construct(node, (), lines, name), lines, name)


def experiments_from(content: Mapping[str, Any], name: str = "experiment") -> list[Experiment]:
    """Validate a mapping with the keys of an experiment file; `name` stands for the file in errors, which have no line."""
    lines: dict[Location, int] = {}
    return _experiments(_plain(content, (), lines, name), lines, name)


def _experiments(content: dict[str, Any], lines: dict[Location, int], name: str) -> list[Experiment]:
    with reading(ExperimentError, f"{name}: experiment should have keys and values that mtlens knows"):
        _name_tasks(content, lines, name)
        return [_validated(unfolded, lines, name) for unfolded in unfold_sweep(content, _place(name, lines.get(("sweep",), 1)))]


def _place(name: str, line: int) -> str:
    """File and line; the name alone for what has no line, which counts as 0."""
    return f"{name}:{line}" if line else name


def _validated(content: dict[str, Any], lines: dict[Location, int], name: str) -> Experiment:
    try:
        return Experiment.model_validate(content)
    except ValidationError as error:
        raise ExperimentError(_explain(error, lines, name)) from None


def json_schema() -> dict[str, Any]:
    """JSON Schema of experiment files, for editors: that of `Experiment`, with tasks as a mapping from their names."""
    schema = Experiment.model_json_schema()
    task = schema["$defs"]["Task"]
    del task["properties"]["name"]
    task["required"] = []
    schema["properties"]["sweep"] = {
        "type": "object",
        "maxProperties": 1,
        "additionalProperties": {"type": "array", "minItems": 2},
        "description": "one experiment per value of a key, such as data.spine.relatedness",
    }
    schema["properties"]["tasks"] = {"type": "object", "minProperties": 1, "additionalProperties": {"$ref": "#/$defs/Task"}}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _refuse_tricks(text: str, name: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise ExperimentError(f"{name}:{line}: anchors and aliases are not used in experiment files; write the value out")
        if getattr(event, "tag", None):
            raise ExperimentError(f"{name}:{line}: tags are not used in experiment files; found {event.tag!r}")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ExperimentError(f"{name}:{line}: values should be nested at most {MAX_DEPTH} deep; found more")


def _first_problem(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: not valid YAML: {error.problem}"
    return f"not valid YAML: {error}".splitlines()[0]


def _construct(node: yaml.Node, where: Location, lines: dict[Location, int], name: str) -> Any:
    """Plain values from nodes, noting the line of each location."""
    lines.setdefault(where, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        content: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if key in content:
                raise ExperimentError(f"{name}:{line}: key {key!r} should stand once; found it twice")
            lines[*where, key] = line
            content[key] = _construct(value_node, (*where, key), lines, name)
        return content
    if isinstance(node, yaml.SequenceNode):
        return [_construct(item, (*where, i), lines, name) for i, item in enumerate(node.value)]
    if TEXT_KEYS.intersection(where):
        return str(node.value)
    return _scalar(node, where, name)


def _scalar(node: yaml.Node, where: Location, name: str) -> Any:
    place = f"{name}:{node.start_mark.line + 1}: {where[-1]}"
    try:
        value = yaml.SafeLoader("").construct_object(node)
    except yaml.MarkedYAMLError as error:  # `=` and `<<` have a meaning in YAML that no key here has
        raise ExperimentError(f"{place}: not a value: {error.problem}; put quotes around {node.value!r}") from None
    except (ValueError, OverflowError) as error:
        raise ExperimentError(f"{place}: not a value: {error}") from None
    if isinstance(value, int) and abs(value) >= TOO_LARGE:
        raise ExperimentError(f"{place}: a number should be below 2^63; found {str(node.value)[:40]}")
    # pydantic would take `yes` for the number 1
    return str(node.value) if isinstance(value, bool) and where[-1] != "shuffle_labels" else value


def _plain(value: object, where: Location, lines: dict[Location, int], name: str) -> Any:
    """A copy in the types that YAML gives, without lines."""
    lines[where] = 0
    if isinstance(value, Mapping):
        items = {str(key): item for key, item in typing.cast("Mapping[object, object]", value).items()}
        return {key: _plain(item, (*where, key), lines, name) for key, item in items.items()}
    if isinstance(value, (list, tuple)):
        items = typing.cast("Sequence[object]", value)
        return [_plain(item, (*where, i), lines, name) for i, item in enumerate(items)]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return value if where[-1:] == ("shuffle_labels",) else str(value).lower()
    if TEXT_KEYS.intersection(where) or isinstance(value, Path):
        return str(value)
    key = ".".join(map(str, where))
    if isinstance(value, int) and abs(value) >= TOO_LARGE:
        raise ExperimentError(f"{name}: {key}: a number should be below 2^63; found one of {value.bit_length()} bits")
    if value is None or isinstance(value, str | int | float):
        return value
    raise ExperimentError(f"{name}: {key} should be text, a number, a list or a mapping; found {type(value).__name__}")


def _name_tasks(content: dict[str, Any], lines: dict[Location, int], name: str) -> None:
    """Turn `tasks: {disc: {...}}` into the list that `Experiment` holds; a task's column is its name unless given."""
    tasks = content.get("tasks")
    if not isinstance(tasks, dict):
        raise ExperimentError(f"{name}: `tasks` should map each task's name to its settings; found {type(tasks).__name__}")
    listed: list[Any] = []
    for key, settings in typing.cast("dict[str, Any]", tasks).items():
        if not isinstance(settings, dict):
            raise ExperimentError(f"{name}: task {key!r} should have settings such as `classes`; found {settings!r}")
        if "name" in settings:
            place = _place(name, lines["tasks", key, "name"])
            raise ExperimentError(f"{place}: unknown key 'tasks.{key}.name'; a task is named by the key above it")
        listed.append({"column": key, **typing.cast("dict[str, Any]", settings), "name": key})
    content["tasks"] = listed


def _explain(error: ValidationError, lines: dict[Location, int], name: str) -> str:
    """The first problem in one line: file, line, key, what is wrong, and the nearest valid key for an unknown one."""
    problems = error.errors(include_url=False)
    problem = next((listed for listed in problems if listed["type"] == "extra_forbidden"), problems[0])
    where = problem["loc"]
    written = _as_written(where, lines)
    if problem["type"] == "extra_forbidden" and written[-1:] != where[-1:]:
        written = (*written, where[-1])  # a key that a sweep put there has no line of its own
    line = next(lines[written[:end]] for end in range(len(written), -1, -1) if written[:end] in lines)
    place = _place(name, line)
    key = ".".join(str(part) for part in written)
    if problem["type"] == "extra_forbidden":
        valid = sorted(_valid_keys(where[:-1]))
        near = difflib.get_close_matches(str(where[-1]), valid, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"valid keys: {', '.join(valid)}"
        return f"{place}: unknown key {key!r}; {hint}"
    message = problem["msg"].removeprefix("Value error, ")
    found = "" if problem["type"] in ("missing", "value_error") else f"; found {problem['input']!r}"[:200]
    return f"{place}: {key + ': ' if key else ''}{message}{found}"


def _as_written(where: Location, lines: dict[Location, int]) -> Location:
    """A location inside the model as the file has it: the number of a task becomes its name."""
    if len(where) < 2 or where[0] != "tasks" or not isinstance(where[1], int):
        return tuple(part for end, part in enumerate(where) if where[: end + 1] in lines) or where
    names = [location[1] for location in lines if len(location) == 2 and location[0] == "tasks"]
    return ("tasks", names[where[1]], *where[2:])


def _valid_keys(where: Location) -> set[str]:
    """Keys that the model at a location has."""
    models: set[type[Spec]] = {Experiment}
    for part in where:
        holders = [model for model in models if isinstance(part, str) and part in model.model_fields]
        inner = {held for model in holders for held in _models_in(model.model_fields[str(part)].annotation)}
        models = inner or models
    keys = {key for model in models for key in model.model_fields}
    return keys - ({"name"} if where[:1] == ("tasks",) else set())


def _models_in(annotation: Any) -> Iterator[type[Spec]]:
    if annotation is Data:
        yield from sources().values()
    elif isinstance(annotation, type) and issubclass(annotation, Spec):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models_in(argument)
