"""Confusion matrices of one task, a panel per kind of model, side by side on one colour axis."""

from collections.abc import Sequence

import plotly.graph_objects as go

from mtlens.statistics.shown import counted
from mtlens_dashboard.figures.colours import legible
from mtlens_dashboard.figures.frame import empty, framed
from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import LIGHT, Theme
from mtlens_dashboard.queries.scores import ConfusionInfo
from mtlens_dashboard.wording.formatting import escape, fit, label, model_names, shorten

_LENGTH = 12  # characters of a class
_MOST_NUMBERS = 8  # classes; with more of them a cell is too small for a number


def confusion(matrices: Sequence[ConfusionInfo], *, theme: Theme = LIGHT) -> go.Figure:
    """Share of each true class that was predicted as each class; rows add up to 100 %."""
    known = [matrix for matrix in matrices if matrix.classes and any(map(sum, matrix.counts))]
    if not known:
        return empty(theme, "No predictions of this task yet", "Matrices appear when runs have finished.")
    sheet = Sheet()
    names = [escape(name) for name in model_names((matrix.role, matrix.tasks) for matrix in known).values()]
    classes = known[0].classes
    size = len(classes)
    for panel, matrix in enumerate(known):
        left = panel * (size + 0.8)
        shares = [[cell / sum(row) if sum(row) else None for cell in row] for row in matrix.counts]
        _panel(sheet, matrix, names[panel], shares, left, theme)
        sheet.note(
            f"<b>{names[panel]}</b>",
            left - 0.5,
            -0.95,
            theme.of_role(matrix.role),
            xanchor="left",
            yanchor="bottom",
            yshift=4,
        )
        for place, name in enumerate(classes):
            sheet.note(label(name, 8), left + place, -0.55, theme.muted, yanchor="bottom")
            if panel == 0:
                sheet.note(label(name, _LENGTH), -0.5, place, theme.muted, xanchor="right", xshift=-5, yanchor="middle")
    width = len(known) * (size + 0.8) - 0.8
    sheet.x_axis(range=[-0.5, width - 0.5], visible=False, constrain="domain", constraintoward="left")
    sheet.y_axis(range=[size - 0.5, -1.45], visible=False, scaleanchor="x", constrain="domain", constraintoward="top")
    right = [sum(matrix.counts[i][i] for i in range(size)) / sum(map(sum, matrix.counts)) for matrix in known]
    accuracies = ", ".join(f"{name} {100 * share:.1f} %" for name, share in zip(names, right, strict=True))
    task = shorten(known[0].task, 30)
    title = fit(
        f"{task}, right on the {known[0].split} split: {accuracies}", f"{task}: predictions on the {known[0].split} split"
    )
    longest = max(len(shorten(name, _LENGTH)) for name in classes)
    pixels = min(72.0, 640 / width)
    return framed(
        sheet,
        theme=theme,
        title=title,
        height=int(pixels * (size + 1.1)) + 66,
        left=28 + int(6.6 * longest),
        bottom=44,
        square=(size + 0.95) / width,
        alt=f"Confusion matrices of {shorten(known[0].task, 40)}, {size} classes. {title}.",
    )


def _panel(
    sheet: Sheet, matrix: ConfusionInfo, model: str, shares: list[list[float | None]], left: float, theme: Theme
) -> None:
    size = len(matrix.classes)
    hover = [
        [
            f"{model}: {count:,} of {sum(row):,}<br>true {label(matrix.classes[i])}<br>predicted {label(matrix.classes[j])}"
            for j, count in enumerate(row)
        ]
        for i, row in enumerate(matrix.counts)
    ]
    sheet.heatmap(
        x=[left + place for place in range(size)],
        y=list(range(size)),
        z=shares,
        zmin=0,
        zmax=1,
        showscale=False,
        colorscale=list(theme.sequential),
        xgap=1,
        ygap=1,
        hovertext=hover,
        hovertemplate="%{hovertext}<extra></extra>",
        hoverongaps=False,
    )
    if size <= _MOST_NUMBERS:
        known = [(left + j, i, share) for i, row in enumerate(shares) for j, share in enumerate(row) if share is not None]
        scale = theme.sequential
        sheet.numbers([(x, y, f"{100 * share:.0f}", legible(share, theme, scale, (0, 1))) for x, y, share in known], 12)
    if left == 0:
        foot = f"rows: true class; columns: predicted<br>% of the row, {counted(matrix.seeds, 'seed')} together"
        sheet.note(foot, 0, 0, theme.muted, xref="paper", yref="paper", xanchor="left", yanchor="top", yshift=-12)
