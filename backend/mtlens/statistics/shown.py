"""How scores, differences and margins are shown: each in the unit of its metric, shares times 100; and counts of things.

A comparison without a metric is a mean over tasks with different metrics or margins; its unit is the margin.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from mtlens.statistics.metrics import label_of, unit_of


@dataclass(frozen=True)
class Unit:
    """The unit of a metric. metric: its name; None: margins. scale: factor with which numbers are shown."""

    metric: str | None

    @property
    def scale(self) -> float:
        """100 for shares and correlations, 1 for errors in the unit of the labels and for margins."""
        return 1.0 if self.metric is None else unit_of(self.metric)[0]

    @property
    def name(self) -> str:
        """The unit in words, such as `macro-F1 x 100`."""
        if self.metric is None:
            return "margins"
        return f"{label_of(self.metric)} x 100" if self.scale > 1 else label_of(self.metric)

    @property
    def points(self) -> str:
        """Word after the number of a difference: points, where scores are shown x 100."""
        return "points" if self.scale > 1 else "margins" if self.metric is None else f"in {label_of(self.metric)}"

    def score(self, value: float | None) -> str:
        """A score or an error; a dash where there is none."""
        return "-" if value is None or not math.isfinite(value) else f"{self.scale * value:.{self.digits}f}"

    def difference(self, value: float | None) -> str:
        """A difference, with its sign; a dash where there is none."""
        return "-" if value is None or not math.isfinite(value) else f"{self.scale * value:+.{self.digits}f}"

    def margin(self, value: float) -> str:
        """A margin, without needless zeros."""
        return f"{self.scale * value:g}"

    def margin_in_words(self, value: float) -> str:
        """A margin with its unit: 2 points of macro-F1, 0.5 in mean absolute error."""
        name = "" if self.metric is None else f" of {label_of(self.metric)}" if self.scale > 1 else ""
        return f"{self.margin(value)} {self.points}{name}"

    @property
    def digits(self) -> int:
        """Digits after the point."""
        return 1 if self.scale > 1 else 2 if self.metric is None else 3


def shared_unit(metrics: Iterable[str | None], margins: Iterable[float]) -> Unit | None:
    """The unit of all tasks where they agree in metric and margin; None where they do not."""
    pairs = set(zip(metrics, margins, strict=True))
    return Unit(next(iter(pairs))[0]) if len(pairs) == 1 else None


def counted(number: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "task"), counted(3000, "task")
    ('1 task', '3,000 tasks')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
