"""Evidence in pictures: maps of layers, curves by depth, cosines between tasks."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import figures, queries
from mtlens_dashboard.figures.boxes import Box, Strokes, grid
from mtlens_dashboard.figures.theme import LIGHT
from tests.support import fake_stores
from tests.support.fake_evidence import EXPERIMENT, LAYERS


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Workspace]:
    names = ("full", "hostile", "many_tasks")
    return {name: getattr(fake_stores, name)(tmp_path_factory.mktemp(name)) for name in names}


@pytest.fixture(scope="module")
def full(stores: dict[str, Workspace]) -> Workspace:
    return stores["full"]


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


def test_undefined_cells_stay_empty(stores: dict[str, Workspace]) -> None:
    _, cells = figures.layer_matrices(queries.matrices(stores["hostile"], EXPERIMENT)).data
    assert sum(cell[3] is None for cell in cells.customdata) > 0
    assert all("undefined" in hover for hover, cell in zip(cells.hovertext, cells.customdata, strict=True) if cell[3] is None)


def test_an_uninformative_layer_has_a_visible_mark(full: Workspace) -> None:
    figure = figures.similarity_by_depth(queries.profiles(full, EXPERIMENT))
    marks = {trace.marker.symbol: trace.marker.color for trace in figure.data if trace.mode == "markers"}
    assert marks["square"] == LIGHT.open
    assert any("■ uninformative" in note.text for note in figure.layout.annotations)


def test_of_very_many_pairs_the_weakest_are_shown(stores: dict[str, Workspace]) -> None:
    figure = figures.similarity_by_depth(queries.profiles(stores["many_tasks"], EXPERIMENT))
    assert "the 36 weakest are shown" in figures.title_of(figure)
    assert "finding number 29" in figures.title_of(figure)


def test_cosines_mark_an_undecided_sign(full: Workspace) -> None:
    alignments = queries.alignments(full, EXPERIMENT)
    alignments = tuple(replace(one, low=-0.1) if one.task_a == "canal" and one.task_b == "cord" else one for one in alignments)
    figure = figures.task_cosines(alignments)
    (rings,) = [trace for trace in figure.data if trace.name == "sign is undecided"]
    assert len(rings.x) == 2  # above and below the diagonal
    assert (figure.data[0].zmin, figure.data[0].zmax) == (-1, 1)
    values = np.array(figure.data[0].z, dtype=float)
    assert np.array_equal(values, values.T, equal_nan=True)
    assert np.isnan(np.diag(values)).all()


def test_what_noise_hides_has_no_colour(full: Workspace) -> None:
    alignments = tuple(
        replace(one, cosine=3.2, statement="inconclusive", low=-9.0, high=9.0)
        if (one.task_a, one.layer) == ("canal", None)
        else one
        for one in queries.alignments(full, EXPERIMENT)
    )
    figure = figures.task_cosines(alignments)
    values = np.array(figure.data[0].z, dtype=float)
    assert np.isnan(values).sum() == 4 + 2 * 3
    assert sum(text == "noise" for trace in figure.data[1:] if trace.mode == "text" for text in trace.text) == 2 * 3
    assert "3.20" not in figures.alt_of(figure)
    course = [
        replace(alignments[1], layer=layer, cosine=value, statement="inconclusive") for layer, value in ((0, 1.4), (1, 0.9))
    ]
    assert [row[0] for row in figures.stage_map(course).data[0].z] == [None, 0.9]


def test_the_course_of_a_pair_says_where_its_sign_is_undecided(full: Workspace) -> None:
    one = queries.pair_over_stages(full, EXPERIMENT, "canal", "cord")[1]
    bounds = (("start", -0.1, 0.4), ("end", 0.1, 0.5))
    course = [replace(one, stage=when, epoch=None, cosine=0.2, low=low, high=high) for when, low, high in bounds]
    assert (
        figures.title_of(figures.stage_map(course)) == "Gradients of canal and cord: cosine from 0.20 (sign undecided) to 0.20"
    )


def test_clustered_order_puts_alike_tasks_side_by_side(full: Workspace) -> None:
    model = next(one for one in queries.alignments(full, EXPERIMENT) if one.layer is None)
    names = "abcdef"
    alignments = [
        replace(model, task_a=a, task_b=b, cosine=0.9 if (a in "ace") == (b in "ace") else -0.5)
        for i, a in enumerate(names)
        for b in names[i + 1 :]
    ]
    figure = figures.task_cosines(alignments, order="clustered")
    rows = [note.text for note in figure.layout.annotations if note.xanchor == "right" and note.text in names]
    assert {frozenset(rows[:3]), frozenset(rows[3:])} == {frozenset("ace"), frozenset("bdf")}


def test_conflicts_come_highest_first(full: Workspace) -> None:
    figure = figures.conflict_rates(queries.alignments(full, EXPERIMENT))
    assert list(figure.data[0].x) == sorted(figure.data[0].x, reverse=True)
    assert figures.title_of(figure) == "1 of 6 pairs of tasks conflict in most microbatches"
    few = figures.conflict_rates(queries.alignments(full, EXPERIMENT), most=2)
    assert figures.title_of(few) == "1 of 6 pairs of tasks conflict in most microbatches; the 2 highest of them"
    assert len(few.data[0].x) == 2


def test_strokes_break_where_a_value_is_undefined() -> None:
    box = Box(across=(0, 1), up=(-1, 0), x_range=(0, 4), y_range=(0, 1))
    line, ribbon = Strokes(), Strokes()
    line.line(box, range(5), [0.0, 0.5, None, 1.0, 2.0])
    assert line.y == [-1.0, -0.5, None, 0.0, 0.0, None]  # what lies outside is cut off at the border
    ribbon.ribbon(box, range(5), [0, 0, None, 0, 0], [1, 1, 1, 1, 1])
    assert ribbon.x.count(None) == 2  # two areas


@given(st.integers(1, 40), st.integers(1, 5))
def test_boxes_of_a_grid_do_not_overlap(number: int, columns: int) -> None:
    boxes = grid(number, columns, x_range=(0, 1), y_range=(0, 1), gap=(0.2, 0.3))
    corners = {(box.across[0], box.up[1]) for box in boxes}
    assert len(corners) == number
    assert all(box.across[1] - box.across[0] == pytest.approx(1) for box in boxes)
