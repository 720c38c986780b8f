"""A search on Ray Tune: the groups of all trials, each trained once, on the same lanes."""

import asyncio

import pytest

from mtlens.config.run import Outcome
from mtlens.execution.experiment import run_experiment
from mtlens.execution.job_queue import JobQueue
from mtlens.grouping.measurements import FeatureAffinities, GradientAffinities
from mtlens.grouping.proposers import Blend
from mtlens.store.database.reader import query
from mtlens.store.workspace.workspace import Workspace


@pytest.fixture
def workspace(tmp_path):
    return Workspace.open(tmp_path / "results")


@pytest.mark.fault
def test_fifty_trials_that_ask_for_one_group_cause_one_training(make_run):
    run = make_run("grade")

    async def scenario():
        job_queue = JobQueue()
        for trial in range(50):
            await job_queue.add_group(str(trial), [run])
        askers = [asyncio.create_task(job_queue.submit_group(str(trial))) for trial in range(50)]
        await asyncio.sleep(0)
        taken = await job_queue.next(0, "group")
        await job_queue.complete(0, Outcome(job_id=taken.job_id))
        answers = await asyncio.gather(*askers)
        await job_queue.close()
        return answers, await job_queue.next(0, "group")

    assert asyncio.run(scenario()) == ([[Outcome(job_id=run.run_id)]] * 50, None)


def test_optuna_proposes_no_partition_twice_and_learns_from_scores():
    from mtlens.execution.ray_backend.optuna_proposer import OptunaProposer

    proposer, found = OptunaProposer(5, 0), []
    while len(found) < 40 and (
        partition := proposer.propose(Blend(None, GradientAffinities(), FeatureAffinities()), lambda _: True)
    ):
        proposer.learn(partition, float(0b00011 in partition) if len(found) % 7 else float("nan"))
        found.append(partition)
    assert len(found) == len(set(found)) == 40
    assert sum(0b00011 in partition for partition in found[:20]) > 2  # 5 of 52 hold the pair


@pytest.mark.slow
@pytest.mark.usefixtures("ray_session")
def test_tune_searches_on_the_lanes(search_plan, workspace):
    made = search_plan(3)
    ended = run_experiment(made, workspace, explain=False, local=False, address=None, show=lambda _: None)
    assert [result.reason for result in ended if result.reason] == []
    assert len(ended) == len({result.job.run_id for result in ended}) == 7
    assert len(list(workspace.runs.glob("*/journal-*.jsonl"))) == 7
    assert query(workspace, "SELECT count(*) FROM runs WHERE role = 'group' AND state = 'done'").rows == [(3,)]
    assert not list((workspace.root / "ray").glob("*"))
    assert run_experiment(made, workspace, explain=False, local=False, address=None, show=lambda _: None) == []
