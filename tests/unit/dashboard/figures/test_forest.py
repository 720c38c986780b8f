"""The figure of differences by task: points, intervals, seeds, and an axis that one wide interval does not squeeze."""

import json
from dataclasses import replace

import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import figures, queries
from mtlens_dashboard.figures.forest import difference_ticks, span
from mtlens_dashboard.figures.theme import DARK, LIGHT
from tests.support.fake_evidence import EXPERIMENT


def points_of(figure: go.Figure, name: str) -> list[float]:
    return [value for trace in figure.data if trace.name == name for value in trace.x]


def test_forest_plots_points(full: Workspace) -> None:
    figure = figures.forest(queries.matching(full, EXPERIMENT))
    assert points_of(figure, "matches") == pytest.approx([0.4, -0.6, 0.3])
    assert points_of(figure, "better") == pytest.approx([3.1])
    assert len(points_of(figure, "seeds")) == 15
    ends = {round(x, 6) for trace in figure.data if trace.mode == "lines" for x in trace.x if x is not None}
    assert {-1.0, 1.8, 1.3, 4.9} <= ends  # 95 % of disc and of cord
    (margin,) = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert (margin.x0, margin.x1) == (-2, 2)


def test_the_axis_of_a_forest_names_the_models_that_are_compared(full: Workspace) -> None:
    matching = queries.matching(full, EXPERIMENT)
    for kind, told in (("multi", "multi-task minus"), ("adapter", "adapters minus")):
        figure = figures.forest(replace(matching, kind=kind))
        assert told in json.dumps(json.loads(figure.to_json() or "")["layout"])


def test_forest_without_an_interval(full: Workspace) -> None:
    """One seed: the interval is unbounded, the difference is still there."""
    matching = queries.matching(full, EXPERIMENT)
    open_ended = dict.fromkeys(("low90", "high90", "low95", "high95"), None)
    one = replace(matching.tasks[0], verdict="inconclusive", **open_ended)
    figure = figures.forest(replace(matching, tasks=(one,), pooled=None))
    assert points_of(figure, "inconclusive") == pytest.approx([0.4])
    assert not [x for trace in figure.data if trace.mode == "lines" for x in trace.x]
    assert "unbounded" in figures.alt_of(figure)


def test_one_wide_interval_does_not_squeeze_the_others(full: Workspace) -> None:
    matching = queries.matching(full, EXPERIMENT)
    wide = replace(matching.tasks[0], low95=-9.0, high95=9.0)
    low, high = span(replace(matching, tasks=(wide, *matching.tasks[1:])))
    assert (low, high) == (-16, 16)


@given(st.floats(0.05, 900))
def test_ticks_of_differences_are_few_round_and_symmetric(reach: float) -> None:
    ticks = difference_ticks(reach)["tickvals"]
    assert 1 <= len(ticks) <= 5
    assert ticks == [-tick for tick in reversed(ticks)]
    assert max(ticks) <= reach


def test_many_seeds_are_ticks(full: Workspace) -> None:
    matching = queries.matching(full, EXPERIMENT)
    wide = tuple(
        replace(
            match, seeds=tuple(range(50)), single_per_seed=(0.5,) * 50, multi_per_seed=tuple(0.4 + i / 500 for i in range(50))
        )
        for match in matching.tasks
    )
    figure = figures.forest(replace(matching, tasks=wide, pooled=None))
    ticks = next(trace for trace in figure.data if trace.name == "seeds")
    assert ticks.mode == "lines"
    assert [sum(x is None for x in ticks.x), len(ticks.x)] == [4, 4 * (3 * 50 + 1)]
    assert ticks.x[0] == pytest.approx(-10)


def test_themes_change_colours_only(full: Workspace) -> None:
    matching = queries.matching(full, EXPERIMENT)
    light, dark = (figures.forest(matching, theme=theme) for theme in (LIGHT, DARK))
    assert light.layout.template.layout.font.color == LIGHT.ink
    assert dark.layout.template.layout.font.color == DARK.ink
    assert light.data[0].x == dark.data[0].x
