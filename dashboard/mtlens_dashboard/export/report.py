"""One HTML file with the figures of an experiment: it opens without a network and follows the reader's light or dark mode.

Stored strings are escaped everywhere; a content security policy forbids the page to load or send anything.
"""

import base64
import gzip
import json
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from mtlens.config.run_kinds import label_of
from mtlens.statistics.shown import Unit, counted
from mtlens.store.workspace.files import write_atomic
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import figures, queries
from mtlens_dashboard.catalog import ENTRIES, Entry, find_experiment
from mtlens_dashboard.export.citation import bibtex, citation
from mtlens_dashboard.figures.theme import CONFIG, DARK, FONT, LIGHT
from mtlens_dashboard.tables import Cell, Table, shown
from mtlens_dashboard.wording import claim_titles, titles
from mtlens_dashboard.wording.formatting import POOLED, bounds, difference, listing, score_of

MOST_ROWS = 15
"""Of a table; the dashboard has the others."""

_IN_SCRIPT = str.maketrans("<", "/")  # without < nothing can end the script element that holds it
DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase + "!#$%&()*+-;/=>?@^_`{|}~"
"""Characters of base 85 (RFC 1924), in which reports hold compressed data: a sixteenth shorter than base 64."""

_CLAIM = "The claim"
_CHAPTERS = (
    ("Match", ("case", "claim", "forest", "arms", "looks", "costs", "learning-curves", "loss-curves", "confusion")),
    ("Representations", ("cka-depth", "cka-multi", "cka-layers", "cka-differences")),
    ("Gradients", ("gradients", "gradients-depth", "gradients-course", "conflicts")),
    ("Groupings", ("groupings", "predicted-measured", "regret")),
    (_CLAIM, ("claim-gains", "claim-counts", "claim-predictors", "claim-dose")),
    ("Runs", ("timeline",)),
)


_IF_THERE = {"looks", "claim-gains", "claim-counts", "claim-predictors", "claim-dose"}
"""Figures that a report has only where their table has rows."""


@dataclass(frozen=True, kw_only=True)
class Exhibit:
    """A figure in both modes, its table and how to read it."""

    light: go.Figure
    dark: go.Figure
    table: Table
    reading: str


def write_report(workspace: Workspace, path: Path, experiment: str | None = None) -> Path:
    """Write the report of one experiment, by id or name, or of the newest. `WorkspaceError` where there is none."""
    about = find_experiment(workspace, experiment)
    chapters = [
        (title, exhibits) for title, names in _CHAPTERS if (exhibits := list(_exhibits(workspace, about.experiment_id, names)))
    ]
    matching = queries.matching(workspace, about.experiment_id)
    facts = provenance(workspace, about, matching)
    warnings = titles.warnings(matching, queries.curves(workspace, about.experiment_id))
    leads = {_CLAIM: claim_titles.sentences(queries.claim(workspace))}
    page = render(f"mtlens: {about.name}", titles.answer(matching), chapters, facts, scores(matching), warnings, leads)
    write_atomic(path, page.encode(), durable=False)
    return path


def _exhibits(workspace: Workspace, experiment_id: str, names: Sequence[str]) -> Iterator[Exhibit]:
    for name in names:
        item = exhibit(workspace, experiment_id, ENTRIES[name])
        if name not in _IF_THERE or item.table.rows:
            yield item


def exhibit(workspace: Workspace, experiment_id: str, entry: Entry) -> Exhibit:
    """Read once, draw twice."""
    info = entry.read(workspace, experiment_id)
    light, dark = (entry.draw(info, theme=theme) for theme in (LIGHT, DARK))
    reading = f"{entry.picked} {entry.how_to_read(info)}".strip()
    return Exhibit(light=light, dark=dark, table=entry.tabulate(info), reading=reading)


