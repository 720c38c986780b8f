"""The commands of `mtlens` for exported models: export a family, read reports with it, serve it.

`mtlens.cli.main` makes them commands. Imports stay inside the functions, as there.
"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mtlens.cli.options import RESULTS, WorkspaceOption

if TYPE_CHECKING:
    from mtlens.inference.model.onnx_model import Runtime

ModelFolder = Annotated[Path, typer.Argument(metavar="MODEL", help="Folder that `mtlens export` has written.")]
Threshold = Annotated[float, typer.Option(min=0, max=1, help="Abstain where the likeliest class is less likely than this.")]


class ModelRuntime(StrEnum):
    """What runs the models of a family."""

    pytorch = "pytorch"
    onnx = "onnx"
    onnx_int8 = "onnx-int8"


RuntimeOption = Annotated[
    ModelRuntime | None, typer.Option("--runtime", help="What runs the models; default: what the export chose.")
]


class Tagging(StrEnum):
    """How the sentences of each motion segment are found."""

    rules = "rules"
    learned = "learned"


class Findings(StrEnum):
    """How findings are written: a line of JSON per report, or a row per report, segment and task."""

    table = "table"
    json = "json"
    csv = "csv"


def export(
    experiment: Annotated[Path, typer.Argument(metavar="EXPERIMENT", help="Experiment file (YAML) that has been run.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write; it should not exist yet.")],
    workspace: WorkspaceOption = RESULTS,
    data: Annotated[Path | None, typer.Option("--data", help="Folder of tables; else MTLENS_DATA.")] = None,
    tagger: Annotated[
        Tagging, typer.Option(help="Find a segment's sentences by rules, or by a tagger trained for it.")
    ] = Tagging.rules,
    onnx: Annotated[
        bool, typer.Option("--onnx", help="Write ONNX graphs too, and read with them where they are faster and equal.")
    ] = False,
) -> None:
    """Write the family of models that the evidence chose as a loadable folder with a model card."""
    from mtlens.config.loading import load_experiments
    from mtlens.data.folders import data_folders
    from mtlens.execution.plan import make_plan
    from mtlens.inference.export.export import export as write
    from mtlens.inference.export.recommended import not_learnt
    from mtlens.store.plain_text import printable
    from mtlens.store.workspace.workspace import Workspace

    def show(line: str) -> None:
        print(printable(line), file=sys.stderr, flush=True)

    opened = Workspace.open(workspace, create=False)
    specs = load_experiments(experiment)
    for spec in specs:
        folder = out if len(specs) == 1 else out / spec.name
        plan = make_plan(spec, data_folders(experiment.parent, data))
        config = write(plan, opened, folder, learned_tagger=tagger is Tagging.learned, onnx=onnx, show=show)
        members = "; ".join(f"{', '.join(member.tasks)} (run {member.run_id})" for member in config.members)
        reads = "motion segments" if config.levels else "whole texts"
        run_by = "" if config.runtime == "pytorch" else f", run by {config.runtime}"
        written = f"Wrote {folder}: {len(config.members)} models in {config.precision}{run_by}, which read {reads}: {members}"
        print(printable(written))
        for task, reason in not_learnt(opened, spec.experiment_id).items():
            warning = f"warning: what it says of {task} is of no use, as the task was not learnt: {reason}"
            print(printable(warning), file=sys.stderr)


def check(model: ModelFolder, runtime: RuntimeOption = None) -> None:
    """Compare what a family says here with the sample of outputs that it was exported with; exit code 1 if it differs."""
    from mtlens.inference.model.family import load
    from mtlens.inference.model.stored_sample import differences, limit, read_sample, versions

    sample, family = read_sample(model), load(model, runtime=_name(runtime))
    most, here, found = limit(family), versions(), differences(sample, family)
    for task, difference in found.items():
        print(f"{task}: {'equal' if difference <= most else 'not equal'}, probabilities differ by at most {difference:.1g}")
    for name, then in sample.versions.items():
        print(f"{name}: {then} at export, {here[name]} here" if here[name] != then else f"{name}: {then}")
    is_equal = all(difference <= most for difference in found.values())
    print(f"{'equal' if is_equal else 'not equal'}: {len(sample.texts)} texts, limit {most:g}")
    raise typer.Exit(0 if is_equal else 1)


def extract(
    model: ModelFolder,
    inputs: Annotated[list[str], typer.Argument(metavar="REPORT...", help="Text files, folders, CSV files, or - (stdin).")],
    out: Annotated[Path | None, typer.Option(help="File to write; the same command continues after a stop.")] = None,
    format: Annotated[Findings, typer.Option("--format", "-f", help="How to write findings.")] = Findings.table,
    text: Annotated[str, typer.Option(help="Column of a CSV file that holds the report.")] = "text",
    id: Annotated[str | None, typer.Option(help="Column of a CSV file that names the report; else the row.")] = None,
    threshold: Threshold = 0.5,
    runtime: RuntimeOption = None,
) -> None:
    """Read reports: each task's class, its probability, and the sentence it was read from.

    Of every motion segment, or of the whole report where the family was trained on whole texts.
    """
    from mtlens.inference.extraction.extract import Extraction
    from mtlens.inference.extraction.inputs import Columns

    Extraction(model, tuple(inputs), Columns(text=text, id=id), threshold, format.value, out, _name(runtime)).run()


def serve(
    model: ModelFolder,
    host: Annotated[str, typer.Option(help="Address to listen on; another than loopback asks for MTLENS_TOKEN.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port.")] = 8600,
    threshold: Threshold = 0.5,
    address: Annotated[str | None, typer.Option(help="Ray cluster (HOST:PORT) to serve on, in place of this process.")] = None,
    runtime: RuntimeOption = None,
) -> None:
    """Serve an exported family over HTTP, on this machine or on a Ray cluster; Ctrl-C ends it."""
    if address is None:
        from mtlens.inference.extraction.server import serve as listen

        listen(model, host, port, threshold, _name(runtime))
    else:
        from mtlens.inference.extraction.ray_serve import serve_on_cluster

        serve_on_cluster(model, address, host, port, threshold, _name(runtime))


def _name(runtime: ModelRuntime | None) -> "Runtime | None":
    return None if runtime is None else runtime.value
