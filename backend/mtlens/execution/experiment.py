"""Carry out a plan: register the experiment, train what is missing, compute its evidence, keep the store up to date."""

import itertools
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from mtlens.config.run import Outcome, Run
from mtlens.config.run_kinds import GROUP, MULTI
from mtlens.config.sections import Search
from mtlens.errors import TrainingError
from mtlens.evidence.jobs import EvidenceJob, Job, Trained, plan_evidence
from mtlens.execution.group_search import GroupSearch
from mtlens.execution.plan import Plan, PlannedRun, waves
from mtlens.execution.progress import JobProgress, Monitor, folder_of
from mtlens.execution.seeds_until_settled import SeedsUntilSettled, first_look
from mtlens.store.analysis.affinities import stored_affinities
from mtlens.store.database.reader import query
from mtlens.store.ingest import ingest
from mtlens.store.workspace.files import failed_to, read_object
from mtlens.store.workspace.manifest import (
    ManifestEvidence,
    ManifestLook,
    ManifestRun,
    mark_started,
    read_manifest,
    save_manifest,
)
from mtlens.store.workspace.run_folder import RunFolder
from mtlens.store.workspace.workspace import Workspace

Show = Callable[[Sequence[JobProgress]], None]
Watch = Callable[[Sequence[Job]], None]
Stage = Sequence[Job] | GroupSearch
CHOSEN = """
    SELECT role, run_id FROM experiment_run JOIN run USING (run_id)
    WHERE experiment_id = ? AND selected AND state = 'done'
"""


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """A job that was done now, and why it failed if it did."""

    job: Job
    reason: str


def run_experiment(
    plan: Plan,
    workspace: Workspace,
    *,
    train: bool = True,
    explain: bool = True,
    local: bool,
    address: str | None,
    show: Show,
) -> list[JobResult]:
    """Do every run, every evidence job and the search that are not done yet; returns the results of the jobs done now.

    Without `train`, only the evidence; without `explain`, everything else. If the call is interrupted, the same call continues.
    Raises ExecutionError and WorkspaceError.
    """
    register(plan, workspace)
    with _alone(workspace, plan.experiment.experiment_id):
        mark_started(workspace, plan.experiment.experiment_id)
    missing = unfinished([planned.run for planned in plan.first], workspace.root) if train else []
    later: Iterator[Stage] = _evidence_stages(plan, workspace) if explain else iter(())
    if train and len(plan.experiment.looks) > 1:
        later = itertools.chain(_look_stages(plan, workspace), later)
    if train and plan.experiment.search:
        later = itertools.chain(later, _search_stages(plan, workspace, plan.experiment.search))
    later = itertools.chain(waves(missing), later)
    first = next(later, [])
    if not first:
        ingest(workspace, force=True)  # another experiment may have done it all
        return []
    with _monitor(plan, workspace, show, explain=explain) as monitor:
        jobs: dict[str, Job] = {}

        def watch(stage: Sequence[Job]) -> None:
            jobs.update({job.job_id: job for job in stage})
            monitor.add(stage)

        stages = itertools.chain([first], later)
        outcomes = (_do_here if local else _do_on_ray)(stages, watch, plan, workspace, address)
    return [JobResult(job=jobs[outcome.job_id], reason=outcome.reason) for outcome in outcomes]


def _monitor(plan: Plan, workspace: Workspace, show: Show, *, explain: bool) -> Monitor:
    """Tells how far everything is, with the evidence that is to come."""
    from mtlens.execution.evidence_cost import expected_evidence, job_flops

    _ = plan.encoded  # counted before jobs are weighed, so that nothing is estimated
    jobs = expected_evidence(plan) if explain else ()
    expected = [job for job in jobs if folder_of(job, workspace).state != "done"]
    return Monitor(workspace, [], show, expected=expected, weigh=job_flops(plan))


