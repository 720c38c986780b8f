"""A whole report: sections under the practice's headings, statements turned into sentences."""

import re
from typing import Final

from mtlens.data.synthetic_reports.anatomy import GENERAL, LEVELS, VERTEBRAE
from mtlens.data.synthetic_reports.background import COMPARISON, HEADINGS, HISTORY, REMARKS, TECHNIQUE
from mtlens.data.synthetic_reports.impression import conclude
from mtlens.data.synthetic_reports.language import describe
from mtlens.data.synthetic_reports.noise import with_slips
from mtlens.data.synthetic_reports.report import ReportSentence
from mtlens.data.synthetic_reports.shared_levels import share
from mtlens.data.synthetic_reports.statement import Statement, Truth
from mtlens.data.synthetic_reports.voice import Voice

_AMERICAN: Final = {"haemangioma": "hemangioma", "calibre": "caliber", "artefact": "artifact", "disc": "disk"}
_BRITISH_WORD = re.compile(r"haemangioma|calibre|artefact|\bdisc(?=s?\b)", re.IGNORECASE)


def write(voice: Voice, truth: Truth) -> tuple[str, tuple[ReportSentence, ...]]:
    """Text of the report, and its sentences in order; each sentence stands in the text as it is."""
    sections = {
        "history": [_history(voice)],
        "technique": [Statement(words=voice.template(TECHNIQUE["with" if truth.contrast else "without"]), general=True)],
        "comparison": [Statement(words=voice.any_of(COMPARISON[truth.follow_up]), general=True)],
        "findings": _findings(voice, truth),
        "impression": conclude(voice, truth),
    }
    if not truth.follow_up and voice.chance(0.3):
        del sections["comparison"]
    paragraphs: list[str] = []
    sentences: list[ReportSentence] = []
    for section, statements in sections.items():
        written = [_sentence(voice, statement, section) for statement in statements]
        sentences += written
        paragraphs.append(_paragraph(voice, section, statements, written))
    return "\n".join(paragraphs), tuple(sentences)


def _history(voice: Voice) -> Statement:
    words = voice.any_of(HISTORY[voice.region]).format(n=2 + int(voice.rng.random() * 10))
    return Statement(words=words, general=True)


def _findings(voice: Voice, truth: Truth) -> list[Statement]:
    """General paragraph, what several levels share, the levels one by one, and what the rest share."""
    shared = share(voice, truth)
    levels = list(range(len(LEVELS[voice.region])))
    blocks = [describe(voice, truth, level, frozenset(shared.told[level])) for level in levels]
    if voice.practice.caudal_first:
        blocks.reverse()
    return [*_general(voice), *shared.opening, *(statement for block in blocks for statement in block), *shared.closing]


def _general(voice: Voice) -> list[Statement]:
    remarks = REMARKS[voice.region]
    start = int(voice.rng.random() * len(remarks))
    chosen = [remarks[(start + 3 * step) % len(remarks)] for step in range(2 + int(voice.rng.random() * 2))]
    return [Statement(words=words.format(bone=voice.any_of(VERTEBRAE[voice.region])), general=True) for words in chosen]


def _sentence(voice: Voice, statement: Statement, section: str) -> ReportSentence:
    words = with_slips(statement.words, voice.rng)
    if voice.practice.american:
        words = _BRITISH_WORD.sub(lambda match: _american(match.group()), words)
    segments = {LEVELS[voice.region][level] for level in statement.levels}
    return ReportSentence(
        text=f"{words[0].upper()}{words[1:]}.",
        section=section,
        segments=frozenset(segments | {GENERAL} if statement.general else segments),
        mentions=statement.mentions,
        hedged=statement.hedged,
    )


def _american(word: str) -> str:
    spelt = _AMERICAN[word.lower()]
    return spelt.capitalize() if word[0].isupper() else spelt


def _paragraph(voice: Voice, section: str, statements: list[Statement], sentences: list[ReportSentence]) -> str:
    """Heading and body: findings with a line for each level, the impression as a numbered list."""
    heading = voice.favourite(HEADINGS[section])
    if section == "impression":
        return "\n".join([heading, *(f"{number}. {sentence.text}" for number, sentence in enumerate(sentences, 1))])
    if section != "findings":
        return f"{heading} {' '.join(sentence.text for sentence in sentences)}"
    body = heading
    previous: tuple[int, ...] | None = None
    for statement, sentence in zip(statements, sentences, strict=True):
        body += (" " if statement.levels == previous else "\n") + sentence.text
        previous = statement.levels
    return body
