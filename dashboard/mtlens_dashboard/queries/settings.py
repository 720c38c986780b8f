"""The settings in which experiments differ."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mtlens.store.database.shared_connection import query
from mtlens.store.workspace.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class SettingInfo:
    """One setting by its path, such as training.epochs, and its value in each; None where it is not set."""

    path: str
    values: tuple[str | None, ...]


_EXPERIMENTS = "SELECT experiment_id, specification FROM experiment WHERE experiment_id IN (SELECT unnest($ids))"


def differing_experiments(workspace: Workspace, experiment_ids: Sequence[str]) -> tuple[SettingInfo, ...]:
    """What is not the same in the experiment files, values in the order of the ids."""
    texts = dict(query(workspace, _EXPERIMENTS, {"ids": list(experiment_ids)}).rows)
    settings = [dict(leaves(json.loads(texts.get(id_) or "{}"))) for id_ in experiment_ids]
    paths = dict.fromkeys(path for values in settings for path in values)
    rows = ((path, tuple(values.get(path) for values in settings)) for path in paths)
    return tuple(SettingInfo(path=path, values=values) for path, values in rows if len(set(values)) > 1)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Path and text of everything that is not an object; list items that have a name go by it, others by number."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        for number, inner in enumerate(value):
            name = inner.get("name", number) if isinstance(inner, dict) else number
            yield from leaves(inner, f"{path}[{name}]")
    elif value is not None:
        yield path, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
