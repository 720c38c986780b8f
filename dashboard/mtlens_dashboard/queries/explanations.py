"""Does the evidence explain the measured match? View `verdicts`, and all that the picture of the case is drawn from."""

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
        """What is said of one task, or of all where `task` is None."""
        if task is None:
            return next((one for one in self.explanations if one.scope == "group"), None)
        return next((one for one in self.explanations if one.scope == "task" and one.tasks[:1] == (task,)), None)

    @property
    def pairs(self) -> dict[frozenset[str | None], ExplanationInfo]:
        """What is said of each pair of tasks."""
        return {frozenset(one.tasks): one for one in self.explanations if one.scope == "pair"}

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
