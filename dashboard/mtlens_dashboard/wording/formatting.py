"""Numbers and names as they are shown. Names come from other people's files: they are shortened and escaped before Plotly,
which renders a subset of HTML, sees them.
"""

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence

from mtlens.config.run_kinds import label_of
from mtlens.statistics.shown import Unit

Model = tuple[str, tuple[str, ...]]
"""Kind of run and tasks."""

MISSING = "\N{EN DASH}"
POOLED, EVERY_TASK = "mean", "every task"
"""What the mean over tasks and the evidence of all tasks together are called, in the console as here."""

_ELLIPSIS = "…"
_INVISIBLE = re.compile("[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ufeff]+")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;"})


def shorten(name: str, length: int = 24) -> str:
    """At most `length` characters on one line; what is left out is the middle, as long names often differ at their ends."""
    visible = " ".join(_INVISIBLE.sub(" ", name).split())
    if len(visible) <= length:
        return visible
    tail = (length - 1) // 3
    return visible[: length - 1 - tail].rstrip() + _ELLIPSIS + visible[len(visible) - tail :].lstrip()


def escape(text: str) -> str:
    """Text that Plotly shows unchanged: no tags, no entities, and no $ that would make it a formula."""
    return text.translate(_ENTITIES)


def label(name: str | None, length: int = 24) -> str:
    """Name of a task in a figure, shortened and escaped; None is the mean over all tasks."""
    return POOLED if name is None else escape(shorten(name, length))


def wrap(sentence: str, width: int, most: int | None = None) -> str:
    """Escaped sentence with line breaks for Plotly, in at most so many lines: what is left out is its end."""
    lines = textwrap.wrap(sentence, width, break_on_hyphens=False, max_lines=most, placeholder=_ELLIPSIS)
    return "<br>".join(map(escape, lines)) or " "


LONGEST_TITLE = 90  # characters


def fit(*sentences: str) -> str:
    """The first of these sentences that is short enough for a title, or else the last one, cut at a word."""
    for sentence in sentences:
        if len(sentence) <= LONGEST_TITLE:
            return sentence
    return sentences[-1][: LONGEST_TITLE - 1].rpartition(" ")[0].rstrip(" ,;:") + "…"


def listing(names: Sequence[str], most: int = 3) -> str:
    """ "a", "a and b", "a, b and 4 others"; at most `most` are named."""
    short = [shorten(name) for name in names]
    if len(short) > most:
        short = [*short[: most - 1], f"{len(short) - most + 1} others"]
    return " and ".join(part for part in (", ".join(short[:-1]), *short[-1:]) if part)


def crossed(names: Sequence[str], length: int = 24) -> str:
    """A pair of tasks in a figure, shortened and escaped."""
    return " \N{MULTIPLICATION SIGN} ".join(label(name, length) for name in names)


def model_names(models: Iterable[Model]) -> dict[Model, str]:
    """Label of the kind of each model; with its tasks where another model of the kind is trained on one of them too."""
    distinct = dict.fromkeys(models)
    number = Counter((role, task) for role, tasks in distinct for task in tasks)
    return {
        (role, tasks): f"{label_of(role)}: {listing(tasks)}"
        if any(number[role, task] > 1 for task in tasks)
        else label_of(role)
        for role, tasks in distinct
    }


def points(value: float | None, digits: int = 1) -> str:
    """A score in [0, 1] as points: 0.873 is 87.3."""
    return MISSING if value is None else f"{100 * value:.{digits}f}"


def signed_points(value: float | None, digits: int = 1) -> str:
    """A difference of scores as points with its sign: +0.4, −1.2."""
    return MISSING if value is None else minus(f"{100 * value:+.{digits}f}")


def score_of(value: float | None, unit: Unit) -> str:
    """A score in its unit."""
    return MISSING if value is None else minus(unit.score(value))


def difference(value: float | None, unit: Unit) -> str:
    """A difference in its unit, with its sign."""
    return MISSING if value is None else minus(unit.difference(value))


def bounds(low: float | None, high: float | None, unit: Unit) -> str:
    """Bounds of a difference in its unit, in words where there are none."""
    return "unbounded" if low is None or high is None else f"{difference(low, unit)} to {difference(high, unit)}"


def plain(value: float | None, digits: int = 2) -> str:
    """A similarity or cosine."""
    return MISSING if value is None else minus(f"{value:.{digits}f}")


def minus(text: str) -> str:
    """With a real minus sign, and without a sign before zero."""
    return re.sub(r"^[+-](0(?:\.0+)?)$", r"\1", text).replace("-", "\N{MINUS SIGN}")


def duration(seconds: float | None, digits: int = 3) -> str:
    """Seconds in a unit that suits their size."""
    if seconds is None:
        return MISSING
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 1.5 * size:
            return f"{float(f'{seconds / size:.{digits}g}'):g} {unit}"
    return f"{float(f'{seconds:.{digits}g}'):g} s"


def quantity(number: float | None) -> str:
    """A large number: 11.7 M, 384 k."""
    if number is None:
        return MISSING
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.3g}"


NUMBER_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def in_words(number: int) -> str:
    """one ... twelve, then digits."""
    return NUMBER_WORDS[number] if number < len(NUMBER_WORDS) else f"{number:,}"
