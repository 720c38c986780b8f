"""Models to export from an experiment with folds: compared models leave a fold out, exported ones do not."""

from collections.abc import Sequence
from dataclasses import replace

from mtlens.config.run import Run
from mtlens.execution.experiment import JobResult, raise_failures
from mtlens.execution.lanes import local_lanes
from mtlens.execution.local import run_local
from mtlens.inference.export.recommended import FamilyMember
from mtlens.inference.export.stored_models import StoredModels
from mtlens.store.ingest import ingest


def with_final_models(source: StoredModels, members: Sequence[FamilyMember]) -> tuple[FamilyMember, ...]:
    """The members, each with a final model that is trained now unless it is finished; unchanged without folds.

    It has the seed, the grid point and the kind of validation split of the member's best run, and is tested on the texts that
    are kept out of all folds. Raises TrainingError where a run fails.
    """
    plan = source.plan
    if plan.examples.folds is None:
        return tuple(members)
    final = [_on_all_folds(source, source.run(member.run_ids[0])) for member in members]
    jobs = [run for runs in final for run in runs]
    outcomes = run_local(jobs, plan.encoded, source.workspace, local_lanes(plan.experiment.resources))
    raise_failures([JobResult(job=run, reason=outcome.reason) for run, outcome in zip(jobs, outcomes, strict=True)])
    ingest(source.workspace, force=True)
    return tuple(replace(member, final=runs[-1].run_id) for member, runs in zip(members, final, strict=True))


def _on_all_folds(source: StoredModels, run: Run) -> list[Run]:
    """The same run on the texts of all folds, after the runs that it is made of."""
    whole = run.model_copy(update={"fold": None, "keep_epochs": False})
    if run.derivation is None:
        return [whole]
    made_of = [_on_all_folds(source, source.run(run_id)) for run_id in run.derivation.sources]
    derivation = run.derivation.model_copy(update={"sources": tuple(runs[-1].run_id for runs in made_of)})
    return [*(source_run for runs in made_of for source_run in runs), whole.model_copy(update={"derivation": derivation})]
