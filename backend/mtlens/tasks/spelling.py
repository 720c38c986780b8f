"""Different spellings of the same class: 1 and 1.0, yes and YES and ` Yes `.

A value that equals a class exactly means that class, so a task can distinguish `a` from `A` by listing both.
"""

from collections import Counter
from typing import NamedTuple

from mtlens.config.task import Task
from mtlens.tasks.base import MISSING


class Known(NamedTuple):
    """Labels of a task by exact value, and by spelling where only one label has it."""

    written: dict[str, int]
    alike: dict[str, int]


def spelling(value: str) -> str:
    """Normal form of all spellings of a class: case and blanks do not count, and numbers are equal by value."""
    folded = " ".join(value.split()).casefold()
    try:
        number = float(folded)
    except ValueError:
        return folded
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else str(number)


def known_values(task: Task) -> Known:
    """The values of a task's column that have a label; MISSING for what is declared missing, and for an empty cell."""
    written = {name: index for index, name in enumerate(task.classes)}
    written |= {value: written[name] for value, name in task.labels.items()}
    written |= dict.fromkeys((*task.missing, ""), MISSING)
    spelt = {(spelling(value), label) for value, label in written.items()}
    labels = Counter(key for key, _ in spelt)
    return Known(written=written, alike={key: label for key, label in spelt if labels[key] == 1})


def index_of(value: str | None, known: Known) -> int | None:
    """Label of a cell; None where it is not a label."""
    text = (value or "").strip()
    return known.written[text] if text in known.written else known.alike.get(spelling(text))
