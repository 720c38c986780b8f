"""Does the evidence agree with what was measured?

The claim (Sehanobish et al. 2022, arXiv 2205.02979): a multi-task model matches the task-specific ones when these hold similar
representations in all hidden layers and the tasks' gradients are aligned. So similar layers and aligned gradients are evidence
for a match; different layers and opposed or unrelated gradients are evidence against one. Conclusive evidence *agrees* where it
points to the measured outcome, *contradicts* where it points the other way, and is *mixed* where the two kinds contradict each
other. Where the measurement or all of the evidence is inconclusive, so is the agreement. A task that neither kind of model
learnt is not part of the group: its verdict and its pairs do not count there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mtlens.statistics.comparison import AT_LEAST_AS_GOOD
from mtlens.statistics.learnt import NOT_LEARNT

Agreement = Literal["agrees", "contradicts", "mixed", "inconclusive", "not measured"]
NOT_MEASURED = "not measured"
METHOD = (
    "measured: the worst verdict of the tasks; CKA: debiased, all informative hidden layers, between task-specific models; "
    "gradients: debiased cosine over the course of multi-task training; agrees: what is conclusive points to the outcome"
)
_FOR = ("similar", "aligned")
_AGAINST = ("different", "opposed", "unrelated")
_RANK = (NOT_LEARNT, "worse", "inconclusive", "matches", "better")


@dataclass(frozen=True, kw_only=True)
class PairEvidence:
    """Statements of CKA and gradients on two tasks, the numbers they are based on, and the reasons in words."""

    tasks: tuple[str, str]
    cka: str = NOT_MEASURED
    cka_effect: float | None = None
    cka_detail: str = ""
    gradients: str = NOT_MEASURED
    gradient_cosine: float | None = None
    gradients_detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """One line of view `verdicts`."""

    scope: Literal["group", "task", "pair"]
    tasks: tuple[str, ...]
    measured: str
    difference: float | None
    cka: str
    cka_effect: float | None
    cka_detail: str
    gradients: str
    gradient_cosine: float | None
    gradients_detail: str
    agreement: Agreement
    method: str = METHOD


def explain(
    tasks: Sequence[str],
    verdicts: dict[str, tuple[str, float]],
    pairs: Sequence[PairEvidence],
    pooled: tuple[str, float] | None,
) -> list[Explanation]:
    """Explain the verdicts on the group of all tasks, on each task with the others, and on each pair.

    verdicts: task -> verdict and difference of the multi-task model; pooled: those of the mean of all tasks.
    """
    learnt = [task for task in tasks if task not in verdicts or verdicts[task][0] != NOT_LEARNT] or tasks
    of_learnt = [pair for pair in pairs if set(pair.tasks) <= set(learnt)]
    group = _explanation("group", tuple(tasks), _outcome(learnt, verdicts, pooled), of_learnt)
    each = [
        _explanation("task", (task,), _outcome([task], verdicts, None), [pair for pair in pairs if task in pair.tasks])
        for task in tasks
    ]
    both = [_explanation("pair", pair.tasks, _outcome(pair.tasks, verdicts, None), [pair]) for pair in pairs]
    return [group, *each, *both]


def agreement(measured: str, cka: str, gradients: str) -> Agreement:
    """Whether the conclusive evidence points to the measured outcome."""
    if measured == NOT_MEASURED or (cka == NOT_MEASURED and gradients == NOT_MEASURED):
        return "not measured"
    signs = {_sign(cka), _sign(gradients)} - {0}
    if measured in ("inconclusive", NOT_LEARNT) or not signs:
        return "inconclusive"
    if len(signs) > 1:
        return "mixed"
    return "agrees" if signs == {1 if measured in AT_LEAST_AS_GOOD else -1} else "contradicts"


def _sign(statement: str) -> int:
    return 1 if statement in _FOR else -1 if statement in _AGAINST else 0


def _outcome(
    tasks: Sequence[str], verdicts: dict[str, tuple[str, float]], pooled: tuple[str, float] | None
) -> tuple[str, float | None]:
    """The worst verdict of the tasks, and the mean difference; not measured where one of them is not."""
    if any(task not in verdicts for task in tasks):
        return NOT_MEASURED, None
    worst = min((verdicts[task][0] for task in tasks), key=_RANK.index)
    mean = sum(verdicts[task][1] for task in tasks) / len(tasks)
    return worst, mean if pooled is None else pooled[1]


def _explanation(
    scope: Literal["group", "task", "pair"],
    tasks: tuple[str, ...],
    outcome: tuple[str, float | None],
    pairs: Sequence[PairEvidence],
) -> Explanation:
    cka, cka_detail = _combined([(pair.cka, pair.cka_detail, pair.tasks) for pair in pairs], _FOR[0], ("different",))
    gradients, gradients_detail = _combined(
        [(pair.gradients, pair.gradients_detail, pair.tasks) for pair in pairs], _FOR[1], ("opposed", "unrelated")
    )
    return Explanation(
        scope=scope,
        tasks=tasks,
        measured=outcome[0],
        difference=outcome[1],
        cka=cka,
        cka_effect=min((pair.cka_effect for pair in pairs if pair.cka_effect is not None), default=None),
        cka_detail=cka_detail,
        gradients=gradients,
        gradient_cosine=min((pair.gradient_cosine for pair in pairs if pair.gradient_cosine is not None), default=None),
        gradients_detail=gradients_detail,
        agreement=agreement(outcome[0], cka, gradients),
    )


def _combined(statements: Sequence[tuple[str, str, tuple[str, str]]], good: str, bad: tuple[str, ...]) -> tuple[str, str]:
    """Several pairs together: the worst statement against, or the good one if it holds for all, or inconclusive."""
    measured = [statement for statement in statements if statement[0] != NOT_MEASURED]
    if not measured or len(measured) < len(statements):
        return NOT_MEASURED, ""
    if len(measured) == 1:
        return measured[0][0], measured[0][1]
    for statement in bad:
        names = [" and ".join(tasks) for state, _, tasks in measured if state == statement]
        if names:
            return statement, f"{statement} in {len(names)} of {len(measured)} pairs: {'; '.join(names[:3])}"
    count = sum(state == good for state, _, _ in measured)
    return (good if count == len(measured) else "inconclusive"), f"{good} in {count} of {len(measured)} pairs"
