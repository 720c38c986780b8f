"""Which tasks are trained together: groups, families of groups that cover all tasks, and set partitions.

Tasks are numbered 0..T-1. A group is a bit mask: bit j is set where task j is in it, so `0b101` contains tasks 0 and 2. A
family is a tuple of distinct groups in the order of their tasks; tasks may be in several. A partition is a family in which each
task is once. Its restricted-growth string `[T]` names each task's group, groups being numbered in the order in which they first
occur: there is one string per partition. Knuth, The Art of Computer Programming 4A, section 7.2.1.5.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mtlens.errors import DataError

Group: TypeAlias = int
Family: TypeAlias = tuple[Group, ...]
Partition: TypeAlias = Family


def group_of(tasks: Iterable[int]) -> Group:
    """The group of these tasks."""
    group = 0
    for task in tasks:
        if task < 0:
            raise DataError(f"tasks of a group should be numbered from 0; found {task}")
        group |= 1 << task
    return group


@lru_cache(maxsize=1 << 16)
def tasks_of(group: Group) -> tuple[int, ...]:
    """Tasks of a group, in order."""
    return tuple(task for task in range(group.bit_length()) if group >> task & 1)


def all_groups(num_tasks: int) -> range:
    """The 2^T - 1 groups of T tasks; the last contains all tasks."""
    return range(1, 1 << _checked(num_tasks))


def membership(groups: Sequence[Group], num_tasks: int) -> NDArray[np.bool_]:
    """Whether each group contains each task, `[G, T]`."""
    largest = all_groups(num_tasks)[-1]
    for group in groups:
        if not 1 <= group <= largest:
            raise DataError(f"a group of {num_tasks} tasks should lie in 1..2^{num_tasks}-1; found {group}")
    masks = np.asarray(groups, dtype=np.int64 if num_tasks < 63 else object)
    return (masks[:, None] >> np.arange(num_tasks) & 1).astype(np.bool_)


def canonical_family(groups: Iterable[Group], num_tasks: int) -> Family:
    """The distinct groups in the order of their tasks; `DataError` where a task is in none of them."""
    family = ordered(groups)
    covered = membership(family, num_tasks).any(axis=0)
    if not covered.all():
        raise DataError(f"every task of 0..{num_tasks - 1} should be in a group; found none with task {covered.argmin()}")
    return family


def canonical_partition(groups: Iterable[Group], num_tasks: int) -> Partition:
    """The groups in the order of their lowest tasks; `DataError` where a task is in none of them or in several."""
    listed = list(groups)
    family = canonical_family(listed, num_tasks)
    counts = membership(listed, num_tasks).sum(axis=0)
    if counts.max() > 1:
        raise DataError(f"a task should be in one group of a partition; found task {counts.argmax()} in {counts.max()}")
    return family


def partition_of(string: Sequence[int]) -> Partition:
    """The canonical partition of a restricted-growth string; `DataError` where a group is named before those below it."""
    groups: list[Group] = []
    for task, number in enumerate(string):
        if not 0 <= number <= len(groups):
            raise DataError(f"entry {task} of a restricted-growth string should lie in 0..{len(groups)}; found {number}")
        if number == len(groups):
            groups.append(0)
        groups[number] |= 1 << task
    return tuple(groups)


def growth_strings(num_tasks: int) -> Iterator[tuple[int, ...]]:
    """All restricted-growth strings of T tasks in lexicographic order: from all in one group to each on its own."""
    return _extensions((0,), 1, _checked(num_tasks))


@cache
def completions(remaining: int, num_groups: int) -> int:
    """Ways to place the remaining tasks when `num_groups` groups are open: each into one of them, or into a new one.

    With no group open they are the Bell number, the count of partitions: 1, 2, 5, 15, 52, 203, ... for 1, 2, ... tasks.
    """
    if remaining == 0:
        return 1
    return num_groups * completions(remaining - 1, num_groups) + completions(remaining - 1, num_groups + 1)


def random_partition(num_tasks: int, generator: np.random.Generator) -> Partition:
    """A partition drawn uniformly, task by task, with the odds that each choice has among all completions."""
    string: list[int] = []
    num_groups = 0
    for remaining in reversed(range(_checked(num_tasks))):
        opens = completions(remaining, num_groups + 1) / completions(remaining + 1, num_groups)
        is_new = generator.random() < opens
        string.append(num_groups if is_new else int(generator.integers(num_groups)))
        num_groups += is_new
    return partition_of(string)


def random_cover(num_tasks: int, generator: np.random.Generator) -> Family:
    """A cover in which every group has a task to serve: a random partition whose groups include further tasks at random.

    Groups of a partition serve their tasks; each trains on every other task too with probability 1/T. Every useful cover can be
    drawn, as a group that serves no task could be left out.
    """
    served = random_partition(num_tasks, generator)
    along = generator.random((len(served), num_tasks)) < 1 / num_tasks
    return ordered(group | group_of(np.flatnonzero(row).tolist()) for group, row in zip(served, along, strict=True))


def ordered(groups: Iterable[Group]) -> Family:
    """The distinct groups in the order of their tasks; it is not checked that every task is in one."""
    return tuple(sorted(set(groups), key=tasks_of))


def neighbours(family: Family, *, overlap: bool = False) -> list[Family]:
    """Families that differ by moving one task to another group or to a new one; groups unordered, families may repeat.

    With `overlap` also those in which a task joins another group, leaves one, or is also trained alone.
    """
    everything = (1 << max(group.bit_length() for group in family)) - 1
    families: list[Family] = []
    for group in family:
        others = tuple(other for other in family if other != group)
        elsewhere = 0
        for other in others:
            elsewhere |= other
        for task in tasks_of(group):
            alone = 1 << task
            rest = (group ^ alone,) if group != alone else ()
            families += [(*rest, *others[:place], other | alone, *others[place + 1 :]) for place, other in enumerate(others)]
            if rest:
                families.append((*others, *rest, alone))
            if overlap and elsewhere & alone:
                families.append((*others, *rest))
        if overlap:
            families += [(*others, group | 1 << task) for task in tasks_of(everything & ~group)]
    if overlap:
        families += [(*family, 1 << task) for task in tasks_of(everything) if 1 << task not in family]
    return families


def _extensions(string: tuple[int, ...], num_groups: int, num_tasks: int) -> Iterator[tuple[int, ...]]:
    """All restricted-growth strings of T tasks that begin with `string`, in which `num_groups` groups are open."""
    if len(string) == num_tasks:
        yield string
        return
    for number in range(num_groups + 1):
        yield from _extensions((*string, number), max(num_groups, number + 1), num_tasks)


def _checked(num_tasks: int) -> int:
    if num_tasks < 1:
        raise DataError(f"there should be at least one task; found {num_tasks}")
    return num_tasks
