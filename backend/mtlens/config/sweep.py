"""One file, several experiments: `sweep: {data.spine.relatedness: [0, 0.5, 1]}` makes one experiment per value.

Each is an experiment of its own, named after the file's name and the value, such as controls-0.5; runs that two of them
share are trained once.
"""

import copy
import re
from typing import Any

from mtlens.errors import ExperimentError

MOST_VALUES = 20
MOST_CHARACTERS = 100  # of an experiment's name


def unfold_sweep(content: dict[str, Any], place: str) -> list[dict[str, Any]]:
    """The contents of all experiments of a file's content, one where nothing is swept.

    place: file and line of the key, for errors. Raises ExperimentError for anything but one key with a list of values.
    """
    sweep = content.pop("sweep", None)
    if sweep is None:
        return [content]
    if not isinstance(sweep, dict) or len(sweep) != 1:
        raise ExperimentError(f"{place}: sweep should map one key, such as data.spine.relatedness, to values; found {sweep!r}")
    ((key, values),) = sweep.items()
    if not isinstance(values, list) or not 1 < len(values) <= MOST_VALUES or len(set(map(str, values))) < len(values):
        raise ExperimentError(f"{place}: sweep.{key} should list 2 to {MOST_VALUES} distinct values; found {values!r}")
    names = _names(str(content.get("name")), values)
    return [_with(content, key.split("."), value, name, place) for value, name in zip(values, names, strict=True)]


def _names(name: str, values: list[object]) -> list[str]:
    """Distinct names of the experiments, with the end of a value that is too long."""
    room = max(20, MOST_CHARACTERS - len(name) - 1)
    names: list[str] = []
    for slug in map(_slug, values):
        slugs = [slug, *(f"{slug}-{number}" for number in range(2, MOST_VALUES + 2))]
        names.append(next(new for ending in slugs if (new := f"{name}-{ending[-room:]}") not in names))
    return names


def _slug(value: object) -> str:
    """A value as a name may hold it: hub/model is hub-model."""
    text = str(value)
    return text if re.fullmatch(r"[A-Za-z0-9._-]+", text) else re.sub(r"[^A-Za-z0-9._]+", "-", text).strip("-")


def _with(content: dict[str, Any], path: list[str], value: object, name: str, place: str) -> dict[str, Any]:
    """A copy with one value put at a path of keys that exist, but for the last."""
    changed = copy.deepcopy(content)
    inner: Any = changed
    for depth, part in enumerate(path[:-1]):
        inner = inner.get(part) if isinstance(inner, dict) else None
        if not isinstance(inner, dict):
            raise ExperimentError(f"{place}: sweep should name a key of this file; found no {'.'.join(path[: depth + 1])!r}")
    inner[path[-1]] = value
    if "name" in content:
        changed["name"] = name
    return changed
