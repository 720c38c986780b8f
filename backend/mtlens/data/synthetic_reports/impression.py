"""The numbered impression: it restates the worst findings, merges levels, and now and then drops the degree."""

from typing import Final

from mtlens.data.synthetic_reports.background import MULTILEVEL, NORMAL
from mtlens.data.synthetic_reports.phrases import LEADS, LEVELS_LEADS
from mtlens.data.synthetic_reports.statement import Statement, Truth
from mtlens.data.synthetic_reports.voice import Voice, listed

MAX_LINES: Final = 4
COARSE: Final = 0.2
"""Probability that a restated finding loses its degree."""
MERGED: Final = 0.45
"""Probability that a finding is restated together with the levels that share it."""
RESTATED: Final = 0.45
"""Probability that a level is restated, other than the worst one, which always is."""


def conclude(voice: Voice, truth: Truth) -> list[Statement]:
    """One to MAX_LINES statements, worst levels first."""
    worst_first = sorted(
        (level for level in range(len(truth.severities)) if not truth.is_normal(level)),
        key=lambda level: -sum(truth.severities[level].values()),
    )
    if not worst_first:
        return [Statement(words=voice.template(NORMAL), general=True)]
    lines: list[Statement] = []
    for level in worst_first:
        covered = any(level in line.levels for line in lines)
        if len(lines) < MAX_LINES - 1 and not covered and (not lines or voice.chance(RESTATED)):
            lines.append(_restated(voice, truth, level))
    if len(worst_first) > 2 and voice.chance(0.4):
        words = voice.template(MULTILEVEL).replace("{level}", voice.level(worst_first[0]))
        lines.insert(0, Statement(words=words, levels=(worst_first[0],), general=True))
    return lines


def _restated(voice: Voice, truth: Truth, level: int) -> Statement:
    """The gravest finding of a level with all levels that share it, or the gravest one or two of this level alone."""
    severities = truth.severities[level]
    gravest_first = sorted((task for task in severities if severities[task]), key=lambda task: -severities[task])
    gravest = gravest_first[0]
    alike = [other for other, severity in enumerate(truth.severities) if severity[gravest] == severities[gravest]]
    if len(alike) > 1 and voice.chance(MERGED):
        lead = voice.template(LEVELS_LEADS).replace("{levels}", voice.levels(alike))
        words = lead.format(_noun(voice, gravest, severities[gravest]))
        return Statement(words=words, levels=tuple(alike), mentions=frozenset({gravest}))
    tasks = gravest_first[: 1 + voice.chance(0.5)]
    lead = voice.template(LEADS).replace("{level}", voice.level(level))
    words = lead.format(listed([_noun(voice, task, severities[task]) for task in tasks], "and"))
    return Statement(words=words, levels=(level,), mentions=frozenset(tasks))


def _noun(voice: Voice, task: str, severity: int) -> str:
    return voice.coarse(task, severity) if voice.chance(COARSE) else voice.noun(task, severity)
