"""The command `mtlens claim`: preregistered verdicts first, then what predicts gains, over one workspace or several."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from mtlens.cli.options import RESULTS

if TYPE_CHECKING:
    from mtlens.store.claim import Trial
    from mtlens.store.database.reader import Result
    from mtlens.store.tables.claim import ClaimPredictorRow, ClaimVerdictRow

STATED = """
    SELECT experiment_id, evidence, statistic, scope, threshold, experiments, points, value, low, high, verdict, statement,
        experiment
    FROM claim_verdicts WHERE experiment_id = ?
"""
_COLOURS = {"supported": "green", "not supported": "red", "undecided": "yellow"}
_LEGEND = """\
  rank: Spearman's correlation of gain and evidence; corr.: without the noise in
  both; AUC: matches or better against worse. Intervals are of 95 %; tasks vary.
  *: baseline. The noise in the gains allows a rank correlation of {ceiling} at most.
"""


def claim(
    workspaces: Annotated[
        list[Path] | None, typer.Option("--workspace", "-w", help="Folder of results; may be given several times.")
    ] = None,
    write: Annotated[
        Path | None, typer.Option("--write", metavar="FILE.parquet", help="Write the table of gains and evidence, no texts.")
    ] = None,
    licence: Annotated[str, typer.Option(help="Licence of that table, for its metadata.")] = "none given",
) -> None:
    """Does similarity or alignment predict the gains of multi-task training? Over all experiments of the workspaces."""
    from mtlens.store.claim import trial, write_atlas
    from mtlens.store.ingest import ingest, is_read_only
    from mtlens.store.workspace.workspace import Workspace

    opened = [Workspace.open(path, create=False) for path in workspaces or [RESULTS]]
    for workspace in opened:
        if not is_read_only(workspace):
            ingest(workspace, force=True)
    print_trial(trial(opened))
    if write is not None:
        print(f"Wrote {write_atlas(opened, write, licence)} rows to {write}.")


def print_trial(found: "Trial") -> None:
    """The verdicts, then a table per scope in which something is defined."""
    from mtlens.cli.output import out

    if found.verdicts:
        _print_verdicts(found.verdicts, found.names)
    else:
        out.print("No experiment states a claim beforehand (key `claim` of its file).\n", markup=False)
    if not found.predictors:
        out.print("No group of tasks has measured gains yet: nothing to predict.")
    for scope in ("within", "across"):
        rows = [row for row in found.predictors if row.scope == scope]
        if any(row.rank_correlation is not None for row in rows):
            _print_predictors(scope, rows)
        else:
            for reason in sorted({row.reason or "" for row in rows}):
                out.print(f"What predicts gains {scope} experiments: {reason}.\n", markup=False)


def print_stated(result: "Result") -> None:
    """Verdicts on the claims that one experiment states; `result` answers STATED. Nothing where it states none."""
    from mtlens.store.tables.claim import ClaimVerdictRow

    rows = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    names = {row["experiment_id"]: row.pop("experiment") for row in rows}
    if rows:
        _print_verdicts([ClaimVerdictRow(**row) for row in rows], names)


def _print_verdicts(rows: "Sequence[ClaimVerdictRow]", names: Mapping[str, str]) -> None:
    from mtlens.cli.output import NARROW, out, print_whole

    table = Table(title="Preregistered claims", title_justify="left", title_style="bold", **NARROW)
    for name in ("experiment", "evidence", "claim", "found", "95 %", "verdict"):
        table.add_column(name, overflow="fold", no_wrap=name in ("evidence", "95 %"))
    for row in rows:
        name = f"all {row.experiments}" if row.experiment_id is None else names[row.experiment_id]
        statistic = "AUC" if row.statistic == "auc" else "rank"
        stated = f"{statistic} > {row.threshold:g}" + ("" if row.scope == "within" else f" {row.scope}")
        verdict = f"[{_COLOURS[row.verdict]}]{row.verdict}[/]"
        table.add_row(escape(name), row.evidence, stated, _number(row.value), _interval(row.low, row.high), verdict)
    print_whole(table)
    for statement in dict.fromkeys(_reasons(rows)):
        out.print(f"  {statement}", markup=False)
    out.print()


def _reasons(rows: "Sequence[ClaimVerdictRow]") -> list[str]:
    """Statements of claims without an interval, which say why there is none."""
    return [row.statement for row in rows if row.low is None or row.high is None]


def _print_predictors(scope: str, rows: "Sequence[ClaimPredictorRow]") -> None:
    from mtlens.cli.output import NARROW, out, print_whole
    from mtlens.statistics.shown import counted

    most = max(rows, key=lambda row: row.points)
    title = (
        f"What predicts gains, {scope} experiments?\n({most.points} points: tasks in {most.groups} groups; {most.tasks} tasks, "
        f"{counted(most.experiments, 'experiment')})"
    )
    table = Table(title=title, title_justify="left", title_style="bold", **NARROW)
    table.add_column("evidence", no_wrap=True)
    for name in ("rank", "95 %", "corr.", "AUC", "95 % "):
        table.add_column(name, justify="right", no_wrap=True)
    for row in sorted(rows, key=lambda row: (row.rank_correlation is None, -(row.rank_correlation or 0))):
        table.add_row(
            row.evidence + (" *" if row.baseline else ""),
            _number(row.rank_correlation), _interval(row.low, row.high), _number(row.corrected),
            _number(row.auc, "{:.2f}"), _interval(row.auc_low, row.auc_high, "{:.2f}"),
        )  # fmt: skip
    print_whole(table)
    out.print(_LEGEND.format(ceiling=_number(most.ceiling, "{:.2f}")), markup=False)


def _number(value: float | None, shown: str = "{:+.2f}") -> str:
    return "-" if value is None else shown.format(value)


def _interval(low: float | None, high: float | None, shown: str = "{:+.2f}") -> str:
    return "-" if low is None or high is None else f"{shown.format(low)} to {shown.format(high)}"
