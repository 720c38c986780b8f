"""Options that several subcommands share."""

from pathlib import Path
from typing import Annotated

import typer

WorkspaceOption = Annotated[Path, typer.Option("--workspace", "-w", help="Folder of runs, results and the database.")]


OfExperiment = Annotated[str | None, typer.Option("--experiment", help="Id or name of the experiment; else the last started.")]


RESULTS = Path("results")
