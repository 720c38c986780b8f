"""One level's findings in words: nouns that share sentences, clauses, negations and their scope, doubt, asides.

Every abnormal finding is told; a normal one may be left out, and what is left out is normal.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from mtlens.data.synthetic_reports.anatomy import VERTEBRAE
from mtlens.data.synthetic_reports.phrases import FILLERS, FRAMES, HAEMANGIOMA, LEADS, NO_T2_SIGNAL, T2_SIGNAL
from mtlens.data.synthetic_reports.statement import Statement, Truth
from mtlens.data.synthetic_reports.voice import HEDGE, Voice, listed

FILLER: Final = 0.25
"""Probability of a remark that no task asks about."""
DENIED_AS_NOUN: Final = 0.6
"""Probability that a normal finding is written as "no stenosis" rather than as "the canal is patent"."""
MIXED_SCOPE: Final = 0.6
"""Probability that a sentence on what is present also says what is absent."""
NARROWINGS: Final = ("canal", "foraminal")
JOINT: Final = 0.3
"""Probability that one word grades both narrowings, where they are of one class and written in the shared register."""
T2_SIGNAL_SAID: Final = 0.5
"""Share of compressed cords with raised T2 signal."""
NO_T2_SIGNAL_SAID: Final = 0.15
"""Probability that cord signal is called normal where it is."""
COMPRESSED: Final = 2
"""Class index of a compressed cord."""


class _Phrase(NamedTuple):
    words: str
    tasks: tuple[str, ...]


@dataclass(kw_only=True)
class _Notes:
    """Findings of one level on their way into statements."""

    nouns: list[_Phrase] = field(default_factory=list[_Phrase])
    clauses: list[_Phrase] = field(default_factory=list[_Phrase])
    denied: list[_Phrase] = field(default_factory=list[_Phrase])
    statements: list[Statement] = field(default_factory=list[Statement])

    def say(self, words: str, tasks: Iterable[str] = (), *, hedged: bool = False) -> None:
        self.statements.append(Statement(words=words, mentions=frozenset(tasks), hedged=hedged))


def describe(voice: Voice, truth: Truth, level: int, told: frozenset[str]) -> list[Statement]:
    """Statements on one level without the tasks that were written with other levels; never empty if none was."""
    notes = _Notes()
    severities = {task: truth.severities[level][task] for task in voice.practice.task_order if task not in told}
    _note_severities(voice, severities, notes)
    if not (told or notes.nouns or notes.clauses or notes.denied or notes.statements):
        _note_normal(voice, voice.practice.task_order[0], notes)
    _say_nouns(voice, notes)
    _say_clauses(notes)
    if notes.denied:
        notes.say(f"no {_listed(notes.denied, 'or')}", _tasks(notes.denied))
    _say_asides(voice, truth, level, notes)
    return [_placed(voice, statement, level, first=position == 0) for position, statement in enumerate(notes.statements)]


def _note_severities(voice: Voice, severities: dict[str, int], notes: _Notes) -> None:
    joint = severities.get("canal", 0)
    if joint and joint == severities.get("foraminal") and voice.shared.issuperset(NARROWINGS) and voice.chance(JOINT):
        notes.nouns.append(_Phrase(voice.joint_noun(joint), NARROWINGS))
        severities = {task: severity for task, severity in severities.items() if task not in NARROWINGS}
    for task, severity in severities.items():
        if severity:
            _note_abnormal(voice, task, severity, notes)
        elif voice.chance(voice.practice.thoroughness):
            _note_normal(voice, task, notes)


def _note_abnormal(voice: Voice, task: str, severity: int, notes: _Notes) -> None:
    if voice.chance(voice.practice.clausal):
        notes.clauses.append(_Phrase(voice.clause(task, severity), (task,)))
    elif voice.chance(HEDGE):
        notes.say(voice.hedge(voice.noun(task, severity)), (task,), hedged=True)
    else:
        notes.nouns.append(_Phrase(voice.noun_with_article(task, severity), (task,)))


def _note_normal(voice: Voice, task: str, notes: _Notes) -> None:
    if voice.chance(DENIED_AS_NOUN):
        notes.denied.append(_Phrase(voice.denied(task), (task,)))
    else:
        notes.clauses.append(_Phrase(voice.clause(task, 0), (task,)))


def _say_nouns(voice: Voice, notes: _Notes) -> None:
    """One statement for all nouns or one for each; the denied ones may join in: "a bulge without root compression"."""
    if not notes.nouns:
        return
    if not voice.chance(voice.practice.combining):
        for noun in notes.nouns:
            notes.say(voice.template(FRAMES).format(noun.words), noun.tasks)
        return
    first, rest = notes.nouns[0], notes.nouns[1:]
    phrase = f"{first.words} with {_listed(rest, 'and')}" if rest and voice.chance(0.5) else _listed(notes.nouns, "and")
    said = notes.nouns
    if notes.denied and voice.chance(MIXED_SCOPE):
        phrase += f" {voice.any_of(('without', 'without', 'but no'))} {_listed(notes.denied, 'or')}"
        said = [*notes.nouns, *notes.denied]
        notes.denied = []
    notes.say(voice.template(FRAMES).format(phrase), _tasks(said))


def _say_clauses(notes: _Notes) -> None:
    for position in range(0, len(notes.clauses), 2):
        pair = notes.clauses[position : position + 2]
        notes.say(_listed(pair, "and"), _tasks(pair))


def _say_asides(voice: Voice, truth: Truth, level: int, notes: _Notes) -> None:
    """Cord signal, haemangioma, and remarks on nothing that is asked."""
    cord = truth.severities[level].get("cord")
    if cord == COMPRESSED and voice.chance(T2_SIGNAL_SAID):
        notes.say(voice.habitual(T2_SIGNAL), ("cord",))
    elif cord is not None and voice.chance(NO_T2_SIGNAL_SAID):
        notes.say(voice.habitual(NO_T2_SIGNAL))
    if truth.haemangioma[level]:
        notes.say(voice.habitual(HAEMANGIOMA).format(bone=VERTEBRAE[voice.region][level]), ("haemangioma",))
    if voice.chance(FILLER):
        notes.say(voice.any_of(FILLERS[voice.region]))


def _listed(phrases: list[_Phrase], conjunction: str) -> str:
    return listed([phrase.words for phrase in phrases], conjunction)


def _tasks(phrases: list[_Phrase]) -> Iterable[str]:
    return (task for phrase in phrases for task in phrase.tasks)


def _placed(voice: Voice, statement: Statement, level: int, *, first: bool) -> Statement:
    """The statement with its level; only the first one on a level names it."""
    words = voice.template(LEADS).replace("{level}", voice.level(level)).format(statement.words) if first else statement.words
    return Statement(words=words, levels=(level,), mentions=statement.mentions, hedged=statement.hedged)
