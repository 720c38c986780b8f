"""Figures for a notebook, drawn by the dashboard's own functions."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mtlens.config.run_kinds import MULTI
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import figures
from mtlens_dashboard.catalog import find, find_experiment
from mtlens_dashboard.figures.theme import LIGHT
from mtlens_dashboard.queries.matching import MatchInfo, MatchingInfo
from mtlens_dashboard.queries.rows import clean

if TYPE_CHECKING:
    import plotly.graph_objects as go


def forest(rows: Sequence[Mapping[str, Any]]) -> "go.Figure":
    """Forest plot of comparisons that are in no store. rows: those of `Verdicts.to_frame`, the mean over tasks last."""
    matches = [_match(row) for row in rows]
    matching = MatchingInfo(
        experiment="compare",
        experiment_id="",
        kind=MULTI.name,
        tasks=tuple(matches[:-1]),
        pooled=matches[-1],
    )
    return figures.titled(figures.forest(matching, theme=LIGHT), LIGHT)


def stored_figure(workspace: Workspace, name: str, experiment_id: str | None) -> "go.Figure":
    """A figure of the dashboard by its name, of an experiment or of the one started last."""
    entry = find(name)
    about = find_experiment(workspace, experiment_id)
    return figures.titled(entry.draw(entry.read(workspace, about.experiment_id), theme=LIGHT), LIGHT)


def _match(row: Mapping[str, Any]) -> MatchInfo:
    values: dict[str, Any] = {name: clean(value) for name, value in row.items()}
    values["seeds"] = tuple(range(row["seeds"]))
    return MatchInfo(**values)