def provenance(
    workspace: Workspace, about: queries.ExperimentInfo, matching: queries.MatchingInfo
) -> tuple[tuple[str, str], ...]:
    """Where the numbers come from, as name and value."""
    snapshot = queries.snapshot(workspace)
    methods = dict.fromkeys(match.method for match in matching.rows)
    facts = [
        ("Experiment", f"{about.name} ({about.experiment_id})"),
        ("Tasks", listing(about.tasks, len(about.tasks))),
        ("Encoder", about.encoder),
        ("Seeds", ", ".join(map(str, about.seeds))),
        *([("Folds", f"{about.folds}; seed s leaves out fold s mod {about.folds}, which tests it")] if about.folds else []),
        ("Margin", f"{matching.margin_in_words}, set before the runs"),
        ("Runs", f"{about.done} of {counted(about.runs, 'run')} done, {about.failed} failed"),
        *(("Method", method) for method in methods),
        *(("Remark", remark) for remark in matching.remarks),
        *(("Remark", note) for note in about.notes),
        ("mtlens", snapshot.mtlens_version),
        ("To cite", citation(about, snapshot.mtlens_version)),
        ("BibTeX", bibtex(snapshot.mtlens_version)),
        ("Data as of", f"{snapshot.published:%Y-%m-%d %H:%M:%S} UTC"),
    ]
    return tuple(facts)


def scores(matching: queries.MatchingInfo) -> Table:
    """Scores and verdicts as in the console, each in the unit of its metric, which is named where tasks differ in it."""
    is_mixed = matching.unit.metric is None
    columns = (
        "task",
        *(("unit", "margin") if is_mixed else ()),
        "task-specific",
        label_of(matching.kind),
        "difference",
        "90 % interval",
        "seeds",
        "test texts",
        "verdict",
    )
    rows: list[tuple[Cell, ...]] = []
    for match in matching.rows:
        unit = Unit(match.metric)
        own = (unit.name, unit.margin(match.margin)) if is_mixed else ()
        rows.append(
            (
                match.task or POOLED,
                *own,
                score_of(match.single_mean, unit),
                score_of(match.multi_mean, unit),
                difference(match.difference, unit),
                bounds(match.low90, match.high90, unit),
                len(match.seeds),
                match.examples,
                match.verdict,
            )
        )
    return Table(columns=columns, rows=tuple(rows))


