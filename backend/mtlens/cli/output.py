"""What the command line prints: plans, progress, verdicts and query results. It formats numbers and computes none."""

import csv
import io
import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from rich.markup import escape
from rich.table import Table

from mtlens.api.tables import verdict_about, verdict_cells, verdict_headings
from mtlens.cli.rows_output import NARROW, PlainConsole, out, print_rows
from mtlens.statistics.shown import counted
from mtlens.store.plain_text import csv_cell, json_text
from mtlens.store.remarks import remarks, warnings

if TYPE_CHECKING:
    from mtlens.execution.experiment import JobResult
    from mtlens.store.database.reader import Result
    from mtlens.store.database.sandbox import Answer

err = PlainConsole(stderr=True, highlight=False)

MOST_COLUMNS = 400  # two of the longest names
COLOURS = {"matches": "green", "better": "cyan", "worse": "red", "inconclusive": "yellow", "not learnt": "magenta"}
MATCHING = """
    SELECT kind, coalesce(task, 'mean') AS task, single_mean, multi_mean, difference, low90, high90, seeds, folds,
           examples, margin, verdict, needed, not_learnt, single_collapsed, multi_collapsed, still_improving, method, metric
    FROM matching
    WHERE experiment_id = ? AND kind NOT IN (SELECT name FROM run_kind WHERE arm IS NOT NULL AND asked_by IS NULL)
"""
VERDICTS = """
    SELECT if(scope = 'group', 'every task', array_to_string(tasks, ', ')) AS tasks, measured, cka, cka_detail, gradients,
           gradients_detail, agreement
    FROM verdicts WHERE experiment_id = ? AND scope <> 'pair'
"""
LOOKS = """
    SELECT max(look.look), max(look.seeds), any_value(ended)
    FROM look JOIN experiment USING (experiment_id) WHERE experiment_id = ? GROUP BY experiment_id
"""
METHODS = """
    SELECT method, trainings, passes, budgets, regret, permuted_regret, rank_correlation, ceiling, pooled_correlation
    FROM grouping_methods WHERE experiment_id = ?
"""
RECOMMENDATION = """
    SELECT statement, models, tasks, parameters, single_parameters, seconds, single_seconds, inference_seconds,
           single_inference_seconds, method
    FROM recommendation WHERE experiment_id = ?
"""


