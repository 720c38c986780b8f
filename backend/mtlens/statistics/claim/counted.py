"""Which gains count as points: those of tasks that were learnt, each once although experiments share runs."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from mtlens.statistics.learnt import NOT_LEARNT


class Gain(Protocol):
    """What decides whether a gain counts."""

    @property
    def experiment_id(self) -> str:
        """Of which experiment."""
        ...

    @property
    def data(self) -> str:
        """What the texts are."""
        ...

    @property
    def tasks(self) -> Sequence[str]:
        """The group."""
        ...

    @property
    def task(self) -> str:
        """Whose gain it is."""
        ...

    @property
    def gain(self) -> float | None:
        """Score in the group less score alone."""
        ...

    @property
    def verdict(self) -> str:
        """On the task in the group."""
        ...


G = TypeVar("G", bound=Gain)


def counted(gains: Sequence[G]) -> list[G]:
    """The gains that count. Of equal ones, of the same texts, group and task, that of the experiment with the most gains."""
    learnt = [gain for gain in gains if gain.verdict != NOT_LEARNT]
    sizes: dict[str, int] = {}
    for gain in learnt:
        sizes[gain.experiment_id] = sizes.get(gain.experiment_id, 0) + 1
    found: dict[tuple[object, ...], G] = {}
    for gain in sorted(learnt, key=lambda each: (-sizes[each.experiment_id], each.experiment_id, tuple(each.tasks), each.task)):
        found.setdefault((gain.data, tuple(gain.tasks), gain.task, gain.gain), gain)
    return list(found.values())
