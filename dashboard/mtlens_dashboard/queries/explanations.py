"""Does the evidence explain the measured match? View `verdicts`, and the data of figure `case`."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.queries.cka import DEFAULT, ProfileInfo, choices, profiles
from mtlens_dashboard.queries.gradients import AlignmentInfo, alignments
from mtlens_dashboard.queries.matching import MatchInfo, MatchingInfo, matching
from mtlens_dashboard.queries.rows import columns, read_infos


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

    @property
    def rows(self) -> tuple["CaseRow", ...]:
        """A row per pair of tasks, or per task where pairs are too many or not measured; the strongest contradiction first."""
        pairs = [line for line in self.explanations if line.scope == "pair"]
        if not 0 < len(pairs) <= MOST_PAIRS:
            rows = [self._of_task(match) for match in self.matching.tasks if self._shows(match.task)]
        else:
            rows = [self._of_pair(line) for line in pairs if self._shows(*line.tasks)] if self.matching.tasks else []
        return tuple(sorted(rows, key=lambda row: row.rank))

    def _shows(self, *tasks: str | None) -> bool:
        shown = self.matching.shown
        return shown is None or len(shown.intersection(tasks)) >= min(len(tasks), len(shown))

    def _of_pair(self, line: ExplanationInfo) -> "CaseRow":
        by_task = {match.task: match for match in self.matching.tasks}
        return CaseRow(
            tasks=line.tasks,
            matches=tuple(by_task[task] for task in line.tasks if task in by_task),
            explanation=line,
            profile=next((profile for profile in self.profiles if {profile.task_a, profile.task_b} == set(line.tasks)), None),
            alignment=next(
                (
                    alignment
                    for alignment in self.alignments
                    if alignment.layer is None and {alignment.task_a, alignment.task_b} == set(line.tasks)
                ),
                None,
            ),
        )

    def _of_task(self, match: MatchInfo) -> "CaseRow":
        """With the weakest pair among those that say what the task's own line says, because it decides."""
        line = next((line for line in self.explanations if line.scope == "task" and line.tasks[:1] == (match.task,)), None)
        pairs = [line for line in self.explanations if line.scope == "pair" and match.task in line.tasks]
        own = ("", "") if line is None else (line.cka, line.gradients)
        by_cka = sorted(pairs, key=lambda pair: (pair.cka != own[0], _or_last(pair.cka_effect)))
        by_cosine = sorted(pairs, key=lambda pair: (pair.gradients != own[1], _or_last(pair.gradient_cosine)))
        return CaseRow(
            tasks=(match.task or "",),
            matches=(match,),
            explanation=line,
            profile=self._of_pair(by_cka[0]).profile if by_cka else None,
            alignment=self._of_pair(by_cosine[0]).alignment if by_cosine else None,
        )

    def only(self, tasks: Collection[str]) -> "CaseInfo":
        """The same with rows for some of the tasks."""
        return replace(self, matching=self.matching.only(tasks))


@dataclass(frozen=True, kw_only=True)
class CaseRow:
    """A pair of tasks, or a task with its weakest pairs: what was measured of it beside its evidence."""

    tasks: tuple[str, ...]
    matches: tuple[MatchInfo, ...]
    explanation: ExplanationInfo | None
    profile: ProfileInfo | None
    alignment: AlignmentInfo | None

    @property
    def rank(self) -> tuple[int, float]:
        """Contradictions first, then by the smallest effect."""
        if self.explanation is None:
            return len(_STRENGTH), 0.0
        return _STRENGTH.index(self.explanation.agreement), _or_last(self.explanation.cka_effect)


MOST_PAIRS = 15
"""That have a row each; six tasks have so many."""
_STRENGTH = ("contradicts", "mixed", "agrees", "inconclusive", "not measured")


def _or_last(value: float | None) -> float:
    return 9.0 if value is None else value


_EXPLANATIONS = f"""
    SELECT {columns(ExplanationInfo)}
    FROM (
        SELECT
            * REPLACE (if(scope = 'pair', list_filter(names, lambda name: list_contains(tasks, name)), tasks) AS tasks)
        FROM verdicts, (SELECT list(task ORDER BY position) AS names FROM task WHERE experiment_id = $experiment_id)
        WHERE experiment_id = $experiment_id
    )
    ORDER BY list_position(['group', 'task', 'pair'], scope), list_position(names, tasks[1]), list_position(names, tasks[2])
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