def print_methods(result: "Result") -> None:
    """How well each method finds the groups; `result` answers METHODS. Prints nothing before every group is trained."""
    rows = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    if not rows:
        return
    title = "Which method finds the groups?\n(regret in score x 100 by budget in models; rank correlation, mean over tasks)"
    table = Table(title=title, title_justify="left", title_style="bold", **NARROW)
    table.add_column("method", overflow="fold")
    for name in ("trainings", "passes", *(f"{budget:g}" for budget in rows[0]["budgets"]), "rank", "pooled"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        cells = [
            *(_points(value) for value in row["regret"]),
            _correlation(row["rank_correlation"]),
            _correlation(row["pooled_correlation"]),
        ]
        table.add_row(escape(row["method"]), str(row["trainings"]), str(row["passes"]), *cells)
    out.print(table)
    out.print(f"  ceiling of the rank correlation: {_correlation(rows[0]['ceiling'])}, of the seeds' halves with each other\n")


def print_recommendation(result: "Result") -> None:
    """The recommended family and its cost; `result` answers RECOMMENDATION. Nothing where none was searched."""
    for row in (dict(zip(result.columns, row, strict=True)) for row in result.rows):
        out.print("[bold]Which tasks to train together[/]")
        out.print(f"  {escape(row['statement'])}")
        named = (
            ("parameters", "weights"),
            ("seconds", "training seconds"),
            ("inference_seconds", "seconds to predict the test split"),
        )
        for column, name in named:
            ours, theirs = row[column], row[f"single_{column}"]
            if ours is not None and theirs:
                out.print(f"  {_amount(ours)} of {_amount(theirs)} {name} ({ours / theirs:.0%})", markup=False)
        out.print(f"  [dim]{escape(row['method'])}[/]\n")


def _amount(value: float) -> str:
    return f"{value / 1e6:,.1f} million" if value >= 1e6 else f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"


def _points(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:+.1f}"


def _correlation(value: float | None) -> str:
    return "-" if value is None else f"{value:+.2f}"


def print_matching(result: "Result") -> None:
    """The verdict table of one experiment, a table per kind of model; `result` answers MATCHING."""
    from mtlens.config.run_kinds import FAMILY, MULTI, title_of

    rows = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    if not rows:
        out.print("No task has both a task-specific and a multi-task model yet: no verdict.")
    of_kind: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        of_kind.setdefault(row["kind"], []).append(row)
    for kind, chosen in of_kind.items():
        if kind == FAMILY.name and [_renamed(row, kind, MULTI.name) for row in chosen] == of_kind.get(MULTI.name):
            out.print("[bold]The family of models chosen on validation is the multi-task model.[/]\n")
        else:
            print_whole(_matching_table(title_of(kind), chosen))
            for remark in [*(remark for row in chosen for remark in remarks(row)), *warnings(chosen)]:
                out.print(f"  {remark}", markup=False)
            out.print(f"  [dim]{escape(chosen[0]['method'])}[/]\n")


def print_whole(table: Table) -> None:
    """Print a table as wide as its cells need: long names are neither wrapped nor cut off."""
    needed = out.measure(table, options=out.options.update(width=MOST_COLUMNS)).maximum
    PlainConsole(highlight=False, width=max(out.width, needed)).print(table)


def _renamed(row: dict[str, Any], kind: str, other: str) -> dict[str, Any]:
    """A row of one kind of models, written as the row of another kind."""
    improving = [other if name == kind else name for name in row["still_improving"]]
    return {**row, "kind": other, "still_improving": improving}


def print_looks(result: "Result") -> None:
    """How many seeds it took, and why no more were trained; `result` answers LOOKS. Nothing where the seeds were listed."""
    for looks, seeds, ended in result.rows:
        out.print(f"{looks} looks, the last after {seeds} seeds; {ended or 'a further look may follow'}.\n", markup=False)


def print_start(name: str, notes: "Sequence[str]") -> None:
    """Which experiment begins, and remarks on its data."""
    out.rule(escape(name), align="left", style="dim")
    for note in notes:
        out.print(f"note: {note}", markup=False)


def print_ended(before: int, ended: "Sequence[JobResult]") -> None:
    """What was done now, and how many runs had been done before."""
    from mtlens.config.run import Run

    done = [isinstance(result.job, Run) for result in ended if not result.reason]
    evidence_jobs = done.count(False)
    more = f" {counted(evidence_jobs, 'evidence job')} computed." if evidence_jobs else ""
    out.print(f"{counted(done.count(True), 'run')} trained, {before} were finished before.{more}\n")


def print_kept_out(ended: "Sequence[JobResult]", num_tasks: int) -> None:
    """Groups that the search leaves out until its next start, because one of their runs failed."""
    from mtlens.config.run import Run

    failed = [(result.job, result.reason) for result in ended if result.reason and isinstance(result.job, Run)]
    groups = {" + ".join(task.name for task in job.tasks): reason for job, reason in failed if 1 < len(job.tasks) < num_tasks}
    for tasks, reason in groups.items():
        out.print(f"{tasks}: kept out of the search, as a run failed ({reason}); the next start tries it again", markup=False)


def print_verdicts(result: "Result") -> None:
    """Beside the measured verdicts, what the evidence says, for the group of all tasks and for each task."""
    rows = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    if not rows:
        return
    table = Table(title="Does the evidence explain it?", title_justify="left", title_style="bold", **NARROW)
    for name in ("tasks", "measured", "CKA", "gradients", "evidence"):
        table.add_column(name, no_wrap=True)
    for row in rows:
        cells = (row["tasks"], row["measured"], row["cka"], row["gradients"], row["agreement"])
        table.add_row(*(escape(cell) for cell in cells))
    print_whole(table)
    out.print(f"  CKA: {escape(rows[0]['cka_detail'] or rows[0]['cka'])}")
    out.print(f"  gradients: {escape(rows[0]['gradients_detail'] or rows[0]['gradients'])}\n")


def _matching_table(title: str, rows: list[dict[str, Any]]) -> Table:
    from mtlens.config.run_kinds import SINGLE

    folds = f", of the pooled predictions of {rows[0]['folds']} folds" if rows[0]["folds"] else ""
    about = f"({verdict_about(rows)}{folds})"
    table = Table(title=f"{title}\n{about}", title_justify="left", title_style="bold", **NARROW)
    named = {"single": SINGLE.name, "multi": rows[0]["kind"]}
    for heading in verdict_headings(rows):
        if heading in ("task", "metric"):
            table.add_column(heading, no_wrap=True)
        else:
            table.add_column(named.get(heading, heading), justify="left" if heading == "verdict" else "right", no_wrap=True)
    for row, (*cells, verdict) in zip(rows, verdict_cells(rows), strict=True):
        if row["task"] == "mean":
            table.add_section()
        table.add_row(*map(escape, cells), f"[{COLOURS[verdict]}]{verdict}[/]")
    return table


def print_result(result: "Result | Answer", style: Literal["table", "csv", "json"], *, whole: bool = False) -> None:
    """Rows of a query: a table for people, CSV and JSON (a list of objects) for programs. whole: however wide, all of it."""
    if style == "csv":
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow([csv_cell(column) for column in result.columns])
        writer.writerows([csv_cell(cell) for cell in row] for row in result.rows)
        print(buffer.getvalue(), end="")
    elif style == "json":
        rows = [dict(zip(result.columns, map(_finite, row), strict=True)) for row in result.rows]
        print(json_text(json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False, default=str)))
    else:
        print_rows(result.columns, [tuple(map(_cell, row)) for row in result.rows], whole=whole)


def _finite(value: Any) -> Any:
    """A value with null in place of NaN and infinity, which JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return {key: _finite(item) for key, item in value.items()} if isinstance(value, dict) else value


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_cell, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
