"""The commands of `mtlens` that only show results: status, SQL, dashboard, report and figures.

`mtlens.cli.main` makes them commands. Imports stay inside the functions, as there.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mtlens.cli.options import RESULTS, OfExperiment, WorkspaceOption


class Format(StrEnum):
    """How rows are printed."""

    table = "table"
    csv = "csv"
    json = "json"


class Target(StrEnum):
    """What takes the results."""

    mlflow = "mlflow"
    csv = "csv"
    parquet = "parquet"


def status(
    workspace: WorkspaceOption = RESULTS,
    watch: Annotated[bool, typer.Option("--watch", help="Show it anew every two seconds until nothing runs.")] = False,
) -> None:
    """How far each experiment is, which lanes are at work on what, when it will be done, and why runs failed."""
    from mtlens.cli import output
    from mtlens.cli.status_output import watch_lanes
    from mtlens.store.database.reader import query
    from mtlens.store.ingest import ingest, is_read_only
    from mtlens.store.workspace.workspace import Workspace

    opened = Workspace.open(workspace, create=False)
    if is_read_only(opened):
        output.err.print(f"{workspace} is read-only: this is what its newest snapshot holds", markup=False, soft_wrap=True)
    else:
        ingest(opened, force=True)
    watch_lanes(opened, again=watch and not is_read_only(opened))
    output.print_result(query(opened, STATUS), "table")
    for more in (LOOKS, EVIDENCE, FAILURES):
        if (found := query(opened, more)).rows:
            output.print_result(found, "table", whole=more == FAILURES)


def sql(
    query: Annotated[str, typer.Argument(help='One SELECT, such as "select * from matching".')],
    workspace: WorkspaceOption = RESULTS,
    format: Annotated[Format, typer.Option("--format", "-f", help="How to print the rows.")] = Format.table,
) -> None:
    """Answer SQL over the results; it reads the newest snapshot and blocks nobody."""
    from mtlens.store.database import sandbox
    from mtlens.store.workspace.workspace import Workspace

    limits = sandbox.Limits(seconds=600, rows=0, memory_bytes=8192 * sandbox.MEBIBYTE, answer_bytes=2048 * sandbox.MEBIBYTE)
    with sandbox.asked(Workspace.open(workspace, create=False), query, limits) as answer:
        from mtlens.cli import output  # while DuckDB is loading in its own process

        output.print_result(answer(), format.value)


def dashboard(
    workspace: WorkspaceOption = RESULTS,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port; else the first free one from 8501 on.")] = None,
) -> None:
    """Show everything in a browser on this machine, also while experiments run; Ctrl-C ends it."""
    from mtlens_dashboard.server import serve

    serve(workspace, port)


def report(
    out: Annotated[Path, typer.Argument(metavar="OUT.html", help="File to write.")],
    workspace: WorkspaceOption = RESULTS,
    experiment: OfExperiment = None,
) -> None:
    """Write one HTML file with every figure; it opens without a network."""
    from mtlens.store.workspace.workspace import Workspace
    from mtlens_dashboard.export.report import write_report

    print(f"Wrote {write_report(Workspace.open(workspace, create=False), out, experiment)}.")


def figure(
    name: Annotated[str, typer.Argument(help="Figure, such as case or forest; an unknown name lists all.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="File to write, ending in .svg, .png or .html.")],
    workspace: WorkspaceOption = RESULTS,
    experiment: OfExperiment = None,
    dark: Annotated[bool, typer.Option("--dark", help="SVG and PNG on a dark ground.")] = False,
) -> None:
    """Write one figure to a file."""
    from mtlens.store.workspace.workspace import Workspace
    from mtlens_dashboard.export.image import export

    print(f"Wrote {export(Workspace.open(workspace, create=False), name, out, experiment=experiment, dark=dark)}.")


def results(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="MLflow tracking URI or folder, or the folder to write.")],
    to: Annotated[Target, typer.Option("--to", help="What takes the results.")],
    workspace: WorkspaceOption = RESULTS,
) -> None:
    """Write all results for other programs: MLflow, or folders of CSV or Parquet files; again, what is new alone."""
    from mtlens.store.workspace.workspace import Workspace

    opened = Workspace.open(workspace, create=False)
    if to is Target.mlflow:
        from mtlens.store.export.mlflow_runs import send_to_mlflow
        from mtlens_dashboard.export.report import write_report

        sent = send_to_mlflow(opened, target, lambda experiment, path: write_report(opened, path, experiment))
        print(f"Sent {sent.new} runs to {target}; {sent.known} were there.")
    else:
        from mtlens.store.export.files import write_tables

        written, same = write_tables(opened, Path(target), to.value)
        print(f"Wrote {written} files to {target}; {same} were as they are.")


STATUS = """
    SELECT experiment, role, concat(count(*) FILTER (state = 'done'), ' of ', count(*)) AS done,
           count(*) FILTER (state = 'unfinished') AS training, count(*) FILTER (state IN ('failed', 'damaged')) AS failed,
           format('{:.0f}', 100 * avg(fraction)) AS percent, strftime(max(last_event), '%m-%d %H:%M') AS last_event
    FROM runs GROUP BY experiment, experiment_id, role ORDER BY max(started) DESC NULLS FIRST, experiment, role
"""
LOOKS = """
    SELECT experiment, kind, concat(looks.look, ' of ', any_value(looks)) AS look, any_value(looks.seeds) AS seeds,
           string_agg(concat(coalesce(task, 'mean'), ': ', verdict), ', ') FILTER (verdict <> 'inconclusive') AS settled,
           string_agg(concat(coalesce(task, 'mean'), format(' ({:.0f} %)', 100 * chance)), ', ')
               FILTER (verdict = 'inconclusive') AS open,
           if(looks.look = max(looks.look) OVER (PARTITION BY experiment_id), any_value(ended), '') AS ended
    FROM looks JOIN (SELECT experiment_id, ended FROM experiment) USING (experiment_id)
    GROUP BY experiment, experiment_id, kind, looks.look ORDER BY experiment, experiment_id, kind, looks.look
"""
EVIDENCE = """
    SELECT name AS experiment, kind AS evidence, count(*) AS jobs, count(*) FILTER (state = 'done') AS done,
           count(*) FILTER (state IN ('failed', 'damaged')) AS failed, round(sum(seconds)) AS seconds
    FROM evidence_job JOIN experiment USING (experiment_id) GROUP BY ALL ORDER BY ALL
"""
FAILURES = """
    SELECT experiment, concat(role, ': ', tasks, ' s', seed) AS failed, reason FROM runs WHERE state IN ('failed', 'damaged')
    UNION ALL SELECT name, subject, reason FROM evidence_job JOIN experiment USING (experiment_id)
    WHERE state IN ('failed', 'damaged')
"""
