"""The `mtlens` command: one function per subcommand, each a few lines that call other packages.

Every user mistake is one line and exit code 2; `--debug` before the subcommand shows the traceback. Imports of torch, ray
and pyarrow stay inside the functions, so that `mtlens --help` and `mtlens sql` answer at once.
"""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mtlens.cli import claim, inference, maintenance, results
from mtlens.cli.options import RESULTS, WorkspaceOption
from mtlens.errors import DataError, EncoderError, MtlensError, TrainingError
from mtlens.store.plain_text import printable

if TYPE_CHECKING:
    from mtlens.config.experiment import Experiment
    from mtlens.store.workspace.workspace import Workspace

app = typer.Typer(
    help="A lens on multi-task learning: does one multi-task model match N task-specific ones?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

DataOption = Annotated[Path | None, typer.Option("--data", help="Folder that table paths are relative to; else MTLENS_DATA.")]
ExperimentFile = Annotated[Path, typer.Argument(metavar="EXPERIMENT", help="Experiment file (YAML).")]
LocalOption = Annotated[bool, typer.Option("--local", help="Train in this process, one run after another, without Ray.")]
AddressOption = Annotated[
    str | None, typer.Option(help="Ray cluster to join (HOST:PORT of its head, or auto); else one starts here.")
]
RECORDED = Path("recorded")


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"mtlens {version('mtlens')}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Options that stand before the subcommand."""
    if debug:
        os.environ["MTLENS_DEBUG"] = "1"


@app.command()
def init(
    table: Annotated[
        str,
        typer.Argument(
            help="Labelled texts: a file (CSV, TSV, JSON, Parquet, XLSX ...), a folder, or hf://datasets/OWNER/NAME."
        ),
    ],
    text: Annotated[
        list[str] | None, typer.Option(help="Column that holds the text; given twice: a pair of texts. Guessed otherwise.")
    ] = None,
    tasks: Annotated[str | None, typer.Option(help="Label columns, separated by commas. Guessed otherwise.")] = None,
    task: Annotated[
        list[str] | None, typer.Option(help="A label column, as it is written; may be given several times.")
    ] = None,
    group: Annotated[str | None, typer.Option(help="Column whose rows stay in one split, such as the patient.")] = None,
    out: Annotated[Path, typer.Option(help="Experiment file to write.")] = Path("experiment.yaml"),
    workspace: WorkspaceOption = RESULTS,
) -> None:
    """Write a working experiment file for a table of labelled texts; columns that are not named are guessed."""
    from mtlens.cli.init_file import write_experiment
    from mtlens.cli.output import out as console

    columns = [*(name.strip() for name in (tasks or "").split(",") if name.strip()), *(task or [])]
    notes = write_experiment(table, text=text or [], columns=columns, group=group, out=out)
    for note in notes:
        console.print(f"  {note}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"Wrote {out}. Next: mtlens plan {shlex.quote(str(out))}{_at(workspace)}", markup=False, soft_wrap=True)


@app.command()
def plan(experiment: ExperimentFile, workspace: WorkspaceOption = RESULTS, data: DataOption = None) -> None:
    """Print the runs, their cost and the power of the test set, before anything runs."""
    from mtlens.cli.plan_output import print_plan
    from mtlens.config.loading import load_experiments
    from mtlens.data.folders import data_folders
    from mtlens.execution.overview import Overview
    from mtlens.execution.plan import make_plan

    for spec in load_experiments(experiment):
        print_plan(Overview.of(make_plan(spec, data_folders(experiment.parent, data)), workspace))


@app.command()
def demo(
    workspace: Annotated[
        Path | None, typer.Option("--workspace", "-w", help="Default: results, or recorded if instant.")
    ] = None,
    local: LocalOption = False,
    instant: Annotated[bool, typer.Option("--instant", help="Train nothing: unpack recorded results of this demo.")] = False,
) -> None:
    """Run the main job on synthetic cervical spine MRI reports and a small public encoder."""
    if instant:
        _restore(workspace or RECORDED)
    else:
        _run(Path(__file__).with_name("demo.yaml"), workspace or RESULTS, None, local, None)


@app.command()
def run(
    experiment: ExperimentFile,
    workspace: WorkspaceOption = RESULTS,
    data: DataOption = None,
    local: LocalOption = False,
    address: AddressOption = None,
) -> None:
    """Train what an experiment needs, compute the evidence and print the verdicts; the same command continues after a stop."""
    _run(experiment, workspace, data, local, address)


@app.command()
def search(
    experiment: ExperimentFile,
    workspace: WorkspaceOption = RESULTS,
    data: DataOption = None,
    local: LocalOption = False,
    address: AddressOption = None,
) -> None:
    """Train groups of tasks, as the experiment's `search` says or else all of them, to learn which belong together."""
    _run(experiment, workspace, data, local, address, explain=False)


@app.command()
def evidence(
    experiment: ExperimentFile,
    workspace: WorkspaceOption = RESULTS,
    data: DataOption = None,
    local: LocalOption = False,
    address: AddressOption = None,
) -> None:
    """Compute the evidence that is missing, from stored models and without training, and print what it explains."""
    _run(experiment, workspace, data, local, address, train=False)


for command in (
    results.status,
    results.sql,
    results.dashboard,
    results.report,
    results.figure,
    results.results,
    claim.claim,
    maintenance.ingest,
    maintenance.verify,
    inference.export,
    inference.check,
    inference.extract,
    inference.serve,
):
    app.command()(command)


def _restore(workspace: Path) -> None:
    from mtlens.cli import output
    from mtlens.store import demo_results
    from mtlens.store.database import reader
    from mtlens.store.workspace.workspace import Workspace

    opened = Workspace.open(workspace)
    demo_results.restore(opened)
    ((newest,),) = reader.query(opened, "SELECT arg_max(experiment_id, last_started) FROM experiment").rows
    output.out.print("Recorded results of a real run; nothing was trained now.\n")
    _print_answer(opened, newest)
    _print_next(workspace)


def _print_answer(workspace: "Workspace", experiment_id: str) -> None:
    from mtlens.cli import arms_output, collapse_output, output
    from mtlens.store.database.reader import query

    output.print_matching(query(workspace, output.MATCHING, [experiment_id]))
    arms_output.print_arms(query(workspace, arms_output.ARMS, [experiment_id]))
    collapse_output.print_collapsed(query(workspace, collapse_output.COLLAPSED, [experiment_id]))
    output.print_looks(query(workspace, output.LOOKS, [experiment_id]))
    output.print_verdicts(query(workspace, output.VERDICTS, [experiment_id]))
    output.print_methods(query(workspace, output.METHODS, [experiment_id]))
    output.print_recommendation(query(workspace, output.RECOMMENDATION, [experiment_id]))
    claim.print_stated(query(workspace, claim.STATED, [experiment_id]))


def _print_next(workspace: Path) -> None:
    from mtlens.cli.output import out

    at = _at(workspace)
    out.print(f'Next: mtlens dashboard{at}    mtlens sql "select * from verdicts"{at}    mtlens status{at}', markup=False)


def _run(
    experiment: Path,
    workspace: Path,
    data: Path | None,
    local: bool,
    address: str | None,
    *,
    train: bool = True,
    explain: bool = True,
) -> None:
    from mtlens.cli.output import err
    from mtlens.config.loading import load_experiments
    from mtlens.data.folders import data_folders

    experiments, failed = load_experiments(experiment), list[str]()
    folders = data_folders(experiment.parent, data)
    for spec in experiments:
        asked = spec if explain else spec.searched()
        try:
            _run_one(asked, workspace, folders, local, address, train=train, explain=explain)
        except (DataError, EncoderError, TrainingError) as error:
            if len(experiments) == 1:
                raise
            err.print(f"{spec.name}: {error}", markup=False, soft_wrap=True)
            failed.append(spec.name)
    if failed:
        raise TrainingError(f"{len(failed)} of {len(experiments)} experiments failed: {', '.join(failed)}")
    _print_next(workspace)


def _run_one(
    spec: "Experiment",
    workspace: Path,
    folders: list[Path],
    local: bool,
    address: str | None,
    *,
    train: bool,
    explain: bool,
) -> None:
    from mtlens.cli import output
    from mtlens.store.workspace.workspace import Workspace

    opened = Workspace.open(workspace)
    with output.err.status("Reading the data ..."):
        from mtlens.execution.experiment import raise_failures, run_experiment, unfinished
        from mtlens.execution.live_progress import live_progress
        from mtlens.execution.plan import make_plan

        made = make_plan(spec, folders)
    output.print_start(spec.name, made.notes)
    finished = len(made.distinct) - len(unfinished(made.distinct, workspace))
    try:
        with live_progress() as show:
            ended = run_experiment(made, opened, train=train, explain=explain, local=local, address=address, show=show)
    except KeyboardInterrupt:
        output.err.print("stopped; the same command continues from here")
        raise typer.Exit(130) from None
    output.print_ended(finished, ended)
    output.print_kept_out(ended, len(spec.tasks))
    _print_answer(opened, spec.experiment_id)
    raise_failures(ended)


def _at(workspace: Path) -> str:
    """The option that names a workspace, where it is not the default one."""
    return "" if workspace == RESULTS else f" -w {workspace}"


def main() -> None:
    """Entry point: an error is one line and exit code 2, or 1 for an unexpected one."""
    try:
        app()
    except MtlensError as error:
        if os.environ.get("MTLENS_DEBUG"):
            raise
        print(f"error: {printable(str(error))}", file=sys.stderr)
        sys.exit(2)
    except Exception as error:
        if os.environ.get("MTLENS_DEBUG"):
            raise
        what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        print(f"error: unexpected {printable(what)} (`mtlens --debug ...` shows where)", file=sys.stderr)
        sys.exit(1)
