"""Which gains count as points: those of learnt tasks. A gain that several experiments share counts once."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from mtlens.statistics.learnt import NOT_LEARNT


class Gain(Protocol):
    """What decides whether a gain counts."""

    @property
    def experiment_id(self) -> str:
        """Id of the experiment."""
        ...

    @property
    def data(self) -> str:
        """Description of the texts."""
        ...

    @property
    def tasks(self) -> Sequence[str]:
        """Tasks of the group."""
        ...

    @property
    def task(self) -> str:
        """Task whose gain this is."""
        ...

    @property
    def gain(self) -> float | None:
        """Score in the group less score of the task-specific model."""
        ...

    @property
    def verdict(self) -> str:
        """Verdict on the task in the group."""
        ...


G = TypeVar("G", bound=Gain)


def counted(gains: Sequence[G]) -> list[G]:
    """The gains that count. Of equal gains on the same texts, group and task, that of the experiment with most gains."""
    learnt = [gain for gain in gains if gain.verdict != NOT_LEARNT]
    sizes: dict[str, int] = {}
    for gain in learnt:
        sizes[gain.experiment_id] = sizes.get(gain.experiment_id, 0) + 1
    found: dict[tuple[object, ...], G] = {}
    for gain in sorted(learnt, key=lambda each: (-sizes[each.experiment_id], each.experiment_id, tuple(each.tasks), each.task)):
        found.setdefault((gain.data, tuple(gain.tasks), gain.task, gain.gain), gain)
    return list(found.values())