def render(
    name: str,
    title: str,
    chapters: Sequence[tuple[str, Sequence[Exhibit]]],
    facts: Sequence[tuple[str, str]],
    scores: Table | None = None,
    warnings: Sequence[str] = (),
    leads: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """The page. All strings are plain text. Plotly and the figures are compressed: browsers unpack them when it opens.

    leads: sentences below the heading of a chapter.
    """
    bodies: list[str] = []
    contents: list[str] = []
    specs: list[dict[str, object]] = []
    for number, (chapter, exhibits) in enumerate(chapters):
        if len(chapters) > 1:
            bodies.append(f'<h2 id="chapter{number}">{escape(chapter)}</h2>')
            contents.append(f'<a class="chapter" href="#chapter{number}">{escape(chapter)}</a>')
        bodies += [f"<p>{escape(sentence)}</p>" for sentence in (leads or {}).get(chapter, ())]
        for item in exhibits:
            bodies.append(_section(item, len(specs), title))
            contents.append(f'<a href="#figure{len(specs)}">{escape(figures.title_of(item.light))}</a>')
            light, dark = map(_plain, (item.light, item.dark))
            specs.append({"light": light, "changes": list(_changes(light, dark, ()))})
    templates = {theme.name: theme.template().to_plotly_json() for theme in (LIGHT, DARK)}
    drawn = json.dumps({"figures": specs, "templates": templates, "config": CONFIG}, separators=(",", ":"))
    packed = gzip.compress(f"{drawn}\n{get_plotlyjs()}".encode(), 9, mtime=0)
    tables = [*(item.table for _, exhibits in chapters for item in exhibits), *filter(None, [scores])]
    places = range(1, 1 + max((len(table.columns) for table in tables), default=0))
    parts = {
        "NAME": escape(name),
        "TITLE": escape(title),
        "FONT": FONT,
        "NUMBERS": ", ".join(f".n{place} :nth-child({place})" for place in places),
        "WARNINGS": "".join(f'<p class="warning">{escape(warning)}</p>' for warning in warnings),
        "SCORES": f'<div class="scores" tabindex="0">{_rows(scores)}</div>' if scores and scores.rows else "",
        "CONTENTS": f"<nav aria-label='Contents'>{''.join(contents)}</nav>" if len(chapters) > 1 else "",
        "BODY": "\n".join(bodies),
        "FACTS": "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in facts),
        "BYTES": str(len(packed)),
        "BUNDLE": base64.b85encode(packed, pad=True).decode().translate(_IN_SCRIPT),
        "DIGITS": DIGITS,
    }
    page = resources.files("mtlens_dashboard.export").joinpath("report.html").read_text(encoding="utf-8").split("@@")
    return "".join(parts[text] if number % 2 else text for number, text in enumerate(page))


def _section(item: Exhibit, number: int, page_title: str) -> str:
    """Heading, unless it repeats the title of the page, figure, caption and table; an empty figure has no caption."""
    title, alt = figures.title_of(item.light), escape(figures.alt_of(item.light), quote=True)
    heading = "" if title == page_title else f"<h3>{escape(title)}</h3>"
    reading = f"<details><summary>How to read this</summary><p>{escape(item.reading)}</p></details>" if item.table.rows else ""
    height = figures.height_of(item.light)
    drawing = f'<div class="figure" id="figure{number}" role="figure" aria-label="{alt}" style="min-height:{height}px"></div>'
    return f"<section>{heading}{drawing}{reading}{_table(item.table)}</section>"


def _table(table: Table) -> str:
    if not table.rows:
        return ""
    size = counted(len(table.rows), "row") + (f", the first {MOST_ROWS}" if len(table.rows) > MOST_ROWS else "")
    return f"<details><summary>Table ({size})</summary><div class='scroll' tabindex='0'>{_rows(table)}</div></details>"


def _rows(table: Table) -> str:
    """The first rows. Cells have no end tags, which are optional in HTML; columns of numbers are named once, as classes."""
    head = "".join(f"<th>{escape(column)}" for column in table.columns)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(shown(cell))}' for cell in row)}" for row in table.rows[:MOST_ROWS])
    numbers = " ".join(
        f"n{place}" for place, cells in enumerate(zip(*table.rows, strict=True), 1) if any(map(_is_number, cells))
    )
    return f'<table class="{numbers}"><thead><tr>{head}<tbody>{rows}</table>'


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, (int, float)) and not isinstance(cell, bool)


def _plain(figure: go.Figure) -> dict[str, Any]:
    """What Plotly draws, without its template, which all figures share, the revision of its data, which only pages need, and
    data for clicks: nothing answers them.
    """
    spec = json.loads(figure.to_json() or "", parse_float=_short)
    for unused in ("template", "datarevision"):
        spec["layout"].pop(unused, None)
    for trace in spec["data"]:
        if "customdata" not in trace.get("hovertemplate", ""):
            trace.pop("customdata", None)
    return spec


def _short(number: str) -> float:
    """Six digits: no screen shows more, and they compress."""
    return float(f"{float(number):.6g}")


def _changes(light: Any, dark: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """What to change in a light figure to make it dark, as path and value: colours, not the data again."""
    if isinstance(light, dict) and isinstance(dark, dict) and light.keys() == dark.keys():
        for key in light:
            yield from _changes(light[key], dark[key], (*path, key))
    elif isinstance(light, list) and isinstance(dark, list) and len(light) == len(dark):
        for place, (item, other) in enumerate(zip(light, dark, strict=True)):
            yield from _changes(item, other, (*path, place))
    elif light != dark:
        yield path, dark
