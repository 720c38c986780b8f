"""Evidence in pictures: maps of layers, curves by depth, cosines between tasks."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import figures, queries
from mtlens_dashboard.figures.panels import panels, ribbon
from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import LIGHT
from tests.support import fake_stores
from tests.support.fake_evidence import EXPERIMENT, LAYERS


def test_layer_maps_are_one_image_with_square_cells_that_can_be_clicked(full: Workspace) -> None:
    matrices = queries.matrices(full, EXPERIMENT)
    figure = figures.layer_matrices(matrices)
    image, cells = figure.data
    assert (image.type, image.zmin, image.zmax) == ("heatmap", 0, 1)
    assert figure.layout.yaxis.scaleanchor == "x"
    assert len(cells.customdata) == len(matrices) * LAYERS**2
    assert cells.marker.opacity == 0
    for (panel, layer_a, layer_b, value), x, y in zip(cells.customdata, cells.x, cells.y, strict=True):
        assert matrices[panel].values[layer_a][layer_b] == value == image.z[y][x]


def test_layer_differences_are_around_zero(full: Workspace) -> None:
    image, cells = figures.layer_differences(queries.matrices(full, EXPERIMENT)).data
    assert image.zmin == -image.zmax
    matrix = queries.matrices(full, EXPERIMENT)[0]
    assert matrix.reference is not None
    first = next(cell for cell in cells.customdata if list(cell[:3]) == [0, 2, 3])
    assert first[3] == pytest.approx((matrix.values[2][3] or 0) - (matrix.reference[2][3] or 0))


def test_undefined_cells_stay_empty(stores: fake_stores.Stores) -> None:
    _, cells = figures.layer_matrices(queries.matrices(stores["hostile"], EXPERIMENT)).data
    assert sum(cell[3] is None for cell in cells.customdata) > 0
    assert all("undefined" in hover for hover, cell in zip(cells.hovertext, cells.customdata, strict=True) if cell[3] is None)


def test_an_uninformative_layer_has_a_visible_mark(full: Workspace) -> None:
    figure = figures.similarity_by_depth(queries.profiles(full, EXPERIMENT))
    marks = {
        symbol: colour
        for trace in figure.data
        if trace.name == "statements"
        for symbol, colour in zip(trace.marker.symbol, trace.marker.color, strict=True)
    }
    assert marks["square"] == LIGHT.open
    assert LIGHT.bad == marks["triangle-down"]
    assert any("■ uninformative" in note.text for note in figure.layout.annotations)


def test_of_very_many_pairs_the_weakest_are_shown(stores: fake_stores.Stores) -> None:
    figure = figures.similarity_by_depth(queries.weakest_first(queries.profiles(stores["many_tasks"], EXPERIMENT)))
    notes = [note.text for note in figure.layout.annotations]
    assert any("15 of 435 pairs" in note for note in notes)
    assert sum(note.startswith("<b>") for note in notes) == 15
    assert notes[0].endswith("finding nu…r 29") or "29" in notes[0]


def test_fewer_than_three_seeds_are_no_curve(full: Workspace) -> None:
    profiles = [
        replace(profile, layers=tuple(replace(layer, seeds=2) for layer in profile.layers))
        for profile in queries.profiles(full, EXPERIMENT)
    ]
    figure = figures.similarity_by_depth(profiles)
    assert len(figure.data) == 0
    assert figures.title_of(figure).startswith("Fewer than three seeds")


def test_cosines_beyond_1_are_no_points(full: Workspace) -> None:
    rows = queries.alignments(full, EXPERIMENT)
    far = {2: 1.45, 3: -1.13}
    changed = [replace(row, cosine=far.get(row.layer or 0, row.cosine)) for row in rows]
    drawn = [y for trace in figures.alignment_by_depth(changed).data if trace.name == "statements" for y in trace.y]
    assert sum(y is None for y in drawn) == 2 * 6
    assert not {1.0, -1.0} & set(drawn)
    kept = [row.cosine for row in rows if row.layer is not None and row.layer not in far]
    assert sorted(y for y in drawn if y is not None) == pytest.approx(sorted(kept))


def test_panels_share_their_scales_and_name_the_outer_axes_only(full: Workspace) -> None:
    layout = figures.similarity_by_depth(queries.profiles(full, EXPERIMENT)).layout
    axes = [layout[f"{axis}axis{number}"] for axis in "xy" for number in ("", 2, 3, 4, 5, 6)]
    assert {axis.range for axis in axes[:6]} == {axes[0].range}
    assert [axis.showticklabels for axis in axes] == [False] * 3 + [True] * 3 + [True, False, False] * 2


def test_undecided_cells_are_pale(full: Workspace) -> None:
    alignments = tuple(
        replace(alignment, statement="inconclusive")
        if alignment.task_a == "canal" and alignment.task_b == "cord"
        else alignment
        for alignment in queries.alignments(full, EXPERIMENT)
    )
    settled, undecided, _ = figures.task_cosines(alignments).data
    known, open_cells = (np.array(trace.z, dtype=float) for trace in (settled, undecided))
    assert np.isfinite(open_cells).sum() == 2  # above and below the diagonal
    assert np.isfinite(known).sum() == 12 - 2
    assert (settled.zmin, settled.zmax) == (undecided.zmin, undecided.zmax) == (-1, 1)
    assert np.array_equal(known, known.T, equal_nan=True)
    assert all(chroma(pale) < chroma(strong) / 2 for (_, pale), (_, strong) in [
        (undecided.colorscale[end], settled.colorscale[end]) for end in (1, -2)
    ])  # fmt: skip


def chroma(colour: str) -> int:
    """How far a colour is from grey."""
    parts = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    return max(parts) - min(parts)


def test_what_noise_hides_has_no_colour(full: Workspace) -> None:
    alignments = tuple(
        replace(alignment, cosine=3.2, statement="inconclusive", low=-9.0, high=9.0)
        if (alignment.task_a, alignment.layer) == ("disc", None)
        else alignment
        for alignment in queries.alignments(full, EXPERIMENT)
    )
    figure = figures.task_cosines(alignments)
    known, open_cells = (np.array(trace.z, dtype=float) for trace in figure.data[:2])
    assert np.isfinite(known).sum() == 16 - 4 - 2 * 3
    assert not np.isfinite(open_cells).any()
    assert sum(text == "noise" for trace in figure.data[2:] for text in trace.text) == 2 * 3
    assert "3.20" not in figures.alt_of(figure)
    course = [
        replace(alignments[1], layer=layer, cosine=value, statement="inconclusive") for layer, value in ((0, 1.4), (1, 0.9))
    ]
    assert [row[0] for row in figures.stage_map(course).data[1].z] == [None, 0.9]


@pytest.mark.parametrize(("seeds", "told"), [(1, "too few seeds<br>for cosines"), (0, "noise hides<br>the cosines")])
def test_a_panel_without_cosines_says_why(full: Workspace, seeds: int, told: str) -> None:
    unknown = tuple(replace(alignment, cosine=None, seeds=seeds) for alignment in queries.alignments(full, EXPERIMENT))
    figure = figures.alignment_by_depth(unknown)
    assert [note.text for note in figure.layout.annotations].count(told) == 6


def test_the_course_of_a_pair_says_where_its_sign_is_undecided(full: Workspace) -> None:
    one = queries.pair_over_stages(full, EXPERIMENT, "canal", "cord")[1]
    bounds = (("start", -0.1, 0.4), ("end", 0.1, 0.5))
    course = [replace(one, stage=when, epoch=None, cosine=0.2, low=low, high=high) for when, low, high in bounds]
    assert (
        figures.title_of(figures.stage_map(course)) == "Gradients of canal and cord: cosine from 0.20 (sign undecided) to 0.20"
    )


def test_clustered_order_puts_alike_tasks_side_by_side(full: Workspace) -> None:
    model = next(alignment for alignment in queries.alignments(full, EXPERIMENT) if alignment.layer is None)
    names = "abcdef"
    alignments = [
        replace(model, task_a=a, task_b=b, cosine=0.9 if (a in "ace") == (b in "ace") else -0.5)
        for i, a in enumerate(names)
        for b in names[i + 1 :]
    ]
    figure = figures.task_cosines(alignments, order="clustered")
    rows = [note.text for note in figure.layout.annotations if note.xanchor == "right" and note.text in names]
    assert {frozenset(rows[:3]), frozenset(rows[3:])} == {frozenset("ace"), frozenset("bdf")}


def test_conflicts_come_highest_first_with_their_intervals(full: Workspace) -> None:
    alignments = queries.alignments(full, EXPERIMENT)
    figure = figures.conflict_rates(alignments)
    assert list(figure.data[0].x) == sorted(figure.data[0].x, reverse=True)
    assert figures.title_of(figure) == "1 of 6 pairs conflict in most microbatches, 5 in fewer than half"
    ends = {(shape.x0, shape.x1) for shape in figure.layout.shapes}
    assert {(55.0, 85.0), (5.0, 25.0)} <= {(round(a, 6), round(b, 6)) for a, b in ends}
    few = figures.conflict_rates(alignments, most=2)
    assert "the 2 highest of them" in figures.alt_of(few)
    assert len(few.data[0].x) == 2
    unsure = [replace(alignment, conflict_low=0.4) for alignment in alignments]
    assert figures.title_of(figures.conflict_rates(unsure)).startswith("0 of 6 pairs conflict in most microbatches, 5 in")


def test_areas_break_where_a_bound_is_undefined() -> None:
    x, y = ribbon(range(5), [0, 0, None, 0, 0], [1, 1, 1, 1, 2])
    assert x == [0, 1, 1, 0, 0, None, 3, 4, 4, 3, 3, None]
    assert y[6:9] == [1, 2, 0]
    assert ribbon([0, 1], [0, None], [1, 1]) == ([], [])


@pytest.mark.parametrize("number", range(1, 16))
def test_panels_do_not_overlap(number: int) -> None:
    sheet = Sheet()
    made, _ = panels(sheet, [f"{name}" for name in range(number)], LIGHT, height=100, head=30, x={}, y={})
    layout = sheet.figure().layout
    domains = [[layout[f"{axis}axis{name[1:]}"].domain for axis, name in (("x", panel.x), ("y", panel.y))] for panel in made]
    for (left, low), (other, below) in combinations(domains, 2):
        assert left[1] < other[0] or other[1] < left[0] or low[1] < below[0] or below[1] < low[0]
