"""Findings as text: a line of JSON for each report, or rows of a CSV file or a table."""

import csv
import io
import textwrap
from typing import Literal

from mtlens.inference.extraction.findings import Finding, ReportFindings
from mtlens.store.plain_text import csv_cell, json_text, printable

Style = Literal["table", "json", "csv"]
COLUMNS = ("report", "segment", "task", "label", "probability", "status", "sentence", "notes")
OF_SPANS = ("text", "start", "end")  # further columns of a family with a task of tags, which has a row for each span
_LAYOUT = "{:8} {:12} {:14} {:>11}  {}\n"


def heading(style: Style, *, spans: bool = False) -> str:
    """The text before the first report. spans: whether the family has a task of tags."""
    if style == "csv":
        return ",".join([*COLUMNS, *(OF_SPANS if spans else ())]) + "\n"
    return ""


def written(report: ReportFindings, style: Style, *, spans: bool = False) -> str:
    """The text of one report, ending with a line break."""
    if style == "json":
        return json_text(report.model_dump_json()) + "\n"
    return _csv(report, spans=spans) if style == "csv" else printable(_table(report))


def _csv(report: ReportFindings, *, spans: bool) -> str:
    """A row per finding or span, each with the notes on the report; one without a finding has a row for them."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    notes = "; ".join(report.notes)
    rows = [row for finding in report.findings for row in _rows(finding, notes)]
    for row in rows or [("", "", None, None, "not mentioned", None, notes, None, None, None)]:
        writer.writerow([csv_cell(cell) for cell in (report.id, *(row if spans else row[: len(COLUMNS) - 1]))])
    return buffer.getvalue()


def _rows(finding: Finding, notes: str) -> list[tuple[object, ...]]:
    """The finding, or each of its spans; a text without spans has one row."""
    place = (finding.segment, finding.task)
    if not finding.spans:
        read = (finding.label, finding.probability, finding.status, finding.sentence)
        return [(*place, *read, notes, None, None, None)]
    return [
        (*place, span.type, span.probability, finding.status, None, notes, span.text, span.start, span.end)
        for span in finding.spans
    ]


def _table(report: ReportFindings) -> str:
    """For people: one row per finding; segments that no sentence speaks of are named in one line."""
    lines = [f"{report.id}\n", *(f"  note: {note}\n" for note in report.notes), f"  {report.sentences}\n"]
    said = [finding for finding in report.findings if finding.status != "not mentioned"]
    if said:
        lines.append(_LAYOUT.format("segment", "task", "class", "probability", "read from"))
    lines += [_row(finding) for finding in said]
    silent = list(dict.fromkeys(finding.segment for finding in report.findings if finding.status == "not mentioned"))
    if silent:
        lines.append(f"not mentioned: {', '.join(silent)}\n")
    return "".join(lines) + "\n"


def _row(finding: Finding) -> str:
    label = finding.label or "(abstains)"
    sentence = textwrap.shorten(finding.sentence or "", 60, placeholder=" ...")
    probability = "" if finding.probability is None else f"{finding.probability:.2f}"
    return _LAYOUT.format(finding.segment, finding.task, label, probability, sentence)
