"""Figures for a notebook, drawn by the dashboard's own functions."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mtlens.statistics.equivalence import Comparison
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import figures
from mtlens_dashboard.catalog import find, find_experiment
from mtlens_dashboard.figures.theme import LIGHT
from mtlens_dashboard.queries.matching import MatchInfo, MatchingInfo

if TYPE_CHECKING:
    import plotly.graph_objects as go


def forest(comparisons: Sequence[Comparison]) -> "go.Figure":
    """Forest plot of comparisons that are in no store."""
    matches = [_match(comparison) for comparison in comparisons]
    matching = MatchingInfo(
        experiment="compare",
        experiment_id="",
        kind="multi",
        margin=comparisons[0].margin,
        tasks=tuple(match for match in matches if match.task is not None),
        pooled=next((match for match in matches if match.task is None), None),
    )
    return figures.titled(figures.forest(matching, theme=LIGHT), LIGHT)


def stored_figure(workspace: Workspace, name: str, experiment_id: str | None) -> "go.Figure":
    """A figure of the dashboard by its name, of an experiment or of the one started last."""
    entry = find(name)
    about = find_experiment(workspace, experiment_id)
    return figures.titled(entry.draw(entry.read(workspace, about.experiment_id), theme=LIGHT), LIGHT)


def _match(comparison: Comparison) -> MatchInfo:
    return MatchInfo(
        task=comparison.task,
        metric=comparison.metric,
        single_mean=comparison.baseline_mean,
        multi_mean=comparison.candidate_mean,
        single_per_seed=comparison.baseline_per_seed,
        multi_per_seed=comparison.candidate_per_seed,
        seeds=tuple(range(comparison.num_seeds)),
        difference=comparison.difference,
        low90=_finite(comparison.low90),
        high90=_finite(comparison.high90),
        low95=_finite(comparison.low95),
        high95=_finite(comparison.high95),
        examples=comparison.num_examples,
        clusters=comparison.num_clusters,
        verdict=comparison.verdict,
        needed=comparison.needed,
        p_equivalence=comparison.adjusted_p_equivalence,
        p_difference=min(comparison.adjusted_p_better, comparison.adjusted_p_worse),
        disagreement_rate=comparison.disagreement_rate,
        method=comparison.method,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
