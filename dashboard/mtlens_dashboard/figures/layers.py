"""Layer x layer similarity, many pairs in one figure: one heatmap on one colour axis, square cells, clickable."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import plotly.graph_objects as go

from mtlens.statistics.shown import counted
from mtlens_dashboard.figures.colours import BAR_HEIGHT, colour_scale, legible
from mtlens_dashboard.figures.frame import empty, framed
from mtlens_dashboard.figures.panels import columns_for, name_length
from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import LIGHT, Scale, Theme
from mtlens_dashboard.queries.cka import LayerMatrixInfo
from mtlens_dashboard.wording.formatting import label, listing, plain

_NAMES = 34  # pixels for two lines of names over a panel
_MOST_CELLS = 1200  # that can be clicked: a browser takes its time for each of them
_FEWEST_PANELS = 4
_MOST_NUMBERS = 13  # layers of the map of a single pair; with more of them a cell is too small for a number
_SECOND = {"multi": "multi-task", "pretrained": "pretrained"}
_WIDTH = 760  # pixels that the height reckons with; cells are square at every width
Matrix = tuple[tuple[float | None, ...], ...]


def layer_matrices(matrices: Sequence[LayerMatrixInfo], *, theme: Theme = LIGHT) -> go.Figure:
    """CKA of every layer with every layer, 0 to 1. A click on a cell gives customdata [panel, layer_a, layer_b, value]."""
    if not matrices:
        return empty(theme, "No layers have been compared yet", "Maps of all layers come with the evidence, after training.")
    title = f"Same layer of {_names(matrices)}: CKA of {_reached(matrices)}"
    return _mosaic(
        matrices,
        [matrix.values for matrix in matrices],
        theme,
        theme.sequential,
        (0.0, 1.0),
        title,
        f"Heatmaps of CKA, every layer with every layer, colours from 0 to 1. {title}.",
    )


def layer_differences(matrices: Sequence[LayerMatrixInfo], *, theme: Theme = LIGHT) -> go.Figure:
    """CKA of the two models less their CKA with the pretrained encoder: positive where training made them more similar."""
    known = [(matrix, matrix.reference) for matrix in matrices if matrix.reference is not None]
    if not known:
        return empty(theme, "No reference for the layers", "Differences need maps against the pretrained encoder.")
    values = [_minus(matrix.values, reference) for matrix, reference in known]
    reach = max((abs(cell) for matrix in values for row in matrix for cell in row if cell is not None), default=0.0) or 1.0
    shown = [matrix for matrix, _ in known]
    closer = sum((matrix[-1][-1] or 0.0) > 0 for matrix in values)
    title = f"The last layers of {closer} of {counted(len(shown), 'pair')} are more similar than to the pretrained encoder"
    alt = f"Heatmaps of CKA less that with the pretrained encoder, colours from {plain(-reach)} to {plain(reach)}. {title}."
    return _mosaic(shown, values, theme, theme.diverging, (-reach, reach), title, alt)


def _mosaic(
    matrices: Sequence[LayerMatrixInfo],
    values: Sequence[Matrix],
    theme: Theme,
    scale: Scale,
    limits: tuple[float, float],
    title: str,
    alt: str,
) -> go.Figure:
    """All panels as one image with gaps, and a transparent square on every cell, because heatmaps report no clicks."""
    size = max(len(matrix.layers) for matrix in matrices)
    shown = _least_similar(matrices, max(_FEWEST_PANELS, _MOST_CELLS // size**2))
    columns = columns_for(len(shown))
    rows = -(-len(shown) // columns)
    gap = -(-size // 8), -(-size // 3)
    width, height = columns * (size + gap[0]) - gap[0], rows * (size + gap[1]) - gap[1]
    image: list[list[float | None]] = [[None] * width for _ in range(height)]
    sheet, cells = Sheet(), _Cells()
    for place, panel in enumerate(shown):
        left, low = place % columns * (size + gap[0]), (rows - 1 - place // columns) * (size + gap[1])
        matrix = matrices[panel]
        _name_panel(sheet, matrix, left, low, size, theme, columns, is_lowest=place + columns >= len(shown))
        for i, row in enumerate(values[panel]):
            for j, value in enumerate(row):
                image[low + i][left + j] = value
                cells.add(left + j, low + i, [panel, matrix.layers[i], matrix.layers[j], value], _tell(matrix, i, j, value))
    sheet.heatmap(z=image, hoverinfo="skip", hoverongaps=False, **colour_scale(theme, scale, limits, above=_NAMES))
    sheet.scatter(
        x=cells.x,
        y=cells.y,
        mode="markers",
        customdata=cells.data,
        hovertext=cells.hover,
        name="cells",
        hovertemplate="%{hovertext}<extra></extra>",
        marker={"symbol": "square", "size": 14, "opacity": 0},
    )
    if len(shown) == 1 and size <= _MOST_NUMBERS:
        _write_numbers(sheet, cells, theme, scale, limits)
    sheet.x_axis(range=[-0.5, width - 0.5], visible=False, constrain="domain", constraintoward="left")
    sheet.y_axis(range=[-0.5, height - 0.5], visible=False, scaleanchor="x", constrain="domain", constraintoward="top")
    if len(shown) < len(matrices):
        alt += f" The {len(shown)} least similar are shown."
    pixels = min(_WIDTH / width, 34.0)
    top = BAR_HEIGHT + _NAMES
    return framed(
        sheet,
        theme=theme,
        title=title,
        alt=alt,
        height=int(pixels * height) + top + 28,
        top=top,
        bottom=28,
        left=34,
        square=height / width,
    )


def _write_numbers(sheet: Sheet, cells: "_Cells", theme: Theme, scale: Scale, limits: tuple[float, float]) -> None:
    """The value of each cell, in a colour that can be read on that of the cell."""
    known = [(x, y, cell[3]) for x, y, cell in zip(cells.x, cells.y, cells.data, strict=True) if cell[3] is not None]
    placed = [(x, y, plain(value).replace("0.", "."), legible(value, theme, scale, limits)) for x, y, value in known]
    sheet.numbers(placed, 10)


@dataclass(kw_only=True)
class _Cells:
    """What can be pointed at."""

    x: list[int] = field(default_factory=list[int])
    y: list[int] = field(default_factory=list[int])
    data: list[list[float | int | None]] = field(default_factory=list[list[float | int | None]])
    hover: list[str] = field(default_factory=list[str])

    def add(self, x: int, y: int, data: list[float | int | None], hover: str) -> None:
        self.x.append(x)
        self.y.append(y)
        self.data.append(data)
        self.hover.append(hover)


def _least_similar(matrices: Sequence[LayerMatrixInfo], most: int) -> list[int]:
    """Places of the matrices that are shown, in their order: all, or those `most` whose equal layers are least similar."""

    def similarity(place: int) -> float:
        known = [row[number] for number, row in enumerate(matrices[place].values)]
        return min((value for value in known if value is not None), default=1.0)

    return sorted(sorted(range(len(matrices)), key=similarity)[:most])


def _name_panel(
    sheet: Sheet, matrix: LayerMatrixInfo, left: int, low: int, size: int, theme: Theme, columns: int, *, is_lowest: bool
) -> None:
    length = name_length(columns)
    text = f"<b>{label(matrix.task_a, length)}</b> ↑<br>{label(matrix.task_b or _SECOND[matrix.kind], length)} →"
    sheet.note(text, left - 0.5, low + size - 0.5, theme.ink, xanchor="left", yanchor="bottom", yshift=3)
    for place, layer in ((0, matrix.layers[0]), (len(matrix.layers) - 1, matrix.layers[-1])):
        if left == 0:
            sheet.note(str(layer), -0.5, low + place, theme.muted, xanchor="right", xshift=-3, yanchor="middle")
        if is_lowest:
            sheet.note(str(layer), left + place, low - 0.5, theme.muted, yanchor="top", yshift=-1)


def _tell(matrix: LayerMatrixInfo, i: int, j: int, value: float | None) -> str:
    second = label(matrix.task_b or _SECOND[matrix.kind])
    text = "undefined" if value is None else plain(value, 3)
    return f"{label(matrix.task_a)}, layer {matrix.layers[i]}<br>{second}, layer {matrix.layers[j]}<br><b>{text}</b>"


def _minus(matrix: Matrix, other: Matrix) -> Matrix:
    return tuple(
        tuple(None if a is None or b is None else a - b for a, b in zip(row, beside, strict=True))
        for row, beside in zip(matrix, other, strict=True)
    )


def _names(matrices: Sequence[LayerMatrixInfo]) -> str:
    if len(matrices) > 1:
        return counted(len(matrices), "pair")
    return listing([matrices[0].task_a, matrices[0].task_b or _SECOND[matrices[0].kind]])


def _reached(matrices: Sequence[LayerMatrixInfo]) -> str:
    diagonal = [row[number] for matrix in matrices for number, row in enumerate(matrix.values)]
    known = [value for value in diagonal if value is not None]
    return f"{plain(min(known))} to {plain(max(known))}" if known else "no defined value"
