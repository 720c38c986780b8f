"""Does the evidence explain the measured match? View `verdicts`, and the data of figure `case`."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.queries.cka import DEFAULT, ProfileInfo, choices, profiles
from mtlens_dashboard.queries.gradients import AlignmentInfo, alignments
from mtlens_dashboard.queries.matching import MatchingInfo, matching
from mtlens_dashboard.queries.rows import read_infos


@dataclass(frozen=True, kw_only=True)
class ExplanationInfo:
    """One line of view `verdicts`: all tasks, one with the others, or a pair."""

    scope: Literal["group", "task", "pair"]
    tasks: tuple[str, ...]
    measured: str | None
    difference: float | None
    cka: str
    cka_effect: float | None
    cka_detail: str | None
    gradients: str
    gradient_cosine: float | None
    gradients_detail: str | None
    agreement: str
    method: str | None


@dataclass(frozen=True, kw_only=True)
class CaseInfo:
    """The measured match beside its evidence: what `mtlens_dashboard.figures.case` draws."""

    matching: MatchingInfo
    profiles: tuple[ProfileInfo, ...]
    alignments: tuple[AlignmentInfo, ...]
    explanations: tuple[ExplanationInfo, ...]

    def explanation(self, task: str | None) -> ExplanationInfo | None:
        """The line of one task, or of all tasks where `task` is None."""
        if task is None:
            return next((line for line in self.explanations if line.scope == "group"), None)
        return next((line for line in self.explanations if line.scope == "task" and line.tasks[:1] == (task,)), None)

    @property
    def pairs(self) -> dict[frozenset[str | None], ExplanationInfo]:
        """The line of each pair of tasks."""
        return {frozenset(line.tasks): line for line in self.explanations if line.scope == "pair"}

    def only(self, tasks: Collection[str]) -> "CaseInfo":
        """The same with rows for some of the tasks; each has its evidence with all others."""
        return replace(self, matching=self.matching.only(tasks))


_EXPLANATIONS = """
    SELECT
        scope, tasks, measured, difference, cka, cka_effect, cka_detail, gradients, gradient_cosine, gradients_detail,
        agreement, method
    FROM verdicts WHERE experiment_id = $experiment_id
"""


def explanations(workspace: Workspace, experiment_id: str) -> tuple[ExplanationInfo, ...]:
    """The group, then each task, then each pair; nothing where no evidence is stored."""
    return read_infos(workspace, ExplanationInfo, _EXPLANATIONS, {"experiment_id": experiment_id})


def case(workspace: Workspace, experiment_id: str) -> CaseInfo:
    """Match, CKA between the task-specific models, and gradients of the multi-task model, compared as verdicts do."""
    comparing = next(iter(choices(workspace, experiment_id)), DEFAULT)
    return CaseInfo(
        matching=matching(workspace, experiment_id),
        profiles=profiles(workspace, experiment_id, comparing=comparing),
        alignments=alignments(workspace, experiment_id),
        explanations=explanations(workspace, experiment_id),
    )