def raise_failures(results: Sequence[JobResult]) -> None:
    """Raise TrainingError where jobs failed, with the reason of the first."""
    failed = [result for result in results if result.reason]
    if failed:
        first = f"{failed[0].job.label}: {failed[0].reason}"
        raise TrainingError(f"{len(failed)} of {len(results)} jobs failed, the first of them {first}")


def unfinished(runs: Sequence[Run], workspace: Path) -> list[Run]:
    """Runs that are not finished in a workspace, which need not exist yet."""
    return [run for run in runs if RunFolder(Workspace(workspace), run.run_id).state != "done"]


def register(
    plan: Plan,
    workspace: Workspace,
    *,
    evidence_jobs: Sequence[EvidenceJob] | None = None,
    added: Sequence[PlannedRun] = (),
    looks: tuple[Sequence[ManifestLook], str] | None = None,
) -> None:
    """Write the experiment's manifest, which tells the store what belongs to it; `added` are runs to add.

    An earlier manifest keeps its first date, the runs that searches and looks added, and the settings of the search for groups.
    It keeps its evidence jobs, and its looks with the reason of their end, unless others are given. Runs on other data, which
    the same file may have named before, are removed.
    """
    with _alone(workspace, plan.experiment.experiment_id) as path:
        _register(plan, workspace, path, evidence_jobs, added, looks)


@contextmanager
def _alone(workspace: Workspace, experiment_id: str) -> Generator[Path]:
    """Lock a manifest and give its path: of two searches that change it at once, one would lose its groups."""
    path = workspace.experiments / f"{experiment_id}.json"
    try:
        with FileLock(path.with_suffix(".lock")):
            yield path
    except OSError as error:
        raise failed_to("lock", path, error) from error


def _register(
    plan: Plan,
    workspace: Workspace,
    path: Path,
    evidence_jobs: Sequence[EvidenceJob] | None,
    added: Sequence[PlannedRun],
    looks: tuple[Sequence[ManifestLook], str] | None,
) -> None:
    manifest = plan.manifest()
    changes: dict[str, object] = {}
    if len(plan.experiment.looks) > 1:
        changes["looks"] = (first_look(plan),)
    kept: list[ManifestRun] = []
    if before := read_manifest(path) if path.exists() else None:
        changes |= {"created": before.created, "evidence": before.evidence, "last_started": before.last_started}
        if all(run in before.runs for run in manifest.runs):
            later = {(planned.run.run_id, planned.role) for planned in plan.runs}
            kept = [run for run in before.runs if run.role in (GROUP.name, MULTI.name) or (run.run_id, run.role) in later]
            if before.looks:
                changes |= {"looks": before.looks, "ended": before.ended}
            if plan.experiment.search is None:
                changes["spec"] = plan.experiment.model_copy(update={"search": before.spec.search})
    runs = [*manifest.runs, *kept, *(planned.listed() for planned in added)]
    changes["runs"] = tuple({(run.run_id, run.role): run for run in runs}.values())
    if evidence_jobs is not None:
        changes["evidence"] = tuple(
            ManifestEvidence(job_id=job.job_id, kind=job.kind, subject=job.label) for job in evidence_jobs
        )
    if looks is not None:
        changes |= {"looks": tuple(looks[0]), "ended": looks[1]}
    manifest = manifest.model_copy(update=changes)
    if before is None or manifest.document() != read_object(path):
        save_manifest(workspace, manifest, None if added else plan.example_table())


