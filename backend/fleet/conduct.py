"""Carry out a plan: register the experiment, train what is missing, keep the store up to date."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from backend.errors import WorkspaceError
from backend.fleet.monitor import Monitor, RunProgress
from backend.planning import Plan
from backend.spec import Outcome, Run
from backend.store.ingest import ingest
from backend.store.runs import RunFolder
from backend.store.workspace import Workspace

Show = Callable[[Sequence[RunProgress]], None]


def conduct(plan: Plan, workspace: Workspace, *, local: bool, address: str | None, show: Show) -> list[Outcome]:
    """Train every run of the plan that is not done yet; returns the outcomes of those.

    Interrupted at any moment, the same call goes on from there. Raises FleetError and WorkspaceError.
    """
    register(plan, workspace)
    missing = unfinished(plan.distinct, workspace.root)
    ingest(workspace, force=True)
    if not missing:
        return []
    return _run_here(missing, plan, workspace, show) if local else _run_on_ray(missing, plan, workspace, address, show)


def unfinished(runs: Sequence[Run], workspace: Path) -> list[Run]:
    """Those of the runs that a workspace, which need not exist yet, does not hold finished."""
    return [run for run in runs if RunFolder(Workspace(workspace), run.run_id).state != "done"]


def register(plan: Plan, workspace: Workspace) -> None:
    """Write the experiment's manifest, which tells the store which runs belong to it; its first date stays."""
    manifest = plan.manifest()
    path = workspace.experiments / f"{manifest['experiment_id']}.json"
    try:
        manifest["created"] = json.loads(path.read_bytes())["created"]
    except FileNotFoundError:
        manifest["created"] = datetime.now(UTC).isoformat(timespec="milliseconds")
    except (OSError, ValueError, KeyError) as error:
        raise WorkspaceError(f"{path} should hold an experiment's manifest; found {type(error).__name__}") from None
    workspace.save_manifest(manifest, plan.example_table())


def _run_here(runs: Sequence[Run], plan: Plan, workspace: Workspace, show: Show) -> list[Outcome]:
    from backend.fleet.cluster import local_lanes
    from backend.fleet.local import run_local

    lanes = local_lanes(plan.experiment.resources)
    with Monitor(workspace, runs, show):
        return run_local(runs, plan.encoded, workspace, lanes)


def _run_on_ray(runs: Sequence[Run], plan: Plan, workspace: Workspace, address: str | None, show: Show) -> list[Outcome]:
    from backend.fleet.cluster import cluster_lanes, local_lanes, session

    resources, encoded = plan.experiment.resources, plan.encoded
    with session(address):
        from backend.fleet.trainer import run_fleet, run_wide

        lanes = local_lanes(resources) if address is None else cluster_lanes(resources)
        with Monitor(workspace, runs, show):
            return (run_fleet if resources.workers_per_run == 1 else run_wide)(runs, encoded, workspace, lanes)
