"""Figures show what the Infos say, tell it in words too, and show stored names as text."""

import json
import re
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

STORES = ("empty", "partial", "without_evidence", "full", "with_arms", "hostile", "many_tasks")


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


@pytest.mark.parametrize("name", ENTRIES)
@pytest.mark.parametrize("store", STORES)
def test_every_figure_of_every_store(stores: fake_stores.Stores, store: str, name: str) -> None:
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
def test_empty_figures_say_what_is_missing(stores: fake_stores.Stores, name: str) -> None:
    figure = ENTRIES[name].draw(ENTRIES[name].read(stores["empty"], EXPERIMENT))
    assert len(figure.data) == 0
    assert figures.title_of(figure).startswith(("No ", "Nothing ", "Nobody "))


def test_height_grows_with_the_tasks(stores: fake_stores.Stores, full: Workspace) -> None:
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


def rows_of(figure: go.Figure) -> list[str]:
    """Names and outcomes of the rows, from the top."""
    notes = [(note.y, note.text) for note in figure.layout.annotations if note.text.startswith("<b>") and note.yref != "paper"]
    return [re.sub(r"<.*?>", "", text).replace("\N{MULTIPLICATION SIGN}", "x") for _, text in sorted(notes)]


def test_case_has_a_row_per_pair_with_the_contradiction_first(full: Workspace) -> None:
    figure = figures.case(queries.case(full, EXPERIMENT))
    rows = rows_of(figure)
    assert rows[0] == "mean of 4 tasks   ● matches +0.3"
    assert rows[1] == "disc x foramina   ✗ matches although different and opposed"
    assert rows[2:] == [f"{pair}   ✓ matches; similar and aligned" for pair in (
        "disc x canal", "disc x cord", "canal x cord", "canal x foramina", "cord x foramina",
    )]  # fmt: skip


def test_case_fills_settled_layers_only(full: Workspace) -> None:
    case = queries.case(full, EXPERIMENT)
    figure = figures.case(case)
    fills = {trace.fillcolor: len([x for x in trace.x if x is None]) for trace in figure.data if trace.name == "settled"}
    assert fills == {LIGHT.good: 5 * 6 + 3, LIGHT.bad: 3}  # layer 0 is uninformative; upper layers of one pair differ
    open_ones = tuple(
        replace(one, layers=tuple(replace(layer, statement="inconclusive") for layer in one.layers)) for one in case.profiles
    )
    assert not [trace for trace in figures.case(replace(case, profiles=open_ones)).data if trace.name == "settled"]


def test_case_draws_no_cosine_beyond_1(full: Workspace) -> None:
    case = queries.case(full, EXPERIMENT)
    noisy = tuple(replace(one, cosine=1.45, seeds=1) for one in case.alignments)
    figure = figures.case(replace(case, alignments=noisy))
    assert not [trace for trace in figure.data if trace.xaxis == "x3" and trace.type == "scatter"]
    assert [note.text for note in figure.layout.annotations].count("noise: 1 of 3 seeds") == 6


def test_a_click_on_a_row_of_the_case_gives_its_number(full: Workspace) -> None:
    case = queries.case(full, EXPERIMENT)
    targets = [trace for trace in figures.case(case).data if trace.type == "bar"]
    assert [trace.xaxis for trace in targets] == ["x", "x2", "x3"]
    for trace in targets:
        assert list(trace.customdata) == list(range(6))
        assert trace.hovertext[0].startswith("<b>disc \N{MULTIPLICATION SIGN} foramina</b>")


def test_many_tasks_have_a_row_each_with_their_weakest_pairs(stores: fake_stores.Stores) -> None:
    case = queries.case(stores["many_tasks"], EXPERIMENT)
    assert len(case.rows) == 30
    first = case.rows[0]
    assert first.profile is not None
    assert {first.profile.task_a, first.profile.task_b} == {"finding number 0", "finding number 29"}
    assert "although different" in rows_of(figures.case(case))[1]
    assert case.rows[1].tasks == ("finding number 29",)  # the other contradiction; the rest follows


def test_case_without_evidence_shows_the_tasks(stores: fake_stores.Stores) -> None:
    figure = figures.case(queries.case(stores["without_evidence"], EXPERIMENT))
    assert [row.partition("   ")[0] for row in rows_of(figure)] == ["mean of 4 tasks", "disc", "canal", "cord", "foramina"]
    assert not figure.layout.xaxis2.visible


def test_the_case_of_one_task_shows_its_pairs_with_all_others(full: Workspace) -> None:
    case = queries.case(full, EXPERIMENT)
    whole, some = figures.case(case), figures.case(case.only(["canal"]))
    assert figures.title_of(some) == figures.title_of(whole)
    assert [row.partition("   ")[0] for row in rows_of(some)[1:]] == ["disc x canal", "canal x cord", "canal x foramina"]
    assert [row.partition("   ")[0] for row in rows_of(figures.case(case.only(["cord", "disc"])))[1:]] == ["disc x cord"]


@pytest.mark.parametrize("name", ENTRIES)
@pytest.mark.parametrize("store", STORES)
def test_titles_are_one_sentence_that_can_be_read_at_a_glance(stores: fake_stores.Stores, store: str, name: str) -> None:
    title = figures.title_of(ENTRIES[name].draw(ENTRIES[name].read(stores[store], EXPERIMENT)))
    assert len(title) <= 90
    assert ". " not in title.replace("vs. ", "")
    assert not re.search("cannot be told|may do|open", title)


def test_the_claim_places_each_pair_by_evidence_and_outcome(full: Workspace) -> None:
    figure = figures.claim(queries.explanations(full, EXPERIMENT))
    dots = {(round(x + 0.42), round(min(trace.y) + 0.12)): len(trace.x) for trace in figure.data for x in trace.x[:1]}
    assert dots == {(0, 0): 1, (2, 0): 3}  # against: disc and foramina; for: five, of which three are named
    assert any(note.text == "and 2 more" for note in figure.layout.annotations)
    assert figures.title_of(figure) == "The evidence predicts 5 of 6 pairs, contradicts 1"


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


def test_timeline_rows_do_not_overlap(stores: fake_stores.Stores) -> None:
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
                        validation_loss=(1.0, None), training_loss=(0.9, 0.2))
        for seed in range(21)
    ]  # fmt: skip
    area, line = figures.learning_curves(curves).data
    assert area.fill == "toself"
    assert "mean of 21 seeds" in line.customdata[1]
    assert "70.0 (50.0 to 90.0)" in line.customdata[1]
    few = figures.learning_curves(curves[:3]).data
    assert [trace.mode for trace in few] == ["lines+markers", "markers"]
    losses = {trace.name: list(trace.y) for trace in figures.learning_curves(curves[:1], "loss").data if trace.name}
    assert losses == {"training loss": [0.9, 0.2, None], "validation loss": [1.0, None, None]}


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


def test_hostile_names_are_shown_as_they_are(stores: fake_stores.Stores) -> None:
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