def _evidence_stages(plan: Plan, workspace: Workspace) -> Iterator[Sequence[EvidenceJob]]:
    """Evidence jobs that are not done yet, for the runs that are finished and chosen when the next stage is asked for."""
    ingest(workspace, force=True)
    runs = {run.run_id: run for run in plan.distinct}
    rows = query(workspace, CHOSEN, [plan.experiment.experiment_id]).rows
    chosen = [(str(role), str(run_id)) for role, run_id in rows if run_id in runs]
    order = {run_id: position for position, run_id in enumerate(runs)}
    trained = [Trained(role=role, run=runs[run_id]) for role, run_id in sorted(chosen, key=lambda pair: order[pair[1]])]
    states, others = plan_evidence(plan.experiment, trained)
    register(plan, workspace, evidence_jobs=(*states, *others))
    missing = [evidence_job for evidence_job in others if folder_of(evidence_job, workspace).state != "done"]
    if any(evidence_job.kind == "similarity" for evidence_job in missing):
        yield from filter(
            None, [[evidence_job for evidence_job in states if folder_of(evidence_job, workspace).state != "done"]]
        )
    if missing:
        yield missing


def _look_stages(plan: Plan, workspace: Workspace) -> Iterator[Stage]:
    """Runs of the looks that are not done yet, one look after the other."""
    manifest = read_manifest(workspace.experiments / f"{plan.experiment.experiment_id}.json")

    def announce(looks: Sequence[ManifestLook], ended: str, runs: Sequence[PlannedRun]) -> None:
        register(plan, workspace, added=runs, looks=(looks, ended))

    yield from SeedsUntilSettled(plan, workspace, manifest.looks, announce).stages()


def _search_stages(plan: Plan, workspace: Workspace, search: Search) -> Iterator[Stage]:
    """The first family that the search proposes from what is finished by then, and then the search itself."""
    ingest(workspace, force=True)
    evidence = stored_affinities(workspace, plan.experiment)
    searched = GroupSearch(plan, workspace, search, lambda runs: register(plan, workspace, added=runs), evidence)
    if (family := searched.propose()) is not None:
        yield searched.missing(family)
        searched.tell(family)
        yield searched


def _in_turn(stages: Iterator[Stage], watch: Watch) -> Iterator[Sequence[Job]]:
    """All stages as jobs; a search gives one family after the other."""
    for stage in stages:
        for jobs in stage.stages() if isinstance(stage, GroupSearch) else [stage]:
            watch(jobs)
            yield jobs


def _do_here(stages: Iterator[Stage], watch: Watch, plan: Plan, workspace: Workspace, _: str | None) -> list[Outcome]:
    from mtlens.execution.lanes import local_lanes
    from mtlens.execution.local import run_local

    return run_local([], plan.encoded, workspace, local_lanes(plan.experiment.resources), _in_turn(stages, watch))


def _do_on_ray(stages: Iterator[Stage], watch: Watch, plan: Plan, workspace: Workspace, address: str | None) -> list[Outcome]:
    from mtlens.execution.lanes import local_lanes
    from mtlens.execution.ray_backend.session import cluster_lanes, session, shown_dashboard

    resources, encoded = plan.experiment.resources, plan.encoded
    with session(address) as dashboard, shown_dashboard(dashboard, workspace.ray_dashboard):
        from mtlens.execution.ray_backend.train import run_data_parallel, run_on_workers, start_job_queue
        from mtlens.execution.ray_backend.tune import search_with_tune

        lanes = local_lanes(resources) if address is None else cluster_lanes(resources)
        outcomes: list[Outcome] = []
        if resources.workers_per_run > 1:
            for jobs in _in_turn(stages, watch):
                runs = [job for job in jobs if isinstance(job, Run)]
                outcomes += (
                    run_data_parallel(runs, encoded, workspace, lanes)
                    if runs
                    else run_on_workers(jobs, encoded, workspace, lanes)
                )
            return outcomes
        job_queue = start_job_queue()

        def with_tune() -> Iterator[Sequence[Job]]:
            for stage in stages:
                if isinstance(stage, GroupSearch):
                    outcomes.extend(search_with_tune(stage, job_queue, workspace, lanes, watch))
                else:
                    watch(stage)
                    yield stage

        staged = with_tune()
        return run_on_workers(next(staged), encoded, workspace, lanes, staged, job_queue) + outcomes
