"""One model against N: what it costs to store, to train and, where it is known, to run."""

from collections.abc import Callable, Sequence

import plotly.graph_objects as go

from mtlens.config.run_kinds import MULTI, SINGLE, is_control, label_of
from mtlens.statistics.shown import counted
from mtlens_dashboard.figures.frame import empty, framed
from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import LIGHT, Theme
from mtlens_dashboard.queries.costs import CostInfo
from mtlens_dashboard.wording.formatting import duration, fit, in_words, quantity

_MEASURES: tuple[tuple[str, str, Callable[[float | None], str]], ...] = (
    ("weights", "parameters", quantity),
    ("training time", "seconds", duration),
    ("prediction time", "inference_seconds", duration),
)
_BAR = 26  # pixels


def costs(costs: Sequence[CostInfo], *, theme: Theme = LIGHT) -> go.Figure:
    """Bars as a share of what the task-specific models cost together, amounts written on them."""
    by_role = {cost.role: cost for cost in costs}
    base = by_role.get(SINGLE.name)
    if base is None or len(by_role) < 2:
        return empty(theme, "No costs to compare yet", "They appear once both kinds of models have finished.")
    shown = [role for role in by_role if not is_control(role)]
    sheet = Sheet()
    place, longest = 0.0, 100.0
    for name, column, tell in _MEASURES:
        whole = getattr(base, column)
        amounts = {role: getattr(by_role[role], column) for role in shown}
        if not whole or None in amounts.values():
            continue
        sheet.note(f"<b>{name}</b>", 0, place, theme.ink, size=13, xanchor="left", yanchor="middle")
        for role, amount in amounts.items():
            place += 1
            share = 100 * amount / whole
            longest = max(longest, share)
            _bar(
                sheet, role, share, place, f"{tell(amount)}   {label_of(role)}, {counted(by_role[role].models, 'model')}", theme
            )
        place += 1.3
    sheet.x_axis(range=[0, longest], visible=False)
    sheet.y_axis(range=[place - 0.6, -0.6], visible=False)
    title = _title(base, by_role)
    return framed(sheet, theme=theme, title=title, alt=f"Bars of cost. {title}.", height=int(_BAR * place) + 20, bottom=8)


def _bar(sheet: Sheet, role: str, share: float, place: float, text: str, theme: Theme) -> None:
    """A bar with its text beside it, or on it where the bar is long."""
    sheet.bar(
        x=[share],
        y=[place],
        orientation="h",
        width=0.62,
        hovertemplate=f"{text}: {share:.0f} %<extra></extra>",
        marker={"color": theme.of_role(role), "line": {"width": 0}},
    )
    is_long = share > 50
    colour, end = (theme.paper, 0.0) if is_long else (theme.muted, share)
    sheet.note(text, end, place, colour, size=12, xanchor="left", xshift=8, yanchor="middle")


def _title(base: CostInfo, by_role: dict[str, CostInfo]) -> str:
    other = by_role.get(MULTI.name)
    if other is None:
        return "Costs of the models"
    parts = [
        f"{100 * getattr(other, column) / getattr(base, column):.0f} % of {name}"
        for name, column, _ in _MEASURES
        if getattr(base, column) and getattr(other, column) is not None
    ]
    title = f"One model instead of {in_words(base.models)}: {', '.join(parts)}"
    return fit(title, title.replace(" time", ""))
