"""Figures show what the Infos say, tell it in words too, and show stored names as text."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import figures, queries
from mtlens_dashboard.catalog import ENTRIES
from mtlens_dashboard.figures.colours import legible
from mtlens_dashboard.figures.forest import difference_ticks, span
from mtlens_dashboard.figures.theme import DARK, LIGHT, Theme
from mtlens_dashboard.wording.formatting import minus
from tests.support import fake_stores
from tests.support.fake_evidence import EXPERIMENT
from tests.support.fake_stores import HOSTILE, START

STORES = ("empty", "partial", "without_evidence", "full", "hostile", "many_tasks")


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Workspace]:
    return {name: getattr(fake_stores, name)(tmp_path_factory.mktemp(name)) for name in STORES}


@pytest.fixture(scope="module")
def full(stores: dict[str, Workspace]) -> Workspace:
    return stores["full"]


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def spec(figure: go.Figure) -> dict[str, Any]:
    return json.loads(figure.to_json() or "")


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("name", ENTRIES)
def test_every_figure_of_every_store(stores: dict[str, Workspace], store: str, name: str) -> None:
    entry = ENTRIES[name]
    info = entry.read(stores[store], EXPERIMENT)
    for theme in (LIGHT, DARK):
        figure = entry.draw(info, theme=theme)
        assert figures.title_of(figure)
        assert len(figures.alt_of(figure)) > 40
        assert figure.layout.uirevision == "keep"
        assert 60 < figure.layout.height < 5000
        assert figure.layout.paper_bgcolor is None  # that of the template
        drawn = spec(figure)
        del drawn["layout"]["meta"]
        shown = "\n".join(strings(drawn))
        assert not any(raw in shown for raw in ("<script", "<b>bold", "$x$", "<i>a</i>", "nan", "None", "n" * 61))
    assert all(len(row) == len(table.columns) for table in [entry.tabulate(info)] for row in table.rows)


@pytest.mark.parametrize("name", ENTRIES)
def test_empty_figures_say_what_is_missing(stores: dict[str, Workspace], name: str) -> None:
    figure = ENTRIES[name].draw(ENTRIES[name].read(stores["empty"], EXPERIMENT))
    assert len(figure.data) == 0
    assert figures.title_of(figure).startswith(("No ", "Nothing ", "Nobody "))


def test_height_grows_with_the_tasks(stores: dict[str, Workspace], full: Workspace) -> None:
    for read, draw in ((queries.matching, figures.forest), (queries.case, figures.case)):
        few, many = draw(read(full, EXPERIMENT)), draw(read(stores["many_tasks"], EXPERIMENT))
        assert many.layout.height > 3 * few.layout.height


def test_a_titled_figure_stands_alone(full: Workspace) -> None:
    figure = figures.forest(queries.matching(full, EXPERIMENT))
    alone = figures.titled(figure, DARK)
    assert alone.layout.annotations[-1].text.replace("<br>", " ") == figures.title_of(figure) == figures.title_of(alone)
    assert len(alone.layout.annotations) == len(figure.layout.annotations) + 1
    assert alone.layout.paper_bgcolor == DARK.paper
    inside = [one.layout.height - one.layout.margin.t for one in (figure, alone)]
    assert inside[0] == inside[1]


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
    for kind, told in (("multi", "multi-task less"), ("adapter", "adapters less")):
        assert told in json.dumps(spec(figures.forest(replace(matching, kind=kind)))["layout"])


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


def test_case_draws_the_weakest_pair_thick(full: Workspace) -> None:
    figure = figures.case(queries.case(full, EXPERIMENT))
    thick = [trace for trace in figure.data if trace.mode == "lines+markers" and trace.xaxis == "x2"]
    hover = {point for trace in thick for point in trace.customdata}
    assert any("with foramina" in point for point in hover)
    assert {trace.line.color for trace in thick} == {LIGHT.good, LIGHT.bad}
    notes = [note.text for note in figure.layout.annotations]
    assert notes.count("✗ evidence disagrees") == 3
    assert notes.count("✓ evidence agrees") == 2


def test_the_thick_pair_is_one_that_says_what_its_task_does(full: Workspace) -> None:
    """Canal and disc lie lower than disc and foramina, but of them nothing is settled."""
    case = queries.case(full, EXPERIMENT)
    lower = tuple(
        replace(
            one,
            layers=tuple(
                replace(layer, effect=-0.5, statement="inconclusive") if layer.effect is not None else layer
                for layer in one.layers
            ),
        )
        if (one.task_a, one.task_b) == ("canal", "disc")
        else one
        for one in case.profiles
    )
    pairs = tuple(
        replace(one, cka="inconclusive") if one.scope == "pair" and set(one.tasks) == {"canal", "disc"} else one
        for one in case.explanations
    )
    figure = figures.case(replace(case, profiles=lower, explanations=pairs).only(["disc"]))
    thick = [trace for trace in figure.data if trace.mode == "lines+markers" and trace.xaxis == "x2"]
    assert {point.partition("</b>")[0] for trace in thick for point in trace.customdata if point} == {
        "<b>with foramina",
        "<b>disc and foramina",
    }


def test_case_without_evidence_says_so(stores: dict[str, Workspace]) -> None:
    figure = figures.case(queries.case(stores["without_evidence"], EXPERIMENT))
    assert [note.text for note in figure.layout.annotations].count("\N{EN DASH} not measured") == 10


def test_the_case_of_one_task_shows_its_evidence_with_all_others(full: Workspace) -> None:
    case = queries.case(full, EXPERIMENT)
    whole, one = figures.case(case), figures.case(case.only(["canal"]))
    assert figures.title_of(one) == figures.title_of(whole)
    assert not [note for note in one.layout.annotations if "not measured" in note.text]
    thin = [len([y for y in trace.y if y is None]) for trace in one.data if trace.mode == "lines" and trace.xaxis == "x2"]
    assert 2 + 5 in thin  # of canal and of the mean, each without its thick one


def test_confusion_shows_shares_of_the_true_class(full: Workspace) -> None:
    figure = figures.confusion(queries.confusion(full, EXPERIMENT, "cord"))
    for panel in (trace for trace in figure.data if trace.type == "heatmap"):
        assert np.array(panel.z).sum(axis=1) == pytest.approx(np.ones(3))


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_numbers_on_cells_stand_out_from_them(theme: Theme) -> None:
    for scale in (theme.sequential, theme.diverging):
        for place, colour in scale:
            text = legible(place, theme, scale, (0, 1))
            lighter, darker = sorted(map(luminance, (colour, text)), reverse=True)
            assert (lighter + 0.05) / (darker + 0.05) >= 4


def luminance(colour: str) -> float:
    """As WCAG 2.2 defines it."""
    rgb = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return float(np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722))


def test_timeline_rows_do_not_overlap(stores: dict[str, Workspace]) -> None:
    now = START + timedelta(minutes=7)
    figure = figures.timeline(queries.runs(stores["partial"], EXPERIMENT), now)
    bars = sorted(
        (lane, base, length) for trace in figure.data for lane, base, length in zip(trace.y, trace.base, trace.x, strict=True)
    )
    assert len(bars) == 12
    for (lane, base, length), (next_lane, next_base, _) in pairwise(bars):
        assert lane != next_lane or base + timedelta(milliseconds=length) <= next_base


def test_many_seeds_are_a_mean_and_a_range() -> None:
    curves = [
        queries.CurveInfo(run_id=f"{seed}", role="single", tasks=("a",), seed=seed, candidate=0, selected=True, state="done",
                        best_epoch=2, still_improving=False, epochs=(1, 2), validation=(0.5, 0.5 + 0.02 * seed),
                        loss=(1.0, None))
        for seed in range(21)
    ]  # fmt: skip
    area, line = figures.learning_curves(curves).data
    assert area.fill == "toself"
    assert "mean of 21 seeds" in line.customdata[1]
    assert "70.0 (50.0 to 90.0)" in line.customdata[1]
    few = figures.learning_curves(curves[:3]).data
    assert [trace.mode for trace in few] == ["lines+markers", "markers"]


def test_runs_too_short_to_be_told_apart_are_one_bar(full: Workspace) -> None:
    runs = queries.runs(full, EXPERIMENT)
    late = tuple(
        replace(
            run, started=run.started + timedelta(days=9), finished=run.finished + timedelta(days=9), run_id=f"x{run.run_id}"
        )
        for run in runs
    )
    few, many = (figures.timeline(some, START + timedelta(days=10)).data[0] for some in (runs, (*runs, *late)))
    assert len(few.x) == len(runs) == 15
    assert list(many.customdata) == ["8 runs: done", "7 runs: done"] * 2
    assert sum(many.x) == pytest.approx(sum(few.x) * 2, rel=0.2)


def test_many_seeds_are_a_comb(full: Workspace) -> None:
    matching = queries.matching(full, EXPERIMENT)
    wide = tuple(
        replace(
            match, seeds=tuple(range(50)), single_per_seed=(0.5,) * 50, multi_per_seed=tuple(0.4 + i / 500 for i in range(50))
        )
        for match in matching.tasks
    )
    figure = figures.forest(replace(matching, tasks=wide, pooled=None))
    comb = next(trace for trace in figure.data if trace.name == "seeds")
    assert comb.mode == "lines"
    assert [sum(x is None for x in comb.x), len(comb.x)] == [4, 4 * (3 * 50 + 1)]
    assert comb.x[0] == pytest.approx(-10)


@pytest.mark.parametrize(
    ("first", "last", "title"),
    [
        (-0.34, 0.25, f"cosine from {minus('-0.34')} to 0.25"),
        (-0.34, 2.59, f"cosine {minus('-0.34')} at the start, hidden by noise at the end"),
        (None, 0.25, "cosine 0.25 at the end, hidden by noise at the start"),
        (-1.2, 2.59, "undecided because of noise"),
    ],
)
def test_a_cosine_beyond_1_is_told_in_words(full: Workspace, first: float | None, last: float, title: str) -> None:
    one = queries.alignments(full, EXPERIMENT)[1]
    ends = [
        replace(one, layer=layer, stage=stage, epoch=None, cosine=cosine, low=0.1, high=0.4, statement="inconclusive")
        for stage, cosine in (("start", first), ("end", last))
        for layer in (None, 0)
    ]
    assert figures.title_of(figures.stage_map(ends)) == f"Gradients of {one.task_a} and {one.task_b}: {title}"


def test_hostile_names_are_shown_as_they_are(stores: dict[str, Workspace]) -> None:
    figure = figures.forest(queries.matching(stores["hostile"], EXPERIMENT))
    notes = [note.text for note in figure.layout.annotations]
    assert any(note.startswith("<b>&lt;script&gt;") for note in notes)
    assert HOSTILE[2] not in "\n".join(notes)


def test_themes_change_colours_only(full: Workspace) -> None:
    matching = queries.matching(full, EXPERIMENT)
    light, dark = (figures.forest(matching, theme=theme) for theme in (LIGHT, DARK))
    assert light.layout.template.layout.font.color == LIGHT.ink
    assert dark.layout.template.layout.font.color == DARK.ink
    assert light.data[0].x == dark.data[0].x
