"""Statements about several levels at once, and which findings the text on each level then leaves out."""

from dataclasses import dataclass, field
from typing import Final

from mtlens.data.synthetic_reports.anatomy import LEVELS, PATHOLOGIES
from mtlens.data.synthetic_reports.phrases import APART_FROM, BLANKET, CONTRAST, LEVELS_LEADS, NO_CONTRAST, NOWHERE, REMAINING
from mtlens.data.synthetic_reports.statement import Statement, Truth
from mtlens.data.synthetic_reports.voice import Voice, listed

MAX_LEVELS: Final = 4
"""Most levels that one statement about a finding names."""
NO_CONTRAST_SAID: Final = 0.2
"""Probability that a study without contrast says so."""


@dataclass(kw_only=True)
class SharedFindings:
    """opening: statements before the levels' blocks. closing: after them. told[level]: tasks that need no more words."""

    opening: list[Statement] = field(default_factory=list[Statement])
    closing: list[Statement] = field(default_factory=list[Statement])
    told: list[set[str]] = field(default_factory=list[set[str]])

    def tell(self, statements: list[Statement], words: str, levels: list[int], *tasks: str) -> None:
        """Adds a statement on these tasks at these levels."""
        statements.append(Statement(words=words, levels=tuple(levels), mentions=frozenset(tasks)))
        for level in levels:
            self.told[level].update(tasks)


def share(voice: Voice, truth: Truth) -> SharedFindings:
    """What this report tells of several levels at once, at most one statement for each task."""
    shared = SharedFindings(told=[set() for _ in LEVELS[voice.region]])
    _group_normal_levels(voice, truth, shared)
    for task in PATHOLOGIES[voice.region]:
        if voice.chance(voice.practice.grouping):
            _share_task(voice, truth, task, shared)
    shared.closing.extend(_on_contrast(voice, truth))
    return shared


def _on_contrast(voice: Voice, truth: Truth) -> list[Statement]:
    """What every contrast study says, and what some others say of its lack."""
    if not (truth.contrast or voice.chance(NO_CONTRAST_SAID)):
        return []
    words = voice.template(CONTRAST if truth.contrast else NO_CONTRAST)
    return [Statement(words=words, levels=tuple(range(len(truth.severities))), mentions=frozenset({"contrast"}))]


def _group_normal_levels(voice: Voice, truth: Truth, shared: SharedFindings) -> None:
    """One remark for two or more normal levels, in place of their blocks."""
    normal = [level for level in range(len(truth.severities)) if truth.is_normal(level)]
    if len(normal) < 2 or not voice.chance(voice.practice.grouping):
        return
    words, tasks = _all_normal(voice)
    if len(normal) < len(truth.severities) and voice.chance(0.6):
        shared.tell(shared.closing, voice.template(REMAINING).format(words), normal, *tasks)
    else:
        lead = voice.template(LEVELS_LEADS).replace("{levels}", voice.levels(normal))
        shared.tell(shared.opening, lead.format(words), normal, *tasks)
    for level in normal:
        shared.told[level].update(PATHOLOGIES[voice.region])


def _all_normal(voice: Voice) -> tuple[str, list[str]]:
    """Words that call levels normal: one for all tasks if all use the shared register, else one for each of some."""
    tasks = list(voice.practice.task_order)
    if voice.shared.issuperset(tasks) and voice.chance(0.8):
        return voice.template(BLANKET), tasks
    if voice.chance(0.5):
        return f"no {listed([voice.denied(task) for task in tasks[:3]], 'or')}", tasks[:3]
    return " and ".join(voice.clause(task, 0) for task in tasks[:2]), tasks[:2]


def _share_task(voice: Voice, truth: Truth, task: str, shared: SharedFindings) -> None:
    """The task's finding at the levels that agree: found nowhere, found apart from one level, or the same at several."""
    untold = [level for level in range(len(truth.severities)) if task not in shared.told[level]]
    spared = [level for level in untold if truth.severities[level][task] == 0]
    if len(spared) == len(truth.severities):
        shared.tell(shared.closing, voice.template(NOWHERE).format(voice.denied(task)), spared, task)
    elif len(untold) == len(truth.severities) and len(spared) == len(untold) - 1:
        exception = next(level for level in untold if level not in spared)
        template = voice.template(APART_FROM).replace("{level}", voice.level(exception))
        shared.tell(shared.closing, template.format(voice.clause(task, 0)), spared, task)
    else:
        _share_severity(voice, truth, task, untold, shared)


def _share_severity(voice: Voice, truth: Truth, task: str, untold: list[int], shared: SharedFindings) -> None:
    severities = sorted({truth.severities[level][task] for level in untold} - {0})
    alike = [(severity, [level for level in untold if truth.severities[level][task] == severity]) for severity in severities]
    choices = [(severity, levels) for severity, levels in alike if 2 <= len(levels) <= MAX_LEVELS]
    if not choices:
        return
    severity, levels = choices[int(voice.rng.random() * len(choices))]
    lead = voice.template(LEVELS_LEADS).replace("{levels}", voice.levels(levels))
    shared.tell(shared.opening, lead.format(voice.noun_with_article(task, severity)), levels, task)
