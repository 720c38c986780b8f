"""A synthetic report printed anew, in ten layouts as report systems and people print them: the same sentences, another form.

    one line          Clinical history: ... Findings: ... Impression: ...
    dashes            the same with FINDINGS- in place of Findings:
    bare headings     FINDINGS without colon or dash, on one line
    no headings       a line for each paragraph
    capitals          everything in capitals
    small letters     everything in small letters, on one line
    bullets, numbers  a - or a number before each paragraph
    HTML              paragraphs in <p>, headings in <b>, &nbsp; between
    60 columns        wrapped

A paragraph holds the sentences of the same levels that follow each other, as in the report as it was written.
"""

import html
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Final

from mtlens.data.synthetic_reports.report import Report, ReportSentence

_HEADINGS: Final = {
    "history": "Clinical history", "technique": "Technique", "comparison": "Comparison", "findings": "Findings",
    "impression": "Impression",
}  # fmt: skip
Print = Callable[[Report], Report]
Section = tuple[str, list[list[ReportSentence]]]


def _sections(report: Report) -> Iterator[Section]:
    """Heading and paragraphs of each section."""
    for section, sentences in groupby(report.sentences, lambda sentence: sentence.section):
        yield _HEADINGS[section], [list(paragraph) for _, paragraph in groupby(sentences, lambda sentence: sentence.segments)]


def _joined(paragraphs: list[list[ReportSentence]], separator: str = " ") -> str:
    return separator.join(" ".join(sentence.text for sentence in paragraph) for paragraph in paragraphs)


def _one_line(report: Report, *, end: str = ":", capitals: bool = False) -> Report:
    headed = [
        (heading.upper() if capitals else heading) + f"{end} {_joined(paragraphs)}" for heading, paragraphs in _sections(report)
    ]
    return replace(report, text=" ".join(headed))


def _lines(report: Report, mark: Callable[[int], str]) -> Report:
    lines: list[str] = []
    for heading, paragraphs in _sections(report):
        marked = [f"{mark(number)}{_joined([paragraph])}" for number, paragraph in enumerate(paragraphs, 1)]
        lines += [f"{heading}:", *marked]
    return replace(report, text="\n".join(lines))


def _no_headings(report: Report) -> Report:
    return replace(report, text="\n".join(_joined(paragraphs, "\n") for _, paragraphs in _sections(report)))


def _in_case(printed: Report, change: Callable[[str], str]) -> Report:
    sentences = tuple(replace(sentence, text=change(sentence.text)) for sentence in printed.sentences)
    return replace(printed, text=change(printed.text), sentences=sentences)


def _html(report: Report) -> Report:
    paragraphs = [
        f"<p><b>{heading.upper()}:</b>&nbsp;{html.escape(_joined([paragraph]))}</p>" if number == 0
        else f"<p>{html.escape(_joined([paragraph]))}</p>"
        for heading, of_section in _sections(report)
        for number, paragraph in enumerate(of_section)
    ]  # fmt: skip
    return replace(report, text=f"<html><body>{''.join(paragraphs)}</body></html>")


def _wrapped(report: Report) -> Report:
    """At 60 columns. A sentence is as it then stands in the text, with line breaks in place of blanks."""
    text = "\n".join(
        textwrap.fill(line, 60, break_long_words=False, break_on_hyphens=False)
        for line in _lines(report, lambda _: "").text.splitlines()
    )
    sentences: list[ReportSentence] = []
    flat, at = text.replace("\n", " "), 0
    for sentence in report.sentences:
        start = flat.index(sentence.text, at)
        at = start + len(sentence.text)
        sentences.append(replace(sentence, text=text[start:at]))
    return replace(report, text=text, sentences=tuple(sentences))


LAYOUTS: Final[Mapping[str, Print]] = {
    "one line": _one_line,
    "dashes": lambda report: _one_line(report, end="-", capitals=True),
    "bare headings": lambda report: _one_line(report, end="", capitals=True),
    "no headings": _no_headings,
    "capitals": lambda report: _in_case(_lines(report, lambda _: ""), str.upper),
    "small letters": lambda report: _in_case(_one_line(report), str.lower),
    "bullets": lambda report: _lines(report, lambda _: "- "),
    "numbers": lambda report: _lines(report, lambda number: f"{number}. "),
    "HTML": _html,
    "60 columns": _wrapped,
}
"""Each prints a report; texts of its sentences are as they stand in the printed text, once HTML is made plain text."""
