"""Does the evidence predict whether one model matches? Pairs of one experiment, and gains of all groups that were trained."""

import math
from collections import Counter
from collections.abc import Sequence
from statistics import median

import plotly.graph_objects as go

from mtlens_dashboard.figures.claim_grid import MEASURED, SAYS, Cell, grid, row_of
from mtlens_dashboard.figures.frame import empty
from mtlens_dashboard.figures.theme import LIGHT, Theme
from mtlens_dashboard.queries.claim import ClaimInfo, ClaimPointInfo
from mtlens_dashboard.queries.explanations import ExplanationInfo
from mtlens_dashboard.wording import claim_titles, titles
from mtlens_dashboard.wording.formatting import crossed, listing, plain

GAINS_ADVICE = "They appear when groups of tasks have been trained (`mtlens search`) and their evidence is measured."
_NAMES = ("different or<br>opposed", "undecided<br>or mixed", "similar or<br>aligned")
_WHOLE, _CUT = 8, 7  # characters of a task's name that fit into a cell on a phone, and what is left of longer ones
_HEIGHT_WITH_NAMES, _HEIGHT = 108, 74  # pixels of a cell


def claim(explanations: Sequence[ExplanationInfo], *, theme: Theme = LIGHT) -> go.Figure:
    """Columns: what the evidence of a pair says. Rows: what was measured, the worse of its two tasks."""
    pairs = [line for line in explanations if line.scope == "pair" and line.agreement != "not measured"]
    if not pairs:
        return empty(theme, titles.claim(()), "It appears when models have been trained and their evidence is measured.")
    lines: dict[tuple[int, int], list[ExplanationInfo]] = {}
    for line in pairs:
        lines.setdefault((_column(line), row_of(line.measured)), []).append(line)
    length = _WHOLE if all(len(task) <= _WHOLE for line in pairs for task in line.tasks) else _CUT
    cells = {
        place: Cell(
            len(own),
            [crossed(line.tasks, length) for line in own],
            [f"<b>{crossed(line.tasks)}</b><br>{titles.outcome(line)}" for line in own],
        )
        for place, own in lines.items()
    }
    title = titles.claim(pairs)
    told = "; ".join(f"{listing(line.tasks)}: {titles.outcome(line)}" for line in pairs[:20])
    return grid(cells, _NAMES, theme=theme, title=title, alt=f"Table of pairs. {title}. {told}.", height=_HEIGHT_WITH_NAMES)


def _column(line: ExplanationInfo) -> int:
    signs = {_sign(line.cka), _sign(line.gradients)} - {0}
    return 1 if len(signs) != 1 else signs.pop() + 1


def _sign(statement: str) -> int:
    return 1 if statement in ("similar", "aligned") else -1 if statement in ("different", "opposed", "unrelated") else 0


def claim_counts(info: ClaimInfo, *, theme: Theme = LIGHT) -> go.Figure:
    """How many gains are in each cell, and in its corners how many would be if evidence and outcome were independent.

    Evidence is for one model where its interval lies above the threshold, against where it lies below.
    """
    if not info.known:
        return empty(theme, claim_titles.NO_GAINS, GAINS_ADVICE)
    middle = _middle(info.known)
    found = Counter((_side(point, middle), row_of(point.verdict)) for point in info.known)
    expected = _expected(found)
    cells = {
        place: Cell(found[place], remark=f"expected {expected[place]:.1f}" if place in expected else "")
        for place in {*found, *expected}
    }
    by_words = {(SAYS[x], MEASURED[y]): number for (x, y), number in found.items()}
    title = claim_titles.counts(info.evidence, by_words)
    told = "; ".join(f"evidence {says}, gain {measured}: {number}" for (says, measured), number in by_words.items())
    return grid(cells, _sides(info.known, middle), theme=theme, title=title, alt=f"{title}. {told}.", height=_HEIGHT)


def _middle(points: Sequence[ClaimPointInfo]) -> float:
    """Limit for evidence without a threshold: the median, or NaN where it does not vary or some experiment has a threshold."""
    values = [point.value or 0.0 for point in points]
    is_split = min(values) < max(values) and all(point.threshold is None for point in points)
    return median(values) if is_split else math.nan


def _side(point: ClaimPointInfo, middle: float) -> int:
    """Column of a point; without an interval or a limit it is undecided."""
    limit = middle if point.threshold is None else point.threshold
    if point.low is None or point.high is None:
        return 1
    return 2 if point.low >= limit else 0 if point.high < limit else 1  # no comparison with NaN holds


def _sides(points: Sequence[ClaimPointInfo], middle: float) -> tuple[str, str, str]:
    limits = {point.threshold for point in points if point.threshold is not None} or {middle}
    least, most = min(limits), max(limits)
    if math.isnan(least):
        return "against", "undecided", "for"
    limit = plain(least) if least == most else f"{plain(least)} to {plain(most)}"
    return f"against<br>below {limit}", "undecided<br>", f"for<br>from {limit}"


def _expected(found: Counter[tuple[int, int]]) -> dict[tuple[int, int], float]:
    """Counts of the four corners if evidence and outcome were independent: product of the margins over the total."""
    corners = {(x, y): found[x, y] for x in (0, 2) for y in (0, 2)}
    total = sum(corners.values())
    across = {x: corners[x, 0] + corners[x, 2] for x in (0, 2)}
    down = {y: corners[0, y] + corners[2, y] for y in (0, 2)}
    return {(x, y): across[x] * down[y] / total for x, y in corners} if total else {}
