"""The commands of `mtlens` that look after a workspace: the database brought up to date, and folders checked.

`mtlens.cli.main` makes them commands. Imports stay inside the functions, as there.
"""

from typing import Annotated

import typer

from mtlens.cli.options import RESULTS, WorkspaceOption


def ingest(
    workspace: WorkspaceOption = RESULTS,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make the database anew from the run folders.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only read all folders and say what they hold; exit code 1 if some is damaged.")
    ] = False,
) -> None:
    """Bring the database up to date with the run folders."""
    from mtlens.cli.output import out
    from mtlens.store import ingest as store
    from mtlens.store.workspace.workspace import Workspace

    opened = Workspace.open(workspace, create=False)
    if check:
        found = store.check(opened)
        read = f"{found.experiments} experiments, {found.runs} runs ({found.finished} finished) and {found.events} events"
        out.print(f"{read} can be read; {found.quarantined} files or lines cannot. Nothing was written.")
        raise typer.Exit(1 if found.quarantined else 0)
    report = store.rebuild(opened) if rebuild else store.ingest(opened, force=True)
    out.print(f"{report.finished} finished runs and {report.events} events are new; {report.quarantined} bad lines set aside.")


def verify(
    workspace: WorkspaceOption = RESULTS,
    quarantine: Annotated[bool, typer.Option("--quarantine", help="Set damaged folders aside, to be made again.")] = False,
) -> None:
    """Check runs and evidence jobs against the hashes that they were finished with; exit code 1 if one is damaged."""
    from mtlens.cli.output import out
    from mtlens.store.workspace.evidence_folder import evidence_folders
    from mtlens.store.workspace.run_folder import run_folders
    from mtlens.store.workspace.workspace import Workspace

    opened = Workspace.open(workspace, create=False)
    runs, evidence_jobs = run_folders(opened), evidence_folders(opened)
    damaged = {folder: problems for folder in (*runs, *evidence_jobs) if (problems := folder.verify())}
    for folder, problems in damaged.items():
        out.print(*problems, sep="\n", markup=False)
        if quarantine:
            out.print(f"set aside as {folder.quarantine().name}", markup=False)
    out.print(f"{len(runs)} runs and {len(evidence_jobs)} evidence jobs checked, {len(damaged)} damaged.")
    raise typer.Exit(1 if damaged and not quarantine else 0)
